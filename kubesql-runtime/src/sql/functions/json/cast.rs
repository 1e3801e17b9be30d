//! Casts from and to JSON.

use std::str::FromStr;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Builder, Int64Builder};
use arrow::datatypes::{DataType, Field};
use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::logical_expr::expr::{Cast, TryCast};
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{Expr, ExprSchemable};

use super::arguments::Arguments;
use super::value::{Json, invalid_json};
use super::{JsonFunction, Returns, number};
use crate::sql::error::{ErrorKind, SqlError, invalid};
use crate::sql::types::{self, JsonType};

pub(super) fn functions() -> Vec<JsonFunction> {
    let cast = |name, returns, run| JsonFunction::new(name, (1, 1), returns, run);
    let mut functions = vec![
        cast("json", Returns::Json(JsonType::Json), to_json),
        cast("jsonb", Returns::Json(JsonType::Jsonb), to_jsonb),
        cast("json_out", Returns::Text, |arguments| {
            let texts = arguments.json_texts(0)?;
            arguments.to_texts(|row| Ok(texts.get(row)))
        }),
        cast("jsonb_out", Returns::Text, to_jsonb),
        cast("jsonb_bool", Returns::Bool, |arguments| {
            let values = arguments.values(0)?;
            arguments.to_booleans(|row| match values.get(row)?.as_deref() {
                None => Ok(None),
                Some(Json::Bool(value)) => Ok(Some(*value)),
                Some(other) => wrong_type(other, "boolean"),
            })
        }),
        cast("jsonb_integer", Returns::BigInt, |arguments| {
            let values = arguments.values(0)?;
            let mut integers = Int64Builder::with_capacity(arguments.rows);
            for row in 0..arguments.rows {
                integers.append_option(match values.get(row)?.as_deref() {
                    None => None,
                    Some(Json::Number(digits)) => match number::to_integer(digits) {
                        None => return invalid("22003", "bigint out of range"),
                        integer => integer,
                    },
                    Some(other) => return wrong_type(other, "integer"),
                });
            }
            Ok(Arc::new(integers.finish()))
        }),
        cast("jsonb_float", Returns::Float, |arguments| {
            let values = arguments.values(0)?;
            let mut floats = Float64Builder::with_capacity(arguments.rows);
            for row in 0..arguments.rows {
                floats.append_option(match values.get(row)?.as_deref() {
                    None => None,
                    Some(Json::Number(digits)) => f64::from_str(digits).ok(),
                    Some(other) => return wrong_type(other, "double precision"),
                });
            }
            Ok(Arc::new(floats.finish()))
        }),
        cast("jsonb_number", Returns::Text, |arguments| {
            let values = arguments.values(0)?;
            arguments.to_texts(|row| match values.get(row)?.as_deref() {
                None => Ok(None),
                Some(Json::Number(digits)) => Ok(Some(digits.clone())),
                Some(other) => wrong_type(other, "numeric"),
            })
        }),
    ];
    functions.extend(super::aggregate::entry_functions());
    functions
}

fn wrong_type<T>(value: &Json, target: &str) -> Result<T> {
    let source = if matches!(value, Json::Number(_)) { "numeric" } else { value.type_name() };
    invalid("22023", format!("cannot cast jsonb {source} to type {target}"))
}

/// The input function of `json`: checks the text and keeps it.
fn to_json(arguments: &Arguments) -> Result<ArrayRef> {
    let texts = arguments.json_texts(0)?;
    arguments.to_texts(|row| {
        let Some(text) = texts.get(row) else { return Ok(None) };
        if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(text) {
            return Err(invalid_json(&error.to_string()).into());
        }
        Ok(Some(text))
    })
}

/// The input and output function of `jsonb`.
fn to_jsonb(arguments: &Arguments) -> Result<ArrayRef> {
    let values = arguments.values(0)?;
    arguments.to_texts(|row| Ok(values.get(row)?.map(|value| value.to_text())))
}

/// The call that casts an expression to `json` or `jsonb`. Text is parsed; other values are converted.
pub(crate) fn json_input(expr: Expr, target: JsonType, schema: &DFSchema) -> Result<Expr> {
    let field = expr.to_field(schema)?.1;
    let is_text = types::is_text(field.data_type()) || field.data_type().is_null();
    match (json_type(&field), target) {
        // The text of `jsonb` is in order.
        (Some(JsonType::Jsonb), JsonType::Json) => super::call("json", vec![super::call("jsonb_out", vec![expr])?]),
        (None, JsonType::Json) if !is_text => super::call("to_json", vec![expr]),
        (None, JsonType::Jsonb) if !is_text => super::call("to_jsonb", vec![expr]),
        (_, JsonType::Json) => super::call("json", vec![expr]),
        (_, JsonType::Jsonb) => super::call("jsonb", vec![expr]),
    }
}

/// Replaces casts of JSON to text, numbers and booleans.
///
/// Without it a cast to text would stay JSON, because a cast between types of text keeps the metadata.
#[derive(Debug)]
pub(crate) struct FromJson;

impl FunctionRewrite for FromJson {
    fn name(&self) -> &'static str {
        "casts_from_json"
    }

    fn rewrite(&self, expr: Expr, schema: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        let (Expr::Cast(Cast { expr: inner, field }) | Expr::TryCast(TryCast { expr: inner, field })) = &expr else {
            return Ok(Transformed::no(expr));
        };
        if types::is_json(field) {
            return Ok(Transformed::no(expr));
        }
        let Ok((_, source)) = inner.to_field(schema) else { return Ok(Transformed::no(expr)) };
        let Some(source) = json_type(&source) else { return Ok(Transformed::no(expr)) };
        let function = match field.data_type() {
            DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 if source == JsonType::Json => "json_out",
            DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => "jsonb_out",
            DataType::Boolean => "jsonb_bool",
            integer if integer.is_integer() => "jsonb_integer",
            DataType::Float16 | DataType::Float32 | DataType::Float64 => "jsonb_float",
            DataType::Decimal128(..) | DataType::Decimal256(..) => "jsonb_number",
            DataType::Map(..) | DataType::Null => return Ok(Transformed::no(expr)),
            other => {
                let message = format!("cannot cast type jsonb to {}", types::data_type_name(other));
                return Err(SqlError::new(ErrorKind::Invalid, message).code("42846").into());
            }
        };
        let value = super::call(function, vec![(**inner).clone()])?;
        Ok(Transformed::yes(Expr::Cast(Cast::new_from_field(Box::new(value), Arc::clone(field)))))
    }
}

/// The type of JSON of a field. Maps are `jsonb`.
pub(super) fn json_type(field: &Field) -> Option<JsonType> {
    if matches!(field.data_type(), DataType::Map(..)) {
        return Some(JsonType::Jsonb);
    }
    types::json_type(field)
}
