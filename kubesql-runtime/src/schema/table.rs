//! Derives the columns of a table from its definition, by the naming rules.

use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;

use kubesql_codegen::names::{self, ListStep, Origin, Step, TableFields, dotted, slashed, split};

use super::kubectl;
use super::{KindDef, MapValue, Scalar, Shape, TableDef, TypeDef};

/// A table with its columns.
#[derive(Debug)]
pub struct Table {
    /// The kind of the objects that its rows are from.
    pub kind: &'static KindDef,
    /// Its definition.
    pub def: &'static TableDef,
    /// In the order of `select *`. A kind's own table ends with columns that `*` does not include: what `kubectl get`
    /// prints, and `object`.
    pub columns: Vec<Column>,
    /// The lists on the path from the object to the row, outermost first; empty in a kind's own table.
    pub lists: Vec<NestedList>,
    /// The list of statuses that is merged into the rows by name.
    pub statuses: Option<Statuses>,
    /// The list of conditions whose types are dynamic columns, if the rows have one.
    pub conditions: Option<Conditions>,
    /// The columns by the paths of their fields in lower case, built on first use.
    pub(super) paths: OnceLock<HashMap<String, usize>>,
}

/// A fixed column, which does not depend on the data.
#[derive(Debug, Clone)]
pub struct Column {
    /// The SQL name.
    pub name: String,
    /// The type of its values.
    pub values: Values,
    /// Where its values are in a segment.
    pub place: Place,
    /// The path of the field, `spec.containers[].image`; empty for `cluster` and `index`.
    pub path: String,
}

/// The type of a column's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// Scalars.
    Scalar(Scalar),
    /// Lists of scalars.
    Scalars(Scalar),
    /// Maps. Each key is a dynamic column `<name>.<key>`.
    Map(MapValue),
    /// Lengths of time.
    Interval,
}

/// Where a column's values are in a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The segment's cluster.
    Cluster,
    /// A field of the object, as field numbers from the root type. In a list's table: its namespace, name and uid.
    Object(Vec<u16>),
    /// A field of an item on the path to the row. The row's own item has the greatest depth.
    Item {
        /// The index of the list in [`Table::lists`].
        depth: usize,
        /// Field numbers from the type of the list's items.
        fields: Vec<u16>,
    },
    /// A field of the status with the same name as the row's item, as field numbers from the status' type.
    Status(Vec<u16>),
    /// The position of an item in its list, an int32 counted from 0.
    Index {
        /// The index of the list in [`Table::lists`].
        depth: usize,
    },
    /// The first value at a JSONPath of the object, as `kubectl get` prints it.
    Printed(Vec<Step>),
    /// What `kubectl get` prints under this header for a built-in kind.
    Kubectl(&'static str),
    /// The object as JSON text.
    Json,
}

impl Place {
    /// Whether `*` includes the column.
    #[must_use]
    pub fn is_in_star(&self) -> bool {
        !matches!(self, Self::Json | Self::Kubectl(_))
    }
}

/// A list on the path from the object to the row.
#[derive(Debug, Clone)]
pub struct NestedList {
    /// Field numbers from the type of the enclosing item, or the root type, to the list.
    pub fields: Vec<u16>,
    /// The type of its items.
    pub item: &'static TypeDef,
}

/// A list of statuses. Each belongs to the row's item with the same name.
#[derive(Debug, Clone)]
pub struct Statuses {
    /// Field numbers from the type of the enclosing item, or the root type, to the list.
    pub fields: Vec<u16>,
    /// The type of its items.
    pub item: &'static TypeDef,
    /// The number of the status' field that is the name.
    pub key: u16,
    /// The number of the item's field that is the name.
    pub row_key: u16,
}

/// A list of conditions in the row. Each type has the dynamic columns `<type>.<field>`, both in lower case.
#[derive(Debug, Clone)]
pub struct Conditions {
    /// Where the list is.
    pub place: Place,
    /// The type of its items.
    pub item: &'static TypeDef,
}

