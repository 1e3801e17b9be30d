//! The statements that clients have running: begun, asked for page by page, cancelled, and forgotten.

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

use super::failure::Failure;
use super::flow::Flow;
use super::page::{self, Stage};
use super::session::Session;
use crate::http::admit;
use crate::query::Door;

/// How long a client may wait before it asks again.
const ABANDONED: Duration = Duration::from_secs(300);

/// How long the last page can be asked for once more.
const ENDED: Duration = Duration::from_secs(30);

/// How long a request waits for rows.
const PATIENCE: Duration = Duration::from_secs(1);

/// All statements.
pub(crate) struct Statements {
    door: Arc<Door>,
    all: Mutex<HashMap<String, Arc<Statement>>>,
    begun: AtomicU64,
    /// Part of the identifiers of this process.
    process: String,
    pub(super) since: Instant,
}

/// One statement.
pub(super) struct Statement {
    pub(super) id: String,
    /// Only who was told it may ask for the rows.
    pub(super) secret: String,
    pub(super) sql: String,
    pub(super) session: Session,
    pub(super) began: Instant,
    flow: Arc<Flow>,
    /// Ends with it.
    task: Mutex<JoinSet<()>>,
    asked: Mutex<Instant>,
    /// The page that was given last, and its number: an answer may be lost on its way.
    last: tokio::sync::Mutex<(u64, Option<Page>)>,
}

/// A page as it was told.
#[derive(Clone)]
pub(super) struct Page {
    pub(super) body: Bytes,
    pub(super) headers: HeaderMap,
    is_last: bool,
}

impl Statements {
    /// None yet.
    pub(crate) fn new(door: Arc<Door>) -> Arc<Self> {
        let process = format!("{:05x}", rand::random::<u32>() & 0xf_ffff);
        Arc::new(Self { door, all: Mutex::default(), begun: AtomicU64::new(0), process, since: Instant::now() })
    }

    /// Begins a statement.
    pub(super) fn begin(&self, session: Session, headers: &HeaderMap, sql: &str) -> Arc<Statement> {
        let number = self.begun.fetch_add(1, Ordering::Relaxed) + 1;
        let now = Timestamp::try_from(SystemTime::now()).unwrap_or_default().strftime("%Y%m%d_%H%M%S").to_string();
        let id = format!("{now}_{number:05}_{}", self.process);
        let client = admit::client(&self.door, headers, session.source.as_deref());
        let flow = Arc::<Flow>::default();
        let mut task = JoinSet::new();
        let (run, of, text) = (Arc::clone(&flow), session.clone(), sql.to_owned());
        task.spawn(async move { run.run(&client, &of, &text).await });
        let statement = Arc::new(Statement {
            id: id.clone(),
            secret: format!("{:032x}", rand::random::<u128>()),
            sql: sql.to_owned(),
            session,
            began: Instant::now(),
            flow,
            task: Mutex::new(task),
            asked: Mutex::new(Instant::now()),
            last: tokio::sync::Mutex::default(),
        });
        self.all.lock().insert(id, Arc::clone(&statement));
        statement
    }

    /// A statement by its identifier.
    pub(super) fn get(&self, id: &str) -> Option<Arc<Statement>> {
        self.all.lock().get(id).cloned()
    }

    /// How many run, and how many there are.
    pub(super) fn count(&self) -> (usize, usize) {
        let all = self.all.lock();
        (all.values().filter(|statement| !statement.has_ended()).count(), all.len())
    }

    /// Drops statements that nobody asks for any more, again and again.
    pub(crate) async fn forget_abandoned(&self) {
        loop {
            tokio::time::sleep(Duration::from_secs(5)).await;
            self.forget(ABANDONED, ENDED);
        }
    }

    fn forget(&self, abandoned: Duration, ended: Duration) {
        self.all.lock().retain(|_, statement| {
            let limit = if statement.has_ended() { ended } else { abandoned };
            statement.asked.lock().elapsed() < limit
        });
    }
}

impl Statement {
    fn has_ended(&self) -> bool {
        self.flow.with(|told| told.end.is_some())
    }

    /// Notes that the client is still there.
    pub(super) fn is_wanted(&self) {
        *self.asked.lock() = Instant::now();
    }

    /// Stops it.
    pub(super) fn cancel(&self) {
        self.task.lock().abort_all();
        self.flow.end(Err(Failure::new("USER_CANCELED", "Query was canceled")));
    }

    /// What was told when it was begun.
    pub(super) fn first(&self, base: &str) -> Page {
        self.flow.with(|told| Page {
            body: page::write(self, told, Stage::Queued, base, Some(0), &[]),
            headers: HeaderMap::new(),
            is_last: false,
        })
    }

    /// The page of a number: the next one, or the last one once more; none of others.
    pub(super) async fn page(&self, number: u64, base: &str) -> Option<Page> {
        self.is_wanted();
        let mut last = self.last.lock().await;
        let (next, given) = &mut *last;
        if number.checked_add(1) == Some(*next) {
            return given.clone();
        }
        if number != *next || given.as_ref().is_some_and(|page| page.is_last) {
            return None;
        }
        let data = self.flow.take(PATIENCE).await;
        // From here on nothing waits, so that what was taken is told or kept.
        let page = self.flow.with(|told| {
            let stage = match &told.end {
                None => Stage::Running,
                Some(Ok(())) => Stage::Finished,
                Some(Err(_)) => Stage::Failed,
            };
            let is_last = told.end.is_some();
            let mut headers = HeaderMap::new();
            if matches!(told.end, Some(Ok(()))) {
                told.changes.tell(self.session.dialect, &mut headers);
            }
            let following = (!is_last).then_some(number + 1);
            Page { body: page::write(self, told, stage, base, following, &data), headers, is_last }
        });
        *last = (number + 1, Some(page.clone()));
        self.is_wanted();
        Some(page)
    }

    /// What is told of it to people who look.
    pub(super) fn summary(&self) -> Bytes {
        self.flow.with(|told| page::summary(self, told))
    }
}

#[cfg(test)]
mod tests;
