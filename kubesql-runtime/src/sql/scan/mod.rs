//! Rows of tables out of a snapshot's segments.

pub(crate) mod dynamic_column;
pub(crate) mod extract;
pub(crate) mod groups;
pub(crate) mod objects_table;
pub(crate) mod printed;
pub(crate) mod pushdown;
pub(crate) mod row_map;
pub(crate) mod snapshot;
