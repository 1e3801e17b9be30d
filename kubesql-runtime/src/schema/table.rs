//! A table's columns, worked out from its definition by the naming rules.

use super::{KindDef, MapValue, Scalar, TableDef};

/// A table with its columns.
#[derive(Debug)]
pub struct Table {
    /// The kind that its rows come from.
    pub kind: &'static KindDef,
    /// Its definition.
    pub def: &'static TableDef,
    /// In the order of `select *`; `object` (the last one, only in a kind's own table) is not part of `*`.
    pub columns: Vec<Column>,
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
    /// The object as JSON text.
    Json,
}

/// A list of conditions in the row: each type makes the columns `<type in lower case>.<field in lower case>`.
#[derive(Debug, Clone)]
pub struct Conditions {
    /// Where the list lies.
    pub place: Place,
    /// Its item's type.
    pub item: &'static super::TypeDef,
}
