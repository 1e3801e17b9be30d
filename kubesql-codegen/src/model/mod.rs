//! Types, kinds and their tables as plain data: everything that is decided, nothing that is written.

mod printed;
mod tables;
mod types;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use tables::leaves;
pub use types::Stability;

use crate::names::{self, Chosen, Lock};
use crate::spec::{Crd, Release};

/// All types and kinds of all releases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Model {
    /// By definition name, `io.k8s.api.core.v1.PodSpec`; only what a kind reaches.
    pub types: BTreeMap<String, Type>,
    /// Sorted by group and kind.
    pub kinds: Vec<Kind>,
}

/// The fields of an object type, by JSON name.
pub type Type = BTreeMap<String, Shape>;

/// What a field's values look like.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    /// One value.
    Scalar(Scalar),
    /// Another type, by definition name.
    Object(String),
    /// A list of objects of a type: a table of its own.
    List(String),
    /// A list of single values.
    Scalars(Scalar),
    /// A map; its keys are columns.
    Map(MapValue),
}

/// A single value.
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
    /// A float64.
    Float,
    /// A point in time.
    Time,
    /// A number or text, kept as text.
    IntOrString,
    /// A Kubernetes quantity.
    Quantity,
    /// Anything, kept as JSON text.
    Json,
}

/// The values of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MapValue {
    /// Single values, kept as text.
    Text,
    /// Kubernetes quantities.
    Quantity,
    /// Anything else, kept as JSON text.
    Json,
}

/// A kind that can be listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind {
    /// API group, empty for the core group.
    pub group: String,
    /// `Deployment`.
    pub kind: String,
    /// All versions seen in any release, the most stable newest one (which the tables follow) first.
    pub versions: Vec<String>,
    /// `deployments`.
    pub plural: String,
    /// `deployment`.
    pub singular: String,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// Definition name of its type.
    pub root: String,
    /// What `kubectl get` prints of a custom resource; `None` for kinds that Kubernetes itself brings.
    pub custom: Option<Vec<Printed>>,
    /// Its own table first, then those of its lists in path order.
    pub tables: Vec<Table>,
}

/// What `kubectl get` prints in a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Printed {
    /// In lower case, `ready`.
    pub name: String,
    /// `.status.conditions[?(@.type=="Ready")].status`.
    pub path: String,
    /// What it leads to.
    pub scalar: Scalar,
}

/// The table of a kind or of one of its lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// `deployment_containers`.
    pub name: String,
    /// JSON field names from the object to the list; empty for the kind's own.
    pub path: Vec<String>,
    /// The list of statuses that is merged into the rows by name.
    pub statuses: Option<Vec<String>>,
    /// One item's name, `container`.
    pub item: String,
    /// The item's field that tells items apart.
    pub key: Option<String>,
    /// Whether `SHOW TABLES` lists it in the default schema.
    pub listed: bool,
    /// In the order of `select *`.
    pub columns: Vec<Column>,
    /// The columns (path, name) that the rules alone would name otherwise.
    pub exceptions: Vec<(String, String)>,
}

/// A fixed column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// `nodename`.
    pub name: String,
    /// As in [`leaves`], `spec.nodeName`.
    pub path: String,
    /// What it holds: never an object or a list of objects.
    pub shape: Shape,
}

/// Why no model can be made of the documents.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// A kind that can be listed has no object type.
    #[error("{group}/{version} {kind}: its schema `{schema}` is not an object with fields")]
    NotAnObject {
        /// API group.
        group: String,
        /// API version.
        version: String,
        /// Kind.
        kind: String,
        /// Definition name.
        schema: String,
    },
    /// A definition that another one names is not in the document.
    #[error("{from}: refers to `{to}`, which no document defines")]
    MissingType {
        /// The definition and field.
        from: String,
        /// The missing definition.
        to: String,
    },
    /// A name that people chose cannot be given.
    #[error(transparent)]
    Names(#[from] names::NamesError),
}

/// Makes the model of the union of all releases, oldest first, and of custom resources.
///
/// Names are those of the lock; new fields get names by the rules, without ever taking a
/// name that was given before. The lock is brought up to date.
///
/// # Errors
/// A definition that is missing, a kind without fields, or a chosen name that clashes.
pub fn build(releases: &[Release], crds: &[Crd], chosen: &Chosen, lock: &mut Lock) -> Result<Model, ModelError> {
    let (mut types, roots) = types::union(releases, crds, chosen)?;
    let mut kinds = Vec::new();
    for root in roots {
        kinds.push(tables::kind(&types, root, chosen, lock)?);
    }
    types::retain_reached(&mut types, kinds.iter().map(|kind| kind.root.as_str()));
    tables::check_unique(&kinds)?;
    Ok(Model { types, kinds })
}

/// How stable and new a version is, beside others of its kind.
#[must_use]
pub fn stability(version: &str) -> Stability {
    Stability::of(version)
}
