//! Definitions of custom resources out of their objects.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringViewArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use kubesql_codegen::spec::Crd;
use serde_json::Value;

use crate::flatten::Data;
use crate::learn::{Definition, Definitions};
use crate::schema::Shape;
use crate::store::Segment;

/// The definition in an object's text; `None` where it is none, or its resources are not there yet.
pub(super) fn read(text: &str, version: Option<&str>) -> Option<(String, Definition)> {
    let object: Value = serde_json::from_str(text).ok()?;
    if !Crd::is_one(&object) || !is_established(&object) {
        return None;
    }
    let crd = Crd::read("a definition", &object).ok()?;
    let known = object.pointer("/metadata/resourceVersion").and_then(Value::as_str);
    let version = version.or(known).map_or_else(|| hash(text), str::to_owned);
    Some((crd.name(), Definition { version, crd: Arc::new(crd) }))
}

fn hash(text: &str) -> String {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("{:x}", hasher.finish())
}

/// Whether a server has taken the definition; one in a file says nothing of it.
fn is_established(object: &Value) -> bool {
    let conditions = object.pointer("/status/conditions").and_then(Value::as_array);
    let is = |condition: &Value| condition.get("type").and_then(Value::as_str) == Some("Established");
    let established = conditions.into_iter().flatten().find(|condition| is(condition));
    established.is_none_or(|condition| condition.get("status").and_then(Value::as_str) == Some("True"))
}

/// All definitions of a segment, read anew. Where two are of one name, both count: the later one is kept.
pub(super) fn all(segment: &Segment, found: &mut Definitions) {
    each(segment, alive(segment), |text| {
        // Files may hold another server's version: only the text tells whether it has changed.
        found.extend(read(text, Some(&hash(text))));
    });
}

/// The definitions of a segment; those that are known in the same version are not read again.
pub(super) fn changed(segment: &Segment, known: &Definitions, found: &mut Definitions) {
    let (names, versions) = (texts(segment, "name"), texts(segment, "resourceVersion"));
    let [names, versions] = [&names, &versions].map(|of| of.as_ref().map(|texts| texts.as_string_view()));
    let mut unknown = Vec::new();
    for row in alive(segment) {
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
    each(segment, unknown.iter().map(|(row, _)| *row), |text| found.extend(read(text, versions.next())));
}

/// Reads the objects of these rows, which come in order: those that lie together at once, for they are compressed
/// together.
fn each(segment: &Segment, rows: impl Iterator<Item = usize>, mut with: impl FnMut(&str)) {
    const TOGETHER: usize = 64;
    let Some(objects) = &segment.objects else { return };
    let mut rows = rows.peekable();
    while let Some(first) = rows.peek().map(|row| row / TOGETHER * TOGETHER) {
        let end = (first + TOGETHER).min(objects.rows());
        let texts = objects.read(first..end);
        while let Some(row) = rows.next_if(|row| *row < end) {
            with(texts.as_string_view().value(row - first));
        }
    }
}

fn alive(segment: &Segment) -> impl Iterator<Item = usize> {
    (0..segment.columns.rows).filter(|row| segment.alive.as_ref().is_none_or(|alive| alive.value(*row)))
}

/// A field of the objects' metadata.
fn texts(segment: &Segment, field: &str) -> Option<ArrayRef> {
    let (number, definition) = segment.kind.root.field("metadata")?;
    let Data::Group(metadata) = segment.columns.columns.get(usize::from(number))?.as_ref()? else { return None };
    let Shape::Object(definition) = definition.shape else { return None };
    let (number, _) = definition.field(field)?;
    let Data::Leaf(values) = metadata.columns.get(usize::from(number))?.as_ref()? else { return None };
    cast(values, &DataType::Utf8View).ok()
}
