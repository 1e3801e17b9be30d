//! The columns of a table and their names.

use std::collections::{BTreeMap, BTreeSet};

use super::dotted;

/// What the columns of a table are made of.
#[derive(Clone, Debug, Default)]
pub struct Layout<'a> {
    /// The kind's singular, `pod`.
    pub singular: &'a str,
    /// Whether the kind's objects live in namespaces.
    pub namespaced: bool,
    /// The lists from the object to the row; empty in a kind's own table.
    pub lists: Vec<ListStep<'a>>,
    /// Paths of the row's own fields, from its type.
    pub leaves: Vec<Vec<&'a str>>,
    /// The list of statuses that is merged in, `status.containerStatuses[]`, and the paths of its fields.
    pub statuses: Option<(String, Vec<Vec<&'a str>>)>,
    /// What `kubectl get` prints of a custom resource: name in lower case, and path. A column where the name is free.
    pub printed: Vec<(&'a str, &'a str)>,
}

/// A list on the way from the object to the row.
#[derive(Clone, Debug)]
pub struct ListStep<'a> {
    /// From the object, with `[]` behind each list: `spec.rules[].http.paths[]`.
    pub path: String,
    /// One item, `rule`.
    pub item: &'a str,
    /// The item's field that tells items apart.
    pub key: Option<&'a str>,
}

/// Where a column comes from.
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
    /// The position of the item at this depth, the row's own at the last.
    ItemIndex(usize),
    /// One of [`Layout::leaves`].
    Leaf(usize),
    /// One of the status' fields.
    Status(usize),
    /// One of [`Layout::printed`].
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
    /// Where its values come from.
    pub origin: Origin,
}

/// Names that are fixed beforehand, by path: chosen, locked, or exceptions to the rules.
pub trait Fixed {
    /// The name that this path has; empty for what is printed and no column.
    fn fixed(&self, path: &str) -> Option<String>;
    /// Whether this name belongs to another path, be it gone.
    fn reserved(&self, name: &str, path: &str) -> bool;
}

impl Fixed for BTreeMap<String, String> {
    fn fixed(&self, path: &str) -> Option<String> {
        self.get(path).cloned()
    }

    fn reserved(&self, name: &str, path: &str) -> bool {
        self.iter().any(|(at, given)| given == name && at != path)
    }
}

/// The columns of a table in the order of `select *`, `object` behind them, with their names.
///
/// Metadata comes before spec before status before the rest where two fields want one name;
/// the loser keeps its first word. Of two names that differ in capitals alone, the first in
/// path order is in lower case, the other has its own spelling.
pub fn columns(layout: &Layout<'_>, names: &dyn Fixed) -> Vec<NamedColumn> {
    let mut namer = Namer { names, taken: BTreeSet::new(), folded: BTreeSet::new(), columns: Vec::new() };
    namer.give("cluster".to_owned(), String::new(), Origin::Cluster);
    if layout.lists.is_empty() {
        namer.taken.insert("object".to_owned());
    } else {
        keys(layout, &mut namer);
    }

    let own = layout.lists.last();
    let base = own.map(|list| format!("{}.", list.path)).unwrap_or_default();
    let mut leaves: Vec<Leaf<'_>> = layout
        .leaves
        .iter()
        .enumerate()
        .map(|(i, words)| Leaf::new(words.clone(), format!("{base}{}", dotted(words)), Origin::Leaf(i), false))
        .collect();
    if let Some((path, statuses)) = &layout.statuses {
        leaves.extend(statuses.iter().enumerate().map(|(i, words)| {
            let path = format!("{path}.{}", dotted(words));
            let words = std::iter::once("status").chain(words.iter().copied()).collect();
            Leaf::new(words, path, Origin::Status(i), true)
        }));
    }
    // The field that the two are matched by is the same in both.
    let key = own.and_then(|list| list.key);
    leaves.retain(|leaf| !(leaf.mirrored && key.is_some_and(|key| leaf.words[1..] == [key])));

    leaves.sort_by(|a, b| (a.rank, &a.path).cmp(&(b.rank, &b.path)));
    let front = own.map_or(layout.singular, |list| list.item);
    // Fixed names first: no rule may take one.
    let (fixed, free): (Vec<_>, Vec<_>) = leaves.iter().partition(|leaf| names.fixed(&leaf.path).is_some());
    let mut given: BTreeMap<String, String> = BTreeMap::new();
    for leaf in fixed.into_iter().chain(free) {
        given.insert(leaf.path.clone(), namer.choose(leaf, front));
    }
    leaves.sort_by(|a, b| (a.place(), &a.path).cmp(&(b.place(), &b.path)));
    for leaf in &leaves {
        let name = given.remove(&leaf.path).unwrap_or_default();
        namer.columns.push(NamedColumn { name, path: leaf.path.clone(), origin: leaf.origin });
    }
    if layout.lists.is_empty() {
        for (i, (name, path)) in layout.printed.iter().enumerate() {
            let name = names.fixed(path).unwrap_or_else(|| (*name).to_owned());
            let free = !namer.taken.contains(&name) && !names.reserved(&name, path);
            if free && !name.is_empty() && namer.taken.insert(name.clone()) {
                let origin = Origin::Printed(i);
                namer.columns.push(NamedColumn { name, path: (*path).to_owned(), origin });
            }
        }
        namer.columns.push(NamedColumn { name: "object".to_owned(), path: String::new(), origin: Origin::Object });
    }
    namer.columns
}

