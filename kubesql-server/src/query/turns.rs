//! Who may run now, and who waits: so many at once, so many of one user, and so many in the queue.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use kubesql_runtime::sql::{ErrorKind, SqlError};
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::Limits;

/// Turns of statements.
#[derive(Debug)]
pub(super) struct Turns {
    all: Arc<Semaphore>,
    at_once: usize,
    /// How many wait, and how many may.
    waiting: AtomicUsize,
    most: usize,
    /// How many of one user may run at once, and those that do.
    each: Option<usize>,
    users: Mutex<HashMap<String, Weak<Semaphore>>>,
    /// How many statements have a turn or want one.
    present: watch::Sender<usize>,
}

/// A statement's turn, as long as it is kept.
#[derive(Debug)]
pub(super) struct Turn {
    _all: OwnedSemaphorePermit,
    _own: Option<OwnedSemaphorePermit>,
    _present: Present,
}

impl Turns {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            all: Arc::new(Semaphore::new(limits.at_once)),
            at_once: limits.at_once,
            waiting: AtomicUsize::new(0),
            most: limits.waiting.unwrap_or(usize::MAX),
            each: limits.each,
            users: Mutex::default(),
            present: watch::Sender::new(0),
        }
    }

    /// A turn, as soon as there is one.
    pub(super) async fn take(&self, user: Option<&str>) -> Result<Turn, SqlError> {
        let present = Present::new(&self.present);
        let (own, all) = (self.share(user), Arc::clone(&self.all));
        let mut waits = None;
        let closed = |_| SqlError::new(ErrorKind::Internal, "the server is going away");
        // Who waits for a user's own share must not stand in the way of others.
        let own = match own {
            None => None,
            Some(own) => Some(match Arc::clone(&own).try_acquire_owned() {
                Ok(permit) => permit,
                Err(_) => {
                    waits = Some(self.wait()?);
                    own.acquire_owned().await.map_err(closed)?
                }
            }),
        };
        let all = match Arc::clone(&all).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                if waits.is_none() {
                    waits = Some(self.wait()?);
                }
                all.acquire_owned().await.map_err(closed)?
            }
        };
        drop(waits);
        Ok(Turn { _all: all, _own: own, _present: present })
    }

    /// Waits until no statement has a turn or wants one.
    pub(super) async fn none(&self) {
        // The sender lives as long as this does.
        _ = self.present.subscribe().wait_for(|present| *present == 0).await;
    }

    /// The turns of one user.
    fn share(&self, user: Option<&str>) -> Option<Arc<Semaphore>> {
        let each = self.each?;
        let mut users = self.users.lock();
        if let Some(share) = users.get(user?).and_then(Weak::upgrade) {
            return Some(share);
        }
        users.retain(|_, share| share.strong_count() > 0);
        let share = Arc::new(Semaphore::new(each));
        users.insert(user?.to_owned(), Arc::downgrade(&share));
        Some(share)
    }

    /// A place in the queue.
    fn wait(&self) -> Result<Waits<'_>, SqlError> {
        let more = |waiting: usize| (waiting < self.most).then_some(waiting + 1);
        if self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_err() {
            let message = format!("{} statements run, and {} wait already", self.at_once, self.most);
            let hint = "try again in a moment; kubesql serve --max-concurrent-statements and --max-queued-statements allow more";
            return Err(SqlError::new(ErrorKind::Busy, message).hint(hint));
        }
        Ok(Waits(&self.waiting))
    }
}

/// One that waits.
struct Waits<'a>(&'a AtomicUsize);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One that has a turn or wants one.
#[derive(Debug)]
struct Present(watch::Sender<usize>);

impl Present {
    fn new(of: &watch::Sender<usize>) -> Self {
        of.send_modify(|present| *present += 1);
        Self(of.clone())
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.0.send_modify(|present| *present -= 1);
    }
}
