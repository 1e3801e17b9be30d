//! JSON functions of Presto: `json_extract`, `json_extract_scalar`, `json_parse`, `json_format`.

use std::borrow::Cow;

use arrow::array::ArrayRef;
use datafusion::error::Result;

use super::arguments::Arguments;
use super::lookup::{self, Step};
use super::value::Json;
use super::{Doc, JsonFunction, Returns};
use crate::sql::functions::invalid_value;
use crate::sql::types::JsonType;

pub(super) fn functions() -> Vec<JsonFunction> {
    vec![
        JsonFunction::new("json_extract", (2, 2), Returns::Json(JsonType::Jsonb), extract)
            .expects("JSON and a path")
            .document(Doc {
                section: "JSON Functions",
                description: "Returns the value at a path of JSON, as JSON. NULL if there is none.",
                syntax: "json_extract(json, path)",
                example: "select json_extract(object, '$.spec.containers[0]') from pods",
                arguments: &[("json", "JSON"), ("path", "`$`, then `.key`, `[\"key\"]` and `[position]`")],
            }),
        JsonFunction::new("json_extract_scalar", (2, 2), Returns::Text, extract)
            .expects("JSON and a path")
            .document(Doc {
                section: "JSON Functions",
                description: "Returns the text, number or boolean at a path of JSON, as text. NULL if there is none, or if it is an object or array.",
                syntax: "json_extract_scalar(json, path)",
                example: "select json_extract_scalar(object, '$.spec.nodeName') from pods",
                arguments: &[("json", "JSON"), ("path", "`$`, then `.key`, `[\"key\"]` and `[position]`")],
            }),
        JsonFunction::new("json_parse", (1, 1), Returns::Json(JsonType::Jsonb), |arguments| {
            let values = arguments.values(0)?;
            arguments.to_texts(|row| Ok(values.get(row)?.map(|value| value.to_text())))
        })
        .expects("a text")
        .document(Doc {
            section: "JSON Functions",
            description: "Returns the JSON value that a text contains. It is an error if the text is not JSON.",
            syntax: "json_parse(text)",
            example: "select json_parse(annotations['example.com/owners']) from pods",
            arguments: &[("text", "a text")],
        }),
        JsonFunction::new("json_format", (1, 1), Returns::Text, |arguments| {
            let values = arguments.values(0)?;
            arguments.to_texts(|row| Ok(values.get(row)?.map(|value| value.to_compact_text())))
        })
        .expects("JSON")
        .document(Doc {
            section: "JSON Functions",
            description: "Returns JSON as text, without spaces.",
            syntax: "json_format(json)",
            example: "select json_format(json_extract(object, '$.spec')) from pods",
            arguments: &[("json", "JSON")],
        }),
    ]
}

/// The value at a path as JSON, or as text if it is neither an object nor an array.
fn extract(arguments: &Arguments) -> Result<ArrayRef> {
    let (texts, paths) = (arguments.json_texts(0)?, arguments.texts(1)?);
    let is_scalar = arguments.name == "json_extract_scalar";
    arguments.to_texts(|row| {
        let (Some(text), Some(path)) = (texts.get(row), paths.get(row)) else { return Ok(None) };
        let steps = parse_path(path)?;
        let steps: Vec<Step<'_>> = steps
            .iter()
            .map(|step| match step {
                PathStep::Key(key) => Step::Key(key),
                PathStep::Position(at) => Step::Position(i64::try_from(*at).unwrap_or(i64::MAX)),
            })
            .collect();
        // As in Presto, there is nothing at a path of text that is not JSON.
        match lookup::find(text, &steps).and_then(|found| found.map(Json::parse).transpose()) {
            Ok(Some(Json::Array(_) | Json::Object(_) | Json::Null)) if is_scalar => Ok(None),
            Ok(Some(value)) if is_scalar => Ok(value.as_text().map(Cow::into_owned)),
            Ok(Some(value)) => Ok(Some(value.to_text())),
            Ok(None) | Err(_) => Ok(None),
        }
    })
}

/// A step of a path.
enum PathStep {
    Key(String),
    Position(usize),
}

/// Parses a path.
fn parse_path(path: &str) -> Result<Vec<PathStep>> {
    let invalid = || invalid_value(format!("invalid JSON path \"{path}\": write it as $.key[\"other key\"][0]"));
    let Some(mut rest) = path.strip_prefix('$') else { return invalid() };
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            if end == 0 {
                return invalid();
            }
            steps.push(PathStep::Key(after[..end].to_owned()));
            rest = &after[end..];
        } else if let Some(after) = rest.strip_prefix('[') {
            let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''));
            let (inner, after) = match quote {
                Some(quote) => match after[1..].split_once(&format!("{quote}]")) {
                    Some(parts) => parts,
                    None => return invalid(),
                },
                None => match after.split_once(']') {
                    Some(parts) => parts,
                    None => return invalid(),
                },
            };
            steps.push(match (quote, inner.parse()) {
                (Some(_), _) => PathStep::Key(inner.to_owned()),
                (None, Ok(at)) => PathStep::Position(at),
                (None, Err(_)) => return invalid(),
            });
            rest = after;
        } else {
            return invalid();
        }
    }
    Ok(steps)
}
