//! Derives the tables of a kind: its own, and one for each list of objects.

use std::collections::{BTreeMap, BTreeSet};

use super::types::Root;
use super::{Column, Kind, ModelError, Printed, Scalar, Shape, Table, Type, printed};
use crate::names::{self, Chosen, ListStep, Lock, NameOverrides, NamesError, Origin, TableFields, dotted};
use crate::spec::Resource;

type Types = BTreeMap<String, Type>;

/// A list of objects within a kind.
struct ObjectList {
    /// The path from the object.
    path: Vec<String>,
    /// The path from the enclosing item, or the object.
    local: Vec<String>,
    /// The index of the enclosing list.
    parent: Option<usize>,
    /// The definition name of the items' type.
    item_type: String,
    /// The list into which this list of statuses is merged.
    statuses_of: Option<usize>,
    /// The table's name.
    name: String,
    /// The prefix of the names of tables of nested lists.
    front: String,
    item: String,
}

/// The paths of a type's fields that are not lists of objects, in path order.
pub fn leaves<'a>(types: &'a Types, of: &str) -> Vec<(Vec<&'a str>, &'a Shape)> {
    let mut found = Vec::new();
    walk(types, of, &mut Vec::new(), &mut |path, shape| {
        if !matches!(shape, Shape::List(_)) {
            found.push((path.to_vec(), shape));
        }
    });
    found
}

fn walk<'a>(types: &'a Types, of: &str, path: &mut Vec<&'a str>, visit: &mut impl FnMut(&[&'a str], &'a Shape)) {
    let fields = types.get(of);
    for (field, shape) in fields.into_iter().flatten() {
        path.push(match (shape, fields) {
            (Shape::Other(main), Some(fields)) if is_hidden(fields, main) => main,
            _ => field,
        });
        match shape {
            Shape::Object(inner) => walk(types, inner, path, visit),
            _ => visit(path, shape),
        }
        path.pop();
    }
}

/// Whether a field is no column itself: then the column for its values of other shapes has its path.
fn is_hidden(fields: &Type, field: &str) -> bool {
    matches!(fields.get(field), Some(Shape::Object(_) | Shape::List(_)))
}

/// Derives the tables of a kind. Adds new names to the lock.
pub(super) fn kind(types: &Types, root: Root, chosen: &Chosen, lock: &mut Lock) -> Result<Kind, ModelError> {
    let resource = root.resource;
    let id = format!("{}/{}", resource.group, resource.kind);
    let singular = resource.kind.to_lowercase();

    let mut lists = Vec::new();
    find_lists(types, &resource.schema, None, &mut lists);
    match_statuses(types, &mut lists);
    name_lists(&mut lists, &id, &resource.schema, &singular, chosen, lock);

    let custom = root.printed.map(|columns| printed::printed(types, &resource.schema, &columns));
    let mut tables = Vec::new();
    let printed = custom.as_deref().unwrap_or_default();
    let namer = ColumnNamer { types, kind: &id, singular: &singular, namespaced: resource.namespaced, chosen, printed };
    let own = Table {
        name: own_name(&id, &resource, chosen, lock),
        path: Vec::new(),
        statuses: None,
        item: singular.clone(),
        key: None,
        listed: true,
        columns: Vec::new(),
        exceptions: Vec::new(),
    };
    tables.push(namer.table(own, &resource.schema, None, &lists, lock)?);
    for (i, list) in lists.iter().enumerate().filter(|(_, list)| list.statuses_of.is_none()) {
        let template = list.path.iter().any(|word| word == "template" || word == "jobTemplate");
        let statuses = lists.iter().find(|other| other.statuses_of == Some(i)).map(|other| other.path.clone());
        let table = Table {
            name: list.name.clone(),
            path: list.path.clone(),
            statuses,
            item: list.item.clone(),
            key: key(types, &list.item_type),
            listed: list.parent.is_none() && !template,
            columns: Vec::new(),
            exceptions: Vec::new(),
        };
        tables.push(namer.table(table, &list.item_type, Some(i), &lists, lock)?);
    }
    Ok(Kind {
        group: resource.group,
        kind: resource.kind,
        versions: root.versions,
        plural: resource.plural,
        singular,
        namespaced: resource.namespaced,
        root: resource.schema,
        custom,
        tables,
    })
}

