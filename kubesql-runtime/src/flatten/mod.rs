//! From the bytes of an object to columns.
//!
//! `parse` walks JSON, `column` builds columns, `interpret` walks a type's definition;
//! the generated code is the same walk written out. Knows nothing of tables or SQL.

pub mod column;
pub mod group;
pub mod head;
pub mod interpret;
pub mod mismatch;
pub mod objects;
pub mod parse;
mod press;
pub mod rows;
#[cfg(test)]
pub(crate) mod tests;
pub mod want;

pub use column::{
    BoolColumn, Column, Columns, FloatColumn, Int32Column, Int64Column, IntOrStringColumn, JsonColumn, JsonMapColumn,
    ListColumn, MapColumn, ObjectColumn, QuantityColumn, QuantityMapColumn, ScalarsColumn, TextColumn, TimeColumn,
};
pub use group::{Data, Group, List, Map};
pub use head::{Head, head, head_at};
pub use interpret::Interpreter;
pub use mismatch::{Expected, Mismatch};
pub use objects::{Objects, ObjectsBuilder};
pub use parse::{Malformed, Parser};
pub use rows::{Flattened, Rows, Typed};
pub use want::Want;
