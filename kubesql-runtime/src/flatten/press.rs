//! Compression on threads that all share, beside whoever collects what is compressed.

use std::num::NonZero;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread;

use parking_lot::Mutex;

/// Level of compression: the fastest of those that have a number.
const LEVEL: i32 = 1;

/// Compresses; keeps what it needs for it, about a megabyte.
#[derive(Default)]
pub(super) struct Compressor {
    made: Option<zstd::bulk::Compressor<'static>>,
}

impl Compressor {
    /// `None` where there is no memory for it.
    pub(super) fn compress(&mut self, text: &str) -> Option<Arc<[u8]>> {
        if self.made.is_none() {
            self.made = zstd::bulk::Compressor::new(LEVEL).ok();
        }
        Some(self.made.as_mut()?.compress(text.as_bytes()).ok()?.into())
    }
}

/// Texts on their way.
pub(super) struct Press {
    /// Of those that are not back yet.
    out: usize,
    sender: Sender<Pressed>,
    receiver: Receiver<Pressed>,
}

/// A text and what became of it.
pub(super) struct Pressed {
    /// The number that it was given with.
    pub(super) number: usize,
    pub(super) compressed: Option<Arc<[u8]>>,
    /// To be used again.
    pub(super) text: String,
}

struct Job {
    number: usize,
    text: String,
    answer: Sender<Pressed>,
}

impl Default for Press {
    fn default() -> Self {
        let (sender, receiver) = channel();
        Self { out: 0, sender, receiver }
    }
}

impl Press {
    /// Begins to compress a text; gives it back where all threads have enough to do.
    pub(super) fn begin(&mut self, number: usize, text: String) -> Result<(), String> {
        let Some(threads) = threads() else { return Err(text) };
        let job = Job { number, text, answer: self.sender.clone() };
        threads.try_send(job).map_err(|refused| match refused {
            std::sync::mpsc::TrySendError::Full(job) | std::sync::mpsc::TrySendError::Disconnected(job) => job.text,
        })?;
        self.out += 1;
        Ok(())
    }

    /// One that is done already.
    pub(super) fn done(&mut self) -> Option<Pressed> {
        let pressed = self.receiver.try_recv().ok()?;
        self.out -= 1;
        Some(pressed)
    }

    /// One that is still on its way, when it is done; `None` when all are back.
    pub(super) fn rest(&mut self) -> Option<Pressed> {
        self.out = self.out.checked_sub(1)?;
        Some(self.receiver.recv().expect("each job is answered"))
    }
}

/// Where jobs are given; `None` where no threads can be had.
fn threads() -> Option<&'static SyncSender<Job>> {
    static THREADS: OnceLock<Option<SyncSender<Job>>> = OnceLock::new();
    THREADS
        .get_or_init(|| {
            let count = thread::available_parallelism().map_or(1, NonZero::get);
            let (sender, receiver) = sync_channel::<Job>(2 * count);
            let jobs = Arc::new(Mutex::new(receiver));
            let started = (0..count).filter(|_| {
                let jobs = Arc::clone(&jobs);
                thread::Builder::new().name("kubesql-compress".to_owned()).spawn(move || work(&jobs)).is_ok()
            });
            (started.count() > 0).then_some(sender)
        })
        .as_ref()
}

fn work(jobs: &Mutex<Receiver<Job>>) {
    let mut compressor = Compressor::default();
    loop {
        let Ok(Job { number, text, answer }) = jobs.lock().recv() else { return };
        // Nobody may be left to hear of it.
        _ = answer.send(Pressed { number, compressed: compressor.compress(&text), text });
    }
}
