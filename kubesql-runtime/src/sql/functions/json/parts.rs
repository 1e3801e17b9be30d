//! Properties of JSON values, and the operators `@>`, `<@`, `?`, `?|`, `?&` and comparisons.

use std::cmp::Ordering;

use arrow::array::ArrayRef;
use datafusion::error::Result;

use super::arguments::Arguments;
use super::value::Json;
use super::{Doc, JsonFunction, Returns};
use crate::sql::error::invalid;
use crate::sql::types::JsonType;

const TWO: &str = "two JSON values";

pub(super) fn functions() -> Vec<JsonFunction> {
    let test = |name, operator, expects, run| {
        JsonFunction::new(name, (2, 2), Returns::Bool, run).operator(operator).expects(expects)
    };
    let type_of = |name| JsonFunction::new(name, (1, 1), Returns::Text, type_of);
    let array_length = |name| JsonFunction::new(name, (1, 1), Returns::Int, array_length).expects("a JSON array");
    vec![
        test("jsonb_contains", "@>", TWO, |arguments| compare(arguments, Json::contains)),
        test("jsonb_contained", "<@", TWO, |arguments| compare(arguments, |part, whole| whole.contains(part))),
        test("jsonb_exists", "?", "JSON and a text", exists),
        test("jsonb_exists_any", "?|", "JSON and a text array", |arguments| {
            exists_in_list(arguments, |value, texts| texts.iter().flatten().any(|text| value.exists(text)))
        }),
        test("jsonb_exists_all", "?&", "JSON and a text array", |arguments| {
            exists_in_list(arguments, |value, texts| texts.iter().flatten().all(|text| value.exists(text)))
        }),
        JsonFunction::new("jsonb_cmp", (2, 2), Returns::Int, cmp).expects(TWO),
        type_of("json_typeof"),
        type_of("jsonb_typeof").document(Doc {
            section: "JSON Functions",
            description: "Returns the type of a JSON value: `object`, `array`, `string`, `number`, `boolean` or `null`.",
            syntax: "jsonb_typeof(json)",
            example: "select jsonb_typeof(object->'spec') from pods",
            arguments: &[("json", "JSON")],
        }),
        array_length("json_array_length"),
        array_length("jsonb_array_length").document(Doc {
            section: "JSON Functions",
            description: "Returns the number of items of a JSON array.",
            syntax: "jsonb_array_length(json)",
            example: "select jsonb_array_length(object->'spec'->'containers') from pods",
            arguments: &[("json", "a JSON array")],
        }),
        JsonFunction::new("jsonb_pretty", (1, 1), Returns::Text, pretty).document(Doc {
            section: "JSON Functions",
            description: "Returns JSON text over several lines, with indentation.",
            syntax: "jsonb_pretty(json)",
            example: "select jsonb_pretty(object->'spec') from pods",
            arguments: &[("json", "JSON")],
        }),
        JsonFunction::new("json_strip_nulls", (1, 1), Returns::Json(JsonType::Json), strip_nulls),
        JsonFunction::new("jsonb_strip_nulls", (1, 1), Returns::Json(JsonType::Jsonb), strip_nulls).document(Doc {
            section: "JSON Functions",
            description: "Removes the keys whose value is `null` from all objects of a JSON value.",
            syntax: "jsonb_strip_nulls(json)",
            example: "select jsonb_strip_nulls(object->'metadata') from pods",
            arguments: &[("json", "JSON")],
        }),
    ]
}

fn compare(arguments: &Arguments, holds: fn(&Json, &Json) -> bool) -> Result<ArrayRef> {
    let (left, right) = (arguments.values(0)?, arguments.values(1)?);
    arguments.to_booleans(|row| match (left.get(row)?, right.get(row)?) {
        (Some(left), Some(right)) => Ok(Some(holds(&left, &right))),
        _ => Ok(None),
    })
}

/// `jsonb_cmp(a, b)`: -1, 0 or 1. Comparisons of `jsonb` use it.
fn cmp(arguments: &Arguments) -> Result<ArrayRef> {
    let (left, right) = (arguments.values(0)?, arguments.values(1)?);
    arguments.to_ints(|row| match (left.get(row)?, right.get(row)?) {
        (Some(left), Some(right)) => Ok(Some(match left.compare(&right) {
            Ordering::Less => -1,
            Ordering::Equal => 0,
            Ordering::Greater => 1,
        })),
        _ => Ok(None),
    })
}

fn exists(arguments: &Arguments) -> Result<ArrayRef> {
    let (values, texts) = (arguments.values(0)?, arguments.texts(1)?);
    arguments.to_booleans(|row| match (values.get(row)?, texts.get(row)) {
        (Some(value), Some(text)) => Ok(Some(value.exists(text))),
        _ => Ok(None),
    })
}

fn exists_in_list(arguments: &Arguments, holds: fn(&Json, &[Option<String>]) -> bool) -> Result<ArrayRef> {
    let (values, lists) = (arguments.values(0)?, arguments.text_lists(1)?);
    arguments.to_booleans(|row| match (values.get(row)?, lists.get(row)) {
        (Some(value), Some(texts)) => Ok(Some(holds(&value, texts))),
        _ => Ok(None),
    })
}

fn type_of(arguments: &Arguments) -> Result<ArrayRef> {
    let values = arguments.values(0)?;
    arguments.to_texts(|row| Ok(values.get(row)?.map(|value| value.type_name())))
}

fn array_length(arguments: &Arguments) -> Result<ArrayRef> {
    let values = arguments.values(0)?;
    arguments.to_ints(|row| match values.get(row)?.as_deref() {
        None => Ok(None),
        Some(Json::Array(items)) => Ok(i32::try_from(items.len()).ok()),
        Some(Json::Object(_)) => invalid("22023", "cannot get array length of a non-array"),
        Some(_) => invalid("22023", "cannot get array length of a scalar"),
    })
}

fn pretty(arguments: &Arguments) -> Result<ArrayRef> {
    let values = arguments.values(0)?;
    arguments.to_texts(|row| {
        Ok(values.get(row)?.map(|value| {
            let mut text = String::new();
            value.write_pretty(&mut text, 0);
            text
        }))
    })
}

fn strip_nulls(arguments: &Arguments) -> Result<ArrayRef> {
    fn strip(value: Json) -> Json {
        match value {
            Json::Array(items) => Json::Array(items.into_iter().map(strip).collect()),
            Json::Object(entries) => {
                let kept = entries.into_iter().filter(|(_, value)| *value != Json::Null);
                Json::Object(kept.map(|(key, value)| (key, strip(value))).collect())
            }
            scalar => scalar,
        }
    }
    let values = arguments.values(0)?;
    arguments.to_texts(|row| Ok(values.get(row)?.map(|value| strip(value.into_owned()).to_text())))
}
