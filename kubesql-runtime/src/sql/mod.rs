//! SQL over the objects of a source: the one room that knows DataFusion.

mod catalog;
mod commands;
mod dynamic;
mod error;
mod extract;
mod failure;
mod functions;
mod hidden;
mod house;
mod key_columns;
mod keys;
mod like;
mod map_key;
mod memory;
mod moment;
mod postgres;
mod prepared;
mod printed;
mod pushdown;
mod queries;
mod registry;
mod rewrite;
mod scan;
mod statement;
mod suggest;
mod syntax;
mod system;
#[cfg(test)]
mod tests;
mod timeout;
pub mod tokens;
mod types;
mod unnamed;
mod upstream;
mod wrong_call;

mod engine;
mod session;
mod settings;
mod show;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use futures::stream::BoxStream;

pub use commands::{Command, Copy, CopyFormat, Cursor, parse_command};
pub use engine::Engine;
pub use error::{ErrorKind, SqlError};
pub use like::LikePattern;
pub use memory::Memory;
pub use postgres::{POSTGRES_VERSION, parameter_type};
pub use prepared::Prepared;
pub use session::Session;
pub use tokens::split_statements;
pub use types::type_name;

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
