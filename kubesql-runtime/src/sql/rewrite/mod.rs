//! Passes over a statement's syntax tree before DataFusion plans it. Each looks at one node at a time and knows no
//! tables.

mod check;
pub(super) mod names;
pub(super) mod output_names;
mod walk;

pub(in crate::sql) use check::{check, check_output_names};
pub(in crate::sql) use walk::{AstPass, walk};
