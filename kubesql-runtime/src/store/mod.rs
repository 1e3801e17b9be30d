//! Segments of columns and snapshots of them. Knows nothing of JSON or SQL.

mod derived;
mod feed;
mod instant;
pub mod mirror;
mod selection;
pub mod source;

pub use derived::Derived;
pub use feed::{Feed, FeedWriter};
pub use instant::Instants;
pub use selection::Selection;
pub use source::{
    ClusterState, ClusterStatus, KindRequest, Missing, Request, Snapshot, Source, SourceError, Status, Wanted, Warning,
    WatchState, WatchStatus,
};

use std::sync::Arc;

use arrow::array::BooleanBufferBuilder;
use arrow::buffer::BooleanBuffer;

pub use crate::flatten::Objects;
use crate::flatten::{Flattened, Group};
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

impl Segment {
    /// Finished rows of objects as a segment, with the objects' text where it is wanted.
    #[must_use]
    pub fn new(cluster: &Arc<str>, kind: &'static KindDef, flattened: Flattened, objects: Option<Objects>) -> Self {
        let Flattened { columns, dead, .. } = flattened;
        let alive = (!dead.is_empty()).then(|| {
            let mut alive = BooleanBufferBuilder::new(columns.rows);
            alive.append_n(columns.rows, true);
            for row in dead {
                alive.set_bit(row, false);
            }
            alive.finish()
        });
        Self {
            cluster: Arc::clone(cluster),
            kind,
            columns: Arc::new(columns),
            alive,
            objects: objects.map(Arc::new),
            derived: Arc::default(),
        }
    }
}
