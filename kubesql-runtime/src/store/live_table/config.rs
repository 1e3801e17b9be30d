//! The configuration of a live table.

use std::sync::Arc;

use super::mutable_segment::MutableSegment;
use crate::flatten::Flattener;
use crate::schema::KindDef;

/// What a table holds, and how its rows are made.
#[derive(Clone)]
pub struct TableConfig {
    /// The cluster's name.
    pub cluster: Arc<str>,
    /// The kind of the objects.
    pub kind: &'static KindDef,
    /// Creates a flattener of the kind.
    pub new_flattener: Arc<dyn Fn() -> Box<dyn Flattener> + Send + Sync>,
    /// Rows after which a segment is sealed.
    pub segment_rows: usize,
}

impl TableConfig {
    /// The default for `segment_rows`: few enough for several cores to share the scan of a table, and many enough to
    /// be worth a task.
    pub const SEGMENT_ROWS: usize = 16 << 10;

    /// A new segment for changes. It is created anew after a list: its buffers grew to the size of whole segments, and
    /// a watch needs far less.
    pub(super) fn new_segment(&self) -> MutableSegment {
        MutableSegment::new(self.kind, (self.new_flattener)())
    }
}

impl std::fmt::Debug for TableConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TableConfig")
            .field("cluster", &self.cluster)
            .field("kind", &self.kind.plural)
            .finish_non_exhaustive()
    }
}
