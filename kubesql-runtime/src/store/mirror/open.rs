//! The rows that came last: a segment under construction.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;

use super::Key;
use crate::flatten::{Data, Flattened, Group, Malformed, Mismatch, ObjectsBuilder, Rows};
use crate::schema::{KindDef, Shape};
use crate::store::Objects;

/// What happens to the objects, in order.
#[derive(Debug, Clone, Copy)]
pub(super) enum Change {
    /// The next row is how an object is now.
    Row,
    /// The object of this key is gone.
    Gone(Key),
}

/// Rows under construction, and the deletions between them.
pub(super) struct Open {
    kind: &'static KindDef,
    rows: Box<dyn Rows>,
    objects: ObjectsBuilder,
    changes: Vec<Change>,
    bytes: usize,
}

/// Finished rows.
pub(super) struct Closed {
    pub(super) columns: Group,
    pub(super) objects: Objects,
    pub(super) changes: Vec<Change>,
    /// The key of each row; `None` for a row that is dead from the start.
    pub(super) keys: Vec<Option<Key>>,
    pub(super) mismatches: Vec<Mismatch>,
    pub(super) mismatch_count: u64,
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Open").field("changes", &self.changes.len()).finish_non_exhaustive()
    }
}

impl Open {
    pub(super) fn new(kind: &'static KindDef, rows: Box<dyn Rows>) -> Self {
        Self { kind, rows, objects: ObjectsBuilder::default(), changes: Vec::new(), bytes: 0 }
    }

    /// Adds an object, which is the whole text. A malformed one leaves a dead row.
    pub(super) fn push(&mut self, object: &str) -> Result<(), Malformed> {
        self.changes.push(Change::Row);
        self.bytes += object.len();
        let pushed = self.rows.push(object);
        // A malformed one is an empty text there, so that rows still agree.
        let kept = if pushed.is_ok() { self.objects.push_walked(object) } else { self.objects.push("") };
        pushed.and(kept)
    }

    pub(super) fn delete(&mut self, key: Key) {
        self.changes.push(Change::Gone(key));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    pub(super) fn rows(&self) -> usize {
        self.rows.rows()
    }

    /// Bytes of objects so far.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// All of it; then starts anew. `brief`: it is not to stay as it is for long.
    pub(super) fn close(&mut self, brief: bool) -> Closed {
        let Flattened { columns, dead, mismatches, mismatch_count } = self.rows.finish();
        let mut keys = keys(self.kind, &columns);
        for row in dead {
            keys[row] = None;
        }
        self.bytes = 0;
        Closed {
            keys,
            objects: if brief { self.objects.finish_plain() } else { self.objects.finish() },
            changes: std::mem::take(&mut self.changes),
            columns,
            mismatches,
            mismatch_count,
        }
    }
}

/// The key of each row; an object without a name has none.
fn keys(kind: &'static KindDef, columns: &Group) -> Vec<Option<Key>> {
    let texts = |field: &str| -> Option<ArrayRef> {
        let (number, definition) = kind.root.field("metadata")?;
        let Data::Group(metadata) = columns.columns.get(usize::from(number))?.as_ref()? else { return None };
        let Shape::Object(definition) = definition.shape else { return None };
        let (number, _) = definition.field(field)?;
        let Data::Leaf(values) = metadata.columns.get(usize::from(number))?.as_ref()? else { return None };
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
