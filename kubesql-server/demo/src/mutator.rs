//! Changes the cluster continuously, at a given number of objects per second, until it is paused or dropped.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::cluster::Cluster;
use super::content::Content;

/// Interval between rounds of changes.
const TICK: Duration = Duration::from_millis(5);

/// Number of objects written before the lock is released.
const BATCH: usize = 64;

/// How long the lock stays free: without a pause, the same thread would mostly acquire it again.
const TURN: Duration = Duration::from_micros(20);

/// Controls the thread that makes the changes.
#[derive(Debug)]
pub(super) struct Mutator {
    content: Mutex<Content>,
    per_second: AtomicU32,
    is_paused: AtomicBool,
    is_over: AtomicBool,
}

impl Mutator {
    /// Starts changing a cluster.
    pub(super) fn start(cluster: Arc<Cluster>, content: Content) -> std::io::Result<Arc<Self>> {
        let mutator = Arc::new(Self {
            content: Mutex::new(content),
            per_second: AtomicU32::new(cluster.options.events_per_second),
            is_paused: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
        });
        let own = mutator.clone();
        // A dedicated thread: the work is permanent, and bound by the processor.
        thread::Builder::new().name("demo-changes".to_owned()).spawn(move || own.run(&cluster))?;
        Ok(mutator)
    }

    /// Stops the changes. When this returns, nothing more is written.
    pub(super) fn pause(&self) {
        self.is_paused.store(true, Ordering::SeqCst);
        // A round in progress holds this lock.
        drop(self.content.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Continues after [`Mutator::pause`].
    pub(super) fn resume(&self) {
        self.is_paused.store(false, Ordering::SeqCst);
    }

    /// Sets the number of objects written per second.
    pub(super) fn set_rate(&self, per_second: u32) {
        self.per_second.store(per_second, Ordering::SeqCst);
    }

    /// Ends the thread.
    pub(super) fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }

    fn run(&self, cluster: &Cluster) {
        let (mut last, mut owed) = (Instant::now(), Duration::ZERO);
        let mut ticks = 0_u32;
        while !self.is_over.load(Ordering::SeqCst) {
            thread::sleep(TICK);
            let now = Instant::now();
            let rate = self.per_second.load(Ordering::SeqCst);
            // A backlog of more than a second is dropped.
            owed = (owed + now.duration_since(last) * rate).min(Duration::from_secs(1) * rate);
            last = now;
            while !self.is_over.load(Ordering::SeqCst) {
                let mut content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
                if self.is_paused.load(Ordering::SeqCst) {
                    owed = Duration::ZERO;
                    break;
                }
                let time = Timestamp::now().as_second();
                content.handle_deletions(cluster, time);
                if owed < Duration::from_secs(1) {
                    break;
                }
                let mut written = 0;
                let mut writer = cluster.store.write();
                while written < BATCH && owed >= Duration::from_secs(1) {
                    // A step without changes counts as well, so that the loop ends.
                    let step = content.step(&mut writer, time).max(1);
                    written += step;
                    owed = owed.saturating_sub(Duration::from_secs(step as u64));
                }
                drop(writer);
                drop(content);
                thread::sleep(TURN);
            }
            ticks = ticks.wrapping_add(1);
            if ticks.is_multiple_of(2000) {
                cluster.store.expire_pages();
            }
        }
    }
}
