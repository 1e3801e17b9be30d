//! The log of statements: those that run, and the last that ended.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use futures::future::ready;
use futures::stream::{self, StreamExt};
use parking_lot::Mutex;

use crate::sql::{Answer, ErrorKind, Principal, SqlError};

/// So many statements that ended are remembered.
const REMEMBERED: usize = 100;

/// Statements in the order in which they began.
#[derive(Debug, Default)]
pub(crate) struct Queries {
    log: Mutex<Log>,
}

#[derive(Debug, Default)]
struct Log {
    begun: u64,
    entries: VecDeque<Query>,
}

/// A statement.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    /// From 1.
    pub(crate) id: u64,
    /// What the client calls itself.
    pub(crate) session: Option<String>,
    pub(crate) principal: Principal,
    pub(crate) sql: String,
    /// `running`, `finished`, `failed`, or `cancelled` where its rows were not all taken.
    pub(crate) state: &'static str,
    pub(crate) started_at: SystemTime,
    began: Instant,
    /// How long it took, once it has ended.
    took: Option<Duration>,
    /// Rows that were given so far.
    pub(crate) rows: u64,
    pub(crate) error: Option<String>,
}

impl Query {
    /// How long it has taken so far.
    pub(crate) fn duration(&self) -> Duration {
        self.took.unwrap_or_else(|| self.began.elapsed())
    }
}

impl Queries {
    /// All of them.
    pub(crate) fn all(&self) -> Vec<Query> {
        self.log.lock().entries.iter().cloned().collect()
    }

    /// A statement begins.
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

    fn change(&self, id: u64, change: impl FnOnce(&mut Query)) {
        let mut log = self.log.lock();
        if let Some(query) = log.entries.iter_mut().find(|query| query.id == id) {
            change(query);
        }
        let ended = log.entries.iter().filter(|query| query.took.is_some()).count();
        if ended > REMEMBERED
            && let Some(oldest) = log.entries.iter().position(|query| query.took.is_some())
        {
            log.entries.remove(oldest);
        }
    }
}

/// A statement that runs; it was cancelled where it is dropped before its end.
#[derive(Debug)]
pub(crate) struct Running {
    queries: Arc<Queries>,
    id: u64,
}

impl Running {
    fn failed(&self, error: &SqlError) {
        self.end(if error.kind == ErrorKind::Cancelled { "cancelled" } else { "failed" }, Some(error));
    }

    fn end(&self, state: &'static str, error: Option<&SqlError>) {
        self.queries.change(self.id, |query| {
            if query.took.is_none() {
                (query.state, query.took) = (state, Some(query.began.elapsed()));
                query.error = error.map(ToString::to_string);
            }
        });
    }

    /// The same answer, whose rows are counted and whose end is noted.
    pub(crate) fn follow(self, answer: Result<Answer, SqlError>) -> Result<Answer, SqlError> {
        let Answer { command, schema, select_list, rows } = answer.inspect_err(|error| self.failed(error))?;
        if command != "SELECT" && schema.fields().is_empty() {
            // It has no rows that anybody would read to their end.
            self.end("finished", None);
        }
        let with_end = rows.map(Some).chain(stream::once(ready(None)));
        let rows = with_end.filter_map(move |batch| {
            match &batch {
                Some(Ok(batch)) => {
                    let more = u64::try_from(batch.num_rows()).unwrap_or(u64::MAX);
                    self.queries.change(self.id, |query| query.rows += more);
                }
                Some(Err(error)) => self.failed(error),
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