/// The name of a kind's own table.
fn own_name(id: &str, resource: &Resource, chosen: &Chosen, lock: &Lock) -> String {
    let chosen_name = || chosen.table(&resource.schema, "").map(|table| table.name.as_str());
    lock.table(id, "").or_else(chosen_name).unwrap_or(&resource.plural).to_owned()
}

fn find_lists(types: &Types, of: &str, parent: Option<usize>, lists: &mut Vec<ObjectList>) {
    let mut here = Vec::new();
    walk(types, of, &mut Vec::new(), &mut |path, shape| {
        if let Shape::List(item) = shape {
            here.push((path.iter().map(|&word| word.to_owned()).collect::<Vec<_>>(), item.clone()));
        }
    });
    for (local, item_type) in here {
        let mut path = parent.map(|i: usize| lists[i].path.clone()).unwrap_or_default();
        path.extend(local.iter().cloned());
        let found = ObjectList {
            path,
            local,
            parent,
            item_type: item_type.clone(),
            statuses_of: None,
            name: String::new(),
            front: String::new(),
            item: String::new(),
        };
        lists.push(found);
        let this = lists.len() - 1;
        find_lists(types, &item_type, Some(this), lists);
    }
}

/// The field that identifies an item.
fn key(types: &Types, item: &str) -> Option<String> {
    let name = types.get(item)?.get("name")?;
    (*name == Shape::Scalar(Scalar::Text)).then(|| "name".to_owned())
}

/// Finds the lists of statuses: `status.containerStatuses` belongs to `spec.containers`.
fn match_statuses(types: &Types, lists: &mut [ObjectList]) {
    for i in 0..lists.len() {
        let list = &lists[i];
        let Some(thing) = list.local.last().and_then(|word| word.strip_suffix("Statuses")) else { continue };
        if list.local.first().is_none_or(|word| word != "status") || key(types, &list.item_type).is_none() {
            continue;
        }
        let mut spec = list.local.clone();
        if let [first, .., last] = spec.as_mut_slice() {
            "spec".clone_into(first);
            *last = format!("{thing}s");
        }
        let of = lists.iter().position(|other| {
            other.parent == lists[i].parent && other.local == spec && key(types, &other.item_type).is_some()
        });
        lists[i].statuses_of = of;
    }
}

/// Names all lists, enclosing lists first.
fn name_lists(lists: &mut [ObjectList], id: &str, root: &str, singular: &str, chosen: &Chosen, lock: &Lock) {
    // Lists in a status belong to the item with which the status is merged.
    let home =
        |list: &ObjectList, lists: &[ObjectList]| list.parent.map(|parent| lists[parent].statuses_of.unwrap_or(parent));
    let mut used = BTreeSet::new();
    let mut homes = vec![None];
    homes.extend((0..lists.len()).map(Some));
    for of in homes {
        let front = of.map_or_else(|| singular.to_owned(), |i| lists[i].front.clone());
        let members: Vec<usize> =
            (0..lists.len()).filter(|&i| lists[i].statuses_of.is_none() && home(&lists[i], lists) == of).collect();
        let mut by_word: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for &i in &members {
            by_word.entry(own_word(&lists[i])).or_default().push(i);
        }
        for (word, same) in by_word {
            let distinguishing = distinguish(&same, lists);
            for (&i, words) in same.iter().zip(distinguishing) {
                let path = dotted(&lists[i].path);
                let dashed = |words: &[String]| {
                    let words = words.iter().chain(std::iter::once(&word)).cloned().collect::<Vec<_>>();
                    format!("{front}_{}", words.join("_"))
                };
                let chosen_table = chosen.table(root, &path);
                let by_rule = || {
                    // If the short name is locked for another list, use more words of the path.
                    let free = [words.clone(), names::front_words(&lists[i].local), long_words(&lists[i])]
                        .into_iter()
                        .map(|words| dashed(&words))
                        .find(|name| !lock.is_taken(id, &path, name) && !used.contains(name));
                    let whole = || format!("{front}_{}", path.to_lowercase().replace('.', "_"));
                    let mut name = free.unwrap_or_else(whole);
                    while lock.is_taken(id, &path, &name) || used.contains(&name) {
                        name.push('_');
                    }
                    name
                };
                let name = lock
                    .table(id, &path)
                    .map(str::to_owned)
                    .or_else(|| chosen_table.map(|table| table.name.clone()))
                    .unwrap_or_else(by_rule);
                used.insert(name.clone());
                let list = &mut lists[i];
                list.front = chosen_table.map_or_else(|| names::singular(&name), |table| table.item.clone());
                list.item = chosen_table.map_or_else(|| names::singular(&word), |table| table.item.clone());
                list.name = name;
            }
        }
        // A list of statuses has the names of its main list.
        for i in 0..lists.len() {
            if let Some(of) = lists[i].statuses_of {
                let (front, item) = (lists[of].front.clone(), lists[of].item.clone());
                lists[i].front = front;
                lists[i].item = item;
            }
        }
    }
}

