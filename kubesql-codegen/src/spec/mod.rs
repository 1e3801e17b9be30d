//! Reads API documents and reduces them to the structure that matters for tables.
//!
//! Upstream documents, Swagger 2.0 or OpenAPI 3.0, are reduced to one structural document for each release ([`import`]).
//! The generator reads only structural documents ([`Release::parse`]) and custom resource definitions
//! ([`Crd::from_object`]).

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
pub use union::{Conflict, References, canonical, merge, widen};

/// The definition of object metadata, to which custom resources refer.
pub const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/// An extension of a path in the structural document: whether its objects are namespaced.
const NAMESPACED: &str = "x-kubesql-namespaced";
/// An extension of a path in the structural document: the supported verbs.
const VERBS: &str = "x-kubesql-verbs";

/// A Kubernetes release or server: the kinds that can be listed, and all schemas that they use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Release {
    /// `v1.35`.
    pub version: String,
    /// Sorted by group, version and kind.
    pub resources: Vec<Resource>,
    /// By definition name, `io.k8s.api.core.v1.Pod`.
    pub schemas: BTreeMap<String, Schema>,
}

/// A kind that can be listed, in one version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resource {
    /// The API group; empty for the core group.
    pub group: String,
    /// The API version, `v1`, `v1beta1`.
    pub version: String,
    /// `Deployment`.
    pub kind: String,
    /// `deployments`.
    pub plural: String,
    /// Whether its objects are namespaced.
    pub namespaced: bool,
    /// `create`, `delete`, `deletecollection`, `get`, `list`, `patch`, `update`, `watch`; sorted.
    pub verbs: Vec<String>,
    /// The key of its schema in [`Release::schemas`].
    pub schema: String,
}

/// A schema reduced to its structure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schema {
    /// A reference to a definition, by name.
    Ref(String),
    /// An object. An object without `properties` and `additional` is free-form.
    Object {
        /// The declared fields.
        properties: BTreeMap<String, Schema>,
        /// The schema of undeclared fields, which makes it a map.
        additional: Option<Box<Schema>>,
        /// `x-kubernetes-preserve-unknown-fields`.
        preserve_unknown: bool,
    },
    /// A list.
    Array(Box<Schema>),
    /// Text, with its format (`byte`, `date-time`) if it has one.
    String(Option<String>),
    /// An integer, with its format (`int32`, `int64`) if it has one.
    Integer(Option<String>),
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// An integer or text: `x-kubernetes-int-or-string`, or the type `IntOrString`.
    IntOrString,
    /// Any JSON value.
    Any,
    /// Values of this schema, and values of other shapes. Only a field's schema: the others have a field of their own.
    Either(Box<Schema>),
}

#[cfg(test)]
mod tests;
