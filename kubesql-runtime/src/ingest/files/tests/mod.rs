//! Tests of the forms of input, and of malformed input.

mod archives;
mod custom;
mod forms;
mod found;
mod malformed;
mod parts;
mod samples;

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::Array;
use arrow::util::display::array_value_to_string;

use super::{FileOptions, FileSource, Kinds};
use crate::flatten::{ColumnData, FieldMask};
use crate::generated;
use crate::schema::{KindDef, Shape};
use crate::store::{KindRequest, Request, Segment, Selection, Snapshot, SourceError};

fn kinds() -> Kinds {
    Kinds::new(generated::KINDS.iter().copied(), generated::flattener)
}

/// A request for all fields of all kinds.
fn everything() -> Request {
    let whole = |kind: &&'static KindDef| KindRequest {
        kind,
        fields: FieldMask::All,
        objects: true,
        clusters: None,
        selection: Selection::default(),
    };
    Request { kinds: generated::KINDS.iter().map(whole).collect(), ..Request::default() }
}

/// A folder with these files.
fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, bytes) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a file in the folder")).expect("its folder");
        std::fs::write(path, bytes).expect("a file");
    }
    folder
}

fn read(path: PathBuf, options: FileOptions) -> Result<Snapshot, SourceError> {
    FileSource::new([("c".to_owned(), path)], kinds(), options)?.inner.snapshot(&everything())
}

/// A snapshot of a folder with these files.
fn read_files(files: &[(&str, &[u8])]) -> Result<Snapshot, SourceError> {
    read(folder(files).path().to_owned(), FileOptions::default())
}

/// A snapshot of a file with this name and content.
fn read_file(name: &str, bytes: &[u8]) -> Result<Snapshot, SourceError> {
    let folder = folder(&[(name, bytes)]);
    read(folder.path().join(name), FileOptions::default())
}

/// `Kind namespace/name` of all rows, in the order of segments.
fn names(snapshot: &Snapshot) -> Vec<String> {
    let rows = |segment: &Arc<Segment>| {
        let segment = segment.clone();
        (0..segment.columns.rows).filter_map(move |row| {
            let alive = segment.alive.as_ref().is_none_or(|alive| alive.value(row));
            let text = |field| metadata(&segment, field, row).unwrap_or_default();
            alive.then(|| format!("{} {}/{}", segment.kind.kind, text("namespace"), text("name")))
        })
    };
    snapshot.segments.iter().flat_map(rows).collect()
}

fn metadata(segment: &Segment, field: &str, row: usize) -> Option<String> {
    let (number, definition) = segment.kind.root.field("metadata")?;
    let Shape::Object(of) = definition.shape else { return None };
    let ColumnData::Object(group) = segment.columns.columns.get(usize::from(number))?.as_ref()? else { return None };
    let (number, _) = of.field(field)?;
    let ColumnData::Leaf(values) = group.columns.get(usize::from(number))?.as_ref()? else { return None };
    if values.is_null(row) { None } else { array_value_to_string(values, row).ok() }
}

/// The objects' JSON text.
fn objects(snapshot: &Snapshot) -> Vec<String> {
    let of = |segment: &Arc<Segment>| {
        let objects = segment.objects.as_ref().expect("objects were asked for");
        let array = objects.read(0..objects.rows());
        let alive = |row: &usize| segment.alive.as_ref().is_none_or(|alive| alive.value(*row));
        (0..array.len()).filter(alive).map(|row| array_value_to_string(&array, row).expect("text")).collect::<Vec<_>>()
    };
    snapshot.segments.iter().flat_map(of).collect()
}

/// Warnings as `place: message`, with the folder's path cut off.
fn warnings(snapshot: &Snapshot) -> Vec<String> {
    let short = |place: &str| {
        let from = place.find("/.tmp").map_or(0, |at| place[at + 1..].find('/').map_or(0, |slash| at + slash + 2));
        place[from..].to_owned()
    };
    snapshot.warnings.iter().map(|warning| format!("{} | {}", short(&warning.place), warning.message)).collect()
}
