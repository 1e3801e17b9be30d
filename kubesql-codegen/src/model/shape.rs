//! The shapes of fields.

use std::collections::BTreeMap;

/// The fields of an object type, by JSON name.
pub type Type = BTreeMap<String, Shape>;

/// The shape of a field's values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    /// A scalar.
    Scalar(Scalar),
    /// A nested object: the name of its type.
    Object(String),
    /// A list of objects, which has a table of its own: the name of the items' type.
    List(String),
    /// A list of scalars.
    Scalars(Scalar),
    /// A map, whose keys are columns.
    Map(MapValue),
    /// The values of another field that do not have its shape, as JSON text: the name of that field.
    Other(String),
}

/// The type of a scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
    /// A point in time.
    Time,
    /// A number or text, stored as text.
    IntOrString,
    /// A Kubernetes quantity.
    Quantity,
    /// Any value, stored as JSON text.
    Json,
}

/// The type of a map's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MapValue {
    /// Scalars, stored as text.
    Text,
    /// Kubernetes quantities.
    Quantity,
    /// Other values, stored as JSON text.
    Json,
}
