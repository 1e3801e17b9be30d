//! Values that do not fit their column. All are counted; the first few of a batch are described with their path.

use std::fmt;

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
    pub(super) pending: Vec<(usize, Expected)>,
    pub(super) described: Vec<Mismatch>,
}

impl Mismatches {
    pub(crate) fn add(&mut self, at: usize, expected: Expected) {
        self.count += 1;
        if self.described.len() + self.pending.len() < MAX_REPORTED {
            self.pending.push((at, expected));
        }
    }

    /// Returns the count and the descriptions, and starts anew.
    pub(crate) fn take(&mut self) -> (u64, Vec<Mismatch>) {
        (std::mem::take(&mut self.count), std::mem::take(&mut self.described))
    }
}
