//! Passes over a statement's syntax tree before DataFusion plans it. Each looks at one node at a time and knows no
//! tables.

pub(crate) mod hidden;
pub(crate) mod markers;
pub(crate) mod names;
pub(crate) mod output_names;
