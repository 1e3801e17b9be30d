//! Compression of blocks of text on a thread pool that all builders share.

use std::collections::VecDeque;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// The zstd level: the fastest of the regular levels.
const LEVEL: i32 = 1;

/// A worker without a job ends after this time, which frees the memory of its compressor.
const IDLE: Duration = Duration::from_secs(10);

/// Compresses text. Its working memory of about 1 MB is allocated on first use and kept.
#[derive(Default)]
pub(super) struct Compressor {
    zstd: Option<zstd::bulk::Compressor<'static>>,
}

impl Compressor {
    /// The compressed text; `None` if there is not enough memory.
    pub(super) fn compress(&mut self, text: &str) -> Option<Arc<[u8]>> {
        if self.zstd.is_none() {
            self.zstd = zstd::bulk::Compressor::new(LEVEL).ok();
        }
        Some(self.zstd.as_mut()?.compress(text.as_bytes()).ok()?.into())
    }
}

/// The blocks of one builder that are being compressed on the pool.
pub(super) struct PendingBlocks {
    count: usize,
    sender: Sender<CompressedBlock>,
    receiver: Receiver<CompressedBlock>,
}

/// The result of compressing a block.
pub(super) struct CompressedBlock {
    /// As passed to [`PendingBlocks::submit`].
    pub(super) number: usize,
    /// `None` if the text could not be compressed.
    pub(super) compressed: Option<Arc<[u8]>>,
    /// The uncompressed text.
    pub(super) text: String,
}

impl Default for PendingBlocks {
    fn default() -> Self {
        let (sender, receiver) = channel();
        Self { count: 0, sender, receiver }
    }
}

impl PendingBlocks {
    /// Starts to compress a block. Returns the text if all workers are busy.
    pub(super) fn submit(&mut self, number: usize, text: String) -> Result<(), String> {
        POOL.submit(Job { number, text, results: self.sender.clone() }).map_err(|job| job.text)?;
        self.count += 1;
        Ok(())
    }

    /// A block that is already compressed, if any.
    pub(super) fn try_next(&mut self) -> Option<CompressedBlock> {
        let block = self.receiver.try_recv().ok()?;
        self.count -= 1;
        Some(block)
    }

    /// Waits for the next block; `None` if no block is pending.
    pub(super) fn next(&mut self) -> Option<CompressedBlock> {
        self.count = self.count.checked_sub(1)?;
        Some(self.receiver.recv().expect("the worker sends a result for each job"))
    }
}

struct Job {
    number: usize,
    text: String,
    results: Sender<CompressedBlock>,
}

/// Worker threads that are started on demand and end when idle.
struct CompressionPool {
    state: Mutex<PoolState>,
    job_added: Condvar,
}

struct PoolState {
    jobs: VecDeque<Job>,
    workers: usize,
    idle_workers: usize,
}

static POOL: CompressionPool = CompressionPool {
    state: Mutex::new(PoolState { jobs: VecDeque::new(), workers: 0, idle_workers: 0 }),
    job_added: Condvar::new(),
};

impl CompressionPool {
    /// Queues a job, and starts a worker if all are busy. Returns the job if the queue is full or no worker can be
    /// started.
    fn submit(&'static self, job: Job) -> Result<(), Job> {
        let max_workers = thread::available_parallelism().map_or(1, NonZero::get);
        let mut state = self.state.lock();
        if state.jobs.len() >= 2 * max_workers {
            return Err(job);
        }
        if state.idle_workers <= state.jobs.len() && state.workers < max_workers {
            let worker = thread::Builder::new().name("kubesql-compress".to_owned()).spawn(move || self.work());
            state.workers += usize::from(worker.is_ok());
        }
        if state.workers == 0 {
            return Err(job);
        }
        state.jobs.push_back(job);
        drop(state);
        self.job_added.notify_one();
        Ok(())
    }

    fn work(&self) {
        let mut compressor = Compressor::default();
        while let Some(Job { number, text, results }) = self.next_job() {
            // The builder may have been dropped.
            _ = results.send(CompressedBlock { number, compressed: compressor.compress(&text), text });
        }
    }

    /// Waits for a job; `None` if the worker is to end.
    fn next_job(&self) -> Option<Job> {
        let mut state = self.state.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            state.idle_workers += 1;
            let timeout = self.job_added.wait_for(&mut state, IDLE);
            state.idle_workers -= 1;
            if timeout.timed_out() && state.jobs.is_empty() {
                state.workers -= 1;
                return None;
            }
        }
    }
}
