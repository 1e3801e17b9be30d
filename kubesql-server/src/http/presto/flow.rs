//! One statement between the task that runs it and the client that asks for page after page of it.

use std::sync::Arc;
use std::time::Duration;

use kubesql_runtime::store::Warning;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::dialect::Dialect;
use super::failure::Failure;
use super::run::{self, Outcome};
use super::session::{Changes, Session};
use super::types::Type;
use super::values::Rows;
use crate::query::Client;
use futures::StreamExt;

/// Bytes of rows that are kept for the client at once; the statement waits until it takes them.
const PAGE: usize = 1 << 20;

/// What the task has told so far.
#[derive(Default)]
pub(super) struct Told {
    /// Names and types, once they are known.
    pub(super) columns: Option<Arc<Vec<(String, Type)>>>,
    pub(super) update: Option<&'static str>,
    pub(super) changes: Changes,
    /// Rows as members of a JSON list, that the client has not taken yet.
    data: Vec<u8>,
    /// All rows so far.
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) warnings: Vec<Warning>,
    /// How it ended, once it has.
    pub(super) end: Option<Result<(), Failure>>,
}

/// What both sides share.
#[derive(Default)]
pub(super) struct Flow {
    told: Mutex<Told>,
    changed: Notify,
    taken: Notify,
}

impl Flow {
    /// Looks at what was told.
    pub(super) fn with<T>(&self, look: impl FnOnce(&Told) -> T) -> T {
        look(&self.told.lock())
    }

    /// The rows that are there, as soon as there are some or no more; none after a while without.
    pub(super) async fn take(&self, patience: Duration) -> Vec<u8> {
        let until = Instant::now() + patience;
        loop {
            {
                let mut told = self.told.lock();
                if !told.data.is_empty() || told.end.is_some() {
                    self.taken.notify_one();
                    return std::mem::take(&mut told.data);
                }
            }
            if tokio::time::timeout_at(until, self.changed.notified()).await.is_err() {
                return Vec::new();
            }
        }
    }

    /// Ends it, if it has not ended.
    pub(super) fn end(&self, how: Result<(), Failure>) {
        self.told.lock().end.get_or_insert(how);
        self.changed.notify_one();
    }

    /// Gives rows to the client, and waits until it has taken what was there before.
    async fn give(&self, data: &mut Vec<u8>, rows: u64) {
        if data.is_empty() {
            return;
        }
        {
            let mut told = self.told.lock();
            told.rows += rows;
            told.bytes += u64::try_from(data.len()).unwrap_or_default();
            if !told.data.is_empty() {
                told.data.push(b',');
            }
            told.data.append(data);
        }
        self.changed.notify_one();
        while self.told.lock().data.len() >= PAGE {
            self.taken.notified().await;
        }
    }

    /// Runs a statement to its end.
    pub(super) async fn run(&self, client: &Client, session: &Session, sql: &str) {
        let how = self.answer(client, session, sql).await;
        self.told.lock().warnings.extend(client.take_warnings());
        self.end(how);
    }

    async fn answer(&self, client: &Client, session: &Session, sql: &str) -> Result<(), Failure> {
        let Outcome { columns, mut rows, update, changes } = run::run(client, session, sql).await?;
        {
            let mut told = self.told.lock();
            (told.columns, told.update, told.changes) = (Some(Arc::new(columns)), update, changes);
        }
        let digits = digits(session.dialect);
        let mut data = Vec::new();
        while let Some(batch) = rows.next().await.transpose()? {
            let batch = Rows::new(&batch, digits)?;
            let mut written = 0;
            for row in 0..batch.len() {
                if !data.is_empty() {
                    data.push(b',');
                }
                batch.write(row, &mut data)?;
                written += 1;
                if data.len() >= PAGE {
                    self.give(&mut data, std::mem::take(&mut written)).await;
                }
            }
            self.give(&mut data, written).await;
        }
        Ok(())
    }
}

fn digits(dialect: Dialect) -> usize {
    Type::digits(dialect)
}