/// What a list's row starts with.
fn keys(layout: &Layout<'_>, namer: &mut Namer<'_>) {
    if layout.namespaced {
        namer.give("namespace".to_owned(), "metadata.namespace".to_owned(), Origin::Namespace);
    }
    namer.give(layout.singular.to_owned(), "metadata.name".to_owned(), Origin::Name);
    namer.give("uid".to_owned(), "metadata.uid".to_owned(), Origin::Uid);
    for (depth, list) in layout.lists.iter().enumerate() {
        let last = depth + 1 == layout.lists.len();
        match list.key {
            _ if last => namer.give("index".to_owned(), list.path.clone(), Origin::ItemIndex(depth)),
            Some(key) => {
                namer.give(list.item.to_owned(), format!("{}.{key}", list.path), Origin::ItemKey(depth));
            }
            None => namer.give(format!("{}_index", list.item), list.path.clone(), Origin::ItemIndex(depth)),
        }
    }
}

/// A field on its way to a name.
struct Leaf<'a> {
    words: Vec<&'a str>,
    path: String,
    origin: Origin,
    /// From the status that is merged in.
    mirrored: bool,
    rank: u8,
}

impl<'a> Leaf<'a> {
    fn new(words: Vec<&'a str>, path: String, origin: Origin, mirrored: bool) -> Self {
        let rank = match (mirrored, words.first()) {
            (true, _) => 4,
            (_, Some(&"metadata")) => 0,
            (_, Some(&"spec")) => 1,
            (_, Some(&"status")) => 2,
            _ => 3,
        };
        Self { words, path, origin, mirrored, rank }
    }

    /// Its place in `select *`: namespace and name, then what the object says, its metadata last.
    fn place(&self) -> u8 {
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

    /// The words without the leading section.
    fn short(&self) -> &[&'a str] {
        if self.rank != 3 && self.words.len() > 1 { &self.words[1..] } else { &self.words }
    }
}

struct Namer<'a> {
    names: &'a dyn Fixed,
    taken: BTreeSet<String>,
    /// The paths of those that have a name, in lower case.
    folded: BTreeSet<String>,
    columns: Vec<NamedColumn>,
}

impl Namer<'_> {
    /// A key column: it has its name before any field.
    fn give(&mut self, name: String, path: String, origin: Origin) {
        let name = if self.taken.contains(&name) { format!("{name}_{}", self.columns.len()) } else { name };
        self.taken.insert(name.clone());
        self.columns.push(NamedColumn { name, path, origin });
    }

    fn choose(&mut self, leaf: &Leaf<'_>, front: &str) -> String {
        let short = leaf.short().join(".");
        let long = leaf.words.join(".");
        // Of two that differ in capitals alone, the second is as it is spelt.
        let is_twin = !self.folded.insert(long.to_lowercase());
        // A field named like a key column is told apart by its item.
        let is_key = self.columns.iter().any(|column| column.name == short.to_lowercase());
        let candidates = [
            self.names.fixed(&leaf.path),
            is_twin.then(|| short.clone()),
            (!is_key).then(|| short.to_lowercase()),
            is_key.then(|| format!("{front}.{}", short.to_lowercase())),
            Some(long.to_lowercase()),
            Some(short),
            Some(long.clone()),
            Some(format!("{front}.{}", long.to_lowercase())),
            Some(format!("{front}.{long}")),
        ];
        let free = |name: &String| !self.taken.contains(name) && !self.names.reserved(name, &leaf.path);
        let mut name = candidates.into_iter().flatten().find(free).unwrap_or_else(|| leaf.path.clone());
        while !free(&name) {
            name.push('_');
        }
        self.taken.insert(name.clone());
        name
    }
}
