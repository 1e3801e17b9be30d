//! The tables that exist, and what one statement sees of them.

pub(crate) mod context;
pub(crate) mod queries;
pub(crate) mod registry;
pub(crate) mod statement_catalog;
