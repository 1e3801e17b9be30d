//! Reads definitions of custom resources from CustomResourceDefinition objects.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringViewArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use kubesql_codegen::spec::Crd;
use serde_json::Value;

use crate::discovery::{Definition, Definitions};
use crate::flatten::ColumnData;
use crate::schema::Shape;
use crate::store::Segment;

/// Reads a definition from an object's text; `None` if it is not a definition, or is not established yet.
pub(super) fn read(text: &str, version: Option<&str>) -> Option<(String, Definition)> {
    let object: Value = serde_json::from_str(text).ok()?;
    if !Crd::is_definition(&object) || !is_established(&object) {
        return None;
    }
    let crd = Crd::from_object("the definition", &object).ok()?;
    let known = object.pointer("/metadata/resourceVersion").and_then(Value::as_str);
    let version = version.or(known).map_or_else(|| hash(text), str::to_owned);
    Some((crd.name(), Definition { version, from_openapi: false, inferred: false, crd: Arc::new(crd) }))
}

fn hash(text: &str) -> String {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("{:x}", hasher.finish())
}

/// Whether the server accepted the definition. A definition in a file has no status, and counts as established.
fn is_established(object: &Value) -> bool {
    let conditions = object.pointer("/status/conditions").and_then(Value::as_array);
    let is = |condition: &Value| condition.get("type").and_then(Value::as_str) == Some("Established");
    let established = conditions.into_iter().flatten().find(|condition| is(condition));
    established.is_none_or(|condition| condition.get("status").and_then(Value::as_str) == Some("True"))
}

/// Reads all definitions of a segment. Of two definitions with the same name, the later one is kept.
pub(super) fn read_all(segment: &Segment, found: &mut Definitions) {
    for_each_object(segment, live_rows(segment), |text| {
        // The resource version in a file may be of another server, so that only the text identifies a version.
        found.extend(read(text, Some(&hash(text))));
    });
}

/// Reads the definitions of a segment. Definitions that are known in the same version are not parsed again.
pub(super) fn read_changed(segment: &Segment, known: &Definitions, found: &mut Definitions) {
    let (names, versions) = (metadata_texts(segment, "name"), metadata_texts(segment, "resourceVersion"));
    let [names, versions] = [&names, &versions].map(|texts| texts.as_ref().map(|texts| texts.as_string_view()));
    let mut unknown = Vec::new();
    for row in live_rows(segment) {
        let at = |texts: Option<&StringViewArray>| -> Option<String> {
            texts.filter(|texts| texts.is_valid(row)).map(|texts| texts.value(row).to_owned())
        };
        let (Some(name), Some(version)) = (at(names), at(versions)) else { continue };
        match known.get(&name).filter(|known| known.version == version) {
            Some(known) => drop(found.insert(name, known.clone())),
            None => unknown.push((row, version)),
        }
    }
    let mut versions = unknown.iter().map(|(_, version)| version.as_str());
    for_each_object(segment, unknown.iter().map(|(row, _)| *row), |text| found.extend(read(text, versions.next())));
}

/// Calls `visit` with the text of the objects in these rows, which must be in order. Neighbouring objects are read
/// together, since they are compressed together.
fn for_each_object(segment: &Segment, rows: impl Iterator<Item = usize>, mut visit: impl FnMut(&str)) {
    const BLOCK: usize = 64;
    let Some(objects) = &segment.objects else { return };
    let mut rows = rows.peekable();
    while let Some(first) = rows.peek().map(|row| row / BLOCK * BLOCK) {
        let end = (first + BLOCK).min(objects.rows());
        let texts = objects.read(first..end);
        while let Some(row) = rows.next_if(|row| *row < end) {
            visit(texts.as_string_view().value(row - first));
        }
    }
}

pub(super) fn live_rows(segment: &Segment) -> impl Iterator<Item = usize> {
    (0..segment.columns.rows).filter(|row| segment.alive.as_ref().is_none_or(|alive| alive.value(*row)))
}

/// The column of a text field in the objects' metadata.
pub(super) fn metadata_texts(segment: &Segment, field: &str) -> Option<ArrayRef> {
    let (number, definition) = segment.kind.root.field("metadata")?;
    let ColumnData::Object(metadata) = segment.columns.columns.get(usize::from(number))?.as_ref()? else { return None };
    let Shape::Object(definition) = definition.shape else { return None };
    let (number, _) = definition.field(field)?;
    let ColumnData::Leaf(values) = metadata.columns.get(usize::from(number))?.as_ref()? else { return None };
    cast(values, &DataType::Utf8View).ok()
}
