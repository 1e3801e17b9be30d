//! The state of a watch, shared by its follower and the queries that use it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::failure::{Class, Failure};
use super::request::Resource;
use crate::store::live_table::{LiveTable, Writer};
use crate::store::{WatchState, WatchStatus};

/// How long a failing watch may recover before queries fail.
const GRACE_PERIOD: Duration = Duration::from_secs(3);

/// The phase of a watch.
#[derive(Debug, Clone)]
enum Phase {
    /// Objects are being listed for the first time.
    Listing,
    /// All objects are available.
    Synced,
    /// It has been failing since this time.
    Failing(Instant, Failure),
}

/// The state of a watch.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) resource: Resource,
    pub(super) table: Arc<LiveTable>,
    phase: watch::Sender<Phase>,
    retry_now: Notify,
    last_used: Mutex<Instant>,
    listed: AtomicU64,
    events: AtomicU64,
    counters: Mutex<Counters>,
}

#[derive(Debug, Default)]
struct Counters {
    last_event: Option<SystemTime>,
    lag: Duration,
    resource_version: String,
    relists: u64,
    warnings: u64,
}

impl Watch {
    pub(super) fn new(resource: Resource, table: Arc<LiveTable>) -> Self {
        Self {
            resource,
            table,
            phase: watch::Sender::new(Phase::Listing),
            retry_now: Notify::new(),
            last_used: Mutex::new(Instant::now()),
            listed: AtomicU64::new(0),
            events: AtomicU64::new(0),
            counters: Mutex::default(),
        }
    }

    /// Waits until all objects are available, at most for `limit`.
    ///
    /// # Errors
    /// The watch has been failing for longer than the grace period, or for a reason that a retry does not fix.
    pub(super) async fn wait_until_synced(&self, limit: Duration) -> Result<(), Failure> {
        *self.last_used.lock() = Instant::now();
        let deadline = Instant::now() + limit;
        let mut phases = self.phase.subscribe();
        let mut retried = false;
        loop {
            let phase = phases.borrow_and_update().clone();
            let until = match phase {
                Phase::Synced => return Ok(()),
                Phase::Failing(_, failure) if !failure.class.is_transient() && retried => return Err(failure),
                Phase::Failing(since, failure) => {
                    let until = since + GRACE_PERIOD;
                    if Instant::now() >= until && retried {
                        return Err(failure);
                    }
                    // It may be waiting before its next attempt.
                    if !std::mem::replace(&mut retried, true) {
                        self.retry_now.notify_one();
                    }
                    until.max(Instant::now() + Duration::from_millis(500)).min(deadline)
                }
                Phase::Listing => deadline,
            };
            if tokio::time::timeout_at(until, phases.changed()).await.is_err() && Instant::now() >= deadline {
                return Err(self.timed_out(limit));
            }
        }
    }

    fn timed_out(&self, limit: Duration) -> Failure {
        match &*self.phase.borrow() {
            Phase::Failing(_, failure) => failure.clone(),
            _ => {
                let objects = self.listed.load(Ordering::Relaxed);
                let message =
                    format!("the list timed out after {} s with {objects} objects; try again", limit.as_secs());
                Failure::new(Class::Unreachable, message)
            }
        }
    }

    /// Whether all objects are available.
    pub(super) fn is_synced(&self) -> bool {
        matches!(*self.phase.borrow(), Phase::Synced)
    }

    /// When a query last used it.
    pub(super) fn last_used(&self) -> Instant {
        *self.last_used.lock()
    }

    /// The number of objects listed so far by the current list.
    pub(super) fn listed_so_far(&self) -> u64 {
        self.listed.load(Ordering::Relaxed)
    }

    /// Waits until a query asks a failing watch to retry at once.
    pub(super) async fn retry_requested(&self) {
        self.retry_now.notified().await;
    }

    /// A list has started. Queries see the old objects until it is complete.
    pub(super) fn list_started(&self) {
        self.listed.store(0, Ordering::Relaxed);
    }

    /// Sets the number of objects listed so far.
    pub(super) fn set_listed(&self, objects: usize) {
        self.listed.store(u64::try_from(objects).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// A list is complete.
    pub(super) fn list_completed(&self, writer: &Writer) {
        let mut counters = self.counters.lock();
        counters.relists += 1;
        counters.warnings = writer.decode_errors().count;
        drop(counters);
        self.phase.send_replace(Phase::Synced);
    }

    /// The watch has resumed after a failure.
    pub(super) fn resumed(&self) {
        self.phase.send_if_modified(|phase| {
            let recovered = matches!(phase, Phase::Failing(..));
            if recovered {
                *phase = Phase::Synced;
            }
            recovered
        });
    }

    /// An event has arrived.
    pub(super) fn event_received(&self) {
        self.events.fetch_add(1, Ordering::Relaxed);
    }

    /// Changes up to this resource version were published, `lag` after the first of them arrived.
    pub(super) fn published(&self, writer: &Writer, version: String, lag: Option<Duration>) {
        let mut counters = self.counters.lock();
        counters.resource_version = version;
        counters.warnings = writer.decode_errors().count;
        if let Some(lag) = lag {
            counters.lag = lag;
            counters.last_event = Some(SystemTime::now());
        }
    }

    /// An attempt has failed.
    pub(super) fn failed(&self, failure: Failure) {
        self.phase.send_modify(|phase| {
            let since = match phase {
                Phase::Failing(since, _) => *since,
                _ => Instant::now(),
            };
            *phase = Phase::Failing(since, failure);
        });
    }

    pub(super) fn status(&self, cluster: &Arc<str>) -> WatchStatus {
        let version = self.table.latest();
        let counters = self.counters.lock();
        let (state, error) = match &*self.phase.borrow() {
            Phase::Listing => (WatchState::Listing, None),
            Phase::Synced => (WatchState::Synced, None),
            Phase::Failing(_, failure) => (WatchState::Failing, Some(failure.message.clone())),
        };
        let objects = match state {
            WatchState::Listing => self.listed_so_far(),
            _ => u64::try_from(version.objects).unwrap_or(u64::MAX),
        };
        WatchStatus {
            cluster: Arc::clone(cluster),
            group: self.resource.group.clone(),
            version: self.resource.version.clone(),
            resource: self.resource.plural.clone(),
            namespace: self.resource.namespace.clone(),
            state,
            objects,
            bytes: u64::try_from(version.bytes()).unwrap_or(u64::MAX),
            events: self.events.load(Ordering::Relaxed),
            last_event: counters.last_event,
            lag_ms: counters.lag.as_secs_f64() * 1000.0,
            resource_version: counters.resource_version.clone(),
            relists: counters.relists,
            warnings: counters.warnings,
            error,
        }
    }
}
