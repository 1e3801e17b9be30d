//! Benchmarks of watched clusters, compared with `kube_runtime`'s reflector on the same server in the same run.
//!
//! Each measurement runs in a process of its own, so that CPU time and memory are its own.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::report;

mod churn;
mod customs;
pub(crate) mod process;
mod sync;
mod usage;

use process::Measurement;

/// Watching of clusters, compared with kube_runtime's reflector
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Pods of the cluster
    #[arg(long, default_value_t = 50_000)]
    pods: usize,
    /// Nodes of the cluster
    #[arg(long, default_value_t = 500)]
    nodes: usize,
    /// Number of runs, of which the median is reported
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Duration of each measurement with events, in seconds
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Parts to run
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = PARTS)]
    parts: Vec<Part>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Time, CPU time and memory of the initial list
    Sync,
    /// CPU time without events
    Idle,
    /// Latency from event to row, and of queries, at 1,000 events per second
    Churn,
    /// 20,000 events per second
    Flood,
    /// 2,000 kinds of custom resources, compared with 20
    Customs,
}

const PARTS: [Part; 5] = [Part::Sync, Part::Idle, Part::Churn, Part::Flood, Part::Customs];

/// Runs the benchmark; false if a target was missed.
pub(crate) fn run(args: &Args) -> Result<bool> {
    let mut passed = true;
    for part in &args.parts {
        passed &= match part {
            Part::Sync => sync(args)?,
            Part::Idle => idle(args)?,
            Part::Churn => churn(args)?,
            Part::Flood => flood(args)?,
            Part::Customs => customs(args)?,
        };
    }
    Ok(passed)
}

/// A demo cluster in a process. Dropping it stops the process.
struct Demo {
    child: Child,
    kubeconfig: PathBuf,
    _folder: tempfile::TempDir,
}

impl Demo {
    fn start(args: &Args, events: u64, crds: usize) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let kubeconfig = folder.path().join("kubeconfig");
        let binary = std::env::current_exe()?.with_file_name("kubesql");
        let mut child = Command::new(&binary)
            .args(["demo", "--listen", "127.0.0.1:0", "--seed", "1"])
            .args(["--pods", &args.pods.to_string(), "--nodes", &args.nodes.to_string()])
            .args(["--events-per-second", &events.to_string(), "--crds", &crds.to_string(), "--write-kubeconfig"])
            .arg(&kubeconfig)
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} demo", binary.display()))?;
        let out = child.stdout.take().context("its output")?;
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        ensure!(!line.is_empty(), "the demo cluster did not start");
        Ok(Self { child, kubeconfig, _folder: folder })
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// The figures of a measurement by name.
type Results = BTreeMap<String, f64>;

fn measure(measurement: Measurement, kubeconfig: &Path, seconds: u64) -> Result<Results> {
    let output = Command::new(std::env::current_exe()?)
        .args(["live-worker", measurement.name(), "--seconds", &seconds.to_string(), "--kubeconfig"])
        .arg(kubeconfig)
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        bail!("{} ended with {}", measurement.name(), output.status);
    }
    let figures: Value =
        serde_json::from_slice(&output.stdout).with_context(|| format!("the figures of {}", measurement.name()))?;
    let figures = figures.as_object().context("figures")?;
    Ok(figures.iter().filter_map(|(name, figure)| Some((name.clone(), figure.as_f64()?))).collect())
}

