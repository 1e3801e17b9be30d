//! Columns under construction.
//!
//! A column knows how many rows it has and pads with NULLs only when it is next written or finished,
//! so that an absent field costs nothing and a column that never had a value takes no memory. Within
//! an object the first value of a field wins: a column ignores what comes for a row that it has.

mod dictionary;
mod fixed;
mod map;
mod nested;
mod text;

use arrow::array::ArrayRef;

use super::group::{Data, Group};
use super::parse::{Malformed, Parser};

pub(crate) use dictionary::recycle;
pub use fixed::{BoolColumn, FloatColumn, Int32Column, Int64Column, QuantityColumn, TimeColumn};
pub use map::{JsonMapColumn, MapColumn, QuantityMapColumn};
pub use nested::{ListColumn, ObjectColumn, ScalarsColumn};
pub(super) use nested::{Offsets, group, list};
pub use text::{IntOrStringColumn, JsonColumn, TextColumn};

/// A column of one field under construction.
pub trait Column: Send {
    /// Reads the next value of the text into this row; rows must not decrease. `null` and values that
    /// do not fit leave the row NULL, the latter are counted by the parser.
    fn read(&mut self, p: &mut Parser<'_>, row: usize) -> Result<(), Malformed>;

    /// The values of the first `rows` rows, `None` where there was none; then starts anew.
    fn finish(&mut self, rows: usize) -> Option<Data>;
}

/// A column of single values.
pub trait ScalarColumn: Column + Default {
    /// Like [`Column::finish`], but always an array, and of the plain type where the column would be a
    /// dictionary.
    fn finish_plain(&mut self, rows: usize) -> ArrayRef;
}

/// The columns of a type under construction.
pub trait Columns: Default + Send {
    /// Reads the next value of the text, an object, into this row of the columns.
    fn flatten(&mut self, p: &mut Parser<'_>, row: usize) -> Result<(), Malformed>;

    /// The columns of the first `rows` rows; then starts anew.
    fn finish(&mut self, rows: usize) -> Group;
}
