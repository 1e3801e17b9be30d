//! Objects that are there several times, as in dumps that list a pod once by itself and once in a list of pods.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use arrow::array::{Array, ArrayRef, AsArray, BooleanBufferBuilder, StringViewArray};

use crate::ingest::definitions::{live_rows, metadata_texts};
use crate::schema::KindDef;
use crate::store::{Segment, Warning};

/// What identifies an object of a kind in a cluster.
#[derive(PartialEq, Eq, Hash)]
enum Key<'a> {
    Uid(&'a str),
    /// Namespace and name, of an object without a uid.
    Name(&'a str, &'a str),
}

/// A row, and the resource version of its object.
struct Row {
    segment: usize,
    row: usize,
    version: Option<u64>,
}

/// The columns of a segment that identify its objects.
struct Identities {
    uid: Option<ArrayRef>,
    namespace: Option<ArrayRef>,
    name: Option<ArrayRef>,
    version: Option<ArrayRef>,
}

impl Identities {
    fn new(segment: &Segment) -> Self {
        let column = |field: &str| metadata_texts(segment, field);
        Self {
            uid: column("uid"),
            namespace: column("namespace"),
            name: column("name"),
            version: column("resourceVersion"),
        }
    }

    /// The key of a row; `None` without uid and name.
    fn key(&self, row: usize) -> Option<Key<'_>> {
        let uid = text(self.uid.as_ref(), row);
        if !uid.is_empty() {
            return Some(Key::Uid(uid));
        }
        let name = text(self.name.as_ref(), row);
        (!name.is_empty()).then(|| Key::Name(text(self.namespace.as_ref(), row), name))
    }

    fn version(&self, row: usize) -> Option<u64> {
        text(self.version.as_ref(), row).parse().ok()
    }
}

fn text(column: Option<&ArrayRef>, row: usize) -> &str {
    let column: Option<&StringViewArray> = column.map(|column| column.as_string_view());
    column.filter(|column| column.is_valid(row)).map_or("", |column| column.value(row))
}

/// Keeps one row for each object among the segments of a cluster: the one with the newest resource version, and the last
/// one if there are no versions. Returns a warning for each kind of which rows were dropped.
pub(super) fn drop_older(segments: &mut [Segment]) -> Vec<Warning> {
    let mut kinds: Vec<&'static KindDef> = Vec::new();
    for segment in &*segments {
        if !kinds.iter().any(|kind| std::ptr::eq(*kind, segment.kind)) {
            kinds.push(segment.kind);
        }
    }
    kinds.into_iter().filter_map(|kind| drop_older_of(kind, segments)).collect()
}

fn drop_older_of(kind: &'static KindDef, segments: &mut [Segment]) -> Option<Warning> {
    let of_kind: Vec<usize> = (0..segments.len()).filter(|number| std::ptr::eq(segments[*number].kind, kind)).collect();
    let identities: Vec<Identities> = of_kind.iter().map(|number| Identities::new(&segments[*number])).collect();
    let mut newest: HashMap<Key<'_>, Row> = HashMap::new();
    let mut dropped: Vec<(usize, usize)> = Vec::new();
    for (number, identities) in of_kind.iter().zip(&identities) {
        for row in live_rows(&segments[*number]) {
            let Some(key) = identities.key(row) else { continue };
            let found = Row { segment: *number, row, version: identities.version(row) };
            match newest.entry(key) {
                Entry::Vacant(entry) => drop(entry.insert(found)),
                Entry::Occupied(mut entry) => {
                    let older = if found.version >= entry.get().version { entry.insert(found) } else { found };
                    dropped.push((older.segment, older.row));
                }
            }
        }
    }
    let (segment, row) = *dropped.first()?;
    drop(newest);
    drop(identities);
    let sources = segments[segment].sources.as_ref();
    let place = sources.and_then(|sources| sources.file(row)).map(ToString::to_string).unwrap_or_default();
    let count = u64::try_from(dropped.len()).unwrap_or(u64::MAX);
    for number in of_kind {
        let rows: Vec<usize> = dropped.iter().filter(|(segment, _)| *segment == number).map(|(_, row)| *row).collect();
        if !rows.is_empty() {
            kill(&mut segments[number], &rows);
        }
    }
    let (objects, are) = if count == 1 { ("object", "is") } else { ("objects", "are") };
    let message = format!(
        "{}: left out {count} {objects} that {are} there several times; the newest of each is kept",
        kind.plural
    );
    Some(Warning { place, message, count })
}

/// Marks rows as dead.
fn kill(segment: &mut Segment, dead: &[usize]) {
    let rows = segment.columns.rows;
    let mut alive = BooleanBufferBuilder::new(rows);
    match &segment.alive {
        Some(before) => alive.append_buffer(before),
        None => alive.append_n(rows, true),
    }
    dead.iter().for_each(|row| alive.set_bit(*row, false));
    segment.alive = Some(alive.finish());
}
