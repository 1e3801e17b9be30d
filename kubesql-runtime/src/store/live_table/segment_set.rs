//! The segments of a live table, the liveness of their rows, and an index from key to row.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::buffer::{BooleanBuffer, Buffer};

use super::mutable_segment::{Change, SealedSegment};
use super::{Key, Version};
use crate::flatten::ColumnGroup;
use crate::schema::KindDef;
use crate::store::{DerivedColumns, RawObjects, Segment};

/// Where an object's live row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RowLocation {
    segment: u64,
    row: u32,
}

/// The result of a merge.
pub(super) struct Merged {
    pub(super) columns: ColumnGroup,
    pub(super) objects: RawObjects,
    pub(super) keys: Vec<Option<Key>>,
    /// Where each row was before.
    pub(super) sources: Vec<RowLocation>,
    /// The ids of the segments that it replaces.
    pub(super) inputs: Vec<u64>,
}

/// A segment with the current liveness of its rows.
#[derive(Debug)]
pub(super) struct SegmentEntry {
    /// As last published, or as created.
    pub(super) segment: Arc<Segment>,
    /// A bit for each row.
    alive: Vec<u8>,
    pub(super) live_rows: usize,
    pub(super) rows: usize,
    /// The key of each row; `None` for rows that were dead from the start.
    pub(super) keys: Arc<[Option<Key>]>,
    /// Whether liveness changed since `segment` was published.
    changed: bool,
    /// Bytes of columns and raw objects.
    bytes: usize,
    /// Whether a merge is reading the segment.
    pub(super) merging: bool,
}

/// Allocates segment ids. An id is never used twice, so that a merge that started before a relist replaces nothing
/// of the new list.
#[derive(Debug, Clone, Default)]
pub(super) struct SegmentIds(Arc<AtomicU64>);

impl SegmentIds {
    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

/// All objects of a table.
#[derive(Debug)]
pub(super) struct SegmentSet {
    cluster: Arc<str>,
    kind: &'static KindDef,
    /// By id.
    pub(super) segments: BTreeMap<u64, SegmentEntry>,
    locations: HashMap<Key, RowLocation>,
    ids: SegmentIds,
}

impl SegmentEntry {
    /// All rows are dead until [`SegmentEntry::set_alive`] is called.
    fn new(segment: Segment, keys: Arc<[Option<Key>]>) -> Self {
        let rows = segment.columns.rows;
        let bytes = segment.columns.bytes() + segment.objects.as_ref().map_or(0, |objects| objects.bytes());
        Self {
            segment: Arc::new(segment),
            alive: vec![0; rows.div_ceil(8)],
            live_rows: 0,
            rows,
            keys,
            changed: true,
            bytes,
            merging: false,
        }
    }

    fn set_alive(&mut self, row: u32, alive: bool) {
        let (byte, bit) = (row as usize / 8, 1u8 << (row % 8));
        let before = self.alive[byte] & bit != 0;
        if before != alive {
            self.alive[byte] ^= bit;
            self.live_rows = if alive { self.live_rows + 1 } else { self.live_rows - 1 };
            self.changed = true;
        }
    }

    pub(super) fn is_alive(&self, row: usize) -> bool {
        self.alive[row / 8] & 1 << (row % 8) != 0
    }

    /// The segment with its current liveness; the same pointer as before where nothing changed.
    fn publish(&mut self) -> Arc<Segment> {
        if std::mem::take(&mut self.changed) {
            let alive = (self.live_rows < self.rows)
                .then(|| BooleanBuffer::new(Buffer::from_slice_ref(&self.alive), 0, self.rows));
            self.segment = Arc::new(Segment { alive, ..Segment::clone(&self.segment) });
        }
        Arc::clone(&self.segment)
    }
}

impl SegmentSet {
    pub(super) fn new(cluster: Arc<str>, kind: &'static KindDef, ids: SegmentIds) -> Self {
        Self { cluster, kind, segments: BTreeMap::new(), locations: HashMap::new(), ids }
    }

    /// The allocator of its segment ids.
    pub(super) fn ids(&self) -> SegmentIds {
        self.ids.clone()
    }

    /// The number of objects.
    pub(super) fn objects(&self) -> usize {
        self.locations.len()
    }

    /// Applies upserts and deletions in their order.
    pub(super) fn apply(&mut self, sealed: SealedSegment) {
        let SealedSegment { columns, objects, changes, keys, .. } = sealed;
        let rows = columns.rows;
        let id = self.ids.next();
        let segment = self.segment(columns, objects);
        let mut entry = SegmentEntry::new(segment, keys.into());
        let keys = Arc::clone(&entry.keys);
        let mut row = 0u32;
        for change in changes {
            match change {
                Change::Upsert => {
                    if let Some(key) = keys[row as usize] {
                        entry.set_alive(row, true);
                        let before = self.locations.insert(key, RowLocation { segment: id, row });
                        self.kill(before, id, &mut entry);
                    }
                    row += 1;
                }
                Change::Delete(key) => {
                    let before = self.locations.remove(&key);
                    self.kill(before, id, &mut entry);
                }
            }
        }
        if rows > 0 && entry.live_rows > 0 {
            self.segments.insert(id, entry);
        }
    }

    fn segment(&self, columns: ColumnGroup, objects: RawObjects) -> Segment {
        Segment {
            cluster: Arc::clone(&self.cluster),
            kind: self.kind,
            columns: Arc::new(columns),
            alive: None,
            objects: Some(Arc::new(objects)),
            sources: None,
            derived: Arc::new(DerivedColumns::default()),
        }
    }

    /// Marks a row dead. It may be in `entry`, which has the id `id` and is not part of the set yet.
    fn kill(&mut self, location: Option<RowLocation>, id: u64, entry: &mut SegmentEntry) {
        let Some(location) = location else { return };
        if location.segment == id {
            entry.set_alive(location.row, false);
        } else if let Some(entry) = self.segments.get_mut(&location.segment) {
            entry.set_alive(location.row, false);
        }
    }

    /// Replaces the inputs of a merge by its result. Rows whose objects were changed or deleted meanwhile are dead in
    /// the result.
    pub(super) fn replace(&mut self, merged: Merged) {
        let Merged { columns, objects, keys, sources, inputs } = merged;
        let id = self.ids.next();
        let mut entry = SegmentEntry::new(self.segment(columns, objects), keys.into());
        let keys = Arc::clone(&entry.keys);
        for ((row, key), source) in (0u32..).zip(keys.iter()).zip(sources) {
            if let Some(location) = key.and_then(|key| self.locations.get_mut(&key))
                && *location == source
            {
                *location = RowLocation { segment: id, row };
                entry.set_alive(row, true);
            }
        }
        for input in inputs {
            self.segments.remove(&input);
        }
        if entry.live_rows > 0 {
            self.segments.insert(id, entry);
        }
    }

    /// A version with all live rows, for readers.
    pub(super) fn version(&mut self) -> Version {
        self.segments.retain(|_, entry| entry.live_rows > 0);
        let index = self.locations.capacity() * (size_of::<Key>() + size_of::<RowLocation>() + 1);
        let entries = self.segments.values();
        let stored = entries.map(|entry| entry.bytes + entry.rows * size_of::<Option<Key>>()).sum::<usize>() + index;
        let segments = self.segments.values_mut().map(SegmentEntry::publish).collect();
        Version { segments, objects: self.locations.len(), stored }
    }
}

impl RowLocation {
    pub(super) fn new(segment: u64, row: u32) -> Self {
        Self { segment, row }
    }
}
