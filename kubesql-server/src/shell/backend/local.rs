//! Runs statements in this process; clusters are watched, as by `kubesql serve`.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use futures::stream::{self, StreamExt};
use kubesql_runtime::sql::{Answer, ColumnInfo, ErrorKind, Memory, SelectList, SqlError};
use kubesql_runtime::store::Warning;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::{Backend, Column};
use crate::args::SourceArgs;
use crate::commands::progress::Progress;
use crate::failure::Failure;
use crate::query::{Client, Frontend, Limits};
use crate::sources::{Opened, WatchConfig};

/// Maximum number of concurrent statements, including those of completion.
const MAX_CONCURRENT: usize = 16;

/// Sources opened in this process.
pub(super) struct Local {
    opened: Opened,
    /// The user's session.
    client: Arc<Client>,
    /// The session for the shell's own statements.
    own: Arc<Client>,
    runtime: Handle,
    place: String,
}

impl Local {
    pub(super) fn new(
        runtime: &Runtime,
        sources: &SourceArgs,
        watch_idle: u64,
        memory: Option<u64>,
    ) -> Result<Self, Failure> {
        let idle = Duration::from_secs(watch_idle.max(1));
        let watching = WatchConfig { idle, memory, statement_memory: Memory::default() };
        let opened = sources.open_watched(runtime, &watching)?;
        let limits = Limits { concurrent: MAX_CONCURRENT, ..Limits::default() };
        let frontend = Frontend::new(Arc::clone(&opened.engine), limits, sources.partial, None);
        let client = Arc::new(frontend.internal_client());
        client.set_application_name("kubesql shell");
        let own = Arc::new(frontend.internal_client());
        own.set_application_name("kubesql shell (internal)");
        let clusters = opened.source.clusters();
        let place = match clusters.as_slice() {
            [] => "no clusters".to_owned(),
            clusters if clusters.len() > 5 => format!("{} clusters", clusters.len()),
            clusters => clusters.iter().map(|name| &**name).collect::<Vec<_>>().join(", "),
        };
        Ok(Self { opened, client, own, runtime: runtime.handle().clone(), place })
    }
}

#[async_trait]
impl Backend for Local {
    async fn execute(&self, sql: &str) -> Result<Answer, SqlError> {
        run_in_task(&self.runtime, Arc::clone(&self.client), sql).await
    }

    fn take_warnings(&self) -> Vec<Warning> {
        self.client.take_warnings()
    }

    async fn ask(&self, sql: &str) -> Result<Answer, SqlError> {
        run_in_task(&self.runtime, Arc::clone(&self.own), sql).await
    }

    async fn columns(&self, table: &str, data: bool) -> Result<Vec<Column>, SqlError> {
        let columns = self.opened.engine.describe(table, data).await?;
        let column = |ColumnInfo { name, sql_type, path, .. }| Column { name, sql_type: sql_type.to_owned(), path };
        Ok(columns.into_iter().map(column).collect())
    }

    fn progress(&self) -> Progress {
        Progress::of_source(&self.opened.source)
    }

    fn place(&self) -> String {
        self.place.clone()
    }
}

/// A part of a result.
enum ResultPart {
    Begin(&'static str, arrow::datatypes::SchemaRef, SelectList),
    Rows(RecordBatch),
}

/// Runs a statement in its own task, so that it can be cancelled while it is busy.
async fn run_in_task(runtime: &Handle, client: Arc<Client>, sql: &str) -> Result<Answer, SqlError> {
    let (sender, mut parts) = mpsc::channel(2);
    let sql = sql.to_owned();
    let task = AbortOnDrop(runtime.spawn(async move {
        // The receiver is gone if this fails.
        if let Err(error) = run(&client, &sql, &sender).await {
            _ = sender.send(Err(error)).await;
        }
    }));
    let ended = || SqlError::new(ErrorKind::Internal, "the statement ended without a result");
    match parts.recv().await.ok_or_else(ended)?? {
        ResultPart::Begin(command, schema, select_list) => {
            let rows = stream::unfold((parts, task), |(mut parts, task)| async {
                match parts.recv().await? {
                    Ok(ResultPart::Rows(batch)) => Some((Ok(batch), (parts, task))),
                    Ok(ResultPart::Begin(..)) => None,
                    Err(error) => Some((Err(error), (parts, task))),
                }
            });
            Ok(Answer { command, schema, select_list, rows: rows.fuse().boxed() })
        }
        ResultPart::Rows(_) => Err(ended()),
    }
}

async fn run(client: &Client, sql: &str, to: &mpsc::Sender<Result<ResultPart, SqlError>>) -> Result<(), SqlError> {
    let Answer { command, schema, select_list, mut rows } = client.execute(sql).await?;
    if to.send(Ok(ResultPart::Begin(command, schema, select_list))).await.is_err() {
        return Ok(());
    }
    while let Some(batch) = rows.next().await.transpose()? {
        if to.send(Ok(ResultPart::Rows(batch))).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// Aborts the task when dropped.
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
