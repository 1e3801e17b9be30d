//! The entry point for the statements of all protocols: admission, limits, cancellation, and the audit log.

mod admission;
mod audit_record;
mod cancellation;
mod guarded_stream;
mod limits;
#[cfg(test)]
mod tests;
mod value_bytes;

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use kubesql_runtime::sql::{Answer, ColumnInfo, Engine, ErrorKind, Prepared, Session, SqlError, TableInfo};
use kubesql_runtime::store::Warning;
use parking_lot::Mutex;
use tokio::sync::watch;

pub(crate) use kubesql_runtime::sql::Principal;
pub(crate) use limits::Limits;

use crate::audit::AuditLog;
use admission::{AdmissionQueue, Permit};
use audit_record::AuditRecord;
use cancellation::Cancellation;
use guarded_stream::GuardedStream;

/// The tables of this process, as all protocols query them.
#[derive(Debug)]
pub(crate) struct Frontend {
    engine: Arc<Engine>,
    limits: Limits,
    queue: AdmissionQueue,
    /// The default of `kubesql.partial`: whether clusters that cannot answer are left out of answers.
    partial: bool,
    /// Tables of `--watch` that have not been loaded yet.
    pending_tables: Mutex<BTreeSet<String>>,
    audit_log: Option<Arc<AuditLog>>,
    closed: watch::Sender<bool>,
}

impl Frontend {
    /// Without an audit log.
    #[cfg(test)]
    pub(crate) fn unaudited(engine: Arc<Engine>, limits: Limits) -> Arc<Self> {
        Self::new(engine, limits, false, None)
    }

    /// `partial` is the default of the setting `kubesql.partial`. Each statement is recorded in the audit log.
    pub(crate) fn new(
        engine: Arc<Engine>,
        limits: Limits,
        partial: bool,
        audit_log: Option<Arc<AuditLog>>,
    ) -> Arc<Self> {
        let queue = AdmissionQueue::new(&limits);
        let (pending_tables, closed) = (Mutex::default(), watch::Sender::new(false));
        Arc::new(Self { engine, limits, queue, partial, pending_tables, audit_log, closed })
    }

    /// All tables, including those of custom resources that the clusters define at this time.
    pub(crate) async fn tables(&self) -> Vec<TableInfo> {
        // Custom resources of a cluster that does not answer are not listed. Queries of their tables report the cause.
        _ = self.engine.discover().await;
        self.engine.tables()
    }

    /// The server is not ready until [`Self::table_is_ready`] is called for this table.
    pub(crate) fn expect_table(&self, table: &str) {
        self.pending_tables.lock().insert(table.to_owned());
    }

    /// Counterpart of [`Self::expect_table`].
    pub(crate) fn table_is_ready(&self, table: &str) {
        self.pending_tables.lock().remove(table);
    }

    /// The expected tables that are not ready.
    pub(crate) fn pending_tables(&self) -> Vec<String> {
        self.pending_tables.lock().iter().cloned().collect()
    }

    /// A client for statements of the server itself, with a session of its own.
    pub(crate) fn internal_client(self: &Arc<Self>) -> Client {
        self.client(Principal::default())
    }

    /// A client with a session of its own.
    pub(crate) fn client(self: &Arc<Self>, principal: Principal) -> Client {
        let session = self.engine.session().with_principal(principal);
        session.set_partial(self.partial);
        Client { session, frontend: Arc::clone(self), cancel: watch::Sender::new(()) }
    }

    /// Rejects further statements. Those that are running continue.
    pub(crate) fn close(&self) {
        self.closed.send_replace(true);
    }

    /// Completes when [`Self::close`] is called.
    pub(crate) async fn wait_closed(&self) {
        // The sender lives as long as `self`.
        _ = self.closed.subscribe().wait_for(|closed| *closed).await;
    }

    fn is_closed(&self) -> bool {
        *self.closed.borrow()
    }

    /// Completes when no statement is running or queued.
    pub(crate) async fn wait_idle(&self) {
        self.queue.wait_empty().await;
    }
}

/// A client: a session, and the statement that is running in it.
#[derive(Debug)]
pub(crate) struct Client {
    session: Session,
    frontend: Arc<Frontend>,
    cancel: watch::Sender<()>,
}

impl Client {
    /// Cancels the running statement, if there is one.
    pub(crate) fn cancel(&self) {
        self.cancel.send_replace(());
    }

