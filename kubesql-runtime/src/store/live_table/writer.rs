//! The writer of a live table.

use std::sync::Arc;

use super::config::TableConfig;
use super::merge::{INLINE_ROWS, MergeJob};
use super::mutable_segment::{MutableSegment, SealedSegment};
use super::segment_set::{Merged, SegmentIds, SegmentSet};
use super::{Key, LiveTable};
use crate::flatten::{Malformed, Mismatch};
use crate::store::PublishLock;

/// Bytes of objects after which a segment is sealed: far below the 2 GiB that a segment can hold.
const SEGMENT_BYTES: usize = 256 << 20;

/// Changes a live table. Readers see the changes after [`Writer::publish`].
#[derive(Debug)]
pub struct Writer {
    table: Arc<LiveTable>,
    publish_lock: PublishLock,
    config: TableConfig,
    current: SegmentSet,
    /// The objects of a list that is not complete yet.
    relist: Option<SegmentSet>,
    changes: MutableSegment,
    errors: DecodeErrors,
}

/// Statistics about objects and values that could not be decoded.
#[derive(Debug, Clone, Default)]
pub struct DecodeErrors {
    /// The number of malformed objects, and of values that did not fit their column.
    pub count: u64,
    /// The latest value that did not fit.
    pub last: Option<Mismatch>,
}

/// A merge to be run in the background.
#[derive(Debug)]
pub struct PendingMerge {
    job: MergeJob,
    config: TableConfig,
}

/// A merge that was run.
pub struct FinishedMerge(Merged);

impl PendingMerge {
    /// Runs the merge; the largest take up to a second.
    #[must_use]
    pub fn run(self) -> FinishedMerge {
        FinishedMerge(self.job.run(self.config.kind, (self.config.new_flattener)()))
    }
}

impl std::fmt::Debug for FinishedMerge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FinishedMerge").field("rows", &self.0.columns.rows).finish()
    }
}

impl Writer {
    /// The writer of a new, empty table. It takes `publish_lock` whenever it publishes.
    #[must_use]
    pub fn new(config: TableConfig, publish_lock: PublishLock) -> Self {
        Self {
            table: Arc::default(),
            publish_lock,
            current: SegmentSet::new(Arc::clone(&config.cluster), config.kind, SegmentIds::default()),
            relist: None,
            changes: config.new_segment(),
            errors: DecodeErrors::default(),
            config,
        }
    }

    /// The readers' side.
    #[must_use]
    pub fn table(&self) -> &Arc<LiveTable> {
        &self.table
    }

    /// Statistics about what could not be decoded so far.
    #[must_use]
    pub fn decode_errors(&self) -> &DecodeErrors {
        &self.errors
    }

    /// The number of objects, including unpublished ones; those of the current list if one is in progress.
    #[must_use]
    pub fn objects(&self) -> usize {
        self.relist.as_ref().unwrap_or(&self.current).objects() + self.changes.rows()
    }

    /// Starts a list: the following objects are collected apart. Readers see the old objects until
    /// [`Writer::end_list`].
    pub fn begin_list(&mut self) {
        self.seal();
        self.relist = Some(SegmentSet::new(Arc::clone(&self.config.cluster), self.config.kind, self.current.ids()));
    }

    /// Completes a list: it replaces all objects atomically, and is published.
    pub fn end_list(&mut self) {
        self.seal();
        if let Some(relist) = self.relist.take() {
            self.current = relist;
        }
        self.changes = self.config.new_segment();
        self.publish();
    }

    /// Discards an incomplete list.
    pub fn abandon_list(&mut self) {
        self.seal();
        self.relist = None;
        self.changes = self.config.new_segment();
    }

    /// Inserts or replaces an object; `object` must be its whole JSON text.
    ///
    /// # Errors
    /// Text that is not a JSON object. Only the error statistics change then.
    pub fn upsert(&mut self, object: &str) -> Result<(), Malformed> {
        let pushed = self.changes.push(object);
        self.errors.count += u64::from(pushed.is_err());
        if self.changes.rows() >= self.config.segment_rows || self.changes.bytes() >= SEGMENT_BYTES {
            self.seal();
        }
        pushed
    }

    /// Deletes an object.
    pub fn delete(&mut self, key: Key) {
        self.changes.delete(key);
    }

    /// Whether there are unsealed changes.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        !self.changes.is_empty()
    }

    /// Makes all changes visible to readers.
    pub fn publish(&mut self) {
        self.seal();
        while let Some(job) = self.current.next_merge(&self.config, INLINE_ROWS) {
            let merged = job.run(self.config.kind, (self.config.new_flattener)());
            self.current.replace(merged);
        }
        self.table.publish(self.current.version(), &self.publish_lock);
    }

    /// The next merge that is worth doing. Its result must be passed to [`Writer::finish_merge`] before the next merge
    /// is started.
    pub fn start_merge(&mut self) -> Option<PendingMerge> {
        let job = self.current.next_merge(&self.config, usize::MAX)?;
        Some(PendingMerge { job, config: self.config.clone() })
    }

    /// Takes in the result of a merge. Readers see it after the next [`Writer::publish`].
    pub fn finish_merge(&mut self, merge: FinishedMerge) {
        self.current.replace(merge.0);
    }

    /// Seals the latest changes and applies them.
    fn seal(&mut self) {
        if self.changes.is_empty() {
            return;
        }
        // The few rows of a watch are soon merged with others.
        let short_lived = self.relist.is_none() && self.changes.rows() < INLINE_ROWS;
        let mut sealed: SealedSegment = self.changes.seal(short_lived);
        self.errors.count += sealed.mismatch_count;
        if let Some(last) = sealed.mismatches.pop() {
            self.errors.last = Some(last);
        }
        self.relist.as_mut().unwrap_or(&mut self.current).apply(sealed);
    }
}