fn own_word(list: &ObjectList) -> String {
    list.local.last().map(|word| word.to_lowercase()).unwrap_or_default()
}

/// All words of a path, including sections.
fn long_words(list: &ObjectList) -> Vec<String> {
    list.local[..list.local.len() - 1].iter().map(|word| word.to_lowercase()).collect()
}

/// The words that distinguish lists with the same last word, for each of them.
fn distinguish(same: &[usize], lists: &[ObjectList]) -> Vec<Vec<String>> {
    let rank = |i: usize| match (lists[i].parent.and_then(|parent| lists[parent].statuses_of), lists[i].local.first()) {
        (Some(_), _) => 3,
        (_, Some(word)) if word == "status" => 2,
        (_, Some(word)) if word == "metadata" => 0,
        _ => 1,
    };
    let mut order: Vec<usize> = (0..same.len()).collect();
    order.sort_by_key(|&at| (rank(same[at]), &lists[same[at]].path));
    let mut fronts: Vec<Vec<String>> = vec![Vec::new(); same.len()];
    let mut seen: Vec<Vec<String>> = Vec::new();
    for at in order {
        let list = &lists[same[at]];
        let mut words = names::front_words(&list.local);
        if seen.contains(&words) {
            let mirrored = list.parent.is_some_and(|parent| lists[parent].statuses_of.is_some());
            let section = if mirrored { "status" } else { list.local[0].as_str() };
            words.insert(0, section.to_lowercase());
        }
        seen.push(words.clone());
        fronts[at] = words;
    }
    names::distinguishing_words(&fronts)
}

/// Checks that table names are unique within a group.
pub(super) fn check_unique(kinds: &[Kind]) -> Result<(), NamesError> {
    let mut seen: BTreeMap<(&str, &str), String> = BTreeMap::new();
    for kind in kinds {
        for table in &kind.tables {
            let place = format!("{}/{} {}", kind.group, kind.kind, table.path.join("."));
            if let Some(first) = seen.insert((&kind.group, &table.name), place.clone()) {
                return Err(NamesError::SameTable { name: table.name.clone(), first, second: place });
            }
        }
    }
    Ok(())
}

/// Names the columns of a kind's tables.
struct ColumnNamer<'a> {
    types: &'a Types,
    kind: &'a str,
    singular: &'a str,
    namespaced: bool,
    chosen: &'a Chosen,
    printed: &'a [Printed],
}

