//! Names the columns of a table.

use std::collections::{BTreeMap, BTreeSet};

use super::dotted;

/// The fields from which a table's columns are derived.
#[derive(Clone, Debug, Default)]
pub struct TableFields<'a> {
    /// The kind's singular, `pod`.
    pub singular: &'a str,
    /// Whether the kind's objects are namespaced.
    pub namespaced: bool,
    /// The lists on the path from the object to the row; empty in a kind's own table.
    pub lists: Vec<ListStep<'a>>,
    /// The paths of the row's own fields, from the row's type.
    pub leaves: Vec<Vec<&'a str>>,
    /// The path of the list of statuses that is merged into the rows, `status.containerStatuses[]`, and the paths of its
    /// fields.
    pub statuses: Option<(String, Vec<Vec<&'a str>>)>,
    /// The printer columns of a custom resource: name in lower case, and path. They are columns if their name is free.
    pub printed: Vec<(&'a str, &'a str)>,
}

/// A list on the path from the object to the row.
#[derive(Clone, Debug)]
pub struct ListStep<'a> {
    /// The path from the object, with `[]` after each list: `spec.rules[].http.paths[]`.
    pub path: String,
    /// The name of an item, `rule`.
    pub item: &'a str,
    /// The field that identifies an item, if there is one.
    pub key: Option<&'a str>,
}

/// The origin of a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The cluster's name.
    Cluster,
    /// The object's namespace, in a list's table.
    Namespace,
    /// The object's name, in a list's table.
    Name,
    /// The object's uid, in a list's table.
    Uid,
    /// The key of the enclosing item at this depth.
    ItemKey(usize),
    /// The position of the item at this depth. The row's own item has the greatest depth.
    ItemIndex(usize),
    /// A field of the row, by its index in [`TableFields::leaves`].
    Leaf(usize),
    /// A field of the status, by its index in [`TableFields::statuses`].
    Status(usize),
    /// A printer column, by its index in [`TableFields::printed`].
    Printed(usize),
    /// The object as JSON text.
    Object,
}

/// A column with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedColumn {
    /// `nodename`.
    pub name: String,
    /// `spec.nodeName`; `spec.rules[]` for a position; empty for `cluster` and `object`.
    pub path: String,
    /// The origin of its values.
    pub origin: Origin,
}

/// Names that take precedence over the rules, by path: chosen names, locked names, or exceptions.
pub trait NameOverrides {
    /// The name of a path; empty for a printer column that is not a column of the table.
    fn name(&self, path: &str) -> Option<String>;
    /// Whether a name is reserved for another path, even if that field was removed.
    fn reserved(&self, name: &str, path: &str) -> bool;
}

impl NameOverrides for BTreeMap<String, String> {
    fn name(&self, path: &str) -> Option<String> {
        self.get(path).cloned()
    }

    fn reserved(&self, name: &str, path: &str) -> bool {
        self.iter().any(|(at, given)| given == name && at != path)
    }
}

/// The columns of a table in the order of `select *`, followed by `object`.
///
/// If two fields have the same short name, metadata takes precedence over spec, spec over status, and status over the
/// rest; the other field keeps its section. If names differ only in case, the first in path order is in lower case, and
/// the other keeps its spelling. The path of a field is never the name of another field, even if a name was assigned.
pub fn columns(fields: &TableFields<'_>, overrides: &dyn NameOverrides) -> Vec<NamedColumn> {
    let mut namer = Namer {
        overrides,
        taken: BTreeSet::new(),
        folded: BTreeSet::new(),
        paths: BTreeMap::new(),
        columns: Vec::new(),
    };
    namer.add_key("cluster".to_owned(), String::new(), Origin::Cluster);
    if fields.lists.is_empty() {
        namer.taken.insert("object".to_owned());
    } else {
        add_keys(fields, &mut namer);
    }

    let own = fields.lists.last();
    let base = own.map(|list| format!("{}.", list.path)).unwrap_or_default();
    let mut leaves: Vec<Leaf<'_>> = fields
        .leaves
        .iter()
        .enumerate()
        .map(|(i, words)| Leaf::new(words.clone(), format!("{base}{}", dotted(words)), Origin::Leaf(i), false))
        .collect();
    if let Some((path, statuses)) = &fields.statuses {
        leaves.extend(statuses.iter().enumerate().map(|(i, words)| {
            let path = format!("{path}.{}", dotted(words));
            let words = std::iter::once("status").chain(words.iter().copied()).collect();
            Leaf::new(words, path, Origin::Status(i), true)
        }));
    }
    // The field by which items and statuses are matched is in both.
    let key = own.and_then(|list| list.key);
    leaves.retain(|leaf| !(leaf.is_status && key.is_some_and(|key| leaf.words[1..] == [key])));

    for leaf in &leaves {
        namer.paths.entry(leaf.words.join(".").to_lowercase()).or_default().insert(leaf.path.clone());
    }

    leaves.sort_by(|a, b| (a.rank, &a.path).cmp(&(b.rank, &b.path)));
    let front = own.map_or(fields.singular, |list| list.item);
    // Overrides first, so that no rule uses such a name.
    let (overridden, others): (Vec<_>, Vec<_>) = leaves.iter().partition(|leaf| overrides.name(&leaf.path).is_some());
    let mut assigned: BTreeMap<String, String> = BTreeMap::new();
    for leaf in overridden.into_iter().chain(others) {
        assigned.insert(leaf.path.clone(), namer.choose(leaf, front));
    }
    leaves.sort_by(|a, b| (a.position(), &a.path).cmp(&(b.position(), &b.path)));
    for leaf in &leaves {
        let name = assigned.remove(&leaf.path).unwrap_or_default();
        namer.columns.push(NamedColumn { name, path: leaf.path.clone(), origin: leaf.origin });
    }
    if fields.lists.is_empty() {
        for (i, (name, path)) in fields.printed.iter().enumerate() {
            let name = overrides.name(path).unwrap_or_else(|| (*name).to_owned());
            let free = !namer.taken.contains(&name) && !overrides.reserved(&name, path);
            if free && !name.is_empty() && namer.taken.insert(name.clone()) {
                let origin = Origin::Printed(i);
                namer.columns.push(NamedColumn { name, path: (*path).to_owned(), origin });
            }
        }
        namer.columns.push(NamedColumn { name: "object".to_owned(), path: String::new(), origin: Origin::Object });
    }
    namer.columns
}

