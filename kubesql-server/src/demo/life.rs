//! Lets the cluster change by itself: so many objects a second, until it is paused or goes.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::cluster::Cluster;
use super::content::Content;

/// How often something happens.
const TICK: Duration = Duration::from_millis(5);

/// Objects that are written before others get a turn.
const BATCH: usize = 64;

/// How long the others' turn is at least: who only lets go of a lock mostly gets it again.
const TURN: Duration = Duration::from_micros(20);

/// What others may say about the changes.
#[derive(Debug)]
pub(super) struct Life {
    content: Mutex<Content>,
    per_second: AtomicU32,
    is_paused: AtomicBool,
    is_over: AtomicBool,
}

impl Life {
    /// Begins to change a cluster.
    pub(super) fn start(cluster: Arc<Cluster>, content: Content) -> std::io::Result<Arc<Self>> {
        let life = Arc::new(Self {
            content: Mutex::new(content),
            per_second: AtomicU32::new(cluster.options.events_per_second),
            is_paused: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
        });
        let own = life.clone();
        // A thread of its own: it works in the background all the time, and writes nothing but memory.
        thread::Builder::new().name("demo-changes".to_owned()).spawn(move || own.run(&cluster))?;
        Ok(life)
    }

    /// Ends the changes; after this, nothing more is written.
    pub(super) fn pause(&self) {
        self.is_paused.store(true, Ordering::SeqCst);
        // Whoever was at work is done when this is free.
        drop(self.content.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Goes on.
    pub(super) fn resume(&self) {
        self.is_paused.store(false, Ordering::SeqCst);
    }

    /// Writes so many objects a second from now on.
    pub(super) fn set_rate(&self, per_second: u32) {
        self.per_second.store(per_second, Ordering::SeqCst);
    }

    /// Ends for good.
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
            // What cannot be kept up with is not owed for long.
            owed = (owed + now.duration_since(last) * rate).min(Duration::from_secs(1) * rate);
            last = now;
            while !self.is_over.load(Ordering::SeqCst) {
                let mut content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
                if self.is_paused.load(Ordering::SeqCst) {
                    owed = Duration::ZERO;
                    break;
                }
                let time = Timestamp::now().as_second();
                content.heed(cluster, time);
                if owed < Duration::from_secs(1) {
                    break;
                }
                let mut written = 0;
                let mut writer = cluster.store.write();
                while written < BATCH && owed >= Duration::from_secs(1) {
                    // What has nothing to do counts, too, so that this ends.
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
