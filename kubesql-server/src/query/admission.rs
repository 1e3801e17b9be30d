//! Admission of statements: how many run at the same time, in total and for each user, and how many are queued.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use kubesql_runtime::sql::{ErrorKind, SqlError};
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::limits::Limits;

/// Hands out permits to run a statement, in the order of the requests.
#[derive(Debug)]
pub(super) struct AdmissionQueue {
    permits: Arc<Semaphore>,
    concurrent: usize,
    queued: AtomicUsize,
    max_queued: usize,
    concurrent_per_user: Option<usize>,
    /// The permits of each user that has a statement running or queued.
    user_permits: Mutex<HashMap<String, Weak<Semaphore>>>,
    /// The number of statements that are running or queued.
    active: watch::Sender<usize>,
}

/// The permission to run a statement, returned when dropped.
#[derive(Debug)]
pub(super) struct Permit {
    _permit: OwnedSemaphorePermit,
    _user_permit: Option<OwnedSemaphorePermit>,
    _active: ActiveGuard,
}

impl AdmissionQueue {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(limits.concurrent)),
            concurrent: limits.concurrent,
            queued: AtomicUsize::new(0),
            max_queued: limits.queued.unwrap_or(usize::MAX),
            concurrent_per_user: limits.concurrent_per_user,
            user_permits: Mutex::default(),
            active: watch::Sender::new(0),
        }
    }

    /// Waits for a permit; fails if the queue is full.
    pub(super) async fn acquire(&self, user: Option<&str>) -> Result<Permit, SqlError> {
        let active = ActiveGuard::new(&self.active);
        let mut queued = None;
        // The user's permit comes first: a statement that waits for it must not hold a permit that others could use.
        let user_permit = match self.user_permits(user) {
            None => None,
            Some(permits) => Some(self.acquire_from(permits, &mut queued).await?),
        };
        let permit = self.acquire_from(Arc::clone(&self.permits), &mut queued).await?;
        drop(queued);
        Ok(Permit { _permit: permit, _user_permit: user_permit, _active: active })
    }

    async fn acquire_from<'a>(
        &'a self,
        permits: Arc<Semaphore>,
        queued: &mut Option<QueuedGuard<'a>>,
    ) -> Result<OwnedSemaphorePermit, SqlError> {
        if let Ok(permit) = Arc::clone(&permits).try_acquire_owned() {
            return Ok(permit);
        }
        if queued.is_none() {
            *queued = Some(self.enqueue()?);
        }
        let closed = |_| SqlError::new(ErrorKind::Internal, "the admission queue is closed");
        permits.acquire_owned().await.map_err(closed)
    }

    /// Completes when no statement is running or queued.
    pub(super) async fn wait_empty(&self) {
        // The sender lives as long as `self`.
        _ = self.active.subscribe().wait_for(|active| *active == 0).await;
    }

    /// The permits of a user; `None` without a limit for each user.
    fn user_permits(&self, user: Option<&str>) -> Option<Arc<Semaphore>> {
        let concurrent = self.concurrent_per_user?;
        let mut users = self.user_permits.lock();
        if let Some(permits) = users.get(user?).and_then(Weak::upgrade) {
            return Some(permits);
        }
        users.retain(|_, permits| permits.strong_count() > 0);
        let permits = Arc::new(Semaphore::new(concurrent));
        users.insert(user?.to_owned(), Arc::downgrade(&permits));
        Some(permits)
    }

    fn enqueue(&self) -> Result<QueuedGuard<'_>, SqlError> {
        let increment = |queued: usize| (queued < self.max_queued).then_some(queued + 1);
        if self.queued.fetch_update(Ordering::Relaxed, Ordering::Relaxed, increment).is_err() {
            let (running, queued) = (self.concurrent, self.max_queued);
            let message = format!("too many statements: {running} may run, and {queued} are queued");
            let hint = "try again in a moment, or raise the limits with kubesql serve --max-concurrent-statements and \
                --max-queued-statements";
            return Err(SqlError::new(ErrorKind::Busy, message).hint(hint));
        }
        Ok(QueuedGuard(&self.queued))
    }
}

/// Counts a statement as queued until it is dropped.
struct QueuedGuard<'a>(&'a AtomicUsize);

impl Drop for QueuedGuard<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Counts a statement as running or queued until it is dropped.
#[derive(Debug)]
struct ActiveGuard(watch::Sender<usize>);

impl ActiveGuard {
    fn new(active: &watch::Sender<usize>) -> Self {
        active.send_modify(|active| *active += 1);
        Self(active.clone())
    }
}

impl Drop for ActiveGuard {
    fn drop(&mut self) {
        self.0.send_modify(|active| *active -= 1);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn queue(concurrent: usize, queued: usize, concurrent_per_user: Option<usize>) -> AdmissionQueue {
        AdmissionQueue::new(&Limits { concurrent, queued: Some(queued), concurrent_per_user, ..Limits::default() })
    }

    #[tokio::test]
    async fn statements_beyond_the_limit_wait_in_order() {
        let queue = queue(1, 2, None);
        let running = queue.acquire(None).await.expect("a permit");
        let (mut first, mut second) = (Box::pin(queue.acquire(None)), Box::pin(queue.acquire(None)));
        assert!(first.as_mut().now_or_never().is_none() && second.as_mut().now_or_never().is_none());
        let error = queue.acquire(None).await.expect_err("the queue is full");
        assert_eq!(error.kind, ErrorKind::Busy, "{error}");
        assert!(queue.wait_empty().now_or_never().is_none());
        drop(running);
        assert!(second.as_mut().now_or_never().is_none(), "the second overtook the first");
        drop(first.await.expect("a permit"));
        drop(second.await.expect("a permit"));
        assert!(queue.wait_empty().now_or_never().is_some());
        assert_eq!(queue.queued.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn a_user_that_waits_does_not_keep_others_from_running() {
        let queue = queue(3, 10, Some(1));
        let ada = queue.acquire(Some("ada")).await.expect("a permit");
        let mut waiting = Box::pin(queue.acquire(Some("ada")));
        assert!(waiting.as_mut().now_or_never().is_none());
        let bob = queue.acquire(Some("bob")).await.expect("a permit");
        let anonymous = queue.acquire(None).await.expect("a permit");
        drop(ada);
        drop(waiting.await.expect("a permit"));
        drop((bob, anonymous));
    }

    #[tokio::test]
    async fn a_statement_that_stops_waiting_leaves_the_queue() {
        let queue = queue(1, 1, None);
        let running = queue.acquire(None).await.expect("a permit");
        assert!(queue.acquire(None).now_or_never().is_none(), "it waits, and is dropped");
        assert!(queue.acquire(None).now_or_never().is_none(), "there is room in the queue");
        drop(running);
        assert!(queue.wait_empty().now_or_never().is_some());
    }
}