impl ColumnNamer<'_> {
    /// Sets the columns of a table. Adds new names to the lock.
    fn table(
        &self,
        mut table: Table,
        row: &str,
        this: Option<usize>,
        lists: &[ObjectList],
        lock: &mut Lock,
    ) -> Result<Table, NamesError> {
        let own = leaves(self.types, row);
        let status_type = lists.iter().find(|list| this.is_some() && list.statuses_of == this);
        let status = status_type.map(|list| leaves(self.types, &list.item_type)).unwrap_or_default();
        let keys: Vec<Option<String>> = lists.iter().map(|list| key(self.types, &list.item_type)).collect();
        let fields = TableFields {
            singular: self.singular,
            namespaced: self.namespaced,
            lists: steps(this, lists, &keys),
            leaves: own.iter().map(|(words, _)| words.clone()).collect(),
            statuses: status_type
                .map(|list| (with_brackets(list, lists), status.iter().map(|(words, _)| words.clone()).collect())),
            printed: self.printed.iter().map(|printed| (printed.name.as_str(), printed.path.as_str())).collect(),
        };
        let path = dotted(&table.path);
        let locked = lock.columns(self.kind, &path);
        let former = lock.former(self.kind, &path);
        let given = AssignedNames { locked: &locked, former: &former, chosen: self.chosen, row, base: base(&fields) };
        let columns = names::columns(&fields, &given);

        // Find the exceptions: apply the rules without the lock, until the results are equal.
        let mut exceptions: BTreeMap<String, String> = BTreeMap::new();
        let names: BTreeMap<&str, &str> = columns.iter().map(|column| (column.path.as_str(), &*column.name)).collect();
        loop {
            let by_rule = names::columns(&fields, &exceptions);
            let missed = by_rule.into_iter().find_map(|ruled| {
                // A printer column that is not a column of the table has no name.
                let name = *names.get(ruled.path.as_str()).unwrap_or(&"");
                (ruled.name != name && !ruled.path.is_empty()).then_some((ruled.path, name))
            });
            let Some((path, name)) = missed else { break };
            if exceptions.insert(path.clone(), name.to_owned()).is_some() {
                return Err(NamesError::SameColumn { table: table.name, name: name.to_owned(), path });
            }
        }
        table.exceptions = exceptions.into_iter().collect();
        let text = Shape::Scalar(Scalar::Text);
        table.columns = columns
            .into_iter()
            .map(|column| {
                let shape = match column.origin {
                    Origin::Leaf(i) => own[i].1.clone(),
                    Origin::Status(i) => status[i].1.clone(),
                    Origin::ItemIndex(_) => Shape::Scalar(Scalar::Int32),
                    Origin::Printed(i) => Shape::Scalar(self.printed[i].scalar),
                    Origin::Object => Shape::Scalar(Scalar::Json),
                    Origin::Cluster | Origin::Namespace | Origin::Name | Origin::Uid | Origin::ItemKey(_) => {
                        text.clone()
                    }
                };
                Column { name: column.name, path: column.path, shape }
            })
            .collect();
        for column in &table.columns {
            if locked.get(&column.path).is_some_and(|name| *name != column.name) {
                lock.supersede(self.kind, &path, &column.path, &column.name);
            }
        }
        let locked_columns = table.columns.iter().filter(|column| {
            // Position columns have no field. The path of a printer column may end in a bracket as well.
            !column.path.is_empty()
                && (!column.path.ends_with(']') || matches!(column.path.as_bytes(), [b'.' | b'{' | b'[', ..]))
        });
        lock.add(
            self.kind,
            &path,
            &table.name,
            locked_columns.map(|column| (column.path.as_str(), column.name.as_str())),
        );
        Ok(table)
    }
}

/// The lists on the path from the object to a list.
fn steps<'a>(this: Option<usize>, lists: &'a [ObjectList], keys: &'a [Option<String>]) -> Vec<ListStep<'a>> {
    let mut steps = Vec::new();
    let mut next = this;
    while let Some(i) = next {
        steps.push(ListStep { path: with_brackets(&lists[i], lists), item: &lists[i].item, key: keys[i].as_deref() });
        next = lists[i].parent;
    }
    steps.reverse();
    steps
}

fn with_brackets(list: &ObjectList, lists: &[ObjectList]) -> String {
    let own = format!("{}[]", dotted(&list.local));
    match list.parent {
        Some(parent) => format!("{}.{own}", with_brackets(&lists[parent], lists)),
        None => own,
    }
}

fn base(fields: &TableFields<'_>) -> String {
    fields.lists.last().map(|list| format!("{}.", list.path)).unwrap_or_default()
}

/// Locked names, and chosen names for fields without a locked name.
struct AssignedNames<'a> {
    locked: &'a BTreeMap<String, String>,
    /// Names that columns had before.
    former: &'a BTreeSet<String>,
    chosen: &'a Chosen,
    row: &'a str,
    base: String,
}

impl NameOverrides for AssignedNames<'_> {
    fn name(&self, path: &str) -> Option<String> {
        let chosen = || self.chosen.column(self.row, path.strip_prefix(&self.base)?);
        self.locked.get(path).cloned().or_else(chosen)
    }

    fn reserved(&self, name: &str, path: &str) -> bool {
        self.former.contains(name) || self.locked.reserved(name, path)
    }
}
