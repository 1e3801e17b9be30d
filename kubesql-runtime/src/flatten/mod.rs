//! From the bytes of an object to columns.
//!
//! `parse` walks JSON, `column` builds columns, `interpret` walks a type's definition;
//! the generated code is the same walk written out. Knows nothing of tables or SQL.

pub mod group;
pub mod want;

pub use group::{Data, Group, List, Map};
pub use want::Want;
