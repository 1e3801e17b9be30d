//! Passes over a statement's syntax tree before DataFusion plans it. Each looks at one node at a time and knows no
//! tables.

pub(super) mod names;
pub(super) mod output_names;
mod walk;

pub(in crate::sql) use walk::{AstPass, walk};
