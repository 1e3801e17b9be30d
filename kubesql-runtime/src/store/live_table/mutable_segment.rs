//! The segment that receives the latest changes.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;

use super::Key;
use crate::flatten::{ColumnData, ColumnGroup, Flattened, Flattener, Malformed, Mismatch, RawObjectsBuilder};
use crate::schema::{KindDef, Shape};
use crate::store::RawObjects;

/// A change to the set of objects, in order of arrival.
#[derive(Debug, Clone, Copy)]
pub(super) enum Change {
    /// The segment's next row is the new state of its object.
    Upsert,
    /// The object with this key was deleted.
    Delete(Key),
}

/// Rows under construction, and the deletions between them.
pub(super) struct MutableSegment {
    kind: &'static KindDef,
    flattener: Box<dyn Flattener>,
    objects: RawObjectsBuilder,
    changes: Vec<Change>,
    bytes: usize,
}

/// Finished rows and deletions, not yet applied to a [`SegmentSet`](super::segment_set::SegmentSet).
pub(super) struct SealedSegment {
    pub(super) columns: ColumnGroup,
    pub(super) objects: RawObjects,
    pub(super) changes: Vec<Change>,
    /// The key of each row; `None` for a malformed object, whose row is dead from the start.
    pub(super) keys: Vec<Option<Key>>,
    pub(super) mismatches: Vec<Mismatch>,
    pub(super) mismatch_count: u64,
}

impl std::fmt::Debug for MutableSegment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MutableSegment").field("changes", &self.changes.len()).finish_non_exhaustive()
    }
}

impl MutableSegment {
    pub(super) fn new(kind: &'static KindDef, flattener: Box<dyn Flattener>) -> Self {
        Self { kind, flattener, objects: RawObjectsBuilder::default(), changes: Vec::new(), bytes: 0 }
    }

    /// Adds an object; `object` must be its whole JSON text. A malformed object adds a dead row.
    pub(super) fn push(&mut self, object: &str) -> Result<(), Malformed> {
        self.changes.push(Change::Upsert);
        self.bytes += object.len();
        let pushed = self.flattener.push(object);
        // A malformed object is stored as an empty text, so that row numbers still agree.
        let stored = if pushed.is_ok() { self.objects.push_validated(object) } else { self.objects.push("") };
        pushed.and(stored)
    }

    pub(super) fn delete(&mut self, key: Key) {
        self.changes.push(Change::Delete(key));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    pub(super) fn rows(&self) -> usize {
        self.flattener.rows()
    }

    /// Bytes of JSON text pushed so far.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Finishes all rows and starts anew. With `short_lived`, the last raw objects are not compressed.
    pub(super) fn seal(&mut self, short_lived: bool) -> SealedSegment {
        let Flattened { columns, dead, mismatches, mismatch_count } = self.flattener.finish();
        let mut keys = row_keys(self.kind, &columns);
        for row in dead {
            keys[row] = None;
        }
        self.bytes = 0;
        SealedSegment {
            keys,
            objects: if short_lived { self.objects.finish_uncompressed() } else { self.objects.finish() },
            changes: std::mem::take(&mut self.changes),
            columns,
            mismatches,
            mismatch_count,
        }
    }
}

/// The key of each row; `None` for an object without a name.
fn row_keys(kind: &'static KindDef, columns: &ColumnGroup) -> Vec<Option<Key>> {
    let texts = |field: &str| -> Option<ArrayRef> {
        let (number, definition) = kind.root.field("metadata")?;
        let ColumnData::Object(metadata) = columns.columns.get(usize::from(number))?.as_ref()? else { return None };
        let Shape::Object(definition) = definition.shape else { return None };
        let (number, _) = definition.field(field)?;
        let ColumnData::Leaf(values) = metadata.columns.get(usize::from(number))?.as_ref()? else { return None };
        cast(values, &DataType::Utf8View).ok()
    };
    let (names, namespaces) = (texts("name"), texts("namespace"));
    let [names, namespaces] = [&names, &namespaces].map(|texts| texts.as_ref().map(|texts| texts.as_string_view()));
    let key = |row: usize| {
        let name = names.filter(|names| names.is_valid(row)).map(|names| names.value(row))?;
        let namespace = namespaces.filter(|namespaces| namespaces.is_valid(row));
        (!name.is_empty()).then(|| Key::new(namespace.map_or("", |namespaces| namespaces.value(row)), name))
    };
    (0..columns.rows).map(key).collect()
}
