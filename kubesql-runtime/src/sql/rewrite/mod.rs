//! Rewriting of the syntax tree before DataFusion plans it.

#[expect(dead_code, reason = "the passes come next")]
mod walk;

#[expect(unused_imports, reason = "the passes come next")]
pub(in crate::sql) use walk::{AstPass, walk};
