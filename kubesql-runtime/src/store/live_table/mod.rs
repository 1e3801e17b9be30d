//! The objects of one kind, kept up to date: one writer, any number of readers.
//!
//! The writer appends rows, marks replaced rows dead, and publishes versions: lists of immutable segments with a
//! liveness bit for each row. A reader copies the pointer to the latest version. The pointer's mutex is the only
//! lock that both take.

mod config;
mod key;
mod merge;
mod mutable_segment;
mod segment_set;
#[cfg(test)]
mod tests;
mod writer;

use std::sync::Arc;

use parking_lot::Mutex;

pub use config::TableConfig;
pub use key::Key;
pub use writer::{DecodeErrors, FinishedMerge, PendingMerge, Writer};

use super::{PublishLock, Segment};

/// The readers' side: holds the latest published version.
#[derive(Debug, Default)]
pub struct LiveTable {
    latest: Mutex<Arc<Version>>,
}

/// An immutable state of a table.
#[derive(Debug, Default)]
pub struct Version {
    /// All segments with at least one live row, in no particular order.
    pub segments: Vec<Arc<Segment>>,
    /// The number of live rows.
    pub objects: usize,
    /// Approximate bytes of columns, raw objects and the index.
    stored: usize,
}

impl Version {
    /// Approximate memory in bytes: columns, raw objects, the index, and cached derived columns.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.stored + self.segments.iter().map(|segment| segment.derived.bytes()).sum::<usize>()
    }
}

impl LiveTable {
    /// The latest version. To read several tables at the same instant, hold the [`PublishLock`] meanwhile.
    #[must_use]
    pub fn latest(&self) -> Arc<Version> {
        self.latest.lock().clone()
    }

    fn publish(&self, version: Version, publish_lock: &PublishLock) {
        let version = Arc::new(version);
        let guard = publish_lock.lock();
        let before = std::mem::replace(&mut *self.latest.lock(), version);
        drop(guard);
        // This may free large segments, which must not happen under the lock.
        drop(before);
    }
}
