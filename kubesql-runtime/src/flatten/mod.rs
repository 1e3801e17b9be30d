//! From the bytes of an object to columns.
//!
//! `parse` walks JSON, `column` builds columns, `interpret` walks a type's definition;
//! the generated code is the same walk written out. Knows nothing of tables or SQL.

pub mod column;
pub mod group;
pub mod mismatch;
pub mod parse;
pub mod want;

pub use column::{
    BoolColumn, Column, Columns, FloatColumn, Int32Column, Int64Column, IntOrStringColumn,
    JsonColumn, JsonMapColumn, ListColumn, MapColumn, ObjectColumn, QuantityColumn,
    QuantityMapColumn, ScalarsColumn, TextColumn, TimeColumn,
};
pub use group::{Data, Group, List, Map};
pub use mismatch::{Expected, Mismatch};
pub use parse::{Malformed, Parser};
pub use want::Want;
