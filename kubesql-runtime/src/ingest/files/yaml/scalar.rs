//! What a plain YAML scalar is: the rules of Go's yaml.v2, which kubectl reads manifests by.

use crate::ingest::secrets::string;

/// A scalar without quotes or tag.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Plain {
    Null,
    Bool(bool),
    /// As JSON writes it.
    Number(String),
    Text,
}

/// What a plain scalar stands for.
pub(super) fn resolve(text: &str) -> Plain {
    let number = match text.as_bytes().first() {
        None => return Plain::Null,
        Some(b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~') => return word(text),
        Some(b'0'..=b'9' | b'+' | b'-') => {
            let digits;
            let text = if text.contains('_') {
                digits = text.replace('_', "");
                digits.as_str()
            } else {
                text
            };
            integer(text).or_else(|| float(text))
        }
        Some(b'.') => float(text),
        Some(_) => None,
    };
    number.map_or(Plain::Text, Plain::Number)
}

fn word(text: &str) -> Plain {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Plain::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Plain::Bool(false),
        "~" | "null" | "Null" | "NULL" => Plain::Null,
        _ => Plain::Text,
    }
}

/// An integer in decimal, hexadecimal (`0x`), octal (`0o`, or just `0`) or binary (`0b`).
fn integer(text: &str) -> Option<String> {
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
        // As it is, however large.
        return Some(format!("{sign}{digits}"));
    }
    let value = u128::from_str_radix(digits, radix).ok()?;
    Some(format!("{}{value}", if value == 0 { "" } else { sign }))
}

/// A decimal fraction or a number with an exponent, as JSON allows it. Infinities and NaN, which JSON
/// does not have, stay text.
fn float(text: &str) -> Option<String> {
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
    // What is too large for a double is no number to Go either.
    number.parse::<f64>().ok().filter(|value| value.is_finite())?;
    Some(number)
}

/// Appends a plain scalar as a JSON value.
pub(super) fn value(text: &str, to: &mut String) {
    match resolve(text) {
        Plain::Null => to.push_str("null"),
        Plain::Bool(value) => to.push_str(if value { "true" } else { "false" }),
        Plain::Number(number) => to.push_str(&number),
        Plain::Text => string(text, to),
    }
}

/// Appends a plain scalar as a JSON key, which is always text.
pub(super) fn key(text: &str, to: &mut String) {
    match resolve(text) {
        Plain::Bool(value) => to.push_str(if value { "\"true\"" } else { "\"false\"" }),
        Plain::Number(number) => string(&number, to),
        Plain::Null if text.is_empty() => to.push_str("\"null\""),
        Plain::Null | Plain::Text => string(text, to),
    }
}
