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

pub use crate::postgres::{POSTGRES_VERSION, parameter_type, write_text};
pub use error::{ErrorKind, SqlError};
pub use memory::Memory;
pub use parse::commands::{Command, Copy, CopyFormat, Cursor, parse_command};
pub use parse::like::LikePattern;
pub use parse::tokens::{self, split_statements};
pub use session::Session;
pub use session::engine::Engine;
pub use session::prepared::Prepared;
pub use types::type_name;

/// The name of the only catalog.
pub(crate) const CATALOG: &str = "kubesql";

/// The default schema. It has a table for each kind, by its plural, and for each list.
pub(crate) const DEFAULT_SCHEMA: &str = "kubesql";

/// The schema that represents the search path: the session's schema, then the default one.
pub(crate) const SEARCH_PATH: &str = "\u{2063}search_path";

/// The answer to one statement.
pub struct Answer {
    /// The command, as in PostgreSQL's command tags: `SELECT`, `SHOW`, `SET`, `BEGIN`.
    pub command: &'static str,
    /// The columns of the rows.
    pub schema: SchemaRef,
    /// The select list of the query.
    pub select_list: SelectList,
    /// The rows, in batches. Dropping the stream cancels the query.
    pub rows: BoxStream<'static, Result<RecordBatch, SqlError>>,
}

/// Properties of a query's select list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SelectList {
    /// Whether it has a `*`. Clients may then hide columns that have no value.
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
    /// The path of the list that its rows come from: `spec.template.spec.containers[]`. Empty for the kind's own table.
    pub path: String,
    /// Whether `SHOW TABLES` lists it in the default schema.
    pub listed: bool,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnInfo {
    /// `nodename`.
    pub name: String,
    /// The name that psql displays: `timestamp with time zone`.
    pub sql_type: &'static str,
    /// The OpenAPI path of its field.
    pub path: String,
    /// Whether it is a key or a condition that the data has.
    pub dynamic: bool,
}
