//! Where statements run, for the user and for completion: in this process or on a server.

mod local;
mod remote;

use std::sync::Arc;

use async_trait::async_trait;
use kubesql_runtime::sql::{Answer, SqlError};
use kubesql_runtime::store::Warning;
use tokio::runtime::Runtime;

use crate::args::{ServerArgs, ShellArgs, SourceArgs};
use crate::commands::progress::Progress;
use crate::failure::Failure;

/// A column, as shown by `\d`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    /// The type, as psql spells it.
    pub(super) sql_type: String,
    /// The OpenAPI path of the field.
    pub(super) path: String,
}

/// Runs statements.
#[async_trait]
pub(super) trait Backend: Send + Sync {
    /// Runs a statement; dropping the future or the rows cancels it.
    async fn execute(&self, sql: &str) -> Result<Answer, SqlError>;

    /// Warnings since the last call.
    fn take_warnings(&self) -> Vec<Warning>;

    /// Runs one of the shell's own statements, with default settings; its warnings are dropped.
    async fn ask(&self, sql: &str) -> Result<Answer, SqlError>;

    /// The columns of a table, by its name as in a statement; with `data`, including the keys of its objects.
    async fn columns(&self, table: &str, data: bool) -> Result<Vec<Column>, SqlError>;

    /// Shows progress until it is dropped.
    fn progress(&self) -> Progress;

    /// A short description of the sources: `demo`.
    fn place(&self) -> String;
}

/// The sources given on the command line or by `\c`.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    server: ServerArgs,
    sources: SourceArgs,
    watch_idle: u64,
    memory: Option<u64>,
}

impl Connection {
    /// The sources of the command line.
    pub(super) fn from_args(args: &ShellArgs) -> Self {
        Self {
            server: args.server.clone(),
            sources: args.sources.clone(),
            watch_idle: args.watch_idle,
            memory: args.watch_memory,
        }
    }

    /// The same options with other clusters or a server.
    pub(super) fn with_places(&self, places: &[String]) -> Self {
        let mut other = self.clone();
        match places {
            [url] if url.starts_with("http://") || url.starts_with("https://") => {
                other.server.server = Some(url.clone())
            }
            places => {
                other.server.server = None;
                other.sources.demo = false;
                other.sources.files.clear();
                other.sources.contexts = places.to_vec();
            }
        }
        other
    }

    /// Whether objects are read from standard input.
    pub(super) fn reads_stdin(&self) -> bool {
        self.server.server.is_none() && self.sources.read_stdin()
    }

    /// Opens the sources.
    pub(super) fn open(&self, runtime: &Runtime) -> Result<Arc<dyn Backend>, Failure> {
        match &self.server.server {
            Some(url) => Ok(Arc::new(remote::Remote::new(runtime, url, &self.server)?)),
            None => Ok(Arc::new(local::Local::new(runtime, &self.sources, self.watch_idle, self.memory)?)),
        }
    }
}
