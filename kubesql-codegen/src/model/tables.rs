//! The tables of a kind: its own and one for every list of objects in it.

use std::collections::{BTreeMap, BTreeSet};

use super::types::Root;
use super::{Column, Kind, ModelError, Printed, Scalar, Shape, Table, Type, printed};
use crate::names::{self, Chosen, Fixed, Layout, ListStep, Lock, NamesError, Origin, dotted};
use crate::spec::Resource;

type Types = BTreeMap<String, Type>;

/// A list of objects somewhere in a kind.
struct Found {
    /// From the object.
    path: Vec<String>,
    /// From the enclosing item, or the object.
    local: Vec<String>,
    /// The enclosing list.
    parent: Option<usize>,
    /// Definition name of its items' type.
    item_type: String,
    /// The list that this one's statuses are merged into.
    mirrors: Option<usize>,
    /// The table's name, and the front of the names of those inside it.
    name: String,
    front: String,
    item: String,
}

/// The fields of a type that are not lists of objects, as paths in path order.
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
    for (field, shape) in types.get(of).into_iter().flatten() {
        path.push(field);
        match shape {
            Shape::Object(inner) => walk(types, inner, path, visit),
            _ => visit(path, shape),
        }
        path.pop();
    }
}

/// The kind with its tables; the lock learns their names.
pub(super) fn kind(types: &Types, root: Root, chosen: &Chosen, lock: &mut Lock) -> Result<Kind, ModelError> {
    let resource = root.resource;
    let id = format!("{}/{}", resource.group, resource.kind);
    let singular = resource.kind.to_lowercase();

    let mut lists = Vec::new();
    find(types, &resource.schema, None, &mut lists);
    mirror(types, &mut lists);
    name_lists(&mut lists, &id, &resource.schema, &singular, chosen, lock);

    let custom = root.printed.map(|columns| printed::printed(types, &resource.schema, &columns));
    let mut tables = Vec::new();
    let printed = custom.as_deref().unwrap_or_default();
    let named = Naming { types, kind: &id, singular: &singular, namespaced: resource.namespaced, chosen, printed };
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
    tables.push(named.table(own, &resource.schema, None, &lists, lock)?);
    for (i, list) in lists.iter().enumerate().filter(|(_, list)| list.mirrors.is_none()) {
        let template = list.path.iter().any(|word| word == "template" || word == "jobTemplate");
        let statuses = lists.iter().find(|other| other.mirrors == Some(i)).map(|other| other.path.clone());
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
        tables.push(named.table(table, &list.item_type, Some(i), &lists, lock)?);
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
    let picked = || chosen.table(&resource.schema, "").map(|table| table.name.as_str());
    lock.table(id, "").or_else(picked).unwrap_or(&resource.plural).to_owned()
}

fn find(types: &Types, of: &str, parent: Option<usize>, lists: &mut Vec<Found>) {
    let mut here = Vec::new();
    walk(types, of, &mut Vec::new(), &mut |path, shape| {
        if let Shape::List(item) = shape {
            here.push((path.iter().map(|&word| word.to_owned()).collect::<Vec<_>>(), item.clone()));
        }
    });
    for (local, item_type) in here {
        let mut path = parent.map(|i: usize| lists[i].path.clone()).unwrap_or_default();
        path.extend(local.iter().cloned());
        let found = Found {
            path,
            local,
            parent,
            item_type: item_type.clone(),
            mirrors: None,
            name: String::new(),
            front: String::new(),
            item: String::new(),
        };
        lists.push(found);
        let this = lists.len() - 1;
        find(types, &item_type, Some(this), lists);
    }
}

/// The item's field that tells items apart.
fn key(types: &Types, item: &str) -> Option<String> {
    let name = types.get(item)?.get("name")?;
    (*name == Shape::Scalar(Scalar::Text)).then(|| "name".to_owned())
}

/// `status.containerStatuses` belongs to `spec.containers`: same items, by name.
fn mirror(types: &Types, lists: &mut [Found]) {
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
        lists[i].mirrors = of;
    }
}

/// Names every list, the enclosing ones first.
fn name_lists(lists: &mut [Found], id: &str, root: &str, singular: &str, chosen: &Chosen, lock: &Lock) {
    // The lists of a status belong to the item that it is merged into.
    let home = |list: &Found, lists: &[Found]| list.parent.map(|parent| lists[parent].mirrors.unwrap_or(parent));
    let mut used = BTreeSet::new();
    let mut homes = vec![None];
    homes.extend((0..lists.len()).map(Some));
    for of in homes {
        let front = of.map_or_else(|| singular.to_owned(), |i| lists[i].front.clone());
        let members: Vec<usize> =
            (0..lists.len()).filter(|&i| lists[i].mirrors.is_none() && home(&lists[i], lists) == of).collect();
        let mut by_word: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for &i in &members {
            by_word.entry(own_word(&lists[i])).or_default().push(i);
        }
        for (word, same) in by_word {
            let shown = distinguish(&same, lists);
            for (&i, words) in same.iter().zip(shown) {
                let path = dotted(&lists[i].path);
                let dashed = |words: &[String]| {
                    let words = words.iter().chain(std::iter::once(&word)).cloned().collect::<Vec<_>>();
                    format!("{front}_{}", words.join("_"))
                };
                let picked = chosen.table(root, &path);
                let by_rule = || {
                    // A name that another list has had is not given again: all words tell them apart.
                    let free = [words.clone(), names::front_words(&lists[i].local), long_words(&lists[i])]
                        .into_iter()
                        .map(|words| dashed(&words))
                        .find(|name| !lock.taken(id, &path, name) && !used.contains(name));
                    let whole = || format!("{front}_{}", path.to_lowercase().replace('.', "_"));
                    let mut name = free.unwrap_or_else(whole);
                    while lock.taken(id, &path, &name) || used.contains(&name) {
                        name.push('_');
                    }
                    name
                };
                let name = lock
                    .table(id, &path)
                    .map(str::to_owned)
                    .or_else(|| picked.map(|table| table.name.clone()))
                    .unwrap_or_else(by_rule);
                used.insert(name.clone());
                let list = &mut lists[i];
                list.front = picked.map_or_else(|| names::singular(&name), |table| table.item.clone());
                list.item = picked.map_or_else(|| names::singular(&word), |table| table.item.clone());
                list.name = name;
            }
        }
        // A status shares its item's names.
        for i in 0..lists.len() {
            if let Some(of) = lists[i].mirrors {
                let (front, item) = (lists[of].front.clone(), lists[of].item.clone());
                lists[i].front = front;
                lists[i].item = item;
            }
        }
    }
}

