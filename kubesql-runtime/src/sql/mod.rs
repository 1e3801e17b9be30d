//! SQL over the objects of a source.

pub(crate) mod error;
pub(crate) mod memory;
pub(crate) mod suggest;
pub(crate) mod types;

pub(crate) mod catalog;
pub(crate) mod functions;
pub(crate) mod parse;
pub(crate) mod plan;
pub(crate) mod rewrite;
pub(crate) mod scan;
pub(crate) mod session;
pub(crate) mod upstream;

#[cfg(test)]
mod tests;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use futures::stream::BoxStream;

pub use crate::postgres::{POSTGRES_VERSION, parameter_type};
pub use error::{ErrorKind, SqlError};
pub use memory::Memory;
pub use parse::commands::{Command, Copy, CopyFormat, Cursor, parse_command};
pub use parse::like::LikePattern;
pub use parse::tokens::{self, split_statements};
pub use session::Session;
pub use session::engine::Engine;
pub use session::prepared::Prepared;
pub use types::type_name;

/// The only catalog.
pub(crate) const CATALOG: &str = "kubesql";

/// The default schema: every kind by its plural, every list by its name.
pub(crate) const DEFAULT_SCHEMA: &str = "kubesql";

/// The schema that stands for the search path: unqualified names are looked up in the session's schema, then in the
/// default one.
pub(crate) const SEARCH_PATH: &str = "\u{2063}search_path";

/// The answer to one statement.
pub struct Answer {
    /// What was done, as PostgreSQL's command tags say it: `SELECT`, `SHOW`, `SET`, `BEGIN`.
    pub command: &'static str,
    /// The columns of the rows.
    pub schema: SchemaRef,
    /// What its select list says of them.
    pub select_list: SelectList,
    /// The rows, in batches; dropping it stops the query.
    pub rows: BoxStream<'static, Result<RecordBatch, SqlError>>,
}

/// What a query's select list says of the answer's columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SelectList {
    /// Whether it has a `*`: columns without any value may then be left out where an answer is shown.
    pub has_star: bool,
    /// The positions of the columns that have no name, in order.
    pub unnamed: Vec<usize>,
}

/// The client of a session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Principal {
    /// The name of the authenticated user.
    pub user: Option<String>,
    /// The protocol of the connection: `postgresql`.
    pub protocol: &'static str,
    /// The address of the client: `10.0.0.1:52100`.
    pub address: Option<String>,
}

/// A table that can be queried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableInfo {
    /// `core`, `apps`, `networking.k8s.io`.
    pub schema: String,
    /// `deployment_containers`.
    pub name: String,
    /// `Deployment`.
    pub kind: String,
    /// Where its rows come from: `spec.template.spec.containers[]`; empty for the kind's own.
    pub path: String,
    /// Whether a bare `SHOW TABLES` lists it.
    pub listed: bool,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnInfo {
    /// `nodename`.
    pub name: String,
    /// As psql spells it: `timestamp with time zone`.
    pub sql_type: &'static str,
    /// The OpenAPI path it comes from.
    pub path: String,
    /// Whether it is there because the data has such a key.
    pub dynamic: bool,
}
