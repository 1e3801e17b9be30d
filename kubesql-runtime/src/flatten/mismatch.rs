//! Values that do not fit their column: counted, and the first few told where they are.

use std::fmt;

use super::parse::Parser;

/// What a column can hold.
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
    /// A whole number of 32 bits.
    Int32,
    /// A whole number of 64 bits.
    Int64,
    /// A number that a double can hold.
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
            Self::Boolean => "true or false",
            Self::Int32 => "a whole number of 32 bits",
            Self::Int64 => "a whole number of 64 bits",
            Self::Number => "a number",
            Self::Time => "a time (RFC 3339)",
            Self::Quantity => "a quantity",
            Self::IntOrString => "a number or text",
            Self::Scalar => "text, a number or true or false",
        })
    }
}

/// A value that did not fit and became NULL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The object's row.
    pub row: usize,
    /// Where in the object: `spec.containers[0].image`; empty for the object itself.
    pub path: String,
    /// What the column can hold.
    pub expected: Expected,
    /// What was there: its kind, and the value too where it is a short scalar for a column of numbers,
    /// times or quantities. Other values are never shown, since they may be secret.
    pub found: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "the object" } else { &self.path };
        write!(to, "{path}: expected {}, found {}", self.expected, self.found)
    }
}

/// How many mismatches of a batch are told in full.
pub const TOLD: usize = 16;

/// Mismatches of a batch as they are found: a count, and the places of the first few.
#[derive(Debug, Default)]
pub(crate) struct Mismatches {
    count: u64,
    /// Those not yet described: places in the text that is being read.
    noted: Vec<(usize, Expected)>,
    told: Vec<Mismatch>,
}

impl Mismatches {
    pub(crate) fn note(&mut self, at: usize, expected: Expected) {
        self.count += 1;
        if self.told.len() + self.noted.len() < TOLD {
            self.noted.push((at, expected));
        }
    }

    /// Works out the paths of what was noted in the object that starts at this byte of the text.
    #[inline]
    pub(crate) fn describe(&mut self, text: &str, from: usize, row: usize) {
        if !self.noted.is_empty() {
            self.tell(text, from, row);
        }
    }

    #[cold]
    fn tell(&mut self, text: &str, from: usize, row: usize) {
        for (at, expected) in self.noted.drain(..) {
            let path = path_to(text, from, at).unwrap_or_else(|| format!("byte {}", at - from));
            let found = found(text, at, expected);
            self.told.push(Mismatch { row, path, expected, found });
        }
    }

    /// The count and the first few, and starts anew.
    pub(crate) fn take(&mut self) -> (u64, Vec<Mismatch>) {
        (std::mem::take(&mut self.count), std::mem::take(&mut self.told))
    }
}

/// What stands at this byte, for a message.
fn found(text: &str, at: usize, expected: Expected) -> String {
    /// Longer values are not shown.
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

/// The path from the value at `from` to the one at `to`, which begins within it.
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
                    if past(&mut parser, to)? {
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
                    if past(&mut parser, to)? {
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

/// Goes past a value and tells whether it went past this byte too, as it does where the text is cut.
fn past(parser: &mut Parser<'_>, to: usize) -> Option<bool> {
    let from = parser.position();
    if from > to {
        return None;
    }
    match parser.skip() {
        Ok(()) => Some(parser.position() > to),
        Err(_) => Some(true),
    }
}
