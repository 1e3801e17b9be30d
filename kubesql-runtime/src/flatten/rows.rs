//! Objects in, columns out: what callers of the flattening hold.

use super::column::Columns;
use super::group::Group;
use super::mismatch::{Mismatch, Mismatches};
use super::parse::{Malformed, Parser};

/// Rows under construction, one an object.
///
/// The text of all objects between two calls of [`Rows::finish`] must be less than 2 GiB, since
/// offsets in columns are of 32 bits; what goes beyond is refused.
pub trait Rows: Send {
    /// Adds the object that starts at this byte of the text, and returns where it ends. What comes
    /// after it is not looked at.
    ///
    /// A malformed object is an error and leaves a dead row, so that rows still count the objects
    /// that were pushed; the other rows are not touched.
    fn push_at(&mut self, text: &str, from: usize) -> Result<usize, Malformed>;

    /// Adds the object that is the whole text, but for white space around it.
    fn push(&mut self, object: &str) -> Result<(), Malformed>;

    /// How many objects were pushed, dead rows included.
    fn rows(&self) -> usize;

    /// The columns of all rows; then starts anew.
    fn finish(&mut self) -> Flattened;
}

/// Finished rows.
#[derive(Debug, Default)]
pub struct Flattened {
    /// The columns of the objects' type.
    pub columns: Group,
    /// The rows of malformed objects, in order. What their columns hold means nothing.
    pub dead: Vec<usize>,
    /// The first few values that did not fit.
    pub mismatches: Vec<Mismatch>,
    /// How many there were.
    pub mismatch_count: u64,
}

/// A text longer than this would not fit into columns with offsets of 32 bits.
const LONGEST: usize = i32::MAX as usize;

/// What any kind of rows needs beside the columns.
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

    /// Adds a row by `flatten`, which reads one object; with `whole`, nothing may follow it.
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
            b'{' if text.len() - from <= LONGEST - self.bytes => flatten(&mut parser, row),
            b'{' => Err(Malformed { at: from, what: &"more than 2 GiB of objects at once" }),
            _ => Err(Malformed { at: parser.position().min(text.len()), what: &"expected an object" }),
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
        // Of an object without an end, no more than the text can have been read.
        self.bytes += end.min(text.len()) - from;
        read.map(|()| end)
    }

    pub(super) fn finish(&mut self, columns: impl FnOnce(usize) -> Group) -> Flattened {
        let (mismatch_count, mismatches) = self.mismatches.take();
        let columns = columns(std::mem::take(&mut self.rows));
        self.bytes = 0;
        Flattened { columns, dead: std::mem::take(&mut self.dead), mismatches, mismatch_count }
    }
}

/// Rows of a type that has generated code.
#[derive(Debug, Default)]
pub struct Typed<T> {
    columns: T,
    batch: Batch,
}

impl<T: Columns> Rows for Typed<T> {
    fn push_at(&mut self, text: &str, from: usize) -> Result<usize, Malformed> {
        self.batch.push(text, from, false, |parser, row| self.columns.flatten(parser, row))
    }

    fn push(&mut self, object: &str) -> Result<(), Malformed> {
        self.batch.push(object, 0, true, |parser, row| self.columns.flatten(parser, row)).map(|_| ())
    }

    fn rows(&self) -> usize {
        self.batch.rows()
    }

    fn finish(&mut self) -> Flattened {
        self.batch.finish(|rows| self.columns.finish(rows))
    }
}
