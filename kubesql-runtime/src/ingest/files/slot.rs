//! Segments under construction, and what was found out about them on the way.

use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::util::display::array_value_to_string;

use super::kinds::{Found, Kinds};
use super::take::{Task, skip};
use super::trouble::{Spot, Troubles};
use crate::flatten::{Data, Group, Interpreter, Malformed, ObjectsBuilder, Rows, Want};
use crate::schema::KindDef;
use crate::store::{KindRequest, Segment};

/// Bytes of objects after which a segment is closed: far below the 2 GiB that one can hold.
const SEGMENT_BYTES: usize = 256 << 20;

/// Rows after which a segment is closed.
const SEGMENT_ROWS: usize = 64 << 10;

/// What came of a part of the data.
#[derive(Debug, Default)]
pub(super) struct Output {
    pub(super) segments: Vec<Segment>,
    pub(super) troubles: Troubles,
    /// Objects and lists that could be read, whatever became of them.
    pub(super) read: u64,
    /// The first thing that could not be read, as a sentence.
    pub(super) broken: Option<String>,
    /// Whether objects turned out not to be what their list says.
    pub(super) mistaken: bool,
}

/// The segment of a kind under construction.
pub(super) struct Slot<'a> {
    pub(super) request: &'a KindRequest,
    rows: Box<dyn Rows>,
    objects: Option<ObjectsBuilder>,
    /// Where rows come from: the first row of each run of neighbours.
    origins: Vec<(usize, Spot)>,
    bytes: usize,
    /// Whether its objects were taken for what their list says, unseen.
    checked: bool,
}

impl<'a> Slot<'a> {
    /// With `checked`, rows also have what their objects say of their kind.
    pub(super) fn new(task: &Task<'_>, request: &'a KindRequest, checked: bool) -> Self {
        let rows = (request.want == Want::All).then(|| task.kinds.compiled(request.kind)).flatten();
        let interpreter = || {
            let mut want = request.want.clone();
            for field in ["apiVersion", "kind"].into_iter().filter(|_| checked) {
                if let Some((number, _)) = request.kind.root.field(field) {
                    want.add(&[number]);
                }
            }
            Box::new(Interpreter::new(request.kind.root, &want))
        };
        Self {
            request,
            rows: rows.unwrap_or_else(|| interpreter()),
            checked,
            objects: request.objects.then(ObjectsBuilder::default),
            origins: Vec::new(),
            bytes: 0,
        }
    }

    /// Whether it is time to make a segment.
    pub(super) fn is_full(&self) -> bool {
        self.rows.rows() >= SEGMENT_ROWS || self.bytes >= SEGMENT_BYTES
    }

    /// Notes where the next row comes from.
    pub(super) fn mark(&mut self, spot: &Spot) {
        let row = self.rows.rows();
        let follows = self.origins.last().is_some_and(|(first, last)| {
            let ahead = u64::try_from(row - first).unwrap_or(u64::MAX);
            Arc::ptr_eq(&last.file, &spot.file) && (spot.document, spot.item) == ahead_of(last, ahead)
        });
        if !follows {
            self.origins.push((row, spot.clone()));
        }
    }

    pub(super) fn push(&mut self, text: &str, from: usize) -> Result<usize, Malformed> {
        /// Rows take no more text than 2 GiB, and count what comes after the object.
        const MUCH: usize = 1 << 30;
        let far = text.len() - from > MUCH;
        let end = if far { skip(text, from).unwrap_or(text.len()) } else { text.len() };
        let pushed = self.rows.push_at(&text[..end], from);
        let object = pushed.as_ref().map_or("", |end| &text[from..*end]);
        self.bytes += object.len();
        if let Some(objects) = &mut self.objects {
            // A malformed one has an empty text, and its row is dead anyway.
            let _ = objects.push(object);
        }
        pushed
    }

    fn origin(&self, row: usize) -> Spot {
        let at = self.origins.partition_point(|(first, _)| *first <= row);
        let (first, spot) = &self.origins[at - 1];
        let (document, item) = ahead_of(spot, u64::try_from(row - first).unwrap_or(u64::MAX));
        Spot { file: spot.file.clone(), document, item }
    }
}

/// Document and item that many objects after a spot: items of a list, or documents of one object.
fn ahead_of(spot: &Spot, ahead: u64) -> (u64, u64) {
    if spot.item > 0 { (spot.document, spot.item + ahead) } else { (spot.document + ahead, 0) }
}

impl Output {
    /// Makes a segment of the rows that a slot has.
    pub(super) fn close(&mut self, slot: &mut Slot<'_>, task: &Task<'_>) {
        let rows = slot.rows.rows();
        if rows == 0 {
            return;
        }
        let flattened = slot.rows.finish();
        let objects = slot.objects.as_mut().map(ObjectsBuilder::finish);
        let kind = slot.request.kind;
        self.mistaken |= slot.checked && !are_of(task.kinds, kind, &flattened.columns);
        self.troubles.mismatches(kind, &flattened, |row| slot.origin(row));
        slot.origins.clear();
        slot.bytes = 0;
        if flattened.dead.len() < rows {
            self.segments.push(Segment::new(task.cluster, kind, flattened, objects));
        }
    }
}

/// Whether all objects that say what they are are of this kind.
fn are_of(kinds: &Kinds, kind: &'static KindDef, columns: &Group) -> bool {
    let said = |field: &str| -> Vec<String> {
        let column = kind.root.field(field).and_then(|(number, _)| columns.columns.get(usize::from(number)));
        let Some(Some(Data::Leaf(column))) = column else { return Vec::new() };
        let Some(dictionary) = column.as_any_dictionary_opt() else { return vec!["?".to_owned()] };
        let values = dictionary.values();
        (0..values.len()).map(|row| array_value_to_string(values, row).unwrap_or_default()).collect()
    };
    let of_kind = |api_version: &str| match kinds.find(api_version, kind.kind) {
        Found::Kind(number) => kinds.defs()[number].group == kind.group,
        _ => false,
    };
    said("kind").iter().all(|said| said == kind.kind || said.is_empty())
        && said("apiVersion").iter().all(|said| said.is_empty() || of_kind(said))
}
