//! Passes over the syntax tree of a statement before DataFusion plans it. They do not need the catalog.

pub(crate) mod hidden;
pub(crate) mod joined_keys;
pub(crate) mod markers;
pub(crate) mod names;
pub(crate) mod output_names;
pub(crate) mod presto;
pub(crate) mod set_functions;
pub(crate) mod views;
