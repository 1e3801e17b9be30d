//! Literals in quotes that get the type of another operand.

use arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::scalar::ScalarValue;

use crate::sql::error::invalid;
use crate::sql::types::data_type_name;

/// Parses a literal as a value of a type, with the SQLSTATEs of PostgreSQL.
pub(super) fn parse(text: &str, data_type: &DataType) -> Result<ScalarValue> {
    let text = text.trim();
    let value = match data_type {
        DataType::Boolean => return boolean(text).map_or_else(|| wrong("22P02", text, data_type), Ok),
        data_type if data_type.is_integer() => match text.parse::<i128>() {
            Ok(number) => cast(&number.to_string(), data_type).ok_or("22003"),
            Err(_) => Err("22P02"),
        },
        data_type if data_type.is_numeric() => match text.parse::<f64>() {
            Ok(number) if matches!(data_type, DataType::Decimal128(..)) => {
                // The literal keeps its digits.
                let digits = text.split_once('.').map_or(0, |(_, digits)| digits.len());
                let scale = i8::try_from(digits).ok().filter(|scale| *scale <= 18 && !text.contains(['e', 'E']));
                match scale {
                    Some(scale) => cast(text, &DataType::Decimal128(38, scale)).ok_or("22003"),
                    None => Ok(ScalarValue::Float64(Some(number))),
                }
            }
            Ok(_) => cast(text, data_type).ok_or("22003"),
            Err(_) => Err("22P02"),
        },
        DataType::Date32 | DataType::Timestamp(..) => {
            let is_of_digits = text.starts_with(|c: char| c.is_ascii_digit());
            cast(&with_seconds(text), data_type).ok_or(if is_of_digits && has_date(text) { "22008" } else { "22007" })
        }
        _ => cast(text, data_type).ok_or("22007"),
    };
    value.or_else(|code| wrong(code, text, data_type))
}

fn cast(text: &str, data_type: &DataType) -> Option<ScalarValue> {
    ScalarValue::Utf8(Some(text.to_owned())).cast_to(data_type).ok().filter(|value| !value.is_null())
}

fn wrong<T>(code: &'static str, text: &str, data_type: &DataType) -> Result<T> {
    let name = data_type_name(data_type);
    invalid(
        code,
        match code {
            "22003" => format!("value \"{text}\" is out of range for type {name}"),
            "22008" => format!("date/time field value out of range: \"{text}\""),
            _ => format!("invalid input syntax for type {name}: \"{text}\""),
        },
    )
}

/// The words of PostgreSQL, and their beginnings if these are unique.
fn boolean(text: &str) -> Option<ScalarValue> {
    let text = text.to_ascii_lowercase();
    let is_one = |words: &[(&str, usize)]| {
        words.iter().any(|(word, shortest)| text.len() >= *shortest && word.starts_with(&text))
    };
    if is_one(&[("true", 1), ("yes", 1), ("on", 2), ("1", 1)]) {
        return Some(ScalarValue::Boolean(Some(true)));
    }
    is_one(&[("false", 1), ("no", 1), ("off", 2), ("0", 1)]).then_some(ScalarValue::Boolean(Some(false)))
}

/// Whether a text begins with three numbers.
fn has_date(text: &str) -> bool {
    let date = text.split([' ', 'T']).next().unwrap_or_default();
    let parts: Vec<&str> = date.split('-').collect();
    parts.len() == 3 && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Adds seconds to `2026-11-30 12:00`, which Arrow does not parse.
pub(super) fn with_seconds(text: &str) -> String {
    let Some((date, time)) = text.trim().split_once([' ', 'T']) else { return text.trim().to_owned() };
    let at = time.find(|c: char| !c.is_ascii_digit() && c != ':').unwrap_or(time.len());
    let (clock, rest) = time.split_at(at);
    if clock.len() == 5 && clock.as_bytes()[2] == b':' && !rest.starts_with('.') {
        return format!("{date} {clock}:00{rest}");
    }
    text.trim().to_owned()
}
