//! Redacts the values of Secrets before any other code sees them. Keys are kept.

use super::json_string::append_json_string;
use crate::flatten::{Malformed, Parser, SyntaxError};
use crate::schema::KindDef;

/// The replacement of a value.
const REDACTED: &str = "\"<redacted>\"";

/// The annotation in which `kubectl apply` stores a copy of the object.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The maximal nesting of copies that are redacted field by field. Copies written by kubectl have no nested copies.
const MAX_COPIES: u32 = 2;

/// Whether a kind is Secret.
pub(super) fn is_secret(kind: &KindDef) -> bool {
    kind.plural == "secrets" && kind.group.is_empty()
}

/// Redacts a Secret into a buffer, and returns the text. The text of a malformed Secret is empty, so that it is rejected
/// as an object.
pub(super) fn redact_or_clear<'a>(object: &str, to: &'a mut String) -> &'a str {
    to.clear();
    if redact(object, 0, to).is_err() {
        to.clear();
    }
    to
}

/// Redacts `data` and `stringData` of the Secret at byte `from`, also in the copy in its annotation. Appends the redacted
/// text, and returns the end of the Secret.
///
/// # Errors
/// The Secret is malformed. The appended text must not be used.
pub(super) fn redact(text: &str, from: usize, to: &mut String) -> Result<usize, Malformed> {
    redact_object(text, from, to, MAX_COPIES)
}

fn redact_object(text: &str, from: usize, to: &mut String, copies: u32) -> Result<usize, Malformed> {
    copy_fields(text, from, to, |key, parser, to| match key {
        "data" | "stringData" => redact_values(text, parser, to),
        "metadata" if parser.peek() == b'{' => copy_object(text, parser, to, |key, parser, to| match key {
            "annotations" if parser.peek() == b'{' => copy_object(text, parser, to, |key, parser, to| match key {
                LAST_APPLIED => redact_copy(parser, to, copies),
                _ => copy_value(text, parser, to),
            }),
            _ => copy_value(text, parser, to),
        }),
        _ => copy_value(text, parser, to),
    })
}

/// Copies the object at byte `from` field by field. `value` appends each value, and moves the parser past it. Returns the
/// end of the object.
fn copy_fields(
    text: &str,
    from: usize,
    to: &mut String,
    mut value: impl FnMut(&str, &mut Parser<'_>, &mut String) -> Result<(), Malformed>,
) -> Result<usize, Malformed> {
    let mut parser = Parser::at(text, from);
    let Some(mut fields) = parser.object()? else {
        return Err(Malformed { at: from, error: SyntaxError::ExpectedObject });
    };
    to.push('{');
    let mut first = true;
    let mut key_text = String::new();
    while let Some(key) = parser.key(&mut fields)? {
        key_text.clear();
        key_text.push_str(key);
        if !std::mem::take(&mut first) {
            to.push(',');
        }
        append_json_string(&key_text, to);
        to.push(':');
        value(&key_text, &mut parser, to)?;
    }
    to.push('}');
    Ok(parser.position())
}

/// Copies the object that is the parser's next value.
fn copy_object(
    text: &str,
    parser: &mut Parser<'_>,
    to: &mut String,
    value: impl FnMut(&str, &mut Parser<'_>, &mut String) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    let from = parser.position();
    copy_fields(text, from, to, value)?;
    parser.skip()
}

fn copy_value(text: &str, parser: &mut Parser<'_>, to: &mut String) -> Result<(), Malformed> {
    parser.peek();
    let from = parser.position();
    parser.skip()?;
    to.push_str(text.get(from..parser.position()).unwrap_or("null"));
    Ok(())
}

/// Redacts each value of `data`, or `data` as a whole if it is not an object.
fn redact_values(text: &str, parser: &mut Parser<'_>, to: &mut String) -> Result<(), Malformed> {
    match parser.peek() {
        b'{' => copy_object(text, parser, to, |_, parser, to| {
            parser.skip()?;
            to.push_str(REDACTED);
            Ok(())
        }),
        b'n' => copy_value(text, parser, to),
        _ => {
            parser.skip()?;
            to.push_str(REDACTED);
            Ok(())
        }
    }
}

/// Redacts the copy of a Secret, or replaces it as a whole if it is not an object.
fn redact_copy(parser: &mut Parser<'_>, to: &mut String, copies: u32) -> Result<(), Malformed> {
    if parser.peek() != b'"' {
        parser.skip()?;
        to.push_str(REDACTED);
        return Ok(());
    }
    let copied = parser.text()?.unwrap_or_default().trim();
    let mut redacted = String::new();
    let whole =
        copies > 0 && matches!(redact_object(copied, 0, &mut redacted, copies - 1), Ok(end) if end == copied.len());
    if whole {
        append_json_string(&redacted, to);
    } else {
        to.push_str(REDACTED);
    }
    Ok(())
}
