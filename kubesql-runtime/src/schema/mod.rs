//! The definitions of types, kinds and tables: static data that the generator writes.
//!
//! Kinds that are learnt at run time are interned into the same static form.

pub mod table;

pub use table::{Column, Conditions, Place, Table, Values};

/// An OpenAPI object type: its fields, sorted by JSON name.
#[derive(Debug)]
pub struct TypeDef {
    /// Definition name, `io.k8s.api.core.v1.PodSpec`.
    pub name: &'static str,
    /// Sorted by JSON name (byte order); a field's position is its number in paths.
    pub fields: &'static [FieldDef],
}

/// A field of a type.
#[derive(Debug, Clone, Copy)]
pub struct FieldDef {
    /// As in JSON, `nodeName`.
    pub json: &'static str,
    /// What its values look like.
    pub shape: Shape,
}

/// What a field's values look like, and so which columns they go to.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// One value.
    Scalar(Scalar),
    /// Another type.
    Object(&'static TypeDef),
    /// A list of objects: a table of its own.
    List(&'static TypeDef),
    /// A list of scalars: an Arrow List. `Scalar::Json` stands for lists of anything else.
    Scalars(Scalar),
    /// A map: an Arrow Map, and a column a key.
    Map(MapValue),
}

/// A single value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scalar {
    /// UTF-8 text.
    Text,
    /// True or false.
    Bool,
    /// 32 bits.
    Int32,
    /// 64 bits.
    Int64,
    /// float64.
    Float,
    /// RFC 3339 in JSON, microseconds since 1970 in UTC in columns.
    Time,
    /// A number or text in JSON, text in columns.
    IntOrString,
    /// A Kubernetes quantity, float64 in columns.
    Quantity,
    /// Anything, as JSON text.
    Json,
}

/// The values of a map. All are stored as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MapValue {
    /// Text, and other scalars as they are written.
    Text,
    /// Kubernetes quantities, as written; the column of a key is a number.
    Quantity,
    /// Lists, objects, anything: JSON text.
    Json,
}

/// A kind of object that can be listed.
#[derive(Debug)]
pub struct KindDef {
    /// API group, empty for the core group.
    pub group: &'static str,
    /// The version that the tables were made from.
    pub version: &'static str,
    /// All versions known, that one first.
    pub versions: &'static [&'static str],
    /// `Deployment`.
    pub kind: &'static str,
    /// `deployments`.
    pub plural: &'static str,
    /// `deployment`.
    pub singular: &'static str,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// The type of its objects.
    pub root: &'static TypeDef,
    /// Its own table first, then those of its lists.
    pub tables: &'static [TableDef],
}

/// A table: a kind's objects, or the items of one of its lists.
#[derive(Debug)]
pub struct TableDef {
    /// `containers`.
    pub name: &'static str,
    /// JSON field names from the object to the list; empty for the kind's own table.
    pub path: &'static [&'static str],
    /// A list of statuses merged into the rows by name (`status.containerStatuses`).
    pub statuses: Option<&'static [&'static str]>,
    /// The name of one item, for key columns of the lists inside it: `container`.
    pub item: &'static str,
    /// The item's field that tells items apart (`name`), where it has one.
    pub key: Option<&'static str>,
    /// Whether `SHOW TABLES` lists it in the default schema.
    pub listed: bool,
    /// Columns whose names are not what the rules alone would give: (path, name).
    pub names: &'static [(&'static str, &'static str)],
}