    /// Executes one statement.
    pub(crate) async fn execute(&self, sql: &str) -> Result<Answer, SqlError> {
        self.guard(sql, self.session.execute(sql)).await
    }

    /// Sets `current_user` and `pg_backend_pid()`.
    pub(crate) fn introduce(&self, user: &str, process: i32) {
        self.session.introduce(user, process);
    }

    /// Sets `application_name`.
    pub(crate) fn set_application_name(&self, name: &str) {
        self.session.set_application_name(name);
    }

    /// The value of a setting; `None` if it does not exist.
    pub(crate) fn setting(&self, name: &str) -> Option<String> {
        self.session.setting(name)
    }

    /// Changes a setting that a request carries beside its statement; `None` restores the default. No statement is
    /// executed, so that nothing is recorded in the audit log.
    pub(crate) fn set(&self, name: &str, value: Option<&str>) -> Result<(), SqlError> {
        self.session.set(name, value)
    }

    /// Changes a setting because the statement `sql` says so, which is recorded in the audit log.
    pub(crate) fn execute_set(&self, sql: &str, name: &str, value: Option<&str>) -> Result<(), SqlError> {
        let mut record = self.audit_record(sql);
        let changed = self.session.set(name, value);
        match &changed {
            Ok(()) => record.finish(),
            Err(error) => record.fail(error),
        }
        changed
    }

    /// Plans a statement with parameters. A type that is not declared is inferred from the statement.
    pub(crate) async fn prepare(&self, sql: &str, declared: &[Option<DataType>]) -> Result<Prepared, SqlError> {
        let mut cancellation = self.cancellation();
        let prepared = async {
            let permit = self.admit(&mut cancellation).await?;
            let prepared = cancellation.guard(self.session.prepare(sql, declared)).await;
            drop(permit);
            prepared
        };
        let mut record = self.audit_record(sql);
        let prepared = prepared.await;
        match &prepared {
            // It is recorded when it runs.
            Ok(_) => record.discard(),
            Err(error) => record.fail(error),
        }
        prepared
    }

    /// The columns of a table, including those of the keys of its maps.
    pub(crate) async fn describe(&self, table: &str) -> Result<Vec<ColumnInfo>, SqlError> {
        let mut cancellation = self.cancellation();
        let permit = self.admit(&mut cancellation).await?;
        let columns = cancellation.guard(self.frontend.engine.describe(table, true)).await;
        drop(permit);
        columns
    }

    /// Executes a prepared statement. Each value is an array of one element.
    pub(crate) async fn run(&self, statement: &Prepared, values: &[ArrayRef]) -> Result<Answer, SqlError> {
        self.guard(statement.sql(), self.session.run(statement, values)).await
    }

    /// The warnings about data that were raised since the last call.
    pub(crate) fn take_warnings(&self) -> Vec<Warning> {
        self.session.take_warnings()
    }

    /// Executes a statement once it is admitted, and enforces the limits on its answer.
    async fn guard(
        &self,
        sql: &str,
        execution: impl Future<Output = Result<Answer, SqlError>>,
    ) -> Result<Answer, SqlError> {
        let mut record = self.audit_record(sql);
        let mut cancellation = self.cancellation();
        let started = async {
            let permit = self.admit(&mut cancellation).await?;
            let answer = cancellation.guard(execution).await?;
            Ok((answer, permit))
        };
        match started.await {
            Ok((answer, permit)) => {
                Ok(GuardedStream::wrap(answer, permit, cancellation, record, &self.frontend.limits))
            }
            Err(error) => {
                record.fail(&error);
                Err(error)
            }
        }
    }

    fn audit_record(&self, sql: &str) -> AuditRecord {
        AuditRecord::begin(self.frontend.audit_log.as_ref(), sql, &self.session)
    }

    fn cancellation(&self) -> Cancellation {
        let (server, client) = (self.frontend.limits.timeout, self.session.statement_timeout());
        Cancellation::new(server, client, self.cancel.subscribe())
    }

    async fn admit(&self, cancellation: &mut Cancellation) -> Result<Permit, SqlError> {
        if self.frontend.is_closed() {
            let error = SqlError::new(ErrorKind::GoingAway, "the server is shutting down");
            return Err(error.hint("connect again in a moment"));
        }
        let user = self.session.principal().user.as_deref();
        cancellation.guard(self.frontend.queue.acquire(user)).await
    }
}
