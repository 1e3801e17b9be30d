//! Reads the inputs of a snapshot on all cores. Results are in the order of the files.

use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::collector::Collector;
use super::context::ReadContext;
use super::parts::{Part, Plan};
use super::paths::Input;
use super::segment_builder::Output;
use super::{encoding, json, yaml};
use crate::ingest::diagnostics::Location;
use crate::store::SourceError;

/// Bytes of small files that are read together, into one segment for each kind.
const GROUP_BYTES: u64 = 16 << 20;

/// Reads all inputs.
pub(super) fn read_inputs(context: &ReadContext<'_>, inputs: &[Input]) -> Result<Output, SourceError> {
    let workers = std::thread::available_parallelism().map_or(1, NonZero::get);
    let plans = plan_reads(context, inputs, u64::try_from(workers).unwrap_or(1))?;
    let jobs: Vec<Job<'_>> = plans.iter().flat_map(Planned::jobs).collect();
    let mut done = parallel(&jobs, workers, |job| job.run(context))?.into_iter();
    let mut all = Output::default();
    for planned in &plans {
        match planned {
            Planned::Whole(_) => {
                if let Some(JobResult::Whole(output)) = done.next() {
                    all.append(output, 0, 0);
                }
            }
            Planned::Parts(input, plan) => {
                let count = usize::try_from(plan.parts).unwrap_or(usize::MAX);
                let parts = done.by_ref().take(count).map(JobResult::part).collect();
                let output = match plan.join(context, input, parts)? {
                    Some(output) => output,
                    None => read_whole(context, std::slice::from_ref(input))?,
                };
                all.append(output, 0, 0);
            }
        }
    }
    Ok(all)
}

/// How a group of files is read.
enum Planned<'a> {
    /// One after another, each into memory.
    Whole(&'a [Input]),
    /// A single file, in parts.
    Parts(&'a Input, Plan),
}

/// A unit of work.
enum Job<'a> {
    Whole(&'a [Input]),
    Part(&'a Input, &'a Plan, u64),
}

enum JobResult {
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
    fn run(&self, context: &ReadContext<'_>) -> Result<JobResult, SourceError> {
        match self {
            Self::Whole(inputs) => read_whole(context, inputs).map(JobResult::Whole),
            Self::Part(input, plan, number) => plan.read(context, input, *number).map(JobResult::Part),
        }
    }
}

impl JobResult {
    fn part(self) -> Option<Part> {
        match self {
            Self::Part(part) => part,
            Self::Whole(_) => None,
        }
    }
}

impl Output {
    /// Adds to the lines of all rows.
    pub(super) fn shift_lines(&mut self, by: u64) {
        for sources in self.segments.iter_mut().filter_map(|segment| segment.sources.as_mut()) {
            Arc::make_mut(sources).shift_lines(by);
        }
    }

    /// Appends the output of a later part. For `documents` and `items`, see [`Diagnostics::merge`].
    ///
    /// [`Diagnostics::merge`]: crate::ingest::diagnostics::Diagnostics::merge
    pub(super) fn append(&mut self, later: Self, documents: u64, items: u64) {
        self.segments.extend(later.segments);
        self.diagnostics.merge(later.diagnostics, documents, items);
        self.parsed += later.parsed;
        for (kind, count) in later.others {
            *self.others.entry(kind).or_default() += count;
        }
        match (&mut self.inferred, later.inferred) {
            (Some(kinds), Some(later)) => kinds.merge(later),
            (kinds @ None, later) => *kinds = later,
            _ => {}
        }
        self.first_error = self.first_error.take().or(later.first_error);
    }
}

/// Plans how to read the inputs: large files separately, and small files in groups.
fn plan_reads<'a>(
    context: &ReadContext<'_>,
    inputs: &'a [Input],
    workers: u64,
) -> Result<Vec<Planned<'a>>, SourceError> {
    let mut plans = Vec::new();
    let (mut from, mut bytes) = (0, 0);
    for (at, input) in inputs.iter().enumerate() {
        let plan = Plan::new(context, input, workers)?;
        if at > from && (plan.is_some() || bytes + input.size() > GROUP_BYTES) {
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

/// Runs jobs on `workers` threads, and returns their results in order. After an error, no further jobs are started.
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
    // Jobs are started in order, so that the jobs without a result are after a failed one.
    results.into_iter().filter_map(Mutex::into_inner).collect()
}

/// Reads files into memory, one after another.
fn read_whole(context: &ReadContext<'_>, inputs: &[Input]) -> Result<Output, SourceError> {
    let mut collector = Collector::new(context);
    for input in inputs {
        let bytes = input.read(0)?;
        if bytes.is_empty() && inputs.len() > 1 {
            collector.warn(&Location::file(&input.name), "is empty");
        }
        collect_file(&bytes, input, &mut collector);
    }
    Ok(collector.finish())
}

/// Collects the objects of a file.
fn collect_file(bytes: &[u8], input: &Input, collector: &mut Collector<'_>) {
    let mut location = Location::file(&input.name);
    collector.lines.start(0);
    let (text, warning) = encoding::decode(bytes);
    if let Some(warning) = warning {
        collector.warn(&location, &warning);
    }
    if encoding::is_json(&text, input.yaml) {
        json::collect_documents(&text, 0, collector, &mut location);
    } else {
        yaml::collect_documents(&text, collector, &mut location);
    }
}
