//! The work of one snapshot, spread over all cores, and its parts put together in the order of the files.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::paths::Input;
use super::slot::Output;
use super::stream::{Part, Plan};
use super::take::{Taker, Task};
use super::trouble::Spot;
use super::{json, text, yaml};
use crate::store::SourceError;

/// Bytes of small files that make one job, and so one segment a kind.
const JOB: u64 = 16 << 20;

/// Reads all of the inputs.
pub(super) fn run(task: &Task<'_>, inputs: &[Input]) -> Result<Output, SourceError> {
    let workers = std::thread::available_parallelism().map_or(1, NonZero::get);
    let plans = plans(task, inputs, u64::try_from(workers).unwrap_or(1))?;
    let jobs: Vec<Job<'_>> = plans.iter().flat_map(Planned::jobs).collect();
    let mut done = parallel(&jobs, workers, |job| job.run(task))?.into_iter();
    let mut all = Output::default();
    for planned in &plans {
        match planned {
            Planned::Whole(_) => {
                if let Some(Done::Whole(output)) = done.next() {
                    all.append(output, 0, 0);
                }
            }
            Planned::Parts(input, plan) => {
                let count = usize::try_from(plan.parts).unwrap_or(usize::MAX);
                let parts = done.by_ref().take(count).map(Done::part).collect();
                let output = match plan.join(task, input, parts)? {
                    Some(output) => output,
                    None => whole(task, std::slice::from_ref(input))?,
                };
                all.append(output, 0, 0);
            }
        }
    }
    Ok(all)
}

/// How files are read.
enum Planned<'a> {
    /// One after another, each into memory.
    Whole(&'a [Input]),
    /// In parts.
    Parts(&'a Input, Plan),
}

/// What one worker does at a time.
enum Job<'a> {
    Whole(&'a [Input]),
    Part(&'a Input, &'a Plan, u64),
}

enum Done {
    Whole(Output),
    Part(Option<Part>),
}

impl Planned<'_> {
    fn jobs(&self) -> Vec<Job<'_>> {
        match self {
            Self::Whole(inputs) => vec![Job::Whole(inputs)],
            Self::Parts(input, plan) => (0..plan.parts).map(|number| Job::Part(input, plan, number)).collect(),
        }
    }
}

impl Job<'_> {
    fn run(&self, task: &Task<'_>) -> Result<Done, SourceError> {
        match self {
            Self::Whole(inputs) => whole(task, inputs).map(Done::Whole),
            Self::Part(input, plan, number) => plan.read(task, input, *number).map(Done::Part),
        }
    }
}

impl Done {
    fn part(self) -> Option<Part> {
        match self {
            Self::Part(part) => part,
            Self::Whole(_) => None,
        }
    }
}

impl Output {
    /// Adds what comes after it; see [`super::trouble::Troubles::merge`] for the counts.
    pub(super) fn append(&mut self, later: Self, documents: u64, items: u64) {
        self.segments.extend(later.segments);
        self.troubles.merge(later.troubles, documents, items);
        self.read += later.read;
        self.broken = self.broken.take().or(later.broken);
    }
}

/// Large files by themselves, and small neighbours put together until they are worth a segment.
fn plans<'a>(task: &Task<'_>, inputs: &'a [Input], workers: u64) -> Result<Vec<Planned<'a>>, SourceError> {
    let mut plans = Vec::new();
    let (mut from, mut bytes) = (0, 0);
    for (at, input) in inputs.iter().enumerate() {
        let plan = Plan::new(task, input, workers)?;
        if at > from && (plan.is_some() || bytes + input.size() > JOB) {
            plans.push(Planned::Whole(&inputs[from..at]));
            (from, bytes) = (at, 0);
        }
        bytes += input.size();
        if let Some(plan) = plan {
            plans.push(Planned::Parts(input, plan));
            (from, bytes) = (at + 1, 0);
        }
    }
    if from < inputs.len() {
        plans.push(Planned::Whole(&inputs[from..]));
    }
    Ok(plans)
}

/// Does all jobs, as many at a time as there are cores, and gives the results in their order. After an
/// error no more are begun.
fn parallel<J: Sync, R: Send>(
    jobs: &[J],
    workers: usize,
    work: impl Fn(&J) -> Result<R, SourceError> + Sync,
) -> Result<Vec<R>, SourceError> {
    let workers = workers.min(jobs.len());
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
