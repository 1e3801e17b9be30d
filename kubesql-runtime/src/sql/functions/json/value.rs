//! JSON values with the rules of PostgreSQL's `jsonb`: the last of repeated keys wins, keys are ordered by length and
//! bytes, numbers keep all digits.
//!
//! serde_json's values are not used, because their numbers lose digits.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt::Write as _;

use datafusion::error::Result;
use jiter::{Jiter, JiterResult, Peek};

use super::number;
use crate::sql::error::{ErrorKind, SqlError};

/// Maximum depth of arrays and objects.
const MAX_DEPTH: usize = 200;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    /// Its digits without an exponent.
    Number(String),
    String(String),
    Array(Vec<Json>),
    /// Sorted by key, without duplicates.
    Object(Vec<(String, Json)>),
}

/// Compares keys as `jsonb` orders them: shorter keys first.
pub(super) fn compare_keys(a: &str, b: &str) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// The error for text that is not JSON.
pub(super) fn invalid_json(reason: &str) -> SqlError {
    let reason = reason.split(" at line").next().unwrap_or(reason);
    SqlError::new(ErrorKind::Invalid, format!("invalid input syntax for type json: {reason}")).code("22P02")
}

impl Json {
    /// Parses JSON text.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut jiter = Jiter::new(text.as_bytes());
        let parsed = jiter.peek().and_then(|peek| read(&mut jiter, peek, 0)).and_then(|value| {
            jiter.finish()?;
            Ok(value)
        });
        match parsed {
            Ok(Some(value)) => Ok(value),
            Ok(None) => Err(SqlError::new(ErrorKind::Invalid, "JSON is nested too deeply").code("54001").into()),
            Err(error) => Err(invalid_json(&error.description(&jiter)).into()),
        }
    }

    /// An object of these entries. Of repeated keys, the last one is kept.
    pub(super) fn object(mut entries: Vec<(String, Self)>) -> Self {
        entries.sort_by(|(a, _), (b, _)| compare_keys(a, b));
        let mut kept: Vec<(String, Self)> = Vec::with_capacity(entries.len());
        for entry in entries {
            match kept.last_mut() {
                Some(last) if last.0 == entry.0 => *last = entry,
                _ => kept.push(entry),
            }
        }
        Self::Object(kept)
    }

    /// The value of a key of an object.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let Self::Object(entries) = self else { return None };
        let at = entries.binary_search_by(|(name, _)| compare_keys(name, key)).ok()?;
        Some(&entries[at].1)
    }

    /// The name of its type, as `jsonb_typeof` returns it.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Number(_) => "number",
            Self::String(_) => "string",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
        }
    }

    /// The text of the value: a string without quotes. NULL for JSON's `null`.
    pub(super) fn as_text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Null => None,
            Self::String(text) => Some(Cow::Borrowed(text)),
            other => Some(Cow::Owned(other.to_text())),
        }
    }

    /// Its JSON text, as PostgreSQL writes `jsonb`.
    pub(super) fn to_text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    pub(super) fn write(&self, text: &mut String) {
        self.write_with(text, ", ", ": ");
    }

    /// Its JSON text without spaces.
    pub(super) fn to_compact_text(&self) -> String {
        let mut text = String::new();
        self.write_with(&mut text, ",", ":");
        text
    }

    fn write_with(&self, text: &mut String, comma: &str, colon: &str) {
        match self {
            Self::Null => text.push_str("null"),
            Self::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
            Self::Number(digits) => text.push_str(digits),
            Self::String(value) => write_string(text, value),
            Self::Array(items) => {
                text.push('[');
                for (at, item) in items.iter().enumerate() {
                    text.push_str(if at > 0 { comma } else { "" });
                    item.write_with(text, comma, colon);
                }
                text.push(']');
            }
            Self::Object(entries) => {
                text.push('{');
                for (at, (key, value)) in entries.iter().enumerate() {
                    text.push_str(if at > 0 { comma } else { "" });
                    write_string(text, key);
                    text.push_str(colon);
                    value.write_with(text, comma, colon);
                }
                text.push('}');
            }
        }
    }

    /// Writes it over several lines, as `jsonb_pretty` does.
    pub(super) fn write_pretty(&self, text: &mut String, indent: usize) {
        let line = |text: &mut String, indent| {
            _ = write!(text, "\n{:indent$}", "");
        };
        match self {
            Self::Array(items) => {
                text.push('[');
                for (at, item) in items.iter().enumerate() {
                    text.push_str(if at > 0 { "," } else { "" });
                    line(text, indent + 4);
                    item.write_pretty(text, indent + 4);
                }
                line(text, indent);
                text.push(']');
            }
            Self::Object(entries) => {
                text.push('{');
                for (at, (key, value)) in entries.iter().enumerate() {
                    text.push_str(if at > 0 { "," } else { "" });
                    line(text, indent + 4);
                    write_string(text, key);
                    text.push_str(": ");
                    value.write_pretty(text, indent + 4);
                }
                line(text, indent);
                text.push('}');
            }
            scalar => scalar.write(text),
        }
    }

    /// Whether it contains another value, as the operator `@>` defines it.
    pub(super) fn contains(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Object(_), Self::Object(entries)) => {
                entries.iter().all(|(key, wanted)| self.get(key).is_some_and(|found| found.contains_nested(wanted)))
            }
            (Self::Array(items), Self::Array(wanted)) => {
                wanted.iter().all(|wanted| items.iter().any(|item| item.contains_nested(wanted)))
            }
            // An array contains a scalar, but only at the top.
            (Self::Array(items), scalar) if !matches!(scalar, Self::Object(_)) => {
                items.iter().any(|item| item.compare(scalar) == Ordering::Equal)
            }
            (a, b) => a.compare(b) == Ordering::Equal,
        }
    }

    fn contains_nested(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other) && self.contains(other)
    }

    /// Whether a text is a key of an object, or a string of an array, or this string.
    pub(super) fn exists(&self, text: &str) -> bool {
        match self {
            Self::Object(_) => self.get(text).is_some(),
            Self::Array(items) => items.iter().any(|item| matches!(item, Self::String(value) if value == text)),
            Self::String(value) => value == text,
            _ => false,
        }
    }

    /// Compares values in the order of `jsonb`.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let rank = |value: &Self| match value {
            Self::Array(items) if items.is_empty() => 0,
            Self::Null => 1,
            Self::String(_) => 2,
            Self::Number(_) => 3,
            Self::Bool(_) => 4,
            Self::Array(_) => 5,
            Self::Object(_) => 6,
        };
        rank(self).cmp(&rank(other)).then_with(|| match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::String(a), Self::String(b)) => a.cmp(b),
            (Self::Number(a), Self::Number(b)) => number::compare(a, b),
            (Self::Array(a), Self::Array(b)) => a.len().cmp(&b.len()).then_with(|| {
                let mut items = a.iter().zip(b).map(|(a, b)| a.compare(b));
                items.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
            }),
            (Self::Object(a), Self::Object(b)) => a.len().cmp(&b.len()).then_with(|| {
                let mut entries = a.iter().zip(b).map(|((k, v), (l, w))| compare_keys(k, l).then_with(|| v.compare(w)));
                entries.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
            }),
            _ => Ordering::Equal,
        })
    }
}

