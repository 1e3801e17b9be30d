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
    let sign = if negative { "-" } else { "" };
    if radix == 10 {
        // JSON numbers can have any size.
        return Some(format!("{sign}{digits}"));
    }
    let value = u128::from_str_radix(digits, radix).ok()?;
    Some(format!("{}{value}", if value == 0 { "" } else { sign }))
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
    let whole = whole.trim_start_matches('0');
    let mut number = String::with_capacity(text.len() + 1);
    number.push_str(if negative { "-" } else { "" });
    number.push_str(if whole.is_empty() { "0" } else { whole });
    if !fraction.is_empty() {
        number.push('.');
        number.push_str(fraction);
    }
    if let Some(exponent) = exponent {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if digits.is_empty() || !is_digits(digits) {
            return None;
        }
        number.push('e');
        number.push_str(exponent);
    }
    // Go does not accept numbers beyond the range of a double either.
    number.parse::<f64>().ok().filter(|value| value.is_finite())?;
    Some(number)
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
        PlainScalar::Number(number) => append_json_string(&number, to),
        PlainScalar::Null if text.is_empty() => to.push_str("\"null\""),
        PlainScalar::Null | PlainScalar::Text => append_json_string(text, to),
    }
}
