//! Kubernetes objects in columns, given to DataFusion as tables.
//!
//! Bytes of API objects come in by `ingest`, `flatten` turns them into columns by what
//! `generated` and `schema` say, `store` holds them, `sql` answers queries over them.

pub mod flatten;
#[allow(missing_docs, reason = "the definitions speak for themselves")]
#[rustfmt::skip]
pub mod generated;
pub mod ingest;
mod learn;
mod prelude;
pub mod schema;
pub mod sql;
pub mod store;
pub mod value;
