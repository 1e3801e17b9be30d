//! A table's columns, worked out from its definition by the naming rules.

use std::collections::BTreeMap;

use kubesql_codegen::names::{self, Layout, ListStep, Origin, Step, dotted, slashed, split};

use super::{KindDef, MapValue, Scalar, Shape, TableDef, TypeDef};

/// A table with its columns.
#[derive(Debug)]
pub struct Table {
    /// The kind that its rows come from.
    pub kind: &'static KindDef,
    /// Its definition.
    pub def: &'static TableDef,
    /// In the order of `select *`; `object` (the last one, only in a kind's own table) is not part of `*`.
    pub columns: Vec<Column>,
    /// The lists from the object to the row, the outermost first; empty in a kind's own table.
    pub lists: Vec<ListAt>,
    /// The list of statuses that is merged into the rows by name.
    pub statuses: Option<Statuses>,
    /// The list of conditions whose types make columns, where the rows have one.
    pub conditions: Option<Conditions>,
}

/// A column that every query of the table can name.
#[derive(Debug, Clone)]
pub struct Column {
    /// Its SQL name.
    pub name: String,
    /// What its values are.
    pub values: Values,
    /// Where its values lie.
    pub place: Place,
    /// The OpenAPI path it comes from, `spec.containers[].image`; empty for `cluster` and `index`.
    pub path: String,
}

/// What a column's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// Single values.
    Scalar(Scalar),
    /// Lists of single values.
    Scalars(Scalar),
    /// Maps; each key is a dynamic column `<name>.<key>`.
    Map(MapValue),
}

/// Where a column's values lie in a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The segment's cluster.
    Cluster,
    /// A field of the object itself: field numbers from the root type. In a kind's own table, all fields;
    /// in a list's table the object's namespace, name and uid.
    Object(Vec<u16>),
    /// A field of the item at this depth of the table's path (0 is the first list): field numbers from the
    /// item's type. The row's own item is at the last depth.
    Item {
        /// Which list of the path, from 0.
        depth: usize,
        /// Field numbers from that item's type.
        fields: Vec<u16>,
    },
    /// A field of the status that belongs to the row's item by name: field numbers from the status' type.
    Status(Vec<u16>),
    /// The position of the item at this depth in its list (int32, from 0).
    Index {
        /// Which list of the path, from 0.
        depth: usize,
    },
    /// What a path of the object leads to, as `kubectl get` prints it: the first that there is.
    Printed(Vec<Step>),
    /// The object as JSON text.
    Json,
}

/// A list on its way to the row, as it lies in the columns.
#[derive(Debug, Clone)]
pub struct ListAt {
    /// Field numbers from the enclosing item's type, or the kind's root type, to the list.
    pub fields: Vec<u16>,
    /// The type of its items.
    pub item: &'static TypeDef,
}

/// A list of statuses, each of which belongs to the row's item of the same name.
#[derive(Debug, Clone)]
pub struct Statuses {
    /// Field numbers from the enclosing item's type (the kind's root type where there is none) to the list.
    pub fields: Vec<u16>,
    /// The type of its items.
    pub item: &'static TypeDef,
    /// The number of the field of a status that is the name.
    pub key: u16,
    /// The number of the field of the row's item that is the name.
    pub row_key: u16,
}

/// A list of conditions in the row: each type makes the columns `<type in lower case>.<field in lower case>`.
#[derive(Debug, Clone)]
pub struct Conditions {
    /// Where the list lies.
    pub place: Place,
    /// Its item's type.
    pub item: &'static TypeDef,
}

