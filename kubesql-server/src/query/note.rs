//! What the audit log says of a statement, once it has ended.

use std::sync::Arc;
use std::time::Instant;

use kubesql_runtime::sql::{ErrorKind, Session, SqlError, Who};

use crate::audit::{Audit, Line};

/// A statement that runs; it was cancelled where this is dropped before it has ended.
pub(super) struct Note {
    /// Rows that were given so far.
    pub(super) rows: u64,
    open: Option<Open>,
}

struct Open {
    audit: Arc<Audit>,
    who: Who,
    application: String,
    sql: String,
    began: Instant,
}

impl Note {
    pub(super) fn begin(audit: Option<&Arc<Audit>>, sql: &str, session: &Session) -> Self {
        let open = audit.map(|audit| Open {
            audit: Arc::clone(audit),
            who: session.who().clone(),
            application: session.application_name(),
            sql: sql.to_owned(),
            began: Instant::now(),
        });
        Self { rows: 0, open }
    }

    pub(super) fn finished(&mut self) {
        self.end("finished", None);
    }

    pub(super) fn failed(&mut self, error: &SqlError) {
        let outcome = if error.kind == ErrorKind::Cancelled { "cancelled" } else { "failed" };
        self.end(outcome, Some(&error.message));
    }

    /// Nothing is said of it.
    pub(super) fn forget(&mut self) {
        self.open = None;
    }

    fn end(&mut self, outcome: &str, error: Option<&str>) {
        let Some(Open { audit, who, application, sql, began }) = self.open.take() else { return };
        audit.write(&Line::Statement {
            user: who.user.as_deref(),
            door: who.door,
            from: who.from.as_deref(),
            application: &application,
            sql: &sql,
            duration_ms: began.elapsed().as_secs_f64() * 1e3,
            rows: self.rows,
            outcome,
            error,
        });
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        self.end("cancelled", None);
    }
}
