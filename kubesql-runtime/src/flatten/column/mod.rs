//! Column builders.
//!
//! A builder pads with NULLs only when it is next written or finished. An absent field therefore costs nothing, and a
//! column without values takes no memory. If an object has a field twice, the first value wins: a builder ignores
//! values for a row that it already has.

mod dictionary;
mod fixed;
mod map;
mod nested;
mod text;

use arrow::array::ArrayRef;

use super::group::{ColumnData, ColumnGroup};
use super::parse::{Malformed, Parser};

pub(crate) use dictionary::recycle;
pub use fixed::{BoolColumn, FloatColumn, Int32Column, Int64Column, QuantityColumn, TimeColumn};
pub use map::{JsonMapColumn, MapColumn, QuantityMapColumn};
pub use nested::{ListColumn, ObjectColumn, ScalarsColumn};
pub(super) use nested::{Offsets, group, list};
pub use text::{IntOrStringColumn, JsonColumn, TextColumn};

/// Builds the column of a field.
pub trait ColumnBuilder: Send {
    /// Reads the parser's next value into a row; rows must not decrease. `null` and values that do not fit leave the row
    /// NULL. The parser records values that do not fit.
    fn read(&mut self, p: &mut Parser<'_>, row: usize) -> Result<(), Malformed>;

    /// Returns the values of the first `rows` rows, or `None` if there are none, and starts anew.
    fn finish(&mut self, rows: usize) -> Option<ColumnData>;
}

/// Builds a column of scalars.
pub trait ScalarBuilder: ColumnBuilder + Default {
    /// Like [`ColumnBuilder::finish`], but always returns an array, and never a dictionary.
    fn finish_plain(&mut self, rows: usize) -> ArrayRef;
}

/// Builds the columns of a type.
pub trait GroupBuilder: Default + Send {
    /// Reads the parser's next value, an object, into a row.
    fn flatten(&mut self, p: &mut Parser<'_>, row: usize) -> Result<(), Malformed>;

    /// Returns the columns of the first `rows` rows and starts anew.
    fn finish(&mut self, rows: usize) -> ColumnGroup;
}
