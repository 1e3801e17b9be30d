//! Builds segments from objects in files.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::util::display::array_value_to_string;

use super::context::ReadContext;
use super::inferred_kinds::InferredKinds;
use super::kinds::{KindMatch, Kinds};
use super::scan::skip;
use crate::flatten::{ColumnData, ColumnGroup, FieldMask, Flattener, Interpreter, Malformed, RawObjectsBuilder};
use crate::ingest::diagnostics::{Diagnostics, Location};
use crate::schema::{KindDef, Shape};
use crate::store::{KindRequest, RowSources, Segment};

/// Bytes of objects after which a segment is finished: far below the limit of 2 GiB.
const SEGMENT_BYTES: usize = 256 << 20;

/// Rows after which a segment is finished.
const SEGMENT_ROWS: usize = 64 << 10;

/// The result of reading a part of the data.
#[derive(Debug, Default)]
pub(super) struct Output {
    pub(super) segments: Vec<Segment>,
    pub(super) diagnostics: Diagnostics,
    /// The number of objects and lists that were parsed, including skipped ones.
    pub(super) parsed: u64,
    /// The message about the first malformed part.
    pub(super) first_error: Option<String>,
    /// The number of objects of kinds that were not requested, by the number of their kind.
    pub(super) others: HashMap<usize, u64>,
    /// The kinds of objects without a definition, if they are to be inferred.
    pub(super) inferred: Option<InferredKinds>,
    /// Whether a list has objects of another kind than it declares.
    pub(super) wrong_kind: bool,
}

/// Builds the segments of a kind.
pub(super) struct SegmentBuilder<'a> {
    pub(super) request: &'a KindRequest,
    flattener: Box<dyn Flattener>,
    objects: Option<RawObjectsBuilder>,
    /// The locations of rows: the first row of each run of consecutive objects.
    locations: Vec<(usize, Location)>,
    sources: RowSources,
    bytes: usize,
    /// Whether the objects' kind was taken from their list, and must be checked.
    check_kind: bool,
}

impl<'a> SegmentBuilder<'a> {
    /// With `check_kind`, rows also have the objects' own `apiVersion` and `kind`.
    pub(super) fn new(context: &ReadContext<'_>, request: &'a KindRequest, check_kind: bool) -> Self {
        let compiled = (request.fields == FieldMask::All).then(|| context.kinds.compiled(request.kind)).flatten();
        let interpreter = || {
            let mut mask = request.fields.clone();
            add_identity(request.kind, &mut mask);
            for field in ["apiVersion", "kind"].into_iter().filter(|_| check_kind) {
                if let Some((number, _)) = request.kind.root.field(field) {
                    mask.add(&[number]);
                }
            }
            Box::new(Interpreter::new(request.kind.root, &mask))
        };
        Self {
            request,
            flattener: compiled.unwrap_or_else(|| interpreter()),
            check_kind,
            objects: request.objects.then(RawObjectsBuilder::default),
            locations: Vec::new(),
            sources: RowSources::default(),
            bytes: 0,
        }
    }

    /// Whether the segment should be finished.
    pub(super) fn is_full(&self) -> bool {
        self.flattener.rows() >= SEGMENT_ROWS || self.bytes >= SEGMENT_BYTES
    }

    /// Sets the location of the next row, and its line from 1.
    pub(super) fn set_location(&mut self, location: &Location, line: u64) {
        self.sources.push(&location.file, line);
        let row = self.flattener.rows();
        let follows = self.locations.last().is_some_and(|(first, last)| {
            let ahead = u64::try_from(row - first).unwrap_or(u64::MAX);
            Arc::ptr_eq(&last.file, &location.file) && (location.document, location.item) == position_after(last, ahead)
        });
        if !follows {
            self.locations.push((row, location.clone()));
        }
    }

    pub(super) fn push(&mut self, text: &str, from: usize) -> Result<usize, Malformed> {
        /// A flattener accepts 2 GiB of text, which includes the text after a malformed object.
        const LONG: usize = 1 << 30;
        let long = text.len() - from > LONG;
        let end = if long { skip(text, from).unwrap_or(text.len()) } else { text.len() };
        let pushed = self.flattener.push_at(&text[..end], from);
        let object = pushed.as_ref().map_or("", |end| &text[from..*end]);
        self.bytes += object.len();
        if let Some(objects) = &mut self.objects {
            // A malformed object is stored as an empty text; its row is dead.
            let _ = objects.push(object);
        }
        pushed
    }

    fn location(&self, row: usize) -> Location {
        let at = self.locations.partition_point(|(first, _)| *first <= row);
        let (first, location) = &self.locations[at - 1];
        let (document, item) = position_after(location, u64::try_from(row - first).unwrap_or(u64::MAX));
        Location { file: location.file.clone(), document, item }
    }
}

/// Adds the fields that identify an object, so that objects that are there several times are recognized.
fn add_identity(kind: &'static KindDef, mask: &mut FieldMask) {
    let Some((number, metadata)) = kind.root.field("metadata") else { return };
    let Shape::Object(metadata) = metadata.shape else { return };
    for field in ["name", "namespace", "resourceVersion", "uid"] {
        if let Some((field, _)) = metadata.field(field) {
            mask.add(&[number, field]);
        }
    }
}

/// The numbers of the document and the item that are `ahead` objects after a location: items of a list, or documents with
/// one object each.
fn position_after(location: &Location, ahead: u64) -> (u64, u64) {
    if location.item > 0 { (location.document, location.item + ahead) } else { (location.document + ahead, 0) }
}

impl Output {
    /// Finishes the segment of a builder.
    pub(super) fn finish_segment(&mut self, builder: &mut SegmentBuilder<'_>, context: &ReadContext<'_>) {
        let rows = builder.flattener.rows();
        if rows == 0 {
            return;
        }
        let flattened = builder.flattener.finish();
        let objects = builder.objects.as_mut().map(RawObjectsBuilder::finish);
        let kind = builder.request.kind;
        self.wrong_kind |= builder.check_kind && !have_kind(context.kinds, kind, &flattened.columns);
        self.diagnostics.add_mismatches(kind, &flattened, |row| builder.location(row));
        builder.locations.clear();
        let sources = std::mem::take(&mut builder.sources);
        builder.bytes = 0;
        if flattened.dead.len() < rows {
            let segment = Segment::new(context.cluster, kind, flattened, objects);
            self.segments.push(Segment { sources: Some(Arc::new(sources)), ..segment });
        }
    }
}

/// Whether all objects with a `kind` have this kind.
fn have_kind(kinds: &Kinds, kind: &'static KindDef, columns: &ColumnGroup) -> bool {
    let values = |field: &str| -> Vec<String> {
        let column = kind.root.field(field).and_then(|(number, _)| columns.columns.get(usize::from(number)));
        let Some(Some(ColumnData::Leaf(column))) = column else { return Vec::new() };
        let Some(dictionary) = column.as_any_dictionary_opt() else { return vec!["?".to_owned()] };
        let texts = dictionary.values();
        (0..texts.len()).map(|row| array_value_to_string(texts, row).unwrap_or_default()).collect()
    };
    let has_group = |api_version: &str| match kinds.find(api_version, kind.kind) {
        KindMatch::Kind(number) => kinds.defs()[number].group == kind.group,
        _ => false,
    };
    values("kind").iter().all(|value| value == kind.kind || value.is_empty())
        && values("apiVersion").iter().all(|value| value.is_empty() || has_group(value))
}
