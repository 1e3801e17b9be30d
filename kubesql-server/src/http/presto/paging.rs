//! The buffer between the task that executes a statement and the requests that fetch its pages.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use kubesql_runtime::store::Warning;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::outcome::Outcome;
use super::query_error::QueryError;
use super::run;
use super::session::{Session, SessionChanges};
use super::types::Type;
use super::values::Rows;
use crate::query::Client;

/// How many bytes of rows are buffered. The task pauses until the client has fetched them.
const PAGE_BYTES: usize = 1 << 20;

/// The state of a statement, as far as it has been executed.
#[derive(Default)]
pub(super) struct QueryState {
    /// Names and types; `None` until they are known.
    pub(super) columns: Option<Arc<Vec<(String, Type)>>>,
    pub(super) update_type: Option<&'static str>,
    pub(super) changes: SessionChanges,
    /// The rows that have not been fetched, as elements of a JSON array.
    data: Vec<u8>,
    /// The number of all rows so far.
    pub(super) rows: u64,
    /// The size of all rows so far.
    pub(super) bytes: u64,
    pub(super) warnings: Vec<Warning>,
    /// `None` as long as the statement runs.
    pub(super) result: Option<Result<(), QueryError>>,
}

/// Shared by the task and the requests.
#[derive(Default)]
pub(super) struct PageBuffer {
    state: Mutex<QueryState>,
    /// Rows were added, or the statement has ended.
    changed: Notify,
    /// Rows were fetched.
    fetched: Notify,
}

impl PageBuffer {
    /// Reads the state.
    pub(super) fn with_state<T>(&self, read: impl FnOnce(&QueryState) -> T) -> T {
        read(&self.state.lock())
    }

    /// Takes the buffered rows. Waits until there are some, the statement has ended, or the time is over.
    pub(super) async fn fetch(&self, max_wait: Duration) -> Vec<u8> {
        let until = Instant::now() + max_wait;
        loop {
            {
                let mut state = self.state.lock();
                if !state.data.is_empty() || state.result.is_some() {
                    self.fetched.notify_one();
                    return std::mem::take(&mut state.data);
                }
            }
            if tokio::time::timeout_at(until, self.changed.notified()).await.is_err() {
                return Vec::new();
            }
        }
    }

    /// Sets the result of the statement, unless it has one.
    pub(super) fn finish(&self, result: Result<(), QueryError>) {
        self.state.lock().result.get_or_insert(result);
        self.changed.notify_one();
    }

    /// Adds rows, then waits while the buffer is full.
    async fn push(&self, data: &mut Vec<u8>, rows: u64) {
        if data.is_empty() {
            return;
        }
        {
            let mut state = self.state.lock();
            state.rows += rows;
            state.bytes += u64::try_from(data.len()).unwrap_or_default();
            if !state.data.is_empty() {
                state.data.push(b',');
            }
            state.data.append(data);
        }
        self.changed.notify_one();
        while self.state.lock().data.len() >= PAGE_BYTES {
            self.fetched.notified().await;
        }
    }

    /// Executes a statement to its end.
    pub(super) async fn run(&self, client: &Client, session: &Session, sql: &str) {
        let result = self.execute(client, session, sql).await;
        self.state.lock().warnings.extend(client.take_warnings());
        self.finish(result);
    }

    async fn execute(&self, client: &Client, session: &Session, sql: &str) -> Result<(), QueryError> {
        let Outcome { columns, mut rows, update_type, changes } = run::run(client, session, sql).await?;
        {
            let mut state = self.state.lock();
            (state.columns, state.update_type, state.changes) = (Some(Arc::new(columns)), update_type, changes);
        }
        let precision = Type::time_precision(session.dialect);
        let mut data = Vec::new();
        while let Some(batch) = rows.next().await.transpose()? {
            let batch = Rows::new(&batch, precision)?;
            let mut written = 0;
            for row in 0..batch.len() {
                if !data.is_empty() {
                    data.push(b',');
                }
                batch.write(row, &mut data)?;
                written += 1;
                if data.len() >= PAGE_BYTES {
                    self.push(&mut data, std::mem::take(&mut written)).await;
                }
            }
            self.push(&mut data, written).await;
        }
        Ok(())
    }
}
