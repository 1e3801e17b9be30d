//! Where statements are answered: the one place that execution and completion ask. In this process, or at a server.

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

/// A column, as `\d` tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    /// As psql spells it.
    pub(super) sql_type: String,
    /// The OpenAPI path it comes from.
    pub(super) path: String,
}

/// Who answers.
#[async_trait]
pub(super) trait Backend: Send + Sync {
    /// Answers a statement; dropping the future or the rows stops it.
    async fn execute(&self, sql: &str) -> Result<Answer, SqlError>;

    /// What was wrong with the data of the statements since the last call.
    fn take_warnings(&self) -> Vec<Warning>;

    /// Answers a question of the shell itself, apart from the user's settings and warnings.
    async fn ask(&self, sql: &str) -> Result<Answer, SqlError>;

    /// The columns of a table, by its name as a statement may have it; with `data`, the keys that the data has too.
    async fn columns(&self, table: &str, data: bool) -> Result<Vec<Column>, SqlError>;

    /// Tells how far a statement is, until it is dropped.
    fn progress(&self) -> Progress;

    /// Where the tables come from, in a few words: `following demo`.
    fn place(&self) -> String;
}

/// Where tables come from, so that another place can be chosen later.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    server: ServerArgs,
    sources: SourceArgs,
    watch_idle: u64,
    memory: Option<u64>,
}

impl Choice {
    /// What the command line says.
    pub(super) fn of(args: &ShellArgs) -> Self {
        Self {
            server: args.server.clone(),
            sources: args.sources.clone(),
            watch_idle: args.watch_idle,
            memory: args.watch_memory,
        }
    }

    /// The same with other clusters, or a server.
    pub(super) fn other(&self, places: &[String]) -> Self {
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

    /// Whether the objects come from standard input.
    pub(super) fn reads_stdin(&self) -> bool {
        self.server.server.is_none() && self.sources.read_stdin()
    }

    /// Opens it.
    pub(super) fn open(&self, runtime: &Runtime) -> Result<Arc<dyn Backend>, Failure> {
        match &self.server.server {
            Some(url) => Ok(Arc::new(remote::Remote::new(runtime, url, &self.server)?)),
            None => Ok(Arc::new(local::Local::new(runtime, &self.sources, self.watch_idle, self.memory)?)),
        }
    }
}
