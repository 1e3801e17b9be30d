//! Parses SQL text into tokens, session commands and syntax trees.

pub(crate) mod arrays;
pub(crate) mod check;
mod clauses;
pub(crate) mod commands;
pub(crate) mod identifiers;
pub(crate) mod like;
pub(crate) mod statement;
pub(crate) mod syntax;
pub mod tokens;
pub(crate) mod walk;
