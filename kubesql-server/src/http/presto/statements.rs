//! The statements that clients have running: started, fetched page by page, cancelled, and removed.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use axum::http::HeaderMap;
use bytes::Bytes;
use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::page::{self, Stage, StatementInfo};
use super::paging::PageBuffer;
use super::query_error::QueryError;
use super::session::Session;
use crate::http::identity::Identity;
use crate::query::Frontend;

/// A running statement is dropped if no page was requested for this long.
const ABANDONED_AFTER: Duration = Duration::from_secs(300);

/// The last page of a statement can be requested again for this long.
const KEPT_AFTER_END: Duration = Duration::from_secs(30);

/// How long a request waits for rows. Without any, its page is empty.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// How often abandoned statements are looked for.
const SWEEP_INTERVAL: Duration = Duration::from_secs(5);

/// All statements.
pub(crate) struct Statements {
    frontend: Arc<Frontend>,
    by_id: Mutex<HashMap<String, Arc<Statement>>>,
    /// The number of statements since the start.
    started: AtomicU64,
    /// The part of statement identifiers that is different for each process.
    process_id: String,
    pub(super) since: Instant,
}

/// One statement.
pub(super) struct Statement {
    pub(super) info: StatementInfo,
    buffer: Arc<PageBuffer>,
    /// The task is aborted when the statement is dropped.
    task: Mutex<JoinSet<()>>,
    last_request: Mutex<Instant>,
    /// The number of the next page, and the page before it, which can be requested again if the response was lost.
    next_page: tokio::sync::Mutex<(u64, Option<Page>)>,
}

/// A page as it was sent.
#[derive(Clone)]
pub(super) struct Page {
    pub(super) body: Bytes,
    pub(super) headers: HeaderMap,
    is_last: bool,
}

impl Statements {
    pub(crate) fn new(frontend: Arc<Frontend>) -> Arc<Self> {
        let process_id = format!("{:05x}", rand::random::<u32>() & 0xf_ffff);
        let (by_id, started) = (Mutex::default(), AtomicU64::new(0));
        Arc::new(Self { frontend, by_id, started, process_id, since: Instant::now() })
    }

    /// Starts a statement in a task of its own.
    pub(super) fn start(&self, identity: Identity, session: Session, sql: &str) -> Arc<Statement> {
        let number = self.started.fetch_add(1, Ordering::Relaxed) + 1;
        let now = Timestamp::try_from(SystemTime::now()).unwrap_or_default().strftime("%Y%m%d_%H%M%S").to_string();
        let id = format!("{now}_{number:05}_{}", self.process_id);
        let client = identity.into_client(&self.frontend, session.source.as_deref());
        let buffer = Arc::<PageBuffer>::default();
        let mut task = JoinSet::new();
        let (task_buffer, task_session, task_sql) = (Arc::clone(&buffer), session.clone(), sql.to_owned());
        task.spawn(async move { task_buffer.run(&client, &task_session, &task_sql).await });
        let info = StatementInfo {
            id: id.clone(),
            secret: format!("{:032x}", rand::random::<u128>()),
            sql: sql.to_owned(),
            session,
            started: Instant::now(),
        };
        let statement = Arc::new(Statement {
            info,
            buffer,
            task: Mutex::new(task),
            last_request: Mutex::new(Instant::now()),
            next_page: tokio::sync::Mutex::default(),
        });
        self.by_id.lock().insert(id, Arc::clone(&statement));
        statement
    }

    /// A statement by its identifier.
    pub(super) fn get(&self, id: &str) -> Option<Arc<Statement>> {
        self.by_id.lock().get(id).cloned()
    }

    /// The numbers of running statements and of all statements.
    pub(super) fn count(&self) -> (usize, usize) {
        let by_id = self.by_id.lock();
        (by_id.values().filter(|statement| !statement.has_ended()).count(), by_id.len())
    }

    /// Removes statements that are no longer requested. Never completes.
    pub(crate) async fn remove_abandoned(&self) {
        loop {
            tokio::time::sleep(SWEEP_INTERVAL).await;
            self.by_id.lock().retain(|_, statement| {
                let limit = if statement.has_ended() { KEPT_AFTER_END } else { ABANDONED_AFTER };
                statement.last_request.lock().elapsed() < limit
            });
        }
    }
}

impl Statement {
    fn has_ended(&self) -> bool {
        self.buffer.with_state(|state| state.result.is_some())
    }

    /// Postpones the removal of the statement, as its client is still there.
    pub(super) fn touch(&self) {
        *self.last_request.lock() = Instant::now();
    }

    pub(super) fn cancel(&self) {
        self.task.lock().abort_all();
        self.buffer.finish(Err(QueryError::new("USER_CANCELED", "Query was canceled")));
    }

    /// The response to the request that starts the statement.
    pub(super) fn queued_page(&self, base_url: &str) -> Page {
        self.buffer.with_state(|state| Page {
            body: page::write(&self.info, state, Stage::Queued, base_url, Some(0), &[]),
            headers: HeaderMap::new(),
            is_last: false,
        })
    }

    /// The next page, or the one before it once more. `None` for any other number.
    pub(super) async fn page(&self, number: u64, base_url: &str) -> Option<Page> {
        self.touch();
        let mut next_page = self.next_page.lock().await;
        let (next, previous) = &mut *next_page;
        if number.checked_add(1) == Some(*next) {
            return previous.clone();
        }
        if number != *next || previous.as_ref().is_some_and(|page| page.is_last) {
            return None;
        }
        let data = self.buffer.fetch(MAX_WAIT).await;
        // No await from here on: if the request is dropped, the fetched rows would be lost.
        let page = self.buffer.with_state(|state| {
            let is_last = state.result.is_some();
            let mut headers = HeaderMap::new();
            if matches!(state.result, Some(Ok(()))) {
                state.changes.insert_headers(self.info.session.dialect, &mut headers);
            }
            let following = (!is_last).then_some(number + 1);
            let body = page::write(&self.info, state, Stage::of(state), base_url, following, &data);
            Page { body, headers, is_last }
        });
        *next_page = (number + 1, Some(page.clone()));
        self.touch();
        Some(page)
    }

    /// The document of `GET /v1/query/{id}`.
    pub(super) fn summary(&self) -> Bytes {
        self.buffer.with_state(|state| page::summary(&self.info, state))
    }
}

#[cfg(test)]
mod tests;
