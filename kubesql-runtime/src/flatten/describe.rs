//! Describes mismatches: the path of a value in its object, and what was found there.

use super::mismatch::{Expected, Mismatch, Mismatches};
use super::parse::Parser;

impl Mismatches {
    /// Describes the mismatches of the object that starts at byte `from`.
    #[inline]
    pub(crate) fn describe(&mut self, text: &str, from: usize, row: usize) {
        if !self.pending.is_empty() {
            self.describe_pending(text, from, row);
        }
    }

    #[cold]
    fn describe_pending(&mut self, text: &str, from: usize, row: usize) {
        for (at, expected) in self.pending.drain(..) {
            let path = path_to(text, from, at).unwrap_or_else(|| format!("byte {}", at - from));
            let found = describe_value(text, at, expected);
            self.described.push(Mismatch { row, path, expected, found });
        }
    }
}

/// Describes the value at a byte of the text, for a message.
fn describe_value(text: &str, at: usize, expected: Expected) -> String {
    /// Longer values are not shown, in bytes.
    const SHORT: usize = 40;
    let kind = match text.as_bytes().get(at) {
        Some(b'"') => "text",
        Some(b'{') => return "an object".to_owned(),
        Some(b'[') => return "a list".to_owned(),
        Some(b't' | b'f') => "a boolean",
        _ => "a number",
    };
    let may_be_secret = matches!(expected, Expected::Object | Expected::List | Expected::Text | Expected::Scalar);
    let mut parser = Parser::at(text, at);
    match parser.skip().ok().and_then(|()| text.get(at..parser.position())) {
        Some(value) if !may_be_secret && value.len() <= SHORT => format!("{kind} {value}"),
        _ => kind.to_owned(),
    }
}

/// The path from the value at byte `from` to the value at byte `to` within it.
fn path_to(text: &str, from: usize, to: usize) -> Option<String> {
    let mut path = String::new();
    let mut from = from;
    loop {
        let mut parser = Parser::at(text, from);
        match parser.peek() {
            _ if parser.position() == to => return Some(path),
            b'{' => {
                let mut fields = parser.object().ok()??;
                loop {
                    let key = parser.key(&mut fields).ok()??.to_owned();
                    parser.peek();
                    from = parser.position();
                    if skip_past(&mut parser, to)? {
                        if !path.is_empty() {
                            path.push('.');
                        }
                        path.push_str(&key);
                        break;
                    }
                }
            }
            b'[' => {
                let mut elements = parser.array().ok()??;
                let mut index = 0;
                loop {
                    if !parser.element(&mut elements).ok()? {
                        return None;
                    }
                    parser.peek();
                    from = parser.position();
                    if skip_past(&mut parser, to)? {
                        path.push_str(&format!("[{index}]"));
                        break;
                    }
                    index += 1;
                }
            }
            _ => return None,
        }
    }
}

/// Skips a value, and returns whether byte `to` is in it. A truncated value extends to the end of the text.
fn skip_past(parser: &mut Parser<'_>, to: usize) -> Option<bool> {
    let from = parser.position();
    if from > to {
        return None;
    }
    match parser.skip() {
        Ok(()) => Some(parser.position() > to),
        Err(_) => Some(true),
    }
}
