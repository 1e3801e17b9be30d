//! Scans of tables over the segments of a snapshot.

pub(crate) mod dynamic_column;
pub(crate) mod extract;
pub(crate) mod groups;
pub(crate) mod kubectl;
pub(crate) mod objects_table;
pub(crate) mod printed;
pub(crate) mod pushdown;
pub(crate) mod row_map;
pub(crate) mod snapshot;
