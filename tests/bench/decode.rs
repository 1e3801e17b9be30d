//! Benchmarks of decoding pods into columns, compared with other JSON parsers.

use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use arrow::array::Array;
use kubesql_runtime::flatten::{
    ColumnData, ColumnGroup, FieldMask, Flattener, Interpreter, RawObjects, RawObjectsBuilder,
};
use kubesql_runtime::generated;
use kubesql_runtime::schema::{KindDef, Shape, TypeDef};
use kubesql_runtime::store::live_table::TableConfig;
use serde::de::IgnoredAny;

use crate::{pods, report};

/// Decoding of pods into columns, compared with serde_json and sonic-rs, on one core
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Number of pods
    #[arg(long, default_value_t = 50_000)]
    pods: usize,
    /// Use a random order, instead of the order by namespace and name in which servers list pods
    #[arg(long)]
    shuffled: bool,
    /// Read pods from a file: a list as JSON, or an object on each line
    #[arg(long)]
    file: Option<PathBuf>,
    /// Number of runs, of which the median is reported
    #[arg(long, default_value_t = 7)]
    runs: usize,
    /// Run only decoders whose name contains TEXT, without targets; for profilers
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
}

/// A decoder of all pods.
type Decoder<'w> = Box<dyn FnMut() -> Result<()> + 'w>;

/// A figure and its limit.
struct Target {
    name: &'static str,
    figure: f64,
    limit: f64,
    at_least: bool,
}

impl Target {
    fn passed(&self) -> bool {
        if self.at_least { self.figure >= self.limit } else { self.figure <= self.limit }
    }
}

/// Runs the benchmark; false if a target was missed.
pub(crate) fn run(args: &Args) -> Result<bool> {
    let pods = match &args.file {
        Some(file) => read_objects(&std::fs::read_to_string(file).with_context(|| file.display().to_string())?)?,
        None if args.shuffled => pods::pods(args.pods),
        None => pods::listed(pods::pods(args.pods)),
    };
    let bytes: usize = pods.iter().map(String::len).sum();
    if pods.is_empty() || args.runs == 0 {
        bail!("nothing to measure");
    }
    report(&format!(
        "{} pods, {:.2} KB each; CPU time, medians of {} runs",
        pods.len(),
        per(bytes, &pods) / 1e3,
        args.runs
    ));

    let kind = generated::KINDS.iter().find(|kind| kind.group.is_empty() && kind.kind == "Pod").context("no Pod")?;
    let mut generated_code = generated::flattener(kind).context("no code for Pod")?;
    let mut keeper = generated::flattener(kind).context("no code for Pod")?;
    let mut interpreter = Interpreter::new(kind.root, &FieldMask::All);
    let mut three = Interpreter::new(kind.root, &three_columns(kind)?);
    let (mut columns, mut objects) = (Vec::new(), RawObjects::default());
    let mut decoders: Vec<(&str, Decoder<'_>)> = vec![
        (
            "serde_json into k8s-openapi Pod",
            Box::new(|| parse(&pods, |pod| Ok(serde_json::from_str::<k8s_openapi::api::core::v1::Pod>(pod)?))),
        ),
        ("sonic-rs Value", Box::new(|| parse(&pods, |pod| Ok(sonic_rs::from_str::<sonic_rs::Value>(pod)?)))),
        ("serde_json IgnoredAny", Box::new(|| parse(&pods, |pod| Ok(serde_json::from_str::<IgnoredAny>(pod)?)))),
        ("all columns, generated code", Box::new(|| flatten(generated_code.as_mut(), &pods, discard))),
        ("all columns, interpreter", Box::new(|| flatten(&mut interpreter, &pods, discard))),
        ("three columns", Box::new(|| flatten(&mut three, &pods, discard))),
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
                let mut builder = RawObjectsBuilder::default();
                each(&pods, |pod| Ok(builder.push(pod)?))?;
                objects = builder.finish();
                Ok(())
            }),
        ),
    ];
    if let Some(only) = &args.only {
        decoders.retain(|(name, _)| name.contains(only.as_str()));
    }
    let mut times: Vec<Vec<Duration>> = vec![Vec::new(); decoders.len()];
    // All decoders run in turn, so that other load on the machine affects all of them alike. Each runs once before it is
    // measured; otherwise it would pay for memory that the previous one freed.
    for _ in 0..args.runs {
        for ((_, decoder), times) in decoders.iter_mut().zip(&mut times) {
            decoder()?;
            let start = cpu_time();
            decoder()?;
            times.push(cpu_time() - start);
        }
    }
    let medians: Vec<f64> = times.iter_mut().map(|times| median(times)).collect();
    report(&format!("{:<34} {:>9} {:>9} {:>9} {:>7}", "", "ms", "MB/s", "pods/s", "ratio"));
    for ((name, _), seconds) in decoders.iter().zip(&medians) {
        let (megabytes, rate, ratio) =
            (count(bytes) / 1e6 / seconds, count(pods.len()) / seconds, medians[0] / seconds);
        report(&format!("{name:<34} {:>9.1} {megabytes:>9.0} {rate:>9.0} {ratio:>7.2}", seconds * 1e3));
    }
    drop(decoders);
    if args.only.is_some() {
        return Ok(true);
    }
    let targets = [
        Target {
            name: "generated code, ratio to k8s-openapi",
            figure: medians[0] / medians[3],
            limit: 2.3,
            at_least: true,
        },
        Target {
            name: "interpreter, ratio to generated code",
            figure: medians[3] / medians[4],
            limit: 0.9,
            at_least: true,
        },
        Target {
            name: "three columns, ratio to k8s-openapi",
            figure: medians[0] / medians[5],
            limit: 10.0,
            at_least: true,
        },
        Target {
            name: "columns, KB per pod",
            figure: per(columns.iter().map(size).sum(), &pods) / 1e3,
            limit: 1.25,
            at_least: false,
        },
        Target { name: "object, KB per pod", figure: per(objects.bytes(), &pods) / 1e3, limit: 0.55, at_least: false },
    ];
    for target in &targets {
        let (sign, verdict) =
            (if target.at_least { ">=" } else { "<=" }, if target.passed() { "PASS" } else { "MISS" });
        report(&format!("{:<34} {:>9.2} {sign} {:<6} {verdict}", target.name, target.figure, target.limit));
    }
    Ok(targets.iter().all(Target::passed))
}