/// Adds the key columns of a list's table.
fn add_keys(fields: &TableFields<'_>, namer: &mut Namer<'_>) {
    if fields.namespaced {
        namer.add_key("namespace".to_owned(), "metadata.namespace".to_owned(), Origin::Namespace);
    }
    namer.add_key(fields.singular.to_owned(), "metadata.name".to_owned(), Origin::Name);
    namer.add_key("uid".to_owned(), "metadata.uid".to_owned(), Origin::Uid);
    for (depth, list) in fields.lists.iter().enumerate() {
        let last = depth + 1 == fields.lists.len();
        match list.key {
            _ if last => namer.add_key("index".to_owned(), list.path.clone(), Origin::ItemIndex(depth)),
            Some(key) => {
                namer.add_key(list.item.to_owned(), format!("{}.{key}", list.path), Origin::ItemKey(depth));
            }
            None => namer.add_key(format!("{}_index", list.item), list.path.clone(), Origin::ItemIndex(depth)),
        }
    }
}

/// A field to be named.
struct Leaf<'a> {
    words: Vec<&'a str>,
    path: String,
    origin: Origin,
    /// Whether it is a field of the merged status.
    is_status: bool,
    rank: u8,
}

impl<'a> Leaf<'a> {
    fn new(words: Vec<&'a str>, path: String, origin: Origin, is_status: bool) -> Self {
        let rank = match (is_status, words.first()) {
            (true, _) => 4,
            (_, Some(&"metadata")) => 0,
            (_, Some(&"spec")) => 1,
            (_, Some(&"status")) => 2,
            _ => 3,
        };
        Self { words, path, origin, is_status, rank }
    }

    /// The sort key in `select *`: namespace and name, then spec and status, then other metadata.
    fn position(&self) -> u8 {
        match (self.rank, self.words.as_slice()) {
            (0, ["metadata", "namespace"]) => 0,
            (0, ["metadata", "name"]) => 1,
            (3, ["name"]) => 1,
            (3, ["apiVersion" | "kind"]) => 6,
            (0, ["metadata", "labels" | "annotations"]) => 8,
            (0, _) => 7,
            (3, _) => 4,
            (rank, _) => rank + 1,
        }
    }

    /// The words of the path without the section.
    fn short(&self) -> &[&'a str] {
        if self.rank != 3 && self.words.len() > 1 { &self.words[1..] } else { &self.words }
    }
}

struct Namer<'a> {
    overrides: &'a dyn NameOverrides,
    taken: BTreeSet<String>,
    /// The paths of all named fields, in lower case.
    folded: BTreeSet<String>,
    /// The fields at each path from the row, in lower case.
    paths: BTreeMap<String, BTreeSet<String>>,
    columns: Vec<NamedColumn>,
}

impl Namer<'_> {
    /// Adds a key column. Key columns are named before fields.
    fn add_key(&mut self, name: String, path: String, origin: Origin) {
        let name = if self.taken.contains(&name) { format!("{name}_{}", self.columns.len()) } else { name };
        self.taken.insert(name.clone());
        self.columns.push(NamedColumn { name, path, origin });
    }

    fn choose(&mut self, leaf: &Leaf<'_>, front: &str) -> String {
        let short = leaf.short().join(".");
        let long = leaf.words.join(".");
        // Of two paths that differ only in case, the second keeps its spelling.
        let is_twin = !self.folded.insert(long.to_lowercase());
        // A field with the name of a key column is prefixed by the item's name.
        let is_key = self.columns.iter().any(|column| column.name == short.to_lowercase());
        let candidates = [
            self.overrides.name(&leaf.path),
            is_twin.then(|| short.clone()),
            (!is_key).then(|| short.to_lowercase()),
            is_key.then(|| format!("{front}.{}", short.to_lowercase())),
            Some(long.to_lowercase()),
            Some(short),
            Some(long.clone()),
            Some(format!("{front}.{}", long.to_lowercase())),
            Some(format!("{front}.{long}")),
        ];
        let is_other_path = |name: &String| self.paths.get(name).is_some_and(|fields| !fields.contains(&leaf.path));
        let free = |name: &String| {
            !self.taken.contains(name) && !self.overrides.reserved(name, &leaf.path) && !is_other_path(name)
        };
        let mut name = candidates.into_iter().flatten().find(free).unwrap_or_else(|| leaf.path.clone());
        while !free(&name) {
            name.push('_');
        }
        self.taken.insert(name.clone());
        name
    }
}
