//! SQL over the objects of a source: the one room that knows DataFusion.

mod dynamic;
mod error;
mod extract;
mod registry;
mod suggest;
mod types;

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use futures::stream::BoxStream;

pub use error::{ErrorKind, SqlError};

use crate::schema::KindDef;
use crate::store::{Source, Warning};

/// All tables over one source; sessions are made of it.
#[derive(Debug)]
pub struct Engine {}

/// One client's state: its settings and current schema.
#[derive(Debug)]
pub struct Session {}

/// The answer to one statement.
pub struct Answer {
    /// The columns of the rows.
    pub schema: SchemaRef,
    /// The rows, in batches; dropping it stops the query.
    pub rows: BoxStream<'static, Result<RecordBatch, SqlError>>,
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

impl Engine {
    /// Tables of these kinds over this source.
    #[must_use]
    pub fn new(_kinds: &'static [&'static KindDef], _source: Arc<dyn Source>) -> Arc<Self> {
        Arc::new(Self {})
    }

    /// A new session.
    #[must_use]
    pub fn session(self: &Arc<Self>) -> Session {
        Session {}
    }

    /// All tables, those that `SHOW TABLES` lists and the others.
    #[must_use]
    pub fn tables(&self) -> Vec<TableInfo> {
        Vec::new()
    }

    /// The columns of a table, in the order of `select *`; with `data`, the keys that the data has as well.
    ///
    /// # Errors
    /// A table that does not exist, with the nearest names.
    pub async fn describe(&self, table: &str, data: bool) -> Result<Vec<ColumnInfo>, SqlError> {
        Err(SqlError::new(ErrorKind::Unsupported, format!("{table} {data}")))
    }
}

impl Session {
    /// Runs one statement.
    ///
    /// # Errors
    /// Whatever [`ErrorKind`] lists, before the first row; the stream may fail later.
    pub async fn execute(&self, sql: &str) -> Result<Answer, SqlError> {
        Err(SqlError::new(ErrorKind::Unsupported, sql))
    }

    /// What was wrong with the data of all statements since the last call, each kind of trouble once.
    pub fn take_warnings(&self) -> Vec<Warning> {
        Vec::new()
    }
}

/// Splits a text into statements at its semicolons, not those in quotes, comments or dollar quotes; without empty ones.
#[must_use]
pub fn statements(_sql: &str) -> Vec<String> {
    Vec::new()
}