/// Reads the objects of a file.
fn read_objects(text: &str) -> Result<Vec<String>> {
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

/// Parses each pod into a value, which is dropped.
fn parse<T>(pods: &[String], read: impl Fn(&str) -> Result<T>) -> Result<()> {
    pods.iter().try_for_each(|pod| {
        black_box(read(pod)?);
        Ok(())
    })
}

fn each(pods: &[String], mut read: impl FnMut(&str) -> Result<()>) -> Result<()> {
    pods.iter().try_for_each(|pod| read(pod))
}

/// Flattens all pods into segments of the size of a live table's.
fn flatten(flattener: &mut dyn Flattener, pods: &[String], mut to: impl FnMut(ColumnGroup)) -> Result<()> {
    for segment in pods.chunks(TableConfig::SEGMENT_ROWS) {
        each(segment, |pod| Ok(flattener.push(pod)?))?;
        let flattened = flattener.finish();
        if flattened.mismatch_count > 0 {
            bail!("{} values did not fit: {:?}", flattened.mismatch_count, flattened.mismatches.first());
        }
        to(flattened.columns);
    }
    Ok(())
}

/// Drops a segment, as the other decoders drop each pod. The cost of allocating memory for all segments is measured by
/// "all columns kept".
fn discard(segment: ColumnGroup) {
    drop(black_box(segment));
}

/// The fields name, namespace and node.
fn three_columns(kind: &KindDef) -> Result<FieldMask> {
    let number = |def: &TypeDef, json: &str| -> Result<u16> {
        let number = def.fields.iter().position(|field| field.json == json).with_context(|| json.to_owned())?;
        Ok(u16::try_from(number)?)
    };
    let mut mask = FieldMask::none();
    for (outer, inner) in [("metadata", "name"), ("metadata", "namespace"), ("spec", "nodeName")] {
        let outer = number(kind.root, outer)?;
        let Shape::Object(def) = kind.root.fields[usize::from(outer)].shape else { bail!("there is no {inner}") };
        mask.add(&[outer, number(def, inner)?]);
    }
    Ok(mask)
}

/// The memory of columns in bytes.
fn size(group: &ColumnGroup) -> usize {
    let data = |data: &ColumnData| match data {
        ColumnData::Leaf(array) => array.get_buffer_memory_size(),
        ColumnData::Object(group) => size(group),
        ColumnData::List(list) => list.offsets.inner().len() + size(&list.items),
        ColumnData::Map(map) => {
            let present = map.present.as_ref().map_or(0, |present| present.buffer().len());
            map.offsets.inner().len()
                + present
                + map.keys.get_buffer_memory_size()
                + map.values.get_buffer_memory_size()
        }
    };
    group.columns.iter().flatten().map(data).sum()
}

/// The CPU time of this thread, or wall time if the system does not provide it.
fn cpu_time() -> Duration {
    thread_local!(static START: Instant = Instant::now());
    let ran = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = ran.and_then(|ran| ran.split(' ').next()?.parse().ok());
    nanos.map_or_else(|| START.with(Instant::elapsed), Duration::from_nanos)
}

/// The median in seconds.
fn median(times: &mut [Duration]) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64()
}

fn per(total: usize, pods: &[String]) -> f64 {
    count(total) / count(pods.len())
}

#[expect(clippy::cast_precision_loss, reason = "figures for display")]
fn count(number: usize) -> f64 {
    number as f64
}
