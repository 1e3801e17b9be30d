//! Segments of columns, snapshots of them, and the [`Source`] interface. Knows neither JSON nor SQL.

mod derived;
mod error;
pub mod live_table;
mod publish_lock;
mod row_sources;
mod segment_stream;
mod selection;
pub mod source;

pub use derived::DerivedColumns;
pub use error::{Missing, SourceError, Warning};
pub use publish_lock::PublishLock;
pub use row_sources::RowSources;
pub use segment_stream::{SegmentStream, SegmentStreamWriter};
pub use selection::Selection;
pub use source::{
    ClusterState, ClusterStatus, DiscoveryScope, KindRequest, Request, Snapshot, Source, Status, WatchState,
    WatchStatus,
};

use std::sync::Arc;

use arrow::array::BooleanBufferBuilder;
use arrow::buffer::BooleanBuffer;

pub use crate::flatten::RawObjects;
use crate::flatten::{ColumnGroup, Flattened};
use crate::schema::KindDef;

/// Objects of one kind from one cluster, in columns. Immutable: when rows die, a new segment is made that shares
/// everything but `alive`.
#[derive(Debug, Clone)]
pub struct Segment {
    /// The cluster's name.
    pub cluster: Arc<str>,
    /// The kind of its objects.
    pub kind: &'static KindDef,
    /// The columns of the kind's root type.
    pub columns: Arc<ColumnGroup>,
    /// A bit for each row, set if the row is alive; `None` if all rows are.
    pub alive: Option<BooleanBuffer>,
    /// The objects' JSON text without managedFields; `None` if it was not requested.
    pub objects: Option<Arc<RawObjects>>,
    /// The files and lines of the rows; `None` for objects that are not from files.
    pub sources: Option<Arc<RowSources>>,
    /// Cached columns that are derived from `columns`.
    pub derived: Arc<DerivedColumns>,
}

impl Segment {
    /// Makes a segment of finished rows; rows of malformed objects are dead.
    #[must_use]
    pub fn new(cluster: &Arc<str>, kind: &'static KindDef, flattened: Flattened, objects: Option<RawObjects>) -> Self {
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
            sources: None,
            derived: Arc::default(),
        }
    }
}
