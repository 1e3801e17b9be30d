//! Secrets lose their values before anything else sees them; their keys stay.

use crate::flatten::{Malformed, Parser};
use crate::schema::KindDef;

/// What stands in place of a value.
const REDACTED: &str = "\"<redacted>\"";

/// The annotation in which `kubectl apply` keeps a copy of the object.
const COPY: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// How deep copies within copies are followed; a real one has none.
const COPIES: u32 = 2;

/// Whether objects of this kind are Secrets.
pub(super) fn are(kind: &KindDef) -> bool {
    kind.plural == "secrets" && kind.group.is_empty()
}

/// A Secret's text without its values, which is put here. One that cannot be redacted is not shown: its text is empty,
/// and so no object.
pub(super) fn redacted<'a>(object: &str, to: &'a mut String) -> &'a str {
    to.clear();
    if redact(object, 0, to).is_err() {
        to.clear();
    }
    to
}

/// Appends the Secret at this byte of the text without the values of `data` and `stringData`, its
/// copy in an annotation included. Returns where it ends. Where it is malformed, what was appended
/// must not be used.
pub(super) fn redact(text: &str, from: usize, to: &mut String) -> Result<usize, Malformed> {
    object(text, from, to, COPIES)
}

fn object(text: &str, from: usize, to: &mut String, copies: u32) -> Result<usize, Malformed> {
    fields(text, from, to, |key, parser, to| match key {
        "data" | "stringData" => values(text, parser, to),
        "metadata" if parser.peek() == b'{' => nested(text, parser, to, |key, parser, to| match key {
            "annotations" if parser.peek() == b'{' => nested(text, parser, to, |key, parser, to| match key {
                COPY => copy(parser, to, copies),
                _ => as_it_is(text, parser, to),
            }),
            _ => as_it_is(text, parser, to),
        }),
        _ => as_it_is(text, parser, to),
    })
}

/// Copies an object field by field, whose values `value` appends, going past them.
fn fields(
    text: &str,
    from: usize,
    to: &mut String,
    mut value: impl FnMut(&str, &mut Parser<'_>, &mut String) -> Result<(), Malformed>,
) -> Result<usize, Malformed> {
    let mut parser = Parser::at(text, from);
    let Some(mut fields) = parser.object()? else {
        return Err(Malformed { at: from, what: &"expected an object" });
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
        string(&key_text, to);
        to.push(':');
        value(&key_text, &mut parser, to)?;
    }
    to.push('}');
    Ok(parser.position())
}

/// The same of an object that is a field's value.
fn nested(
    text: &str,
    parser: &mut Parser<'_>,
    to: &mut String,
    value: impl FnMut(&str, &mut Parser<'_>, &mut String) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    let from = parser.position();
    fields(text, from, to, value)?;
    parser.skip()
}

fn as_it_is(text: &str, parser: &mut Parser<'_>, to: &mut String) -> Result<(), Malformed> {
    parser.peek();
    let from = parser.position();
    parser.skip()?;
    to.push_str(text.get(from..parser.position()).unwrap_or("null"));
    Ok(())
}

/// The values of `data`: each is redacted, or the whole where it is no object.
fn values(text: &str, parser: &mut Parser<'_>, to: &mut String) -> Result<(), Malformed> {
    match parser.peek() {
        b'{' => nested(text, parser, to, |_, parser, to| {
            parser.skip()?;
            to.push_str(REDACTED);
            Ok(())
        }),
        b'n' => as_it_is(text, parser, to),
        _ => {
            parser.skip()?;
            to.push_str(REDACTED);
            Ok(())
        }
    }
}

/// The copy of a Secret, redacted likewise, or as a whole where it is not one.
fn copy(parser: &mut Parser<'_>, to: &mut String, copies: u32) -> Result<(), Malformed> {
    if parser.peek() != b'"' {
        parser.skip()?;
        to.push_str(REDACTED);
        return Ok(());
    }
    let copied = parser.text()?.unwrap_or_default().trim();
    let mut redacted = String::new();
    let whole = copies > 0 && matches!(object(copied, 0, &mut redacted, copies - 1), Ok(end) if end == copied.len());
    if whole {
        string(&redacted, to);
    } else {
        to.push_str(REDACTED);
    }
    Ok(())
}

/// Appends text as a JSON string.
pub(super) fn string(text: &str, to: &mut String) {
    use std::fmt::Write;
    to.push('"');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
        to.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'"' => to.push_str("\\\""),
            b'\\' => to.push_str("\\\\"),
            b'\n' => to.push_str("\\n"),
            b'\t' => to.push_str("\\t"),
            b'\r' => to.push_str("\\r"),
            control => write!(to, "\\u{control:04x}").expect("a string takes anything"),
        }
        rest = &rest[at + 1..];
    }
    to.push_str(rest);
    to.push('"');
}
