//! Extensions of DataFusion's planner: they bind keys of maps, and convert its errors.

pub(crate) mod failure;
pub(crate) mod function_clauses;
pub(crate) mod key_columns;
pub(crate) mod keys;
pub(crate) mod lateral;
mod messages;
pub(crate) mod set_functions;
pub(crate) mod type_names;
pub(crate) mod unnamed;
pub(crate) mod wrong_call;
