//! The work of one snapshot, spread over all cores, and its parts put together in the order of the files.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::paths::Input;
use super::take::{Output, Taker, Task};
use super::trouble::Spot;
use super::{json, text, yaml};
use crate::store::SourceError;

/// Bytes of small files that make one job, and so one segment a kind.
const JOB: u64 = 16 << 20;

/// Reads all of the inputs.
pub(super) fn run(task: &Task<'_>, inputs: &[Input]) -> Result<Output, SourceError> {
    let jobs = jobs(inputs);
    let results = parallel(&jobs, |job| whole(task, job))?;
    let mut all = Output::default();
    for result in results {
        all.append(result, 0, 0);
    }
    Ok(all)
}

impl Output {
    /// Adds what comes after it; see [`super::trouble::Troubles::merge`] for the counts.
    fn append(&mut self, later: Self, documents: u64, items: u64) {
        self.segments.extend(later.segments);
        self.troubles.merge(later.troubles, documents, items);
        self.read += later.read;
        self.broken = self.broken.take().or(later.broken);
    }
}

/// Neighbouring files put together until they are worth a segment.
fn jobs(inputs: &[Input]) -> Vec<&[Input]> {
    let mut jobs = Vec::new();
    let (mut from, mut bytes) = (0, 0);
    for (at, input) in inputs.iter().enumerate() {
        if at > from && bytes + input.size() > JOB {
            jobs.push(&inputs[from..at]);
            (from, bytes) = (at, 0);
        }
        bytes += input.size();
    }
    jobs.push(&inputs[from..]);
    jobs
}

/// Does all jobs, as many at a time as there are cores, and gives the results in their order. After an
/// error no more are begun.
fn parallel<J: Sync, R: Send>(
    jobs: &[J],
    work: impl Fn(&J) -> Result<R, SourceError> + Sync,
) -> Result<Vec<R>, SourceError> {
    let workers = std::thread::available_parallelism().map_or(1, NonZero::get).min(jobs.len());
    if workers <= 1 {
        return jobs.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let results: Vec<_> = jobs.iter().map(|_| Mutex::new(None)).collect();
    let worker = || {
        while let Some(index) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|index| *index < jobs.len()) {
            let result = work(&jobs[index]);
            if result.is_err() {
                next.store(jobs.len(), Ordering::Relaxed);
            }
            *results[index].lock() = Some(result);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..workers {
            scope.spawn(worker);
        }
        worker();
    });
    // Jobs are begun in order, so that those not done come after one that failed.
    results.into_iter().filter_map(Mutex::into_inner).collect()
}

/// Reads files into memory, one after another, and takes all that is in them.
fn whole(task: &Task<'_>, inputs: &[Input]) -> Result<Output, SourceError> {
    let mut taker = Taker::new(task);
    for input in inputs {
        let bytes = input.read(0)?;
        if bytes.is_empty() && inputs.len() > 1 {
            taker.tell(&Spot::file(&input.name), "is empty");
        }
        file(&bytes, input, &mut taker);
    }
    Ok(taker.finish())
}

/// Takes all that is in a file.
fn file(bytes: &[u8], input: &Input, taker: &mut Taker<'_>) {
    let mut spot = Spot::file(&input.name);
    let (text, trouble) = text::decode(bytes);
    if let Some(sentence) = trouble {
        taker.tell(&spot, &sentence);
    }
    if text::is_json(&text, input.yaml) {
        json::documents(&text, 0, taker, &mut spot);
    } else {
        yaml::documents(&text, taker, &mut spot);
    }
}
