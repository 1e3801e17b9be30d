//! Turns the JSON text of objects into columns.
//!
//! `parse` is a pull parser, `column` has the column builders, and `interpret` flattens objects by the definition of
//! their type. The generated code does the same as the interpreter, compiled for each type. Knows neither tables nor SQL.

pub mod column;
mod compression;
mod describe;
mod either;
pub mod field_mask;
pub mod group;
pub mod head;
pub mod interpret;
pub mod mismatch;
pub mod parse;
pub mod raw_objects;
pub mod rows;
#[cfg(test)]
pub(crate) mod tests;

pub use column::{
    BoolColumn, ColumnBuilder, FloatColumn, GroupBuilder, Int32Column, Int64Column, IntOrStringColumn, JsonColumn,
    JsonMapColumn, ListColumn, MapColumn, ObjectColumn, QuantityColumn, QuantityMapColumn, ScalarsColumn, TextColumn,
    TimeColumn,
};
pub(crate) use either::read_either;
pub use field_mask::FieldMask;
pub use group::{ColumnData, ColumnGroup, ListData, MapData};
pub use head::{Head, read_head, read_head_at};
pub use interpret::Interpreter;
pub use mismatch::{Expected, Mismatch};
pub use parse::{Malformed, Parser, SyntaxError};
pub use raw_objects::{RawObjects, RawObjectsBuilder};
pub use rows::{CompiledFlattener, Flattened, Flattener};
