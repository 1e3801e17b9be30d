//! The model: types, kinds and tables as plain data. All decisions are made here; `emit` only writes.

mod printed;
mod shape;
mod tables;
mod types;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use shape::{MapValue, Scalar, Shape, Type};
pub use tables::leaves;
pub use types::Stability;

use crate::names::{self, Chosen, Lock};
use crate::spec::{Crd, Release};

/// All types and kinds of all releases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Model {
    /// By definition name, `io.k8s.api.core.v1.PodSpec`. Only types that a kind uses.
    pub types: BTreeMap<String, Type>,
    /// Sorted by group and kind.
    pub kinds: Vec<Kind>,
}

/// A kind that can be listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind {
    /// The API group; empty for the core group.
    pub group: String,
    /// `Deployment`.
    pub kind: String,
    /// All versions in any release. The first is the newest of the most stable ones, from which the tables are derived.
    pub versions: Vec<String>,
    /// `deployments`.
    pub plural: String,
    /// `deployment`.
    pub singular: String,
    /// Whether its objects are namespaced.
    pub namespaced: bool,
    /// The definition name of its type.
    pub root: String,
    /// The printer columns of a custom resource; `None` for built-in kinds.
    pub custom: Option<Vec<Printed>>,
    /// The kind's own table, then the tables of its lists in path order.
    pub tables: Vec<Table>,
}

/// A printer column: a column that `kubectl get` prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Printed {
    /// In lower case, `ready`.
    pub name: String,
    /// `.status.conditions[?(@.type=="Ready")].status`.
    pub path: String,
    /// The type of its values.
    pub scalar: Scalar,
}

/// The table of a kind or of one of its lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// `deployment_containers`.
    pub name: String,
    /// The JSON field names from the object to the list; empty for the kind's own table.
    pub path: Vec<String>,
    /// The path of the list of statuses that is merged into the rows by name.
    pub statuses: Option<Vec<String>>,
    /// The name of an item, `container`.
    pub item: String,
    /// The field that identifies an item, if there is one.
    pub key: Option<String>,
    /// Whether `SHOW TABLES` lists it in the default schema.
    pub listed: bool,
    /// In the order of `select *`.
    pub columns: Vec<Column>,
    /// Columns with a name other than the rules give: pairs of path and name.
    pub exceptions: Vec<(String, String)>,
}

/// A fixed column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// `nodename`.
    pub name: String,
    /// The path, `spec.nodeName`, as in [`leaves`].
    pub path: String,
    /// The shape of its values: never an object or a list of objects.
    pub shape: Shape,
}

/// Why no model can be derived.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The schema of a kind is not an object.
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
    /// A definition refers to another that does not exist.
    #[error("{from}: refers to `{to}`, which is not defined")]
    MissingType {
        /// The definition and field that refers.
        from: String,
        /// The missing definition.
        to: String,
    },
    /// Names conflict, or a chosen name cannot be used.
    #[error(transparent)]
    Names(#[from] names::NamesError),
}

/// Builds the model of all releases, oldest first, and of custom resources.
///
/// Locked names are kept. New fields get names by the rules, but never a name that is locked for another field. New names
/// are added to the lock.
///
/// # Errors
/// A definition is missing, a kind has no fields, or names conflict.
pub fn build(releases: &[Release], crds: &[Crd], chosen: &Chosen, lock: &mut Lock) -> Result<Model, ModelError> {
    let (mut types, roots) = types::merge_all(releases, crds, chosen)?;
    let mut kinds = Vec::new();
    for root in roots {
        kinds.push(tables::kind(&types, root, chosen, lock)?);
    }
    types::retain_used(&mut types, kinds.iter().map(|kind| kind.root.as_str()));
    tables::check_unique(&kinds)?;
    Ok(Model { types, kinds })
}

/// The rank of an API version by stability and age.
#[must_use]
pub fn stability(version: &str) -> Stability {
    Stability::from_version(version)
}
