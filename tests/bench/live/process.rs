//! The ways, each in a process of its own that prints its figures as JSON.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Map, Value};

use super::{churn, customs, sync};

/// Measure one way in this process (what `live` starts).
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Which one.
    #[arg(value_enum)]
    way: Way,
    /// The cluster.
    #[arg(long)]
    kubeconfig: PathBuf,
    /// How long to measure.
    #[arg(long)]
    seconds: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Way {
    /// Reads the pages and drops them.
    Drain,
    /// `kube_runtime`'s reflector of k8s-openapi's types.
    Reflector,
    /// Followed by kubesql.
    Kubesql,
    /// Followed by kubesql, and nothing happens.
    Idle,
    /// Queries of four clients.
    Queries,
    /// From event to row.
    Probe,
    /// As many events as there are.
    Flood,
    /// Statements where there are many kinds.
    Customs,
}

impl Way {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Drain => "drain",
            Self::Reflector => "reflector",
            Self::Kubesql => "kubesql",
            Self::Idle => "idle",
            Self::Queries => "queries",
            Self::Probe => "probe",
            Self::Flood => "flood",
            Self::Customs => "customs",
        }
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Drain => "a client that drops all it reads",
            Self::Reflector => "reflector of k8s-openapi types",
            _ => "kubesql",
        }
    }
}

/// Measures it.
pub(crate) fn run(args: &Args) -> Result<bool> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let kubeconfig =
        std::fs::read_to_string(&args.kubeconfig).with_context(|| args.kubeconfig.display().to_string())?;
    let time = Duration::from_secs(args.seconds);
    let figures = runtime.block_on(async {
        match args.way {
            Way::Drain => sync::drain(&kubeconfig).await,
            Way::Reflector => sync::reflector(&kubeconfig).await,
            Way::Kubesql => sync::kubesql(&kubeconfig).await,
            Way::Idle => churn::idle(&kubeconfig, time).await,
            Way::Queries => churn::queries(&kubeconfig, time).await,
            Way::Probe => churn::probe(&kubeconfig, time).await,
            Way::Flood => churn::flood(&kubeconfig, time).await,
            Way::Customs => customs::customs(&kubeconfig).await,
        }
    })?;
    let figures: Map<String, Value> =
        figures.into_iter().map(|(name, figure)| (name.to_owned(), figure.into())).collect();
    crate::say(&Value::Object(figures).to_string());
    Ok(true)
}

/// Seconds of processor time that this process took so far.
pub(super) fn cpu() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit_once(')').context("stat")?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|ticks| ticks.parse::<f64>().ok()).context("ticks");
    // Hundredths of a second on every Linux there is.
    Ok((ticks(11)? + ticks(12)?) / 100.0)
}

/// Megabytes of memory, of `VmRSS` (now) or `VmHWM` (at most so far).
pub(super) fn megabytes(of: &str) -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(of)).context("no such line")?;
    let kilobytes = line.trim_start_matches(':').trim().trim_end_matches(" kB").parse::<f64>()?;
    Ok(kilobytes / 1024.0)
}