impl Table {
    /// Works out the columns of one of a kind's tables.
    ///
    /// # Panics
    /// Where the definition names a list that its type does not have, which the generator never writes.
    #[must_use]
    pub fn of(kind: &'static KindDef, def: &'static TableDef) -> Self {
        let lists = lists(kind, def);
        let row = lists.last().map_or(kind.root, |list| list.at.item);
        let own = leaves(row);
        let statuses = def.statuses.map(|path| statuses(kind, def, path, row));
        let status_leaves = statuses.as_ref().map(|(_, statuses)| leaves(statuses.item)).unwrap_or_default();
        let printed = kind.custom.unwrap_or_default();
        let words = |leaves: &[Leaf]| leaves.iter().map(|leaf| leaf.words.clone()).collect::<Vec<_>>();
        let layout = Layout {
            singular: kind.singular,
            namespaced: kind.namespaced,
            lists: lists.iter().map(|list| list.step.clone()).collect(),
            leaves: words(&own),
            statuses: statuses.as_ref().map(|(path, _)| (path.clone(), words(&status_leaves))),
            printed: printed.iter().map(|printed| (printed.name, printed.path)).collect(),
        };
        let exceptions: BTreeMap<String, String> =
            def.names.iter().map(|&(path, name)| (path.to_owned(), name.to_owned())).collect();
        let last = lists.len().checked_sub(1);
        let of_row = |fields: Vec<u16>| match last {
            Some(depth) => Place::Item { depth, fields },
            None => Place::Object(fields),
        };
        let of_object = |field: &str| Place::Object(numbers(kind.root, &["metadata", field]));
        let text = Values::Scalar(Scalar::Text);
        let columns = names::columns(&layout, &exceptions)
            .into_iter()
            .map(|column| {
                let (values, place) = match column.origin {
                    Origin::Cluster => (text, Place::Cluster),
                    Origin::Namespace => (text, of_object("namespace")),
                    Origin::Name => (text, of_object("name")),
                    Origin::Uid => (text, of_object("uid")),
                    Origin::ItemKey(depth) => {
                        let fields = lists[depth].step.key.map(|key| numbers(lists[depth].at.item, &[key]));
                        (text, Place::Item { depth, fields: fields.unwrap_or_default() })
                    }
                    Origin::ItemIndex(depth) => (Values::Scalar(Scalar::Int32), Place::Index { depth }),
                    Origin::Leaf(i) => (own[i].values, of_row(own[i].fields.clone())),
                    Origin::Status(i) => (status_leaves[i].values, Place::Status(status_leaves[i].fields.clone())),
                    Origin::Printed(i) => {
                        let steps = names::steps(printed[i].path).unwrap_or_default();
                        (Values::Scalar(printed[i].scalar), Place::Printed(steps))
                    }
                    Origin::Object => (Values::Scalar(Scalar::Json), Place::Json),
                };
                Column { name: column.name, values, place, path: column.path }
            })
            .collect();
        let conditions = conditions(row).map(|(fields, item)| Conditions { place: of_row(fields), item });
        let lists = lists.into_iter().map(|list| list.at).collect();
        Self { kind, def, columns, lists, statuses: statuses.map(|(_, statuses)| statuses), conditions }
    }
}

/// A field that is a column.
struct Leaf {
    words: Vec<&'static str>,
    fields: Vec<u16>,
    values: Values,
}

/// All fields of a type that are columns, in path order.
fn leaves(of: &'static TypeDef) -> Vec<Leaf> {
    fn walk(of: &'static TypeDef, words: &mut Vec<&'static str>, fields: &mut Vec<u16>, found: &mut Vec<Leaf>) {
        for (number, field) in (0u16..).zip(of.fields) {
            words.push(field.json);
            fields.push(number);
            let values = match field.shape {
                Shape::Scalar(scalar) => Some(Values::Scalar(scalar)),
                Shape::Scalars(scalar) => Some(Values::Scalars(scalar)),
                Shape::Map(value) => Some(Values::Map(value)),
                Shape::List(_) => None,
                Shape::Object(inner) => {
                    walk(inner, words, fields, found);
                    None
                }
            };
            if let Some(values) = values {
                found.push(Leaf { words: words.clone(), fields: fields.clone(), values });
            }
            words.pop();
            fields.pop();
        }
    }
    let mut found = Vec::new();
    walk(of, &mut Vec::new(), &mut Vec::new(), &mut found);
    found
}

/// A list on the way to a table's rows, with what names it.
struct List {
    step: ListStep<'static>,
    at: ListAt,
}

/// The lists on the way to a table's rows.
fn lists(kind: &'static KindDef, def: &TableDef) -> Vec<List> {
    let mut found = Vec::new();
    let mut of = kind.root;
    let mut fields = Vec::new();
    let mut shown = String::new();
    let mut path = String::new();
    for word in split(def.path) {
        let (number, inner, is_list) = step(of, &word, def);
        fields.push(number);
        join(&mut path, '/', &slashed(&[&word]));
        join(&mut shown, '.', &dotted(&[&word]));
        let word = of.fields[usize::from(number)].json;
        of = inner;
        if is_list {
            shown.push_str("[]");
            // The statuses of a list have no table of their own: their items are called as the list's.
            let named = kind.tables.iter().find(|table| table.path == path || table.statuses == Some(&path));
            let (item, key) = named.map_or((word, None), |table| (table.item, table.key));
            let step = ListStep { path: shown.clone(), item, key };
            found.push(List { step, at: ListAt { fields: std::mem::take(&mut fields), item: of } });
        }
    }
    found
}

/// The list of statuses at a path from the object, as shown to people and as walked from the enclosing item.
fn statuses(kind: &'static KindDef, def: &TableDef, path: &'static str, row: &'static TypeDef) -> (String, Statuses) {
    let mut of = kind.root;
    let mut fields = Vec::new();
    let mut shown = String::new();
    for word in split(path) {
        if shown.ends_with(']') {
            fields.clear();
        }
        let (number, inner, is_list) = step(of, &word, def);
        fields.push(number);
        join(&mut shown, '.', &dotted(&[&word]));
        if is_list {
            shown.push_str("[]");
        }
        of = inner;
    }
    let key = def.key.unwrap_or("name");
    let number = |of: &TypeDef| of.field(key).map_or(0, |(number, _)| number);
    (shown, Statuses { fields, item: of, key: number(of), row_key: number(row) })
}

