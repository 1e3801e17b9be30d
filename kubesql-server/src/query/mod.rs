//! The one door that statements of all protocols pass: who asks, how many at once, how long, and how they are stopped.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::DataType;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use kubesql_runtime::sql::{Answer, ColumnInfo, Engine, ErrorKind, Prepared, Session, SqlError, TableInfo};
use kubesql_runtime::store::Warning;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

/// What every statement has to keep to.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// How long one may take, waiting for its turn included; `None` for no limit.
    pub(crate) timeout: Option<Duration>,
    /// How many may run at once; others wait for their turn.
    pub(crate) at_once: usize,
}

/// Tables that clients may query.
#[derive(Debug)]
pub(crate) struct Door {
    engine: Arc<Engine>,
    limits: Limits,
    turns: Arc<Semaphore>,
    /// Whether statements are answered although some clusters cannot, unless the client says otherwise.
    partial: bool,
    /// Tables that are not there yet, and should be before clients come.
    awaited: Mutex<BTreeSet<String>>,
}

impl Door {
    /// Statements over these tables; with `partial`, clusters that cannot answer are left out and told of, unless a
    /// client says otherwise.
    pub(crate) fn new(engine: Arc<Engine>, limits: Limits, partial: bool) -> Arc<Self> {
        let turns = Arc::new(Semaphore::new(limits.at_once));
        Arc::new(Self { engine, limits, turns, partial, awaited: Mutex::default() })
    }

    /// All tables.
    pub(crate) fn tables(&self) -> Vec<TableInfo> {
        self.engine.tables()
    }

    /// Notes that clients should not come before this table is there.
    pub(crate) fn awaits(&self, table: &str) {
        self.awaited.lock().insert(table.to_owned());
    }

    /// Notes that a table is there.
    pub(crate) fn has(&self, table: &str) {
        self.awaited.lock().remove(table);
    }

    /// The tables that are not there yet; none when clients may come.
    pub(crate) fn awaited(&self) -> Vec<String> {
        self.awaited.lock().iter().cloned().collect()
    }

    /// A client with a session of its own.
    pub(crate) fn client(self: &Arc<Self>) -> Client {
        let session = self.engine.session();
        session.set_partial(self.partial);
        Client { session, door: Arc::clone(self), cancels: watch::Sender::new(()) }
    }
}

/// One client: its settings, and the statement that it has running.
#[derive(Debug)]
pub(crate) struct Client {
    session: Session,
    door: Arc<Door>,
    cancels: watch::Sender<()>,
}

impl Client {
    /// Stops the statement that runs, if one does.
    pub(crate) fn cancel(&self) {
        self.cancels.send_replace(());
    }

    /// Answers one statement.
    pub(crate) async fn execute(&self, sql: &str) -> Result<Answer, SqlError> {
        self.guarded(self.session.execute(sql)).await
    }

    /// Says what the client calls itself.
    pub(crate) fn set_application_name(&self, name: &str) {
        self.session.set_application_name(name);
    }

    /// Plans a statement with parameters, of the types that are declared or that it wants.
    pub(crate) async fn prepare(&self, sql: &str, declared: &[Option<DataType>]) -> Result<Prepared, SqlError> {
        let mut stop = self.stop();
        let turn = self.turn(&mut stop).await?;
        let prepared = stop.unless(self.session.prepare(sql, declared)).await;
        drop(turn);
        prepared
    }

    /// The columns of a table, those of the data's keys included.
    pub(crate) async fn describe(&self, table: &str) -> Result<Vec<ColumnInfo>, SqlError> {
        let mut stop = self.stop();
        let turn = self.turn(&mut stop).await?;
        let columns = stop.unless(self.door.engine.describe(table, true)).await;
        drop(turn);
        columns
    }

    /// Answers a prepared statement; each value is an array of one element.
    pub(crate) async fn run(&self, statement: &Prepared, values: &[ArrayRef]) -> Result<Answer, SqlError> {
        self.guarded(self.session.run(statement, values)).await
    }

    /// What was wrong with the data of the statements since the last call.
    pub(crate) fn take_warnings(&self) -> Vec<Warning> {
        self.session.take_warnings()
    }

    async fn guarded(&self, work: impl Future<Output = Result<Answer, SqlError>>) -> Result<Answer, SqlError> {
        let mut stop = self.stop();
        let turn = self.turn(&mut stop).await?;
        let Answer { command, schema, rows } = stop.unless(work).await?;
        let rows = Guarded { rows, stop, _turn: turn };
        let rows = stream::unfold(Some(rows), |guarded| async {
            let mut guarded = guarded?;
            let Guarded { rows, stop, .. } = &mut guarded;
            match stop.unless(async { rows.next().await.transpose() }).await.transpose()? {
                Ok(batch) => Some((Ok(batch), Some(guarded))),
                // Dropped with it, so that nothing goes on where it failed.
                Err(error) => Some((Err(error), None)),
            }
        });
        Ok(Answer { command, schema, rows: rows.boxed() })
    }

    fn stop(&self) -> Stop {
        let timeout = self.door.limits.timeout;
        Stop {
            deadline: timeout.map(|timeout| (Instant::now() + timeout, timeout)),
            cancelled: self.cancels.subscribe(),
        }
    }

    async fn turn(&self, stop: &mut Stop) -> Result<OwnedSemaphorePermit, SqlError> {
        let turns = Arc::clone(&self.door.turns);
        let closed = |_| SqlError::new(ErrorKind::Internal, "the server is going away");
        stop.unless(async { turns.acquire_owned().await.map_err(closed) }).await
    }
}

/// Rows that end when their statement is stopped.
struct Guarded {
    rows: BoxStream<'static, Result<RecordBatch, SqlError>>,
    stop: Stop,
    _turn: OwnedSemaphorePermit,
}

/// Why a statement may have to end early.
struct Stop {
    /// When, and after how long that is.
    deadline: Option<(Instant, Duration)>,
    cancelled: watch::Receiver<()>,
}

impl Stop {
    /// The outcome of the work, unless it has to end before.
    async fn unless<T>(&mut self, work: impl Future<Output = Result<T, SqlError>>) -> Result<T, SqlError> {
        let Self { deadline, cancelled } = self;
        let late = async {
            match *deadline {
                Some((deadline, timeout)) => {
                    tokio::time::sleep_until(deadline).await;
                    timeout
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            // The sender lives as long as the client does.
            Ok(()) = cancelled.changed() => Err(SqlError::new(ErrorKind::Cancelled, "the statement was cancelled")),
            timeout = late => {
                let message = format!("the statement took more than {} s", timeout.as_secs_f64());
                Err(SqlError::new(ErrorKind::Timeout, message).hint("--statement-timeout allows more"))
            }
            outcome = work => outcome,
        }
    }
}
