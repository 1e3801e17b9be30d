//! What binds the keys of maps while DataFusion plans a statement, and what its errors mean.

pub(crate) mod failure;
pub(crate) mod key_columns;
pub(crate) mod keys;
pub(crate) mod unnamed;
pub(crate) mod wrong_call;