fn join(path: &mut String, by: char, word: &str) {
    if !path.is_empty() {
        path.push(by);
    }
    path.push_str(word);
}

/// One field further: its number, its type, and whether it is a list.
fn step(of: &'static TypeDef, word: &str, def: &TableDef) -> (u16, &'static TypeDef, bool) {
    match of.field(word) {
        Some((number, super::FieldDef { shape: Shape::Object(inner), .. })) => (number, inner, false),
        Some((number, super::FieldDef { shape: Shape::List(inner), .. })) => (number, inner, true),
        _ => panic!("{}: no list or object `{word}` in {}", def.name, of.name),
    }
}

/// The field numbers of a path through objects; empty where the type lacks it.
fn numbers(of: &'static TypeDef, path: &[&str]) -> Vec<u16> {
    let mut of = of;
    let mut found = Vec::new();
    for word in path {
        let Some((number, field)) = of.field(word) else { return Vec::new() };
        found.push(number);
        if let Shape::Object(inner) = field.shape {
            of = inner;
        }
    }
    found
}

/// The row's list of conditions: a list `conditions`, at the top or in `status`, whose items have a type and a status.
fn conditions(row: &'static TypeDef) -> Option<(Vec<u16>, &'static TypeDef)> {
    let found = |of: &'static TypeDef, mut front: Vec<u16>| {
        let (number, field) = of.field("conditions")?;
        let Shape::List(item) = field.shape else { return None };
        let text = |name| matches!(item.field(name), Some((_, f)) if matches!(f.shape, Shape::Scalar(Scalar::Text)));
        front.push(number);
        (text("type") && text("status")).then_some((front, item))
    };
    let in_status = row.field("status").and_then(|(number, field)| match field.shape {
        Shape::Object(status) => found(status, vec![number]),
        _ => None,
    });
    in_status.or_else(|| found(row, Vec::new()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generated::KINDS;

    /// The runtime names columns by the same rules as the generator did, and finds the same fields.
    #[test]
    fn tables_are_what_the_generator_listed() {
        let listing = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas/tables.tsv"));
        let mut expected = listing.lines().skip(1);
        for kind in KINDS {
            let schema = if kind.group.is_empty() { "core" } else { kind.group };
            for def in kind.tables {
                for column in Table::of(kind, def).columns {
                    let line = format!("{schema}\t{}\t{}\t", def.name, column.name);
                    let found = expected.next().unwrap_or("the end");
                    assert!(
                        found.starts_with(&line) && found.ends_with(&format!("\t{}", column.path)),
                        "{line} {found}"
                    );
                }
            }
        }
        assert_eq!(expected.next(), None);
    }

    fn table(kind: &str, name: &str) -> Table {
        let kind = KINDS.iter().find(|found| found.kind == kind).unwrap();
        Table::of(kind, kind.tables.iter().find(|table| table.name == name).unwrap())
    }

    #[test]
    fn containers_lie_in_the_pod_beside_their_statuses() {
        let containers = table("Pod", "containers");
        let spec = containers.kind.root.field("spec").unwrap();
        let Shape::Object(pod_spec) = spec.1.shape else { panic!("spec is an object") };
        let list = pod_spec.field("containers").unwrap().0;
        assert_eq!(containers.lists.len(), 1);
        assert_eq!(containers.lists[0].fields, [spec.0, list]);
        let statuses = containers.statuses.as_ref().unwrap();
        assert_eq!(statuses.item.fields[usize::from(statuses.key)].json, "name");
        let column = |name: &str| containers.columns.iter().find(|column| column.name == name).unwrap();
        assert!(matches!(column("ready").place, Place::Status(_)));
        assert!(matches!(column("image").place, Place::Item { depth: 0, .. }));
        assert!(matches!(column("pod").place, Place::Object(_)));
        assert!(containers.conditions.is_none());
    }

    #[test]
    fn lists_inside_lists_walk_from_item_to_item() {
        let paths = table("Ingress", "ingress_rule_paths");
        assert_eq!(paths.lists.len(), 2);
        let place = |name: &str| &paths.columns.iter().find(|column| column.name == name).unwrap().place;
        assert_eq!(*place("rule_index"), Place::Index { depth: 0 });
        assert_eq!(*place("index"), Place::Index { depth: 1 });
        let env = table("Pod", "container_env");
        let container = env.columns.iter().find(|column| column.name == "container").unwrap();
        assert!(matches!(container.place, Place::Item { depth: 0, .. }));
    }

    #[test]
    fn conditions_are_found_where_rows_have_them() {
        for (kind, name, has) in [
            ("Pod", "pods", true),
            ("Node", "nodes", true),
            ("Service", "services", true),
            ("Secret", "secrets", false),
        ] {
            assert_eq!(table(kind, name).conditions.is_some(), has, "{name}");
        }
    }
}
