//! Values that do not fit their column. All are counted; the first few of a batch are described with their path.

use std::fmt;

use super::parse::Parser;

/// The values that a column accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// `{...}`.
    Object,
    /// `[...]`.
    List,
    /// A string.
    Text,
    /// True or false.
    Boolean,
    /// A 32-bit integer.
    Int32,
    /// A 64-bit integer.
    Int64,
    /// A number within the range of a double.
    Number,
    /// An RFC 3339 time.
    Time,
    /// A Kubernetes quantity.
    Quantity,
    /// A number or text.
    IntOrString,
    /// Text, a number or a boolean.
    Scalar,
}

impl fmt::Display for Expected {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Object => "an object",
            Self::List => "a list",
            Self::Text => "text",
            Self::Boolean => "a boolean",
            Self::Int32 => "a 32-bit integer",
            Self::Int64 => "a 64-bit integer",
            Self::Number => "a number",
            Self::Time => "an RFC 3339 time",
            Self::Quantity => "a quantity",
            Self::IntOrString => "a number or text",
            Self::Scalar => "text, a number or a boolean",
        })
    }
}

/// A value that did not fit its column and became NULL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The object's row.
    pub row: usize,
    /// The path within the object, `spec.containers[0].image`; empty for the object itself.
    pub path: String,
    /// The values that the column accepts.
    pub expected: Expected,
    /// A description of the value: its JSON type, and the value itself if it is a short scalar and the column is of
    /// numbers, times or quantities. Other values are never shown, since they may be secret.
    pub found: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "the object" } else { &self.path };
        write!(to, "{path}: expected {}, found {}", self.expected, self.found)
    }
}

/// The number of mismatches of a batch that are described. Others are only counted.
pub const MAX_REPORTED: usize = 16;

/// The mismatches of a batch under construction.
#[derive(Debug, Default)]
pub(crate) struct Mismatches {
    count: u64,
    /// Positions in the current text that are not described yet.
    pending: Vec<(usize, Expected)>,
    described: Vec<Mismatch>,
}

impl Mismatches {
    pub(crate) fn add(&mut self, at: usize, expected: Expected) {
        self.count += 1;
        if self.described.len() + self.pending.len() < MAX_REPORTED {
            self.pending.push((at, expected));
        }
    }

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

    /// Returns the count and the descriptions, and starts anew.
    pub(crate) fn take(&mut self) -> (u64, Vec<Mismatch>) {
        (std::mem::take(&mut self.count), std::mem::take(&mut self.described))
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
