//! All objects of a mirror: segments, which of their rows are alive, and where each object is.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::buffer::{BooleanBuffer, Buffer};

use super::merge::Merged;
use super::open::{Change, Closed};
use super::{Key, Version};
use crate::schema::KindDef;
use crate::store::{Derived, Segment};

/// Where an object's row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    segment: u64,
    row: u32,
}

/// A segment and which of its rows are alive.
#[derive(Debug)]
pub(super) struct Kept {
    /// As published last, or as it was made.
    pub(super) segment: Arc<Segment>,
    /// A bit a row.
    alive: Vec<u8>,
    pub(super) live: usize,
    pub(super) rows: usize,
    /// The key of each row that was alive at first.
    pub(super) keys: Arc<[Option<Key>]>,
    /// Whether rows died since it was published.
    changed: bool,
    /// Of columns and objects.
    bytes: usize,
    /// Whether a merge is reading it.
    pub(super) merging: bool,
}

/// Gives each segment of a mirror its number. None is given twice, so that a merge that was begun before a relist finds
/// nothing of it afterwards.
#[derive(Debug, Clone, Default)]
pub(super) struct Numbers(Arc<AtomicU64>);

impl Numbers {
    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

/// Objects by key.
#[derive(Debug)]
pub(super) struct Contents {
    cluster: Arc<str>,
    kind: &'static KindDef,
    pub(super) segments: BTreeMap<u64, Kept>,
    places: HashMap<Key, Place>,
    numbers: Numbers,
}

impl Kept {
    fn new(segment: Segment, keys: Arc<[Option<Key>]>) -> Self {
        let rows = segment.columns.rows;
        let bytes = segment.columns.bytes() + segment.objects.as_ref().map_or(0, |objects| objects.bytes());
        Self {
            segment: Arc::new(segment),
            alive: vec![0; rows.div_ceil(8)],
            live: 0,
            rows,
            keys,
            changed: true,
            bytes,
            merging: false,
        }
    }

    fn set(&mut self, row: u32, alive: bool) {
        let (byte, bit) = (row as usize / 8, 1u8 << (row % 8));
        let was = self.alive[byte] & bit != 0;
        if was != alive {
            self.alive[byte] ^= bit;
            self.live = if alive { self.live + 1 } else { self.live - 1 };
            self.changed = true;
        }
    }

    /// Whether a row is alive.
    pub(super) fn is_alive(&self, row: usize) -> bool {
        self.alive[row / 8] & 1 << (row % 8) != 0
    }

    /// The segment with the rows that are alive now; the one from before where none died.
    fn published(&mut self) -> Arc<Segment> {
        if std::mem::take(&mut self.changed) {
            let alive =
                (self.live < self.rows).then(|| BooleanBuffer::new(Buffer::from_slice_ref(&self.alive), 0, self.rows));
            self.segment = Arc::new(Segment { alive, ..Segment::clone(&self.segment) });
        }
        Arc::clone(&self.segment)
    }
}

impl Contents {
    pub(super) fn new(cluster: Arc<str>, kind: &'static KindDef, numbers: Numbers) -> Self {
        Self { cluster, kind, segments: BTreeMap::new(), places: HashMap::new(), numbers }
    }

    /// The numbers that its segments get.
    pub(super) fn numbers(&self) -> Numbers {
        self.numbers.clone()
    }

    /// How many objects there are.
    pub(super) fn objects(&self) -> usize {
        self.places.len()
    }

    /// Takes in rows and deletions, in their order.
    pub(super) fn take(&mut self, closed: Closed) {
        let Closed { columns, objects, changes, keys, .. } = closed;
        let rows = columns.rows;
        let number = self.numbers.next();
        let segment = self.segment(columns, objects);
        let mut kept = Kept::new(segment, keys.into());
        let keys = Arc::clone(&kept.keys);
        let mut row = 0u32;
        for change in changes {
            match change {
                Change::Row => {
                    if let Some(key) = keys[row as usize] {
                        kept.set(row, true);
                        let before = self.places.insert(key, Place { segment: number, row });
                        self.kill(before, number, &mut kept);
                    }
                    row += 1;
                }
                Change::Gone(key) => {
                    let before = self.places.remove(&key);
                    self.kill(before, number, &mut kept);
                }
            }
        }
        if rows > 0 && kept.live > 0 {
            self.segments.insert(number, kept);
        }
    }

    fn segment(&self, columns: crate::flatten::Group, objects: crate::store::Objects) -> Segment {
        Segment {
            cluster: Arc::clone(&self.cluster),
            kind: self.kind,
            columns: Arc::new(columns),
            alive: None,
            objects: Some(Arc::new(objects)),
            derived: Arc::new(Derived::default()),
        }
    }

    /// Kills the row at a place, which may be in a segment that is not among the others yet.
    fn kill(&mut self, place: Option<Place>, number: u64, kept: &mut Kept) {
        let Some(place) = place else { return };
        if place.segment == number {
            kept.set(place.row, false);
        } else if let Some(kept) = self.segments.get_mut(&place.segment) {
            kept.set(place.row, false);
        }
    }

    /// Puts a merged segment in the place of those that it was made of. Objects that changed or went meanwhile are
    /// dead in it.
    pub(super) fn replace(&mut self, merged: Merged) {
        let Merged { columns, objects, keys, from, of } = merged;
        let number = self.numbers.next();
        let mut kept = Kept::new(self.segment(columns, objects), keys.into());
        let keys = Arc::clone(&kept.keys);
        for ((row, key), (segment, at)) in (0u32..).zip(keys.iter()).zip(from) {
            let before = Place { segment, row: at };
            if let Some(place) = key.and_then(|key| self.places.get_mut(&key))
                && *place == before
            {
                *place = Place { segment: number, row };
                kept.set(row, true);
            }
        }
        for segment in of {
            self.segments.remove(&segment);
        }
        if kept.live > 0 {
            self.segments.insert(number, kept);
        }
    }

    /// All of it as readers see it.
    pub(super) fn version(&mut self) -> Version {
        self.segments.retain(|_, kept| kept.live > 0);
        let index = self.places.capacity() * (size_of::<Key>() + size_of::<Place>() + 1);
        let kept = self.segments.values();
        let stored = kept.map(|kept| kept.bytes + kept.rows * size_of::<Option<Key>>()).sum::<usize>() + index;
        let segments = self.segments.values_mut().map(Kept::published).collect();
        Version { segments, objects: self.places.len(), stored }
    }
}
