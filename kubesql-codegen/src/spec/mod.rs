//! What the documents say, in the few shapes that matter for tables.
//!
//! This room reads; it gives no names and makes no tables. Upstream documents, Swagger 2.0 or
//! OpenAPI 3.0, are reduced to one structural document a release ([`import`]); all else works
//! from those ([`Release::parse`]). Custom resource definitions are read one by one ([`Crd::read`]).

use std::collections::BTreeMap;

mod crd;
mod custom;
mod error;
mod import;
mod release;
mod source;
mod structure;
mod union;

pub use crd::{Crd, CrdVersion, PrinterColumn};
pub use custom::QUANTITY;
pub use error::SpecError;
pub use import::{Imported, find_release, import};
pub use source::Input;
pub use union::{canonical, widen};

/// The definition of what all objects have, which custom resources refer to.
pub const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/// On a path of the structural document: whether its objects live in namespaces.
const NAMESPACED: &str = "x-kubesql-namespaced";
/// On a path of the structural document: what can be done with its objects.
const VERBS: &str = "x-kubesql-verbs";

/// One Kubernetes release (or one server): the kinds that can be listed and every schema they reach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Release {
    /// `v1.35`.
    pub version: String,
    /// Sorted by group, version and kind.
    pub resources: Vec<Resource>,
    /// Keyed by definition name, `io.k8s.api.core.v1.Pod`.
    pub schemas: BTreeMap<String, Schema>,
}

/// A kind that can be listed, in one version of its group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resource {
    /// API group, empty for the core group.
    pub group: String,
    /// API version, `v1`, `v1beta1`.
    pub version: String,
    /// `Deployment`.
    pub kind: String,
    /// `deployments`.
    pub plural: String,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// `create`, `delete`, `deletecollection`, `get`, `list`, `patch`, `update`, `watch`: sorted.
    pub verbs: Vec<String>,
    /// The key of its schema in [`Release::schemas`].
    pub schema: String,
}

/// A schema reduced to its structure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schema {
    /// Another definition, by name.
    Ref(String),
    /// Properties by name. `additional` is the schema of a map's values; an object with neither is free-form.
    Object {
        /// Declared fields.
        properties: BTreeMap<String, Schema>,
        /// Schema of the values of undeclared keys (a map).
        additional: Option<Box<Schema>>,
        /// `x-kubernetes-preserve-unknown-fields`.
        preserve_unknown: bool,
    },
    /// A list.
    Array(Box<Schema>),
    /// Text, with its format (`byte`, `date-time`) where it has one.
    String(Option<String>),
    /// A whole number, with its format (`int32`, `int64`).
    Integer(Option<String>),
    /// A number that may have a fraction.
    Number,
    /// True or false.
    Boolean,
    /// `x-kubernetes-int-or-string`, or the named type `IntOrString`.
    IntOrString,
    /// No type at all: any JSON value.
    Any,
}

#[cfg(test)]
mod tests;
