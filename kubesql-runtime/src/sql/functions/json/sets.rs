//! Functions that return sets of rows: `jsonb_each`, `jsonb_object_keys`, `jsonb_array_elements` and others.
//!
//! Each is a function that returns a list of rows. `plan::set_functions` unnests it in FROM.

use std::sync::Arc;

use arrow::array::{ArrayRef, ListArray, StringViewBuilder, StructArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::error::Result;

use super::arguments::Arguments;
use super::value::{Json, invalid_json};
use super::{Doc, JsonFunction, Returns, lookup};
use crate::sql::error::invalid;
use crate::sql::types::{JsonType, json_field};

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8View, true)
}

/// The columns of the rows that a function returns; `None` if it does not return a set.
pub(crate) fn set_columns(function: &str) -> Option<Vec<Field>> {
    let json = if function.starts_with("jsonb_") { JsonType::Jsonb } else { JsonType::Json };
    Some(match function {
        "json_each" | "jsonb_each" => vec![text("key"), json_field("value", json)],
        "json_each_text" | "jsonb_each_text" => vec![text("key"), text("value")],
        "json_object_keys" | "jsonb_object_keys" => vec![text(function)],
        "json_array_elements" | "jsonb_array_elements" => vec![json_field("value", json)],
        "json_array_elements_text" | "jsonb_array_elements_text" => vec![text("value")],
        _ => return None,
    })
}

pub(super) fn functions() -> Vec<JsonFunction> {
    let set = |name: &'static str, run| {
        let columns = set_columns(name).unwrap_or_default();
        JsonFunction::new(name, (1, 1), Returns::Rows(columns), run)
    };
    vec![
        set("json_each", each),
        set("jsonb_each", each).document(Doc {
            section: "JSON Functions",
            description: "Returns a row for each key of a JSON object, with the columns `key` and `value`.",
            syntax: "jsonb_each(json)",
            example: "select p.name, e.key, e.value from pods p, jsonb_each(p.object->'spec') e",
            arguments: &[("json", "a JSON object")],
        }),
        set("json_each_text", each),
        set("jsonb_each_text", each).document(Doc {
            section: "JSON Functions",
            description: "Returns a row for each key of a JSON object, with the columns `key` and `value`, which is text.",
            syntax: "jsonb_each_text(json)",
            example: "select p.name, l.key, l.value from pods p, jsonb_each_text(p.labels) l",
            arguments: &[("json", "a JSON object or a map")],
        }),
        set("json_object_keys", each),
        set("jsonb_object_keys", each).document(Doc {
            section: "JSON Functions",
            description: "Returns a row for each key of a JSON object.",
            syntax: "jsonb_object_keys(json)",
            example: "select distinct k from pods p, jsonb_object_keys(p.labels) k",
            arguments: &[("json", "a JSON object or a map")],
        }),
        set("json_array_elements", elements),
        set("jsonb_array_elements", elements).document(Doc {
            section: "JSON Functions",
            description: "Returns a row for each item of a JSON array, with the column `value`.",
            syntax: "jsonb_array_elements(json)",
            example: "select p.name, c->>'image' from pods p, jsonb_array_elements(p.object->'spec'->'containers') c",
            arguments: &[("json", "a JSON array")],
        }),
        set("json_array_elements_text", elements),
        set("jsonb_array_elements_text", elements).document(Doc {
            section: "JSON Functions",
            description: "Returns a row for each item of a JSON array, with the column `value`, which is text.",
            syntax: "jsonb_array_elements_text(json)",
            example: "select c.name, a from containers c, jsonb_array_elements_text(c.args) a",
            arguments: &[("json", "a JSON array")],
        }),
    ]
}

/// Builds lists of rows of text columns.
struct Rows {
    columns: Vec<StringViewBuilder>,
    lengths: Vec<usize>,
    valid: Vec<bool>,
    row: usize,
}

impl Rows {
    fn new(columns: usize) -> Self {
        let columns = (0..columns).map(|_| StringViewBuilder::new()).collect();
        Self { columns, lengths: Vec::new(), valid: Vec::new(), row: 0 }
    }

