//! SQL over Kubernetes objects.
//!
//! A [`Source`](store::Source) has objects, an [`Engine`](sql::Engine) makes tables of them, and a
//! [`Session`](sql::Session) answers statements with Arrow record batches:
//!
//! ```
//! use std::sync::Arc;
//!
//! use arrow::array::AsArray;
//! use arrow::datatypes::Int64Type;
//! use futures::TryStreamExt;
//! use kubesql_runtime::generated;
//! use kubesql_runtime::ingest::{FileOptions, FileSource, Kinds};
//! use kubesql_runtime::sql::Engine;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // A folder of manifests, whose objects belong to a cluster called "demo".
//! let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/demo");
//! let kinds = Kinds::new(generated::KINDS.iter().copied(), generated::flattener);
//! let files = FileSource::new([("demo".to_owned(), folder.into())], kinds, FileOptions::default())?;
//!
//! let engine = Engine::new(generated::KINDS, Arc::new(files))?;
//! let sql = "select phase, count(*) as pods from pods group by phase order by pods desc limit 2";
//! let answer = engine.session().execute(sql).await?;
//! let batches: Vec<_> = answer.rows.try_collect().await?;
//!
//! let mut rows = Vec::new();
//! for batch in &batches {
//!     let (phases, counts) = (batch.column(0).as_string_view(), batch.column(1).as_primitive::<Int64Type>());
//!     rows.extend(phases.iter().zip(counts).map(|(phase, count)| (phase.unwrap_or("none"), count.unwrap_or(0))));
//! }
//! assert_eq!(rows, [("Running", 14), ("Pending", 2)]);
//! # Ok(())
//! # }
//! ```
//!
//! To query clusters instead of files, use the sources of [`ingest::clusters`].
//!
//! # Modules
//!
//! Each module uses only modules above it, except that `sql` does not use `ingest`:
//!
//! | module | responsibility |
//! |---|---|
//! | [`value`] | quantities and times |
//! | [`schema`] | definitions of types, kinds and tables |
//! | [`flatten`] | JSON to columns |
//! | [`generated`] | definitions and column builders of all kinds that are compiled in |
//! | [`store`] | segments, snapshots, and the trait [`Source`](store::Source) |
//! | [`ingest`] | files and clusters as sources |
//! | [`sql`] | statements over a source |
//!
//! Private modules are `discovery`, the definitions of custom resources, and two beside [`sql`]: `postgres`, which is
//! PostgreSQL's catalog, functions, types and SQL, and `system`, the tables about kubesql itself. Within [`sql`], the
//! order is `parse`, `rewrite`, `functions`, `scan`, `catalog`, then `postgres` and `system`, `plan`, `session`.

mod discovery;
pub mod flatten;
#[allow(missing_docs, reason = "generated definitions")]
#[rustfmt::skip]
pub mod generated;
pub mod ingest;
mod postgres;
mod prelude;
pub mod schema;
pub mod sql;
pub mod store;
mod system;
pub mod value;
