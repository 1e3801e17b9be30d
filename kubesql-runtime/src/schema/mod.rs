//! Definitions of types, kinds and tables. They are static data, written by the generator or interned at run time.

mod discovered;
pub mod kubectl;
mod paths;
mod short_names;
pub mod table;

pub use discovered::{DiscoveredKind, DiscoveredKinds};
pub use short_names::short_names;
pub use table::{Column, Conditions, NestedList, Place, Statuses, Table, Values};

/// An OpenAPI object type: its fields, sorted by JSON name.
#[derive(Debug)]
pub struct TypeDef {
    /// The name of its OpenAPI definition, `io.k8s.api.core.v1.PodSpec`.
    pub name: &'static str,
    /// Sorted by JSON name in byte order. A field's index is its number in paths.
    pub fields: &'static [FieldDef],
}

/// A field of a type.
#[derive(Debug, Clone, Copy)]
pub struct FieldDef {
    /// The JSON name, `nodeName`.
    pub json: &'static str,
    /// The shape of its values.
    pub shape: Shape,
    /// The number of the field that holds its values of other shapes as JSON text, if versions of the kind disagree on
    /// the shape. Objects have no field with the name of that one.
    pub other: Option<u16>,
}

impl FieldDef {
    /// Sets the number of the field that holds values of other shapes.
    #[must_use]
    pub const fn other(mut self, number: u16) -> Self {
        self.other = Some(number);
        self
    }
}

/// The shape of a field's values, which determines its columns.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// A scalar.
    Scalar(Scalar),
    /// A nested object.
    Object(&'static TypeDef),
    /// A list of objects, which has a table of its own.
    List(&'static TypeDef),
    /// A list of scalars, an Arrow `List`. Lists of anything else have the items `Scalar::Json`.
    Scalars(Scalar),
    /// A map, an Arrow `Map` with a column for each key.
    Map(MapValue),
}

/// The type of a scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scalar {
    /// UTF-8 text.
    Text,
    /// True or false.
    Bool,
    /// A 32-bit integer.
    Int32,
    /// A 64-bit integer.
    Int64,
    /// A double.
    Float,
    /// A time: RFC 3339 in JSON, microseconds since 1970 in UTC in columns.
    Time,
    /// A number or text in JSON; text in columns.
    IntOrString,
    /// A Kubernetes quantity; a double in columns.
    Quantity,
    /// Any value, as JSON text.
    Json,
}

/// The type of a map's values. All are stored as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MapValue {
    /// Text, and other scalars as they are written.
    Text,
    /// Kubernetes quantities as they are written. The column of a key is a number.
    Quantity,
    /// Any values, as JSON text.
    Json,
}

/// A kind of object that can be listed.
#[derive(Debug)]
pub struct KindDef {
    /// API group, empty for the core group.
    pub group: &'static str,
    /// The version that the tables are derived from.
    pub version: &'static str,
    /// All known versions; the first is `version`.
    pub versions: &'static [&'static str],
    /// `Deployment`.
    pub kind: &'static str,
    /// `deployments`.
    pub plural: &'static str,
    /// `deployment`.
    pub singular: &'static str,
    /// Whether its objects are namespaced.
    pub namespaced: bool,
    /// The type of its objects.
    pub root: &'static TypeDef,
    /// The printer columns of a custom resource; `None` for built-in kinds.
    pub custom: Option<&'static [PrintedDef]>,
    /// The kind's own table, then the tables of its lists.
    pub tables: &'static [TableDef],
}

/// A printer column: a column that `kubectl get` prints. It is a column of the kind's own table if its name is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrintedDef {
    /// In lower case, `ready`.
    pub name: &'static str,
    /// `.status.conditions[?(@.type=="Ready")].status`.
    pub path: &'static str,
    /// The type of its values.
    pub scalar: Scalar,
}

/// A table: a kind's objects, or the items of one of its lists.
#[derive(Debug)]
pub struct TableDef {
    /// `containers`.
    pub name: &'static str,
    /// The JSON field names from the object to the list, joined and escaped as in a JSON pointer (`spec/containers`);
    /// empty for the kind's own table.
    pub path: &'static str,
    /// The path of the list of statuses that is merged into the rows by name (`status/containerStatuses`).
    pub statuses: Option<&'static str>,
    /// The name of an item, `container`. It names the key columns of tables of nested lists.
    pub item: &'static str,
    /// The field that identifies an item (`name`), if there is one.
    pub key: Option<&'static str>,
    /// Whether `SHOW TABLES` lists it in the default schema.
    pub listed: bool,
    /// Columns with a name other than the rules give: pairs of path and name.
    pub names: &'static [(&'static str, &'static str)],
}

impl TableDef {
    /// The table of the list at `path`, whose items are called `item`.
    #[must_use]
    pub const fn new(name: &'static str, path: &'static str, item: &'static str) -> Self {
        Self { name, path, statuses: None, item, key: None, listed: false, names: &[] }
    }

    /// Sets the field that identifies an item.
    #[must_use]
    pub const fn key(mut self, key: &'static str) -> Self {
        self.key = Some(key);
        self
    }

    /// Lists the table in `SHOW TABLES`.
    #[must_use]
    pub const fn listed(mut self) -> Self {
        self.listed = true;
        self
    }

    /// Merges the list of statuses at this path into the rows.
    #[must_use]
    pub const fn statuses(mut self, path: &'static str) -> Self {
        self.statuses = Some(path);
        self
    }

    /// Sets the names of columns that differ from the rules: pairs of path and name.
    #[must_use]
    pub const fn names(mut self, names: &'static [(&'static str, &'static str)]) -> Self {
        self.names = names;
        self
    }
}

/// A field's definition. Short, for generated code.
#[must_use]
pub const fn field(json: &'static str, shape: Shape) -> FieldDef {
    FieldDef { json, shape, other: None }
}

/// A printer column's definition. Short, for generated code.
#[must_use]
pub const fn printed(name: &'static str, path: &'static str, scalar: Scalar) -> PrintedDef {
    PrintedDef { name, path, scalar }
}

impl TypeDef {
    /// Finds a field and its number by the field's JSON name.
    #[must_use]
    pub fn field(&self, json: &str) -> Option<(u16, &'static FieldDef)> {
        let at = self.fields.binary_search_by(|field| field.json.cmp(json)).ok()?;
        Some((u16::try_from(at).ok()?, &self.fields[at]))
    }
}
