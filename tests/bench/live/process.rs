//! Measurements. Each runs in a process of its own, which prints its figures as JSON.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Map, Value};

use super::{churn, customs, sync};

/// Run one measurement in this process (started by `live`)
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The measurement
    #[arg(value_enum)]
    measurement: Measurement,
    /// The kubeconfig of the cluster
    #[arg(long)]
    kubeconfig: PathBuf,
    /// The duration in seconds
    #[arg(long)]
    seconds: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Measurement {
    /// Read all pages and discard them
    Drain,
    /// kube_runtime's reflector with k8s-openapi types
    Reflector,
    /// kubesql
    Kubesql,
    /// kubesql without events
    Idle,
    /// Queries of one client
    Queries,
    /// Latency from event to row
    Probe,
    /// Maximal rate of events
    Flood,
    /// Statements with many kinds
    Customs,
}

impl Measurement {
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
            Self::Drain => "client that discards all pages",
            Self::Reflector => "reflector of k8s-openapi types",
            _ => "kubesql",
        }
    }
}

/// Runs the measurement.
pub(crate) fn run(args: &Args) -> Result<bool> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let kubeconfig =
        std::fs::read_to_string(&args.kubeconfig).with_context(|| args.kubeconfig.display().to_string())?;
    let time = Duration::from_secs(args.seconds);
    let figures = runtime.block_on(async {
        match args.measurement {
            Measurement::Drain => sync::drain(&kubeconfig).await,
            Measurement::Reflector => sync::reflector(&kubeconfig).await,
            Measurement::Kubesql => sync::kubesql(&kubeconfig).await,
            Measurement::Idle => churn::idle(&kubeconfig, time).await,
            Measurement::Queries => churn::queries(&kubeconfig, time).await,
            Measurement::Probe => churn::probe(&kubeconfig, time).await,
            Measurement::Flood => churn::flood(&kubeconfig, time).await,
            Measurement::Customs => customs::customs(&kubeconfig).await,
        }
    })?;
    let figures: Map<String, Value> =
        figures.into_iter().map(|(name, figure)| (name.to_owned(), figure.into())).collect();
    crate::report(&Value::Object(figures).to_string());
    Ok(true)
}
