//! The one door that statements of all protocols pass: who asks, how many at once, how long, and how they are stopped.

mod answer;
mod note;
mod size;
mod stop;
#[cfg(test)]
mod tests;
mod turns;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use kubesql_runtime::sql::{Answer, ColumnInfo, Engine, ErrorKind, Prepared, Session, SqlError, TableInfo};
use kubesql_runtime::store::Warning;
use parking_lot::Mutex;
use tokio::sync::watch;

pub(crate) use kubesql_runtime::sql::Who;

use crate::audit::Audit;
use answer::Watched;
use note::Note;
use stop::Stop;
use turns::{Turn, Turns};

/// What every statement has to keep to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Limits {
    /// How long one may take, waiting for its turn included; `None` for no limit.
    pub(crate) timeout: Option<Duration>,
    /// How many may run at once; others wait for their turn.
    pub(crate) at_once: usize,
    /// How many may wait for their turn; `None` for no limit.
    pub(crate) waiting: Option<usize>,
    /// How many of one user may run at once; `None` for no limit.
    pub(crate) each: Option<usize>,
    /// How many rows an answer may have; `None` for no limit.
    pub(crate) rows: Option<u64>,
    /// How many bytes the values of an answer may have; `None` for no limit.
    pub(crate) bytes: Option<u64>,
}

/// Tables that clients may query.
#[derive(Debug)]
pub(crate) struct Door {
    engine: Arc<Engine>,
    limits: Limits,
    turns: Turns,
    /// Whether statements are answered although some clusters cannot, unless the client says otherwise.
    partial: bool,
    /// Tables that are not there yet, and should be before clients come.
    awaited: Mutex<BTreeSet<String>>,
    audit: Option<Arc<Audit>>,
    closed: watch::Sender<bool>,
}

impl Door {
    /// Statements over these tables; with `partial`, clusters that cannot answer are left out and told of, unless a
    /// client says otherwise.
    #[cfg(test)]
    pub(crate) fn new(engine: Arc<Engine>, limits: Limits, partial: bool) -> Arc<Self> {
        Self::audited(engine, limits, partial, None)
    }

    /// The same, and every statement is told to the audit log.
    pub(crate) fn audited(engine: Arc<Engine>, limits: Limits, partial: bool, audit: Option<Arc<Audit>>) -> Arc<Self> {
        let turns = Turns::new(&limits);
        let (awaited, closed) = (Mutex::default(), watch::Sender::new(false));
        Arc::new(Self { engine, limits, turns, partial, awaited, audit, closed })
    }

    /// All tables, those of custom resources that clusters have now among them.
    pub(crate) async fn tables(&self) -> Vec<TableInfo> {
        // A cluster that does not answer has no tables of its own; queries of them say why.
        _ = self.engine.learn().await;
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

    /// A client that is this server itself, with a session of its own.
    pub(crate) fn client(self: &Arc<Self>) -> Client {
        self.client_of(Who::default())
    }

    /// A client with a session of its own.
    pub(crate) fn client_of(self: &Arc<Self>, who: Who) -> Client {
        let session = self.engine.session().of(who);
        session.set_partial(self.partial);
        Client { session, door: Arc::clone(self), cancels: watch::Sender::new(()) }
    }

    /// Takes no statement any more; those that run go on.
    pub(crate) fn close(&self) {
        self.closed.send_replace(true);
    }

    /// Waits until no statement is taken any more.
    pub(crate) async fn closed(&self) {
        // The sender lives as long as this does.
        _ = self.closed.subscribe().wait_for(|closed| *closed).await;
    }

    /// Whether no statement is taken any more.
    pub(crate) fn is_closed(&self) -> bool {
        *self.closed.borrow()
    }

    /// Waits until no statement runs.
    pub(crate) async fn idle(&self) {
        self.turns.none().await;
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
        self.guarded(sql, self.session.execute(sql)).await
    }

    /// Says who asks, by which connection.
    pub(crate) fn introduce(&self, user: &str, process: i32) {
        self.session.introduce(user, process);
    }

    /// Says what the client calls itself.
    pub(crate) fn set_application_name(&self, name: &str) {
        self.session.set_application_name(name);
    }

    /// Plans a statement with parameters, of the types that are declared or that it wants.
    pub(crate) async fn prepare(&self, sql: &str, declared: &[Option<DataType>]) -> Result<Prepared, SqlError> {
        let mut stop = self.stop();
        let prepared = async {
            let turn = self.turn(&mut stop).await?;
            let prepared = stop.unless(self.session.prepare(sql, declared)).await;
            drop(turn);
            prepared
        };
        let mut note = self.note(sql);
        let prepared = prepared.await;
        match &prepared {
            // It is told when it runs.
            Ok(_) => note.forget(),
            Err(error) => note.failed(error),
        }
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
        self.guarded(statement.sql(), self.session.run(statement, values)).await
    }

    /// What was wrong with the data of the statements since the last call.
    pub(crate) fn take_warnings(&self) -> Vec<Warning> {
        self.session.take_warnings()
    }

    async fn guarded(
        &self,
        sql: &str,
        work: impl Future<Output = Result<Answer, SqlError>>,
    ) -> Result<Answer, SqlError> {
        let mut note = self.note(sql);
        let mut stop = self.stop();
        let begun = async {
            let turn = self.turn(&mut stop).await?;
            let answer = stop.unless(work).await?;
            Ok((answer, turn))
        };
        match begun.await {
            Ok((answer, turn)) => Ok(Watched::over(answer, turn, stop, note, &self.door.limits)),
            Err(error) => {
                note.failed(&error);
                Err(error)
            }
        }
    }

    fn note(&self, sql: &str) -> Note {
        Note::begin(self.door.audit.as_ref(), sql, &self.session)
    }

    fn stop(&self) -> Stop {
        Stop::new(self.door.limits.timeout, self.session.statement_timeout(), self.cancels.subscribe())
    }

    async fn turn(&self, stop: &mut Stop) -> Result<Turn, SqlError> {
        if self.door.is_closed() {
            let error = SqlError::new(ErrorKind::GoingAway, "the server is shutting down");
            return Err(error.hint("connect again in a moment"));
        }
        let user = self.session.who().user.as_deref();
        stop.unless(self.door.turns.take(user)).await
    }
}
