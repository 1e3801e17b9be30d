//! The audit log's entry about a statement, written when the statement ends.

use std::sync::Arc;
use std::time::Instant;

use kubesql_runtime::sql::{ErrorKind, Principal, Session, SqlError};

use crate::audit::{AuditLog, Event};

/// A statement that has not ended yet. If this is dropped before, the statement was cancelled.
pub(super) struct AuditRecord {
    /// The number of rows that the client has received.
    pub(super) rows: u64,
    /// `None` without an audit log, or once the entry is written.
    open: Option<OpenRecord>,
}

struct OpenRecord {
    log: Arc<AuditLog>,
    principal: Principal,
    application: String,
    sql: String,
    began: Instant,
}

impl AuditRecord {
    /// The statement begins now.
    pub(super) fn begin(log: Option<&Arc<AuditLog>>, sql: &str, session: &Session) -> Self {
        let open = log.map(|log| OpenRecord {
            log: Arc::clone(log),
            principal: session.principal().clone(),
            application: session.application_name(),
            sql: sql.to_owned(),
            began: Instant::now(),
        });
        Self { rows: 0, open }
    }

    /// The client has received all rows.
    pub(super) fn finish(&mut self) {
        self.write("finished", None);
    }

    /// The statement has failed or was cancelled.
    pub(super) fn fail(&mut self, error: &SqlError) {
        let outcome = if error.kind == ErrorKind::Cancelled { "cancelled" } else { "failed" };
        self.write(outcome, Some(&error.message));
    }

    /// No entry is written.
    pub(super) fn discard(&mut self) {
        self.open = None;
    }

    fn write(&mut self, outcome: &str, error: Option<&str>) {
        let Some(OpenRecord { log, principal, application, sql, began }) = self.open.take() else { return };
        log.write(&Event::Statement {
            user: principal.user.as_deref(),
            protocol: principal.protocol,
            from: principal.address.as_deref(),
            application: &application,
            sql: &sql,
            duration_ms: began.elapsed().as_secs_f64() * 1e3,
            rows: self.rows,
            outcome,
            error,
        });
    }
}

impl Drop for AuditRecord {
    fn drop(&mut self) {
        self.write("cancelled", None);
    }
}
