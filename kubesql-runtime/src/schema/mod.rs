//! The definitions of types, kinds and tables: static data that the generator writes.
//!
//! Kinds that are learnt at run time are interned into the same static form.

mod learnt;
pub mod table;

pub use learnt::{Learnt, LearntKind};
pub use table::{Column, Conditions, ListAt, Place, Statuses, Table, Values};

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
    /// What `kubectl get` prints of a custom resource; `None` for kinds that Kubernetes itself brings.
    pub custom: Option<&'static [PrintedDef]>,
    /// Its own table first, then those of its lists.
    pub tables: &'static [TableDef],
}

/// What `kubectl get` prints in a column: a column of the kind's own table, where its name is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrintedDef {
    /// In lower case, `ready`.
    pub name: &'static str,
    /// `.status.conditions[?(@.type=="Ready")].status`.
    pub path: &'static str,
    /// What it leads to.
    pub scalar: Scalar,
}

/// A table: a kind's objects, or the items of one of its lists.
#[derive(Debug)]
pub struct TableDef {
    /// `containers`.
    pub name: &'static str,
    /// JSON field names from the object to the list, joined by `/` as in a JSON pointer (`spec/containers`); empty for the
    /// kind's own table.
    pub path: &'static str,
    /// The path of a list of statuses merged into the rows by name (`status/containerStatuses`).
    pub statuses: Option<&'static str>,
    /// The name of one item, for key columns of the lists inside it: `container`.
    pub item: &'static str,
    /// The item's field that tells items apart (`name`), where it has one.
    pub key: Option<&'static str>,
    /// Whether `SHOW TABLES` lists it in the default schema.
    pub listed: bool,
    /// Columns whose names are not what the rules alone would give: (path, name).
    pub names: &'static [(&'static str, &'static str)],
}

impl TableDef {
    /// The table of the list at `path`, whose items are called `item`.
    #[must_use]
    pub const fn new(name: &'static str, path: &'static str, item: &'static str) -> Self {
        Self { name, path, statuses: None, item, key: None, listed: false, names: &[] }
    }

    /// Its items are told apart by this field.
    #[must_use]
    pub const fn key(mut self, key: &'static str) -> Self {
        self.key = Some(key);
        self
    }

    /// `SHOW TABLES` lists it.
    #[must_use]
    pub const fn listed(mut self) -> Self {
        self.listed = true;
        self
    }

    /// The statuses at this path are merged into its rows.
    #[must_use]
    pub const fn statuses(mut self, path: &'static str) -> Self {
        self.statuses = Some(path);
        self
    }

    /// Columns (path, name) that the rules alone would name otherwise.
    #[must_use]
    pub const fn names(mut self, names: &'static [(&'static str, &'static str)]) -> Self {
        self.names = names;
        self
    }
}

/// A field's definition, in few letters for generated code.
#[must_use]
pub const fn field(json: &'static str, shape: Shape) -> FieldDef {
    FieldDef { json, shape }
}

/// The definition of what is printed, in few letters for generated code.
#[must_use]
pub const fn printed(name: &'static str, path: &'static str, scalar: Scalar) -> PrintedDef {
    PrintedDef { name, path, scalar }
}

impl TypeDef {
    /// A field and its number.
    #[must_use]
    pub fn field(&self, json: &str) -> Option<(u16, &'static FieldDef)> {
        let at = self.fields.binary_search_by(|field| field.json.cmp(json)).ok()?;
        Some((u16::try_from(at).ok()?, &self.fields[at]))
    }
}