    fn push(&mut self, values: &[Option<&str>]) {
        for (column, value) in self.columns.iter_mut().zip(values) {
            column.append_option(*value);
        }
        self.row += 1;
    }

    fn end_list(&mut self, is_valid: bool) {
        self.lengths.push(std::mem::take(&mut self.row));
        self.valid.push(is_valid);
    }

    fn finish(mut self, fields: Fields) -> ArrayRef {
        let arrays = self.columns.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef).collect();
        let item = Arc::new(Field::new_list_field(DataType::Struct(fields.clone()), true));
        let rows = Arc::new(StructArray::new(fields, arrays, None));
        Arc::new(ListArray::new(
            item,
            OffsetBuffer::from_lengths(self.lengths),
            rows,
            Some(NullBuffer::from(self.valid)),
        ))
    }
}

/// The keys and values of objects, or only the keys.
fn each(arguments: &Arguments) -> Result<ArrayRef> {
    let fields: Fields = set_columns(arguments.name).unwrap_or_default().into();
    let (is_text, name) = (arguments.name.ends_with("_text"), arguments.name);
    let texts = arguments.json_texts(0)?;
    let mut rows = Rows::new(fields.len());
    for row in 0..arguments.rows {
        let Some(text) = texts.get(row).map(lookup::trimmed) else {
            rows.end_list(false);
            continue;
        };
        if !text.starts_with('{') {
            let of = Json::parse(text)?;
            return invalid(
                "22023",
                match (name.contains("keys"), of) {
                    (true, Json::Array(_)) => format!("cannot call {name} on an array"),
                    (true, _) => format!("cannot call {name} on a scalar"),
                    (false, Json::Array(_)) if arguments.json_type == JsonType::Json => {
                        "cannot deconstruct an array as an object".to_owned()
                    }
                    (false, _) if arguments.json_type == JsonType::Json => "cannot deconstruct a scalar".to_owned(),
                    (false, _) => format!("cannot call {name} on a non-object"),
                },
            );
        }
        match arguments.json_type {
            JsonType::Json => {
                let mut entries = Vec::new();
                let visited = lookup::for_each_entry(text, |key, value| entries.push((key.to_owned(), value)));
                visited.map_err(|reason| invalid_json(&reason))?;
                for (key, value) in entries {
                    let value = if is_text { lookup::as_text(value, JsonType::Json)? } else { Some(value.to_owned()) };
                    rows.push(&[Some(&key), value.as_deref()]);
                }
            }
            JsonType::Jsonb => {
                let Json::Object(entries) = Json::parse(text)? else { continue };
                for (key, value) in &entries {
                    let text = value.as_text().filter(|_| is_text);
                    let json = (!is_text).then(|| value.to_text());
                    rows.push(&[Some(key), text.as_deref().or(json.as_deref())]);
                }
            }
        }
        rows.end_list(true);
    }
    Ok(rows.finish(fields))
}

/// The items of arrays.
fn elements(arguments: &Arguments) -> Result<ArrayRef> {
    let fields: Fields = set_columns(arguments.name).unwrap_or_default().into();
    let is_text = arguments.name.ends_with("_text");
    let texts = arguments.json_texts(0)?;
    let mut rows = Rows::new(1);
    for row in 0..arguments.rows {
        let Some(text) = texts.get(row).map(lookup::trimmed) else {
            rows.end_list(false);
            continue;
        };
        if !text.starts_with('[') {
            let is_json = arguments.json_type == JsonType::Json;
            return invalid(
                "22023",
                match Json::parse(text)? {
                    Json::Object(_) if is_json => format!("cannot call {} on a non-array", arguments.name),
                    _ if is_json => format!("cannot call {} on a scalar", arguments.name),
                    Json::Object(_) => "cannot extract elements from an object".to_owned(),
                    _ => "cannot extract elements from a scalar".to_owned(),
                },
            );
        }
        for item in lookup::items(text).map_err(|reason| invalid_json(&reason))? {
            let value = if is_text {
                lookup::as_text(item, arguments.json_type)?
            } else {
                Some(lookup::write_as(item, arguments.json_type)?)
            };
            rows.push(&[value.as_deref()]);
        }
        rows.end_list(true);
    }
    Ok(rows.finish(fields))
}