impl Table {
    /// Derives the columns of one of a kind's tables.
    ///
    /// # Panics
    /// If the definition names a list that the type does not have. The generator never writes such a definition.
    #[must_use]
    pub fn new(kind: &'static KindDef, def: &'static TableDef) -> Self {
        let lists = lists(kind, def);
        let row = lists.last().map_or(kind.root, |list| list.nested.item);
        let own = leaves(row);
        let statuses = def.statuses.map(|path| statuses(kind, def, path, row));
        let status_leaves = statuses.as_ref().map(|(_, statuses)| leaves(statuses.item)).unwrap_or_default();
        let printed = kind.custom.unwrap_or_default();
        let words = |leaves: &[Leaf]| leaves.iter().map(|leaf| leaf.words.clone()).collect::<Vec<_>>();
        let fields = TableFields {
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
        let row_field = |fields: Vec<u16>| match last {
            Some(depth) => Place::Item { depth, fields },
            None => Place::Object(fields),
        };
        let object_field = |field: &str| Place::Object(numbers(kind.root, &["metadata", field]));
        let text = Values::Scalar(Scalar::Text);
        let mut columns: Vec<Column> = names::columns(&fields, &exceptions)
            .into_iter()
            .map(|column| {
                let (values, place) = match column.origin {
                    Origin::Cluster => (text, Place::Cluster),
                    Origin::Namespace => (text, object_field("namespace")),
                    Origin::Name => (text, object_field("name")),
                    Origin::Uid => (text, object_field("uid")),
                    Origin::ItemKey(depth) => {
                        let fields = lists[depth].step.key.map(|key| numbers(lists[depth].nested.item, &[key]));
                        (text, Place::Item { depth, fields: fields.unwrap_or_default() })
                    }
                    Origin::ItemIndex(depth) => (Values::Scalar(Scalar::Int32), Place::Index { depth }),
                    Origin::Leaf(i) => (own[i].values, row_field(own[i].fields.clone())),
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
        if let Some(object) = columns.iter().position(|column| column.place == Place::Json) {
            let printed =
                kubectl::columns(kind).iter().filter(|(name, _)| columns.iter().all(|column| column.name != *name));
            let column = |&(name, scalar): &(&'static str, Option<Scalar>)| Column {
                name: name.to_owned(),
                values: scalar.map_or(Values::Interval, Values::Scalar),
                place: Place::Kubectl(name),
                path: String::new(),
            };
            let printed: Vec<Column> = printed.map(column).collect();
            columns.splice(object..object, printed);
        }
        let conditions = conditions(row).map(|(fields, item)| Conditions { place: row_field(fields), item });
        let lists = lists.into_iter().map(|list| list.nested).collect();
        let statuses = statuses.map(|(_, statuses)| statuses);
        Self { kind, def, columns, lists, statuses, conditions, paths: OnceLock::new() }
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
            // If an object or a list has values of other shapes, their column has its path.
            let main = of.fields.iter().find(|main| main.other == Some(number));
            let hidden = main.filter(|main| matches!(main.shape, Shape::Object(_) | Shape::List(_)));
            words.push(hidden.map_or(field.json, |main| main.json));
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

/// A list on the path to a table's rows, with its names.
struct List {
    step: ListStep<'static>,
    nested: NestedList,
}

/// The lists on the path to a table's rows.
fn lists(kind: &'static KindDef, def: &TableDef) -> Vec<List> {
    let mut found = Vec::new();
    let mut of = kind.root;
    let mut fields = Vec::new();
    let mut displayed = String::new();
    let mut path = String::new();
    for word in split(def.path) {
        let (number, inner, is_list) = step(of, &word, def);
        fields.push(number);
        join(&mut path, '/', &slashed(&[&word]));
        join(&mut displayed, '.', &dotted(&[&word]));
        let word = of.fields[usize::from(number)].json;
        of = inner;
        if is_list {
            displayed.push_str("[]");
            // A list of statuses has no table of its own: its items have the name of the main list's.
            let table = kind.tables.iter().find(|table| table.path == path || table.statuses == Some(&path));
            let (item, key) = table.map_or((word, None), |table| (table.item, table.key));
            let step = ListStep { path: displayed.clone(), item, key };
            found.push(List { step, nested: NestedList { fields: std::mem::take(&mut fields), item: of } });
        }
    }
    found
}

/// The list of statuses at a path: its displayed path, and its position from the enclosing item.
fn statuses(kind: &'static KindDef, def: &TableDef, path: &'static str, row: &'static TypeDef) -> (String, Statuses) {
    let mut of = kind.root;
    let mut fields = Vec::new();
    let mut displayed = String::new();
    for word in split(path) {
        if displayed.ends_with(']') {
            fields.clear();
        }
        let (number, inner, is_list) = step(of, &word, def);
        fields.push(number);
        join(&mut displayed, '.', &dotted(&[&word]));
        if is_list {
            displayed.push_str("[]");
        }
        of = inner;
    }
    let key = def.key.unwrap_or("name");
    let number = |of: &TypeDef| of.field(key).map_or(0, |(number, _)| number);
    (displayed, Statuses { fields, item: of, key: number(of), row_key: number(row) })
}

fn join(path: &mut String, by: char, word: &str) {
    if !path.is_empty() {
        path.push(by);
    }
    path.push_str(word);
}

/// The field `word` of a type: its number, its type, and whether it is a list.
fn step(of: &'static TypeDef, word: &str, def: &TableDef) -> (u16, &'static TypeDef, bool) {
    match of.field(word) {
        Some((number, super::FieldDef { shape: Shape::Object(inner), .. })) => (number, inner, false),
        Some((number, super::FieldDef { shape: Shape::List(inner), .. })) => (number, inner, true),
        _ => panic!("{}: no list or object `{word}` in {}", def.name, of.name),
    }
}

/// The field numbers of a path through objects; empty if the type does not have it.
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

/// The list of conditions: a list `conditions`, at the top or in `status`, whose items have a type and a status.
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

    /// The runtime derives the same names and fields as the generator.
    #[test]
    fn tables_match_the_generated_listing() {
        let listing = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas/tables.tsv"));
        let mut expected = listing.lines().skip(1);
        for kind in KINDS {
            let schema = if kind.group.is_empty() { "core" } else { kind.group };
            for def in kind.tables {
                let columns = Table::new(kind, def).columns.into_iter();
                for column in columns.filter(|column| !matches!(column.place, Place::Kubectl(_))) {
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
        Table::new(kind, kind.tables.iter().find(|table| table.name == name).unwrap())
    }

    #[test]
    fn containers_are_merged_with_their_statuses() {
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
    fn nested_lists_are_relative_to_their_items() {
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
    fn conditions_are_found() {
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
