//! Writing of JSON strings.

use std::fmt::Write;

/// Appends text as a JSON string.
pub(super) fn append_json_string(text: &str, to: &mut String) {
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