fn check(what: &str, figure: f64, limit: f64) -> bool {
    let passed = figure <= limit;
    report(&format!("{what:<58} {figure:>9.2} <= {limit:<7} {}", if passed { "PASS" } else { "MISS" }));
    passed
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

fn sync(args: &Args) -> Result<bool> {
    let demo = Demo::start(args, 0, 0)?;
    report(&format!("{} pods and {} nodes, medians of {} runs", args.pods, args.nodes, args.runs));
    report(&format!("{:<34} {:>9} {:>9} {:>9} {:>9}", "", "s", "CPU s", "MB", "peak MB"));
    let measurements = [Measurement::Drain, Measurement::Reflector, Measurement::Kubesql];
    let mut all: Vec<Vec<Results>> = vec![Vec::new(); measurements.len()];
    for _ in 0..args.runs {
        for (measurement, figures) in measurements.iter().zip(&mut all) {
            figures.push(measure(*measurement, &demo.kubeconfig, 0)?);
        }
    }
    let figure =
        |at: usize, name: &str| median(all[at].iter().filter_map(|figures| figures.get(name).copied()).collect());
    for (at, measurement) in measurements.iter().enumerate() {
        let [seconds, cpu, memory, peak] = ["seconds", "cpu", "megabytes", "peak"].map(|name| figure(at, name));
        report(&format!("{:<34} {seconds:>9.2} {cpu:>9.2} {memory:>9.0} {peak:>9.0}", measurement.title()));
    }
    let mut passed = check("time, ratio to the reflector", figure(2, "seconds") / figure(1, "seconds"), 0.25);
    passed &= check("CPU time, ratio to the reflector", figure(2, "cpu") / figure(1, "cpu"), 1.0 / 3.0);
    passed &= check("memory, ratio to the reflector", figure(2, "megabytes") / figure(1, "megabytes"), 0.1);
    passed &= check("MB after all columns were queried", figure(2, "queried"), 250.0);
    Ok(passed)
}

fn idle(args: &Args) -> Result<bool> {
    let demo = Demo::start(args, 0, 0)?;
    let figures = measure(Measurement::Idle, &demo.kubeconfig, args.seconds.min(30))?;
    Ok(check("percent of a core without events", figures["percent"], 1.0))
}

fn churn(args: &Args) -> Result<bool> {
    let still = {
        let demo = Demo::start(args, 0, 0)?;
        measure(Measurement::Queries, &demo.kubeconfig, args.seconds.min(20))?
    };
    let demo = Demo::start(args, 1000, 0)?;
    let moving = measure(Measurement::Queries, &demo.kubeconfig, args.seconds.min(20))?;
    let probed = measure(Measurement::Probe, &demo.kubeconfig, args.seconds)?;
    report(&format!(
        "queries: {:.2} ms without events, {:.2} ms with (medians); event to row: p50 {:.1} ms, p99 {:.1} ms of {} probes, with {:.0} queries/s",
        still["p50"], moving["p50"], probed["p50"], probed["p99"], probed["probes"], probed["queries"]
    ));
    let mut passed = check("event to row at 1,000 events/s, p99 ms", probed["p99"], 20.0);
    passed &= check("queries with events, ratio to those without", moving["p50"] / still["p50"], 1.5);
    Ok(passed)
}

fn flood(args: &Args) -> Result<bool> {
    let demo = Demo::start(args, 20_000, 0)?;
    let figures = measure(Measurement::Flood, &demo.kubeconfig, args.seconds)?;
    report(&format!(
        "{:.0} events a second taken in, CPU {:.2} of a core, {:.0} MB",
        figures["events"], figures["cpu"], figures["megabytes"]
    ));
    Ok(check("events behind the server at the end, in seconds' worth", figures["behind"], 1.0))
}

fn customs(args: &Args) -> Result<bool> {
    let measured = |crds| measure(Measurement::Customs, &Demo::start(args, 0, crds)?.kubeconfig, 0);
    let (few, many) = (measured(20)?, measured(2000)?);
    report(&format!("{:<58} {:>9} {:>9}", "kinds of custom resources, ms", 20, 2000));
    for (what, name) in [
        ("first query after the start", "first"),
        ("first query of a custom resource", "custom"),
        ("first SHOW TABLES", "discovered"),
        ("SHOW TABLES", "listed"),
        ("query", "query"),
        ("query of a custom resource", "custom query"),
    ] {
        report(&format!("{what:<58} {:>9.1} {:>9.1}", few[name], many[name]));
    }
    report(&format!("{:<58} {:>9.0} {:>9.0}", "tables", few["tables"], many["tables"]));
    let times = |name: &str| many[name] / few[name];
    // It includes the server's discovery document.
    let mut passed = check("first query, additional ms", many["first"] - few["first"], 100.0);
    passed &= check("query, ratio to 20 kinds", times("query"), 1.2);
    passed &= check("query of a custom resource, ratio to 20 kinds", times("custom query"), 1.2);
    let each = |figures: &Results| figures["listed"] / figures["tables"];
    passed &= check("SHOW TABLES per table, ratio to 20 kinds", each(&many) / each(&few), 1.2);
    Ok(passed)
}
