//! Shapes of input, one by one, and what becomes of bad ones.

mod bad;
mod custom;
mod large;
mod samples;
mod shapes;

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::Array;
use arrow::util::display::array_value_to_string;

use super::{Files, Kinds, Options};
use crate::flatten::{Data, Want};
use crate::generated;
use crate::schema::{KindDef, Shape};
use crate::store::{KindRequest, Request, Segment, Selection, Snapshot, SourceError};

fn kinds() -> Kinds {
    Kinds::new(generated::KINDS.iter().copied(), generated::rows)
}

/// A request for everything of all kinds.
fn everything() -> Request {
    let whole = |kind: &&'static KindDef| KindRequest {
        kind,
        want: Want::All,
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

fn read(path: PathBuf, options: Options) -> Result<Snapshot, SourceError> {
    Files::new([("c".to_owned(), path)], kinds(), options)?.inner.snapshot(&everything())
}

/// What there is in a folder of these files.
fn of(files: &[(&str, &[u8])]) -> Result<Snapshot, SourceError> {
    read(folder(files).path().to_owned(), Options::default())
}

/// What there is in a file of this name and text.
fn of_file(name: &str, bytes: &[u8]) -> Result<Snapshot, SourceError> {
    let folder = folder(&[(name, bytes)]);
    read(folder.path().join(name), Options::default())
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
    let Data::Group(group) = segment.columns.columns.get(usize::from(number))?.as_ref()? else { return None };
    let (number, _) = of.field(field)?;
    let Data::Leaf(values) = group.columns.get(usize::from(number))?.as_ref()? else { return None };
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
