//! The log of statements: the running ones, and the last ones that ended.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use futures::future::ready;
use futures::stream::{self, StreamExt};
use parking_lot::Mutex;

use crate::sql::{Answer, ErrorKind, Principal, SqlError};

/// Maximum number of ended statements in the log.
const MAX_ENDED: usize = 100;

/// The log of statements, in the order in which they began.
#[derive(Debug, Default)]
pub(crate) struct Queries {
    log: Mutex<Log>,
}

#[derive(Debug, Default)]
struct Log {
    /// The number of statements that have begun.
    begun: u64,
    entries: VecDeque<Query>,
}

/// A statement in the log.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    /// The number of the statement, from 1.
    pub(crate) id: u64,
    /// The `application_name` of the session.
    pub(crate) session: Option<String>,
    pub(crate) principal: Principal,
    pub(crate) sql: String,
    /// `running`, `finished`, `failed`, or `cancelled` if the client did not read all rows.
    pub(crate) state: &'static str,
    pub(crate) started_at: SystemTime,
    began: Instant,
    /// The duration of an ended statement.
    took: Option<Duration>,
    /// The number of rows that were returned so far.
    pub(crate) rows: u64,
    pub(crate) error: Option<String>,
}

impl Query {
    /// The duration until now, or until the statement ended.
    pub(crate) fn duration(&self) -> Duration {
        self.took.unwrap_or_else(|| self.began.elapsed())
    }
}

impl Queries {
    /// All statements in the log.
    pub(crate) fn all(&self) -> Vec<Query> {
        self.log.lock().entries.iter().cloned().collect()
    }

    /// Adds a running statement.
    pub(crate) fn begin(self: &Arc<Self>, sql: &str, session: &str, principal: &Principal) -> Running {
        let mut log = self.log.lock();
        log.begun += 1;
        let id = log.begun;
        log.entries.push_back(Query {
            id,
            session: (!session.is_empty()).then(|| session.to_owned()),
            principal: principal.clone(),
            sql: sql.to_owned(),
            state: "running",
            started_at: SystemTime::now(),
            began: Instant::now(),
            took: None,
            rows: 0,
            error: None,
        });
        Running { queries: Arc::clone(self), id }
    }

    /// Updates a statement, and removes an ended statement if there are too many.
    fn update(&self, id: u64, update: impl FnOnce(&mut Query)) {
        let mut log = self.log.lock();
        if let Some(query) = log.entries.iter_mut().find(|query| query.id == id) {
            update(query);
        }
        let ended = log.entries.iter().filter(|query| query.took.is_some()).count();
        if ended > MAX_ENDED
            && let Some(oldest) = log.entries.iter().position(|query| query.took.is_some())
        {
            log.entries.remove(oldest);
        }
    }
}

/// A running statement. Dropping it before its end marks it as cancelled.
#[derive(Debug)]
pub(crate) struct Running {
    queries: Arc<Queries>,
    id: u64,
}

impl Running {
    fn fail(&self, error: &SqlError) {
        self.end(if error.kind == ErrorKind::Cancelled { "cancelled" } else { "failed" }, Some(error));
    }

    fn end(&self, state: &'static str, error: Option<&SqlError>) {
        self.queries.update(self.id, |query| {
            if query.took.is_none() {
                (query.state, query.took) = (state, Some(query.began.elapsed()));
                query.error = error.map(ToString::to_string);
            }
        });
    }

    /// Wraps an answer to record the number of its rows and its end.
    pub(crate) fn record(self, answer: Result<Answer, SqlError>) -> Result<Answer, SqlError> {
        let Answer { command, schema, select_list, rows } = answer.inspect_err(|error| self.fail(error))?;
        if command != "SELECT" && schema.fields().is_empty() {
            // Clients do not poll the stream of an answer without columns.
            self.end("finished", None);
        }
        let with_end = rows.map(Some).chain(stream::once(ready(None)));
        let rows = with_end.filter_map(move |batch| {
            match &batch {
                Some(Ok(batch)) => {
                    let more = u64::try_from(batch.num_rows()).unwrap_or(u64::MAX);
                    self.queries.update(self.id, |query| query.rows += more);
                }
                Some(Err(error)) => self.fail(error),
                None => self.end("finished", None),
            }
            ready(batch)
        });
        Ok(Answer { command, schema, select_list, rows: rows.boxed() })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end("cancelled", None);
    }
}
