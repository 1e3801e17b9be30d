//! From the bytes of pods to columns, beside other ways of reading JSON.

use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use arrow::array::Array;
use kubesql_runtime::flatten::{Data, Group, Interpreter, Objects, ObjectsBuilder, Rows, Want};
use kubesql_runtime::generated;
use kubesql_runtime::schema::{KindDef, Shape, TypeDef};
use kubesql_runtime::store::mirror::Layout;
use serde::de::IgnoredAny;

use crate::{pods, say};

/// Pods into columns: our decoder beside serde_json and sonic-rs, on one core.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many pods to make.
    #[arg(long, default_value_t = 50_000)]
    pods: usize,
    /// Read them in no order, instead of by namespace and name as servers list them.
    #[arg(long)]
    shuffled: bool,
    /// Read pods from this file instead: one list as JSON, or an object a line.
    #[arg(long)]
    file: Option<PathBuf>,
    /// How often each way is tried; the median counts.
    #[arg(long, default_value_t = 7)]
    runs: usize,
    /// Only the ways whose name has this in it, for a profiler; no targets then.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
}

/// One way of reading all pods.
type Way<'w> = Box<dyn FnMut() -> Result<()> + 'w>;

/// What a figure must be, and what it is.
struct Target {
    what: &'static str,
    figure: f64,
    limit: f64,
    at_least: bool,
}

impl Target {
    fn passed(&self) -> bool {
        if self.at_least { self.figure >= self.limit } else { self.figure <= self.limit }
    }
}

/// Runs it; false where a target was missed.
pub(crate) fn run(args: &Args) -> Result<bool> {
    let pods = match &args.file {
        Some(file) => read(&std::fs::read_to_string(file).with_context(|| file.display().to_string())?)?,
        None if args.shuffled => pods::pods(args.pods),
        None => pods::listed(pods::pods(args.pods)),
    };
    let bytes: usize = pods.iter().map(String::len).sum();
    if pods.is_empty() || args.runs == 0 {
        bail!("nothing to measure");
    }
    say(&format!(
        "{} pods, {:.2} KB each; CPU time, medians of {} runs",
        pods.len(),
        per(bytes, &pods) / 1e3,
        args.runs
    ));

    let kind = generated::KINDS.iter().find(|kind| kind.group.is_empty() && kind.kind == "Pod").context("no Pod")?;
    let mut typed = generated::rows(kind).context("no code for Pod")?;
    let mut keeper = generated::rows(kind).context("no code for Pod")?;
    let mut interpreter = Interpreter::new(kind.root, &Want::All);
    let mut three = Interpreter::new(kind.root, &three_columns(kind)?);
    let (mut columns, mut objects) = (Vec::new(), Objects::default());
    let mut ways: Vec<(&str, Way<'_>)> = vec![
        (
            "serde_json into k8s-openapi Pod",
            Box::new(|| parse(&pods, |pod| Ok(serde_json::from_str::<k8s_openapi::api::core::v1::Pod>(pod)?))),
        ),
        ("sonic-rs Value", Box::new(|| parse(&pods, |pod| Ok(sonic_rs::from_str::<sonic_rs::Value>(pod)?)))),
        ("serde_json IgnoredAny", Box::new(|| parse(&pods, |pod| Ok(serde_json::from_str::<IgnoredAny>(pod)?)))),
        ("all columns, generated code", Box::new(|| flatten(typed.as_mut(), &pods, forget))),
        ("all columns, interpreter", Box::new(|| flatten(&mut interpreter, &pods, forget))),
        ("three columns", Box::new(|| flatten(&mut three, &pods, forget))),
        (
            "generated code, all columns kept",
            Box::new(|| {
                columns.clear();
                flatten(keeper.as_mut(), &pods, |segment| columns.push(segment))
            }),
        ),
        (
            "object column",
            Box::new(|| {
                let mut builder = ObjectsBuilder::default();
                each(&pods, |pod| Ok(builder.push(pod)?))?;
                objects = builder.finish();
                Ok(())
            }),
        ),
    ];
    if let Some(only) = &args.only {
        ways.retain(|(name, _)| name.contains(only.as_str()));
    }
    let mut times: Vec<Vec<Duration>> = vec![Vec::new(); ways.len()];
    // One after the other in every run, so that a busy machine is unfair to all of them alike. Each goes once before it
    // counts, or it would pay for the memory that the one before it gave back.
    for _ in 0..args.runs {
        for ((_, way), times) in ways.iter_mut().zip(&mut times) {
            way()?;
            let start = cpu_time();
            way()?;
            times.push(cpu_time() - start);
        }
    }
    let medians: Vec<f64> = times.iter_mut().map(|times| median(times)).collect();
    say(&format!("{:<34} {:>9} {:>9} {:>9} {:>7}", "", "ms", "MB/s", "pods/s", "ratio"));
    for ((name, _), seconds) in ways.iter().zip(&medians) {
        let (megabytes, rate, ratio) =
            (count(bytes) / 1e6 / seconds, count(pods.len()) / seconds, medians[0] / seconds);
        say(&format!("{name:<34} {:>9.1} {megabytes:>9.0} {rate:>9.0} {ratio:>7.2}", seconds * 1e3));
    }
    drop(ways);
    if args.only.is_some() {
        return Ok(true);
    }
    let targets = [
        Target {
            what: "generated code, times k8s-openapi",
            figure: medians[0] / medians[3],
            limit: 2.3,
            at_least: true,
        },
        Target {
            what: "interpreter, times generated code",
            figure: medians[3] / medians[4],
            limit: 0.9,
            at_least: true,
        },
        Target {
            what: "three columns, times k8s-openapi",
            figure: medians[0] / medians[5],
            limit: 10.0,
            at_least: true,
        },
        Target {
            what: "columns, KB a pod",
            figure: per(columns.iter().map(size).sum(), &pods) / 1e3,
            limit: 1.25,
            at_least: false,
        },
        Target { what: "object, KB a pod", figure: per(objects.bytes(), &pods) / 1e3, limit: 0.55, at_least: false },
    ];
    for target in &targets {
        let (sign, verdict) =
            (if target.at_least { ">=" } else { "<=" }, if target.passed() { "PASS" } else { "MISS" });
        say(&format!("{:<34} {:>9.2} {sign} {:<6} {verdict}", target.what, target.figure, target.limit));
    }
    Ok(targets.iter().all(Target::passed))
}