/// The index of a position in a list; negative positions count from the end.
pub(super) fn index(position: i64, length: usize) -> Option<usize> {
    let length = i64::try_from(length).ok()?;
    let at = if position < 0 { length.checked_add(position)? } else { position };
    usize::try_from(at).ok().filter(|_| at < length)
}

/// Writes a string with quotes and escapes.
pub(super) fn write_string(text: &mut String, value: &str) {
    text.push('"');
    for c in value.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            c if c < ' ' => _ = write!(text, "\\u{:04x}", u32::from(c)),
            c => text.push(c),
        }
    }
    text.push('"');
}

/// Reads a value; `None` if it is nested too deeply.
fn read(jiter: &mut Jiter<'_>, peek: Peek, depth: usize) -> JiterResult<Option<Json>> {
    if depth > MAX_DEPTH {
        return Ok(None);
    }
    Ok(Some(match peek {
        Peek::Null => {
            jiter.known_null()?;
            Json::Null
        }
        Peek::True | Peek::False => Json::Bool(jiter.known_bool(peek)?),
        Peek::String => Json::String(jiter.known_str()?.to_owned()),
        Peek::Array => {
            let mut items = Vec::new();
            let mut next = jiter.known_array()?;
            while let Some(peek) = next {
                let Some(item) = read(jiter, peek, depth + 1)? else { return Ok(None) };
                items.push(item);
                next = jiter.array_step()?;
            }
            Json::Array(items)
        }
        Peek::Object => {
            let mut entries = Vec::new();
            let mut next = jiter.known_object()?.map(str::to_owned);
            while let Some(key) = next {
                let peek = jiter.peek()?;
                let Some(value) = read(jiter, peek, depth + 1)? else { return Ok(None) };
                entries.push((key, value));
                next = jiter.next_key()?.map(str::to_owned);
            }
            Json::object(entries)
        }
        number => Json::Number(number::normal(&String::from_utf8_lossy(jiter.known_number_bytes(number)?))),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_written_as_postgresql_writes_jsonb() {
        for (given, expect) in [
            (r#"{"bb":1,"a":[1,2.50,{}],"aa":null,"bb":2}"#, r#"{"a": [1, 2.50, {}], "aa": null, "bb": 2}"#),
            ("1e3", "1000"),
            ("-1.5E-3", "-0.0015"),
            ("123456789012345678901234567890.10", "123456789012345678901234567890.10"),
            ("-0", "0"),
            ("-0.0", "0.0"),
            ("1.20e1", "12.0"),
            (r#""\u00e9\n\u0001\/""#, "\"é\\n\\u0001/\""),
            (" [ ] ", "[]"),
        ] {
            assert_eq!(Json::parse(given).expect(given).to_text(), expect, "{given}");
        }
        for given in ["", "{", "[1,]", "{\"a\"}", "01", "1.", "'a'", "nul", "[1] 2", "NaN"] {
            assert!(Json::parse(given).is_err(), "{given}");
        }
        assert!(Json::parse(&"[".repeat(1_000_000)).is_err());
    }

    #[test]
    fn values_are_contained_as_in_postgresql() {
        for (whole, part, expect) in [
            ("[1,2,3]", "[3,1,3]", true),
            ("[1,2,[1,3]]", "[1,3]", false),
            ("[1,2,[1,3]]", "[[1,3]]", true),
            (r#"{"foo":{"bar":"baz"}}"#, r#"{"bar":"baz"}"#, false),
            (r#"{"foo":{"bar":"baz"}}"#, r#"{"foo":{}}"#, true),
            (r#"["foo","bar"]"#, r#""bar""#, true),
            (r#""bar""#, r#"["bar"]"#, false),
            ("1.0", "1", true),
            (r#"[["a"]]"#, r#"["a"]"#, false),
        ] {
            let contains = Json::parse(whole).expect(whole).contains(&Json::parse(part).expect(part));
            assert_eq!(contains, expect, "{whole} @> {part}");
        }
    }

    #[test]
    fn values_are_ordered_as_in_postgresql() {
        let ordered =
            ["[]", "null", r#""a""#, r#""b""#, "-2", "1.5", "10", "false", "true", "[9]", "[1,2]", r#"{"a":1}"#];
        for pair in ordered.windows(2) {
            let [a, b] = [pair[0], pair[1]].map(|text| Json::parse(text).expect(text));
            assert_eq!(a.compare(&b), Ordering::Less, "{pair:?}");
            assert_eq!(b.compare(&a), Ordering::Greater, "{pair:?}");
        }
    }
}
