//! The catalog: the tables of an engine, and the catalog of a statement.

pub(crate) mod context;
pub(crate) mod queries;
pub(crate) mod registry;
pub(crate) mod statement_catalog;
pub(crate) mod views;
