//! A kind of a cluster that is followed: what those who ask for its objects see of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use super::failure::{Class, Failure};
use super::request::Resource;
use crate::store::mirror::{Mirror, Writer};
use crate::store::{WatchState, WatchStatus};

/// A watch that fails is given so long to recover before those who ask are told.
const GRACE: Duration = Duration::from_secs(3);

/// Where a watch stands.
#[derive(Debug, Clone)]
enum Phase {
    /// Objects are listed, and there is nothing to show yet.
    Listing,
    /// All objects are there.
    Synced,
    /// It cannot go on, since then.
    Failing(Instant, Failure),
}

/// What a follower tells, and what is told to it.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) resource: Resource,
    pub(super) mirror: Arc<Mirror>,
    phase: watch::Sender<Phase>,
    wanted: Notify,
    asked: Mutex<Instant>,
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
    pub(super) fn new(resource: Resource, mirror: Arc<Mirror>) -> Self {
        Self {
            resource,
            mirror,
            phase: watch::Sender::new(Phase::Listing),
            wanted: Notify::new(),
            asked: Mutex::new(Instant::now()),
            listed: AtomicU64::new(0),
            events: AtomicU64::new(0),
            counters: Mutex::default(),
        }
    }

    /// Waits until the objects are there and followed, at most so long.
    ///
    /// One that has been failing for a while, or for a reason that does not pass by itself, is not waited for.
    pub(super) async fn ready(&self, limit: Duration) -> Result<(), Failure> {
        *self.asked.lock() = Instant::now();
        let deadline = Instant::now() + limit;
        let mut phases = self.phase.subscribe();
        let mut woken = false;
        loop {
            let phase = phases.borrow_and_update().clone();
            let until = match phase {
                Phase::Synced => return Ok(()),
                Phase::Failing(_, failure) if !failure.class.is_passing() && woken => return Err(failure),
                Phase::Failing(since, failure) => {
                    let until = since + GRACE;
                    if Instant::now() >= until && woken {
                        return Err(failure);
                    }
                    // It may just be waiting to try again.
                    if !std::mem::replace(&mut woken, true) {
                        self.wanted.notify_one();
                    }
                    until.max(Instant::now() + Duration::from_millis(500)).min(deadline)
                }
                Phase::Listing => deadline,
            };
            if tokio::time::timeout_at(until.into(), phases.changed()).await.is_err() && Instant::now() >= deadline {
                return Err(self.late(limit));
            }
        }
    }

    fn late(&self, limit: Duration) -> Failure {
        match &*self.phase.borrow() {
            Phase::Failing(_, failure) => failure.clone(),
            _ => {
                let so_far = self.listed.load(Ordering::Relaxed);
                let message =
                    format!("not all objects are there after {} s ({so_far} so far); try again", limit.as_secs());
                Failure::new(Class::Unreachable, message)
            }
        }
    }

    /// Whether all objects are there and followed.
    pub(super) fn is_synced(&self) -> bool {
        matches!(*self.phase.borrow(), Phase::Synced)
    }

    /// When its objects were asked for last.
    pub(super) fn asked(&self) -> Instant {
        *self.asked.lock()
    }

    /// Objects listed so far, of a list that is under way.
    pub(super) fn listed_so_far(&self) -> u64 {
        self.listed.load(Ordering::Relaxed)
    }

    /// Waits until somebody asks for the objects of a watch that fails.
    pub(super) async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// A list has begun. What was there before stays good until the end of it.
    pub(super) fn listing(&self) {
        self.listed.store(0, Ordering::Relaxed);
    }

    /// So many objects of the list were read.
    pub(super) fn progress(&self, objects: usize) {
        self.listed.store(u64::try_from(objects).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// All objects are there.
    pub(super) fn listed(&self, writer: &Writer) {
        let mut counters = self.counters.lock();
        counters.relists += 1;
        counters.warnings = writer.trouble().count;
        drop(counters);
        self.phase.send_replace(Phase::Synced);
    }

    /// Changes are followed, from where that ended.
    pub(super) fn following(&self) {
        self.phase.send_if_modified(|phase| {
            let recovered = matches!(phase, Phase::Failing(..));
            if recovered {
                *phase = Phase::Synced;
            }
            recovered
        });
    }

    /// An event has arrived.
    pub(super) fn event(&self) {
        self.events.fetch_add(1, Ordering::Relaxed);
    }

    /// Readers see the state at this version; `lag` after its first change arrived.
    pub(super) fn published(&self, writer: &Writer, version: String, lag: Option<Duration>) {
        let mut counters = self.counters.lock();
        counters.resource_version = version;
        counters.warnings = writer.trouble().count;
        if let Some(lag) = lag {
            counters.lag = lag;
            counters.last_event = Some(SystemTime::now());
        }
    }

    /// It cannot go on.
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
        let version = self.mirror.latest();
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
