//! Values of SQL as JSON: `to_json`, `to_jsonb`, `row_to_json`.

use arrow::array::{Array, ArrayRef};
use datafusion::error::Result;

use super::arguments::Arguments;
use super::writer::Writer;
use super::{Doc, JsonFunction, Returns, lookup};
use crate::sql::types::JsonType;

pub(super) fn functions() -> Vec<JsonFunction> {
    let convert = |name, json| JsonFunction::new(name, (1, 1), Returns::Json(json), to_json).expects("a value");
    vec![
        convert("to_json", JsonType::Json),
        convert("to_jsonb", JsonType::Jsonb).document(Doc {
            section: "JSON Functions",
            description: "Returns a value as JSON: a list as an array, a map or row as an object. `to_json` is the same for `json`.",
            syntax: "to_jsonb(expression)",
            example: "select to_jsonb(p) from pods p",
            arguments: &[("expression", "a value, or the name of a table in FROM for its row")],
        }),
        JsonFunction::new("row_to_json", (1, 2), Returns::Json(JsonType::Json), to_json).expects("a row").document(Doc {
            section: "JSON Functions",
            description: "Returns a row as a JSON object.",
            syntax: "row_to_json(row)",
            example: "select row_to_json(n) from (select name, ready.status from nodes) n",
            arguments: &[("row", "the name of a table or subquery in FROM")],
        }),
        JsonFunction::new("array_to_json", (1, 2), Returns::Json(JsonType::Json), to_json).expects("an array"),
    ]
}

fn to_json(arguments: &Arguments) -> Result<ArrayRef> {
    let (array, field) = arguments.column(0)?;
    let nulls = array.logical_nulls();
    let column = Writer::new(&array, field)?;
    arguments.to_texts(|row| {
        if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            return Ok(None);
        }
        let mut text = String::new();
        column.write(row, &mut text)?;
        lookup::write_as(&text, arguments.json_type).map(Some)
    })
}
