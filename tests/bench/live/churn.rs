//! While things change, or while nothing does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use kubesql_runtime::sql::Engine;
use serde_json::json;

use super::process::{cpu, megabytes};
use super::sync::{Told, client, engine, rows};

/// What people ask of a busy cluster.
const QUERIES: [&str; 4] = [
    "select nodename, count(*) from pods group by nodename",
    "select pods.nodename, sum(\"requests.cpu\") from pods, containers where pods.uid = containers.uid group by pods.nodename",
    "select namespace, name from pods where phase = 'Pending'",
    "select name, \"ready.status\" from nodes where \"ready.status\" <> 'True'",
];

/// Everything that the queries need, once.
async fn warm(engine: &Arc<Engine>) -> Result<()> {
    for sql in QUERIES {
        rows(&engine.session(), sql).await?;
    }
    Ok(())
}

/// Nothing happens.
pub(super) async fn idle(kubeconfig: &str, time: Duration) -> Result<Told> {
    let engine = engine(kubeconfig)?;
    warm(&engine).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = cpu()?;
    tokio::time::sleep(time).await;
    Ok(vec![("percent", (cpu()? - before) / time.as_secs_f64() * 100.0)])
}

/// A fifth, a half, and so on of figures in order.
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

/// One client, whose queries' times count.
pub(super) async fn queries(kubeconfig: &str, time: Duration) -> Result<Told> {
    let engine = engine(kubeconfig)?;
    warm(&engine).await?;
    let session = engine.session();
    let begun = Instant::now();
    let mut times = Vec::new();
    while begun.elapsed() < time {
        for sql in QUERIES {
            let asked = Instant::now();
            rows(&session, sql).await?;
            times.push(asked.elapsed().as_secs_f64() * 1e3);
        }
    }
    Ok(vec![("p50", quantile(&mut times, 0.5)), ("p99", quantile(&mut times, 0.99))])
}

/// Changes an object again and again, and looks for the row, while four clients query without a pause.
pub(super) async fn probe(kubeconfig: &str, time: Duration) -> Result<Told> {
    let engine = engine(kubeconfig)?;
    warm(&engine).await?;
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
    let begun = Instant::now();
    let mut times = Vec::new();
    let mut number = 0u64;
    while begun.elapsed() < time {
        number += 1;
        let patch = json!({"data": {"at": number.to_string()}});
        // The event is on its way when the server has answered.
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
    #[expect(clippy::cast_precision_loss, reason = "figures to look at")]
    let (probes, queries) =
        (times.len() as f64, answered.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64());
    Ok(vec![
        ("p50", quantile(&mut times, 0.5)),
        ("p99", quantile(&mut times, 0.99)),
        ("probes", probes),
        ("queries", queries),
    ])
}

/// Takes in what comes, and compares with where the server is.
pub(super) async fn flood(kubeconfig: &str, time: Duration) -> Result<Told> {
    let engine = engine(kubeconfig)?;
    // All kinds that change.
    let kinds = ["pods", "nodes", "events", "leases", "endpointslices", "replicasets", "deployments", "jobs"];
    for kind in kinds {
        rows(&engine.session(), &format!("select count(*) from {kind}")).await?;
    }
    let status = || engine.source().status();
    let events = || status().watches.iter().map(|watch| watch.events).sum::<u64>();
    let (begun, before, from) = (Instant::now(), cpu()?, events());
    tokio::time::sleep(time).await;
    let (taken, cpu) = (events() - from, cpu()? - before);
    let seconds = begun.elapsed().as_secs_f64();
    // Where the server is, and how long until all of that is here.
    let client = client(kubeconfig).await?;
    let asked = Instant::now();
    let list = client.request_text(http::Request::get("/api/v1/pods?limit=1").body(Vec::new())?).await?;
    let version = list.split_once("\"resourceVersion\":\"").and_then(|(_, after)| after.split_once('"'));
    let version: u64 = version.context("a version")?.0.parse()?;
    loop {
        let behind = status()
            .watches
            .iter()
            .filter(|watch| watch.resource == "pods")
            .all(|watch| watch.resource_version.parse::<u64>().is_ok_and(|at| at < version));
        if !behind || asked.elapsed() > Duration::from_secs(30) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    #[expect(clippy::cast_precision_loss, reason = "figures to look at")]
    Ok(vec![
        ("events", taken as f64 / seconds),
        ("cpu", cpu / seconds),
        ("megabytes", megabytes("VmRSS")?),
        ("behind", asked.elapsed().as_secs_f64()),
    ])
}
