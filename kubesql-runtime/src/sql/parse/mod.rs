//! Text to statements: tokens, commands of sessions, and syntax trees.

pub(crate) mod check;
pub(crate) mod commands;
pub(crate) mod identifiers;
pub(crate) mod like;
pub(crate) mod statement;
pub(crate) mod syntax;
pub mod tokens;
pub(crate) mod walk;
