//! Segments of columns and snapshots of them. Knows nothing of JSON or SQL.

mod derived;
mod instant;
pub mod mirror;
pub mod source;

pub use derived::Derived;
pub use instant::Instants;
pub use source::{
    ClusterState, ClusterStatus, KindRequest, Missing, Request, Snapshot, Source, SourceError, Status, Warning,
    WatchState, WatchStatus,
};

use std::sync::Arc;

use arrow::buffer::BooleanBuffer;

use crate::flatten::Group;
pub use crate::flatten::Objects;
use crate::schema::KindDef;

/// Objects of one kind from one cluster, in columns; never changed once made. Where rows die later, another segment
/// shares all but `alive`.
#[derive(Debug, Clone)]
pub struct Segment {
    /// The cluster's name.
    pub cluster: Arc<str>,
    /// What its objects are.
    pub kind: &'static KindDef,
    /// The columns of the kind's root type.
    pub columns: Arc<Group>,
    /// The rows that count; `None` when all do.
    pub alive: Option<BooleanBuffer>,
    /// The objects as JSON text without managedFields, where they were asked for.
    pub objects: Option<Arc<Objects>>,
    /// What was derived from the columns so far.
    pub derived: Arc<Derived>,
}