/// The objects of a file.
fn read(text: &str) -> Result<Vec<String>> {
    #[derive(serde::Deserialize)]
    struct List<'t> {
        #[serde(borrow)]
        items: Vec<&'t serde_json::value::RawValue>,
    }
    if let Ok(list) = serde_json::from_str::<List<'_>>(text) {
        return Ok(list.items.into_iter().map(|item| item.get().to_owned()).collect());
    }
    Ok(text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect())
}

/// Reads each pod into a value that is then dropped.
fn parse<T>(pods: &[String], read: impl Fn(&str) -> Result<T>) -> Result<()> {
    pods.iter().try_for_each(|pod| {
        black_box(read(pod)?);
        Ok(())
    })
}

fn each(pods: &[String], mut read: impl FnMut(&str) -> Result<()>) -> Result<()> {
    pods.iter().try_for_each(|pod| read(pod))
}

/// Gives the columns of all pods, in segments as large as those of a table that is kept.
fn flatten(rows: &mut dyn Rows, pods: &[String], mut to: impl FnMut(Group)) -> Result<()> {
    for segment in pods.chunks(Layout::SEGMENT_ROWS) {
        each(segment, |pod| Ok(rows.push(pod)?))?;
        let flattened = rows.finish();
        if flattened.mismatch_count > 0 {
            bail!("{} values did not fit: {:?}", flattened.mismatch_count, flattened.mismatches.first());
        }
        to(flattened.columns);
    }
    Ok(())
}

/// Gives the memory of a segment back, as the other ways do with each pod that they read: what is compared is the
/// reading. What it costs beside that to get memory for all of them from the system, the kept columns show.
fn forget(segment: Group) {
    drop(black_box(segment));
}

/// Name, namespace and node.
fn three_columns(kind: &KindDef) -> Result<Want> {
    let number = |def: &TypeDef, json: &str| -> Result<u16> {
        let number = def.fields.iter().position(|field| field.json == json).with_context(|| json.to_owned())?;
        Ok(u16::try_from(number)?)
    };
    let mut want = Want::nothing();
    for (outer, inner) in [("metadata", "name"), ("metadata", "namespace"), ("spec", "nodeName")] {
        let outer = number(kind.root, outer)?;
        let Shape::Object(def) = kind.root.fields[usize::from(outer)].shape else { bail!("{inner} is nowhere") };
        want.add(&[outer, number(def, inner)?]);
    }
    Ok(want)
}

/// Bytes of memory that columns hold.
fn size(group: &Group) -> usize {
    let data = |data: &Data| match data {
        Data::Leaf(array) => array.get_buffer_memory_size(),
        Data::Group(group) => size(group),
        Data::List(list) => list.offsets.inner().len() + size(&list.items),
        Data::Map(map) => {
            let present = map.present.as_ref().map_or(0, |present| present.buffer().len());
            map.offsets.inner().len()
                + present
                + map.keys.get_buffer_memory_size()
                + map.values.get_buffer_memory_size()
        }
    };
    group.columns.iter().flatten().map(data).sum()
}

/// Time that this thread ran, which other processes do not add to; where the system does not tell it,
/// time that went by.
fn cpu_time() -> Duration {
    thread_local!(static START: Instant = Instant::now());
    let ran = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = ran.and_then(|ran| ran.split(' ').next()?.parse().ok());
    nanos.map_or_else(|| START.with(Instant::elapsed), Duration::from_nanos)
}

/// In seconds.
fn median(times: &mut [Duration]) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64()
}

fn per(total: usize, pods: &[String]) -> f64 {
    count(total) / count(pods.len())
}

#[expect(clippy::cast_precision_loss, reason = "figures to look at")]
fn count(number: usize) -> f64 {
    number as f64
}
