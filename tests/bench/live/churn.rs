//! Measurements with and without events.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use kubesql_runtime::sql::Engine;
use serde_json::json;

use super::sync::{Figures, client, engine, rows};
use super::usage::{cpu, megabytes};

/// Typical queries of a busy cluster.
const QUERIES: [&str; 4] = [
    "select nodename, count(*) from pods group by nodename",
    "select pods.nodename, sum(\"requests.cpu\") from pods, containers where pods.uid = containers.uid group by pods.nodename",
    "select namespace, name from pods where phase = 'Pending'",
    "select name, \"ready.status\" from nodes where \"ready.status\" <> 'True'",
];

/// Runs all queries once.
async fn warm_up(engine: &Arc<Engine>) -> Result<()> {
    for sql in QUERIES {
        rows(&engine.session(), sql).await?;
    }
    Ok(())
}

/// CPU time without events.
pub(super) async fn idle(kubeconfig: &str, time: Duration) -> Result<Figures> {
    let engine = engine(kubeconfig)?;
    warm_up(&engine).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = cpu()?;
    tokio::time::sleep(time).await;
    Ok(vec![("percent", (cpu()? - before) / time.as_secs_f64() * 100.0)])
}

/// A quantile of the figures.
fn quantile(figures: &mut [f64], at: f64) -> f64 {
    figures.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a position"
    )]
    let position = ((figures.len() as f64 - 1.0) * at).round() as usize;
    figures.get(position).copied().unwrap_or(f64::NAN)
}

/// Latencies of queries of one client.
pub(super) async fn queries(kubeconfig: &str, time: Duration) -> Result<Figures> {
    let engine = engine(kubeconfig)?;
    warm_up(&engine).await?;
    let session = engine.session();
    let started = Instant::now();
    let mut times = Vec::new();
    while started.elapsed() < time {
        for sql in QUERIES {
            let query_started = Instant::now();
            rows(&session, sql).await?;
            times.push(query_started.elapsed().as_secs_f64() * 1e3);
        }
    }
    Ok(vec![("p50", quantile(&mut times, 0.5)), ("p99", quantile(&mut times, 0.99))])
}

/// Latencies from a change of an object to its row, while four clients query continuously.
pub(super) async fn probe(kubeconfig: &str, time: Duration) -> Result<Figures> {
    let engine = engine(kubeconfig)?;
    warm_up(&engine).await?;
    let stop = Arc::new(AtomicBool::new(false));
    let answered = Arc::new(AtomicU64::new(0));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (session, stop, answered) = (engine.session(), Arc::clone(&stop), Arc::clone(&answered));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    for sql in QUERIES {
                        if rows(&session, sql).await.is_ok() {
                            answered.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
            })
        })
        .collect();
    let maps: Api<ConfigMap> = Api::namespaced(client(kubeconfig).await?, "default");
    let probe: ConfigMap = serde_json::from_value(json!({"metadata": {"name": "probe"}, "data": {"at": "0"}}))?;
    maps.create(&PostParams::default(), &probe).await.context("the probe")?;
    let session = engine.session();
    let started = Instant::now();
    let mut times = Vec::new();
    let mut number = 0u64;
    while started.elapsed() < time {
        number += 1;
        let patch = json!({"data": {"at": number.to_string()}});
        // The server sends the event when it has responded.
        maps.patch("probe", &PatchParams::default(), &Patch::Merge(patch)).await.context("the probe")?;
        let changed = Instant::now();
        let sql = format!("select 1 from configmaps where name = 'probe' and \"data.at\" = '{number}'");
        while rows(&session, &sql).await? == 0 {}
        times.push(changed.elapsed().as_secs_f64() * 1e3);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.await?;
    }
    #[expect(clippy::cast_precision_loss, reason = "figures for display")]
    let (probes, queries) =
        (times.len() as f64, answered.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64());
    Ok(vec![
        ("p50", quantile(&mut times, 0.5)),
        ("p99", quantile(&mut times, 0.99)),
        ("probes", probes),
        ("queries", queries),
    ])
}

/// The rate of events, and the lag behind the server.
pub(super) async fn flood(kubeconfig: &str, time: Duration) -> Result<Figures> {
    let engine = engine(kubeconfig)?;
    // All kinds with events.
    let kinds = ["pods", "nodes", "events", "leases", "endpointslices", "replicasets", "deployments", "jobs"];
    for kind in kinds {
        rows(&engine.session(), &format!("select count(*) from {kind}")).await?;
    }
    let status = || engine.source().status();
    let events = || status().watches.iter().map(|watch| watch.events).sum::<u64>();
    let (started, before, from) = (Instant::now(), cpu()?, events());
    tokio::time::sleep(time).await;
    let (received, cpu) = (events() - from, cpu()? - before);
    let seconds = started.elapsed().as_secs_f64();
    // The version of the server, and the time until it is reached.
    let client = client(kubeconfig).await?;
    let query_started = Instant::now();
    let list = client.request_text(http::Request::get("/api/v1/pods?limit=1").body(Vec::new())?).await?;
    let version = list.split_once("\"resourceVersion\":\"").and_then(|(_, after)| after.split_once('"'));
    let version: u64 = version.context("a version")?.0.parse()?;
    loop {
        let behind = status()
            .watches
            .iter()
            .filter(|watch| watch.resource == "pods")
            .all(|watch| watch.resource_version.parse::<u64>().is_ok_and(|at| at < version));
        if !behind || query_started.elapsed() > Duration::from_secs(30) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    #[expect(clippy::cast_precision_loss, reason = "figures for display")]
    Ok(vec![
        ("events", received as f64 / seconds),
        ("cpu", cpu / seconds),
        ("megabytes", megabytes("VmRSS")?),
        ("behind", query_started.elapsed().as_secs_f64()),
    ])
}
