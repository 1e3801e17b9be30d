//! The interface of flattening: objects in, columns out.

use super::column::GroupBuilder;
use super::group::ColumnGroup;
use super::mismatch::{Mismatch, Mismatches};
use super::parse::{Malformed, Parser, SyntaxError};

/// Turns the JSON text of objects into columns. Each object becomes a row.
///
/// The objects between two calls of [`Flattener::finish`] must be smaller than 2 GiB in total, since columns have
/// 32-bit offsets. Further objects are rejected.
pub trait Flattener: Send {
    /// Adds the object that starts at byte `from`, and returns the byte after it. The text after it is not examined.
    ///
    /// # Errors
    /// The object is malformed. It then has a dead row, so that row numbers still count the pushed objects. Other rows
    /// are not affected.
    fn push_at(&mut self, text: &str, from: usize) -> Result<usize, Malformed>;

    /// Adds an object; `object` must be its whole text, apart from white space around it.
    ///
    /// # Errors
    /// The object is malformed, as for [`Flattener::push_at`].
    fn push(&mut self, object: &str) -> Result<(), Malformed>;

    /// The number of rows, including dead ones.
    fn rows(&self) -> usize;

    /// Returns the columns of all rows and starts anew.
    fn finish(&mut self) -> Flattened;
}

/// Finished rows.
#[derive(Debug, Default)]
pub struct Flattened {
    /// The columns of the objects' type.
    pub columns: ColumnGroup,
    /// The rows of malformed objects, in order. Their values are unspecified.
    pub dead: Vec<usize>,
    /// The first few values that did not fit their column.
    pub mismatches: Vec<Mismatch>,
    /// The number of all values that did not fit.
    pub mismatch_count: u64,
}

/// The most bytes of text in a batch: the limit of 32-bit offsets.
const MAX_BYTES: usize = i32::MAX as usize;

/// What all flatteners keep besides their columns.
#[derive(Debug, Default)]
pub(super) struct Batch {
    rows: usize,
    bytes: usize,
    dead: Vec<usize>,
    mismatches: Mismatches,
}

impl Batch {
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Adds a row. `flatten` reads the object. With `whole`, the object must be the rest of the text.
    #[inline]
    pub(super) fn push(
        &mut self,
        text: &str,
        from: usize,
        whole: bool,
        flatten: impl FnOnce(&mut Parser<'_>, usize) -> Result<(), Malformed>,
    ) -> Result<usize, Malformed> {
        let row = self.rows;
        self.rows += 1;
        let mut parser = Parser::resume(text, from, std::mem::take(&mut self.mismatches));
        let mut read = match parser.peek() {
            b'{' if text.len() - from <= MAX_BYTES - self.bytes => flatten(&mut parser, row),
            b'{' => Err(Malformed { at: from, error: SyntaxError::BatchTooLarge }),
            _ => Err(Malformed { at: parser.position().min(text.len()), error: SyntaxError::ExpectedObject }),
        };
        if whole && read.is_ok() {
            read = parser.end();
        }
        let end = parser.position();
        self.mismatches = parser.into_mismatches();
        self.mismatches.describe(text, from, row);
        if read.is_err() {
            self.dead.push(row);
        }
        // After an unterminated object, the parser may be past the end of the text.
        self.bytes += end.min(text.len()) - from;
        read.map(|()| end)
    }

    pub(super) fn finish(&mut self, columns: impl FnOnce(usize) -> ColumnGroup) -> Flattened {
        let (mismatch_count, mismatches) = self.mismatches.take();
        let columns = columns(std::mem::take(&mut self.rows));
        self.bytes = 0;
        Flattened { columns, dead: std::mem::take(&mut self.dead), mismatches, mismatch_count }
    }
}

/// The flattener of a type that has generated code.
#[derive(Debug, Default)]
pub struct CompiledFlattener<T> {
    builder: T,
    batch: Batch,
}

impl<T: GroupBuilder> Flattener for CompiledFlattener<T> {
    fn push_at(&mut self, text: &str, from: usize) -> Result<usize, Malformed> {
        self.batch.push(text, from, false, |parser, row| self.builder.flatten(parser, row))
    }

    fn push(&mut self, object: &str) -> Result<(), Malformed> {
        self.batch.push(object, 0, true, |parser, row| self.builder.flatten(parser, row)).map(|_| ())
    }

    fn rows(&self) -> usize {
        self.batch.rows()
    }

    fn finish(&mut self) -> Flattened {
        self.batch.finish(|rows| self.builder.finish(rows))
    }
}
