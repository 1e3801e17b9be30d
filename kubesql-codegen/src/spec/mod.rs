//! What the documents say, in the few shapes that matter for tables.
//!
//! This room reads; it gives no names and makes no tables.

use std::collections::BTreeMap;

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
    /// `create`, `delete`, `get`, `list`, `patch`, `update`, `watch`: sorted.
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
