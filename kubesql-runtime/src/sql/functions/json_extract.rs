//! `json_extract_scalar(json, path)` of Presto.

use std::sync::Arc;

use arrow::array::{Array, AsArray, StringViewBuilder};
use arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::logical_expr::{ScalarUDF, Signature, Volatility};
use serde_json::Value;

use super::{Doc, Function, invalid_value};

pub(super) fn function() -> ScalarUDF {
    Function {
        name: "json_extract_scalar",
        signature: Signature::exact(vec![DataType::Utf8View, DataType::Utf8View], Volatility::Immutable),
        returns: |_| Ok(DataType::Utf8View),
        run: |arguments| {
            let (texts, paths) = (arguments[0].as_string_view(), arguments[1].as_string_view());
            let mut found = StringViewBuilder::with_capacity(texts.len());
            let mut last: Option<(String, Vec<Step>)> = None;
            for row in 0..texts.len() {
                if texts.is_null(row) || paths.is_null(row) {
                    found.append_null();
                    continue;
                }
                let path = paths.value(row);
                if last.as_ref().is_none_or(|(last_path, _)| last_path != path) {
                    last = Some((path.to_owned(), parse_path(path)?));
                }
                let steps = last.as_ref().map_or(&[][..], |(_, steps)| steps);
                let root: Option<Value> = serde_json::from_str(texts.value(row)).ok();
                let value = root.as_ref().and_then(|root| {
                    steps.iter().try_fold(root, |value, step| match step {
                        Step::Key(key) => value.get(key),
                        Step::Position(at) => value.get(at),
                    })
                });
                match value {
                    Some(Value::String(text)) => found.append_value(text),
                    Some(scalar @ (Value::Bool(_) | Value::Number(_))) => found.append_value(scalar.to_string()),
                    _ => found.append_null(),
                }
            }
            Ok(Arc::new(found.finish()))
        },
        documentation: Doc {
            section: "JSON Functions",
            description: "Returns the text, number or boolean at a path of JSON text, as text. NULL if there is none, or if it is an object or array.",
            syntax: "json_extract_scalar(json, path)",
            example: "select json_extract_scalar(object, '$.spec.nodeName') from pods",
            arguments: &[("json", "JSON text"), ("path", "`$`, then `.key`, `[\"key\"]` and `[position]`")],
        }
        .build(),
    }
    .udf()
}

enum Step {
    Key(String),
    Position(usize),
}

/// Parses a path.
fn parse_path(path: &str) -> Result<Vec<Step>> {
    let invalid = || invalid_value(format!("invalid JSON path \"{path}\": write it as $.key[\"other key\"][0]"));
    let Some(mut rest) = path.strip_prefix('$') else { return invalid() };
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            if end == 0 {
                return invalid();
            }
            steps.push(Step::Key(after[..end].to_owned()));
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
                (Some(_), _) => Step::Key(inner.to_owned()),
                (None, Ok(at)) => Step::Position(at),
                (None, Err(_)) => return invalid(),
            });
            rest = after;
        } else {
            return invalid();
        }
    }
    Ok(steps)
}
