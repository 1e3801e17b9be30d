//! Resolves plain YAML scalars by the rules of Go's yaml.v2, which kubectl uses.

use crate::ingest::json_string::append_json_string;

/// The value of a plain scalar, which has no quotes and no tag.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum PlainScalar {
    Null,
    Bool(bool),
    /// In JSON syntax.
    Number(String),
    Text,
}

/// Resolves a plain scalar.
pub(super) fn resolve(text: &str) -> PlainScalar {
    let number = match text.as_bytes().first() {
        None => return PlainScalar::Null,
        Some(b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~') => return resolve_word(text),
        Some(b'0'..=b'9' | b'+' | b'-') => {
            let digits;
            let text = if text.contains('_') {
                digits = text.replace('_', "");
                digits.as_str()
            } else {
                text
            };
            parse_integer(text).or_else(|| parse_float(text))
        }
        Some(b'.') => parse_float(text),
        Some(_) => None,
    };
    number.map_or(PlainScalar::Text, PlainScalar::Number)
}

fn resolve_word(text: &str) -> PlainScalar {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => PlainScalar::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            PlainScalar::Bool(false)
        }
        "~" | "null" | "Null" | "NULL" => PlainScalar::Null,
        _ => PlainScalar::Text,
    }
}

/// Parses an integer: decimal, hexadecimal (`0x`), octal (`0o` or `0`) or binary (`0b`).
fn parse_integer(text: &str) -> Option<String> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if digits.is_empty() {
        return None;
    }
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', _, ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', _, ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', _, ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if !digits.bytes().all(|digit| char::from(digit).is_digit(radix)) {
        return None;
    }
    // Larger integers are floating-point numbers, or text.
    let value = u64::from_str_radix(digits, radix).ok()?;
    let fits = !negative || value <= i64::MIN.unsigned_abs();
    fits.then(|| format!("{}{value}", if negative && value > 0 { "-" } else { "" }))
}

/// Parses a decimal fraction or a number with an exponent into JSON syntax. Infinities and NaN, which JSON does not have,
/// are text.
fn parse_float(text: &str) -> Option<String> {
    let (negative, rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (mantissa, exponent) = match rest.find(['e', 'E']) {
        Some(at) => (&rest[..at], Some(&rest[at + 1..])),
        None => (rest, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() && fraction.is_empty() || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    if exponent.is_some_and(|exponent| {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        digits.is_empty() || !is_digits(digits)
    }) {
        return None;
    }
    // Go does not accept numbers beyond the range of a double either.
    let value: f64 = rest.parse().ok().filter(|value: &f64| value.is_finite())?;
    Some(format_float(if negative { -value } else { value }))
}

/// A number as Go's `encoding/json` writes it: with an exponent if it is very small or large.
fn format_float(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 || (1e-6..1e21).contains(&size) {
        return value.to_string();
    }
    let text = format!("{value:e}");
    match text.split_once('e') {
        Some((digits, exponent)) if !exponent.starts_with('-') => format!("{digits}e+{exponent}"),
        _ => text,
    }
}

/// A key as Go's YAML library writes it, from its text and its value. Integers are as they are. Other numbers are in
/// single precision, with an exponent if they are below 0.0001 or have more than six digits before the point.
fn format_key(text: &str, number: String) -> String {
    let Some(value) = number.parse::<f64>().ok().filter(|_| parse_integer(&text.replace('_', "")).is_none()) else {
        return number;
    };
    #[expect(clippy::cast_possible_truncation, reason = "that is what Go does")]
    let value = value as f32;
    let text = format!("{value:e}");
    let Some((digits, exponent)) = text.split_once('e') else { return text };
    let power: i32 = exponent.parse().unwrap_or_default();
    if value == 0.0 || (-4..6).contains(&power) {
        return value.to_string();
    }
    format!("{digits}e{}{:02}", if power < 0 { '-' } else { '+' }, power.abs())
}

/// The value of a scalar that has quotes and a tag of YAML's core schema, if it is not text.
pub(super) fn tagged(text: &str, tag: &str) -> Option<String> {
    match (resolve(text), tag) {
        (PlainScalar::Number(number), "int" | "float") => Some(number),
        (PlainScalar::Bool(value), "bool") => Some(value.to_string()),
        (PlainScalar::Null, "null") => Some("null".to_owned()),
        _ => None,
    }
}

/// Appends a plain scalar as a JSON value.
pub(super) fn append_value(text: &str, to: &mut String) {
    match resolve(text) {
        PlainScalar::Null => to.push_str("null"),
        PlainScalar::Bool(value) => to.push_str(if value { "true" } else { "false" }),
        PlainScalar::Number(number) => to.push_str(&number),
        PlainScalar::Text => append_json_string(text, to),
    }
}

/// Appends a plain scalar as a JSON key, which is always text.
pub(super) fn append_key(text: &str, to: &mut String) {
    match resolve(text) {
        PlainScalar::Bool(value) => to.push_str(if value { "\"true\"" } else { "\"false\"" }),
        PlainScalar::Number(number) => append_json_string(&format_key(text, number), to),
        PlainScalar::Null if text.is_empty() => to.push_str("\"null\""),
        PlainScalar::Null | PlainScalar::Text => append_json_string(text, to),
    }
}
