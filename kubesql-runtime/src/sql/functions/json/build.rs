//! JSON from arguments: `jsonb_build_object`, `jsonb_build_array`, `jsonb_object`.

use arrow::array::ArrayRef;
use datafusion::error::Result;

use super::arguments::Arguments;
use super::value::write_string;
use super::writer::Writer;
use super::{Doc, JsonFunction, Returns, lookup};
use crate::sql::error::{ErrorKind, SqlError, invalid};
use crate::sql::types::JsonType;

pub(super) fn functions() -> Vec<JsonFunction> {
    let (jsonb, json) = (Returns::Json(JsonType::Jsonb), Returns::Json(JsonType::Json));
    let any = (0, usize::MAX);
    vec![
        JsonFunction::new("json_build_object", any, json.clone(), build_object),
        JsonFunction::new("jsonb_build_object", any, jsonb.clone(), build_object).document(Doc {
            section: "JSON Functions",
            description: "Returns a JSON object of keys and values. `json_build_object` is the same for `json`.",
            syntax: "jsonb_build_object(key, value, ...)",
            example: "select jsonb_build_object('name', name, 'phase', phase) from pods",
            arguments: &[("key", "a text"), ("value", "a value of any type")],
        }),
        JsonFunction::new("json_row", any, json.clone(), row),
        JsonFunction::new("json_build_array", any, json.clone(), build_array),
        JsonFunction::new("jsonb_build_array", any, jsonb.clone(), build_array).document(Doc {
            section: "JSON Functions",
            description: "Returns a JSON array of values. `json_build_array` is the same for `json`.",
            syntax: "jsonb_build_array(value, ...)",
            example: "select jsonb_build_array(namespace, name) from pods",
            arguments: &[("value", "a value of any type")],
        }),
        JsonFunction::new("json_object", (1, 2), json, object).expects("one or two text arrays"),
        JsonFunction::new("jsonb_object", (1, 2), jsonb, object).expects("one or two text arrays").document(Doc {
            section: "JSON Functions",
            description: "Returns a JSON object of texts, from an array of keys and values by turns, or from an array of keys and one of values.",
            syntax: "jsonb_object(keys, values)",
            example: "select jsonb_object(array['namespace', 'name'], array[namespace, name]) from pods",
            arguments: &[("keys", "a text array"), ("values", "a text array")],
        }),
    ]
}

fn writers(arguments: &Arguments) -> Result<Vec<Writer>> {
    let writer = |at| {
        let (array, field) = arguments.column(at)?;
        Writer::new(&array, field)
    };
    (0..arguments.len()).map(writer).collect()
}

fn build_object(arguments: &Arguments) -> Result<ArrayRef> {
    if arguments.len() % 2 == 1 {
        let error = SqlError::new(ErrorKind::Invalid, "argument list must have even number of elements").code("22023");
        return Err(error.hint(format!("the arguments of {} must be keys and values by turns", arguments.name)).into());
    }
    let writers = writers(arguments)?;
    arguments.to_texts(|row| {
        let mut text = "{".to_owned();
        for (at, pair) in writers.chunks(2).enumerate() {
            text.push_str(if at > 0 { ", " } else { "" });
            let Some(key) = pair[0].key(row)? else {
                return match arguments.json_type {
                    JsonType::Jsonb => invalid("22023", format!("argument {}: key must not be null", 2 * at + 1)),
                    JsonType::Json => invalid("22023", format!("argument {} cannot be null", 2 * at + 1)),
                };
            };
            write_string(&mut text, &key);
            text.push_str(" : ");
            pair[1].write(row, &mut text)?;
        }
        text.push('}');
        lookup::write_as(&text, arguments.json_type).map(Some)
    })
}

/// `json_row(name, value, ...)`: a row, as `row_to_json` writes it.
fn row(arguments: &Arguments) -> Result<ArrayRef> {
    let (names, writers) = (arguments, writers(arguments)?);
    let names = (0..names.len()).step_by(2).map(|at| names.texts(at)).collect::<Result<Vec<_>>>()?;
    arguments.to_texts(|row| {
        let mut text = "{".to_owned();
        for (at, (name, value)) in names.iter().zip(writers.iter().skip(1).step_by(2)).enumerate() {
            text.push_str(if at > 0 { "," } else { "" });
            write_string(&mut text, name.get(row).unwrap_or_default());
            text.push(':');
            value.write(row, &mut text)?;
        }
        text.push('}');
        Ok(Some(text))
    })
}

fn build_array(arguments: &Arguments) -> Result<ArrayRef> {
    let writers = writers(arguments)?;
    arguments.to_texts(|row| {
        let mut text = "[".to_owned();
        for (at, writer) in writers.iter().enumerate() {
            text.push_str(if at > 0 { ", " } else { "" });
            writer.write(row, &mut text)?;
        }
        text.push(']');
        lookup::write_as(&text, arguments.json_type).map(Some)
    })
}

fn object(arguments: &Arguments) -> Result<ArrayRef> {
    let keys = arguments.text_lists(0)?;
    let values = if arguments.len() == 2 { Some(arguments.text_lists(1)?) } else { None };
    arguments.to_texts(|row| {
        let Some(keys) = keys.get(row) else { return Ok(None) };
        let pairs: Vec<(&Option<String>, &Option<String>)> = match &values {
            Some(values) => {
                let Some(values) = values.get(row) else { return Ok(None) };
                if keys.len() != values.len() {
                    return invalid("2202E", "mismatched array dimensions");
                }
                keys.iter().zip(values).collect()
            }
            None if keys.len() % 2 == 1 => return invalid("2202E", "array must have even number of elements"),
            None => keys.chunks(2).map(|pair| (&pair[0], &pair[1])).collect(),
        };
        let mut text = "{".to_owned();
        for (at, (key, value)) in pairs.into_iter().enumerate() {
            text.push_str(if at > 0 { ", " } else { "" });
            let Some(key) = key else { return invalid("22004", "null value not allowed for object key") };
            write_string(&mut text, key);
            text.push_str(" : ");
            match value {
                Some(value) => write_string(&mut text, value),
                None => text.push_str("null"),
            }
        }
        text.push('}');
        lookup::write_as(&text, arguments.json_type).map(Some)
    })
}