fn own_word(list: &Found) -> String {
    list.local.last().map(|word| word.to_lowercase()).unwrap_or_default()
}

/// All words of a path, sections included.
fn long_words(list: &Found) -> Vec<String> {
    list.local[..list.local.len() - 1].iter().map(|word| word.to_lowercase()).collect()
}

/// The words that each of these lists of one name shows in front of it.
fn distinguish(same: &[usize], lists: &[Found]) -> Vec<Vec<String>> {
    let rank = |i: usize| match (lists[i].parent.and_then(|parent| lists[parent].mirrors), lists[i].local.first()) {
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
            let mirrored = list.parent.is_some_and(|parent| lists[parent].mirrors.is_some());
            let section = if mirrored { "status" } else { list.local[0].as_str() };
            words.insert(0, section.to_lowercase());
        }
        seen.push(words.clone());
        fronts[at] = words;
    }
    names::meaningful(&fronts)
}

/// No two tables of a group may have one name.
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

/// What names the columns of one kind's tables.
struct Naming<'a> {
    types: &'a Types,
    kind: &'a str,
    singular: &'a str,
    namespaced: bool,
    chosen: &'a Chosen,
    printed: &'a [Printed],
}

impl Naming<'_> {
    /// Fills in a table's columns; the lock learns their names.
    fn table(
        &self,
        mut table: Table,
        row: &str,
        this: Option<usize>,
        lists: &[Found],
        lock: &mut Lock,
    ) -> Result<Table, NamesError> {
        let own = leaves(self.types, row);
        let status_type = lists.iter().find(|list| this.is_some() && list.mirrors == this);
        let status = status_type.map(|list| leaves(self.types, &list.item_type)).unwrap_or_default();
        let keys: Vec<Option<String>> = lists.iter().map(|list| key(self.types, &list.item_type)).collect();
        let layout = Layout {
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
        let given = Given { locked: &locked, chosen: self.chosen, row, base: base(&layout) };
        let columns = names::columns(&layout, &given);

        // The exceptions to the rules: found by naming without the lock until both agree.
        let mut exceptions: BTreeMap<String, String> = BTreeMap::new();
        let names: BTreeMap<&str, &str> = columns.iter().map(|column| (column.path.as_str(), &*column.name)).collect();
        loop {
            let by_rule = names::columns(&layout, &exceptions);
            let missed = by_rule.into_iter().find_map(|ruled| {
                // What is printed and no column has no name.
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
        let fields = table.columns.iter().filter(|column| {
            // Positions have no field; what is printed may end like one.
            !column.path.is_empty()
                && (!column.path.ends_with(']') || matches!(column.path.as_bytes(), [b'.' | b'{' | b'[', ..]))
        });
        lock.note(self.kind, &path, &table.name, fields.map(|column| (column.path.as_str(), column.name.as_str())));
        Ok(table)
    }
}

/// The lists from the object to this one.
fn steps<'a>(this: Option<usize>, lists: &'a [Found], keys: &'a [Option<String>]) -> Vec<ListStep<'a>> {
    let mut steps = Vec::new();
    let mut next = this;
    while let Some(i) = next {
        steps.push(ListStep { path: with_brackets(&lists[i], lists), item: &lists[i].item, key: keys[i].as_deref() });
        next = lists[i].parent;
    }
    steps.reverse();
    steps
}

fn with_brackets(list: &Found, lists: &[Found]) -> String {
    let own = format!("{}[]", dotted(&list.local));
    match list.parent {
        Some(parent) => format!("{}.{own}", with_brackets(&lists[parent], lists)),
        None => own,
    }
}

fn base(layout: &Layout<'_>) -> String {
    layout.lists.last().map(|list| format!("{}.", list.path)).unwrap_or_default()
}

/// Locked names, and chosen ones for fields that have none yet.
struct Given<'a> {
    locked: &'a BTreeMap<String, String>,
    chosen: &'a Chosen,
    row: &'a str,
    base: String,
}

impl Fixed for Given<'_> {
    fn fixed(&self, path: &str) -> Option<String> {
        let chosen = || self.chosen.column(self.row, path.strip_prefix(&self.base)?);
        self.locked.get(path).cloned().or_else(chosen)
    }

    fn reserved(&self, name: &str, path: &str) -> bool {
        self.locked.reserved(name, path)
    }
}
