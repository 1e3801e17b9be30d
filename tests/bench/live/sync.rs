//! Measurements of the initial list.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use futures::{AsyncReadExt, StreamExt};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::{reflector as cache, watcher};
use kube::{Api, Client, Config};
use kubesql_runtime::generated;
use kubesql_runtime::ingest::{Context, Kinds, WatchOptions, WatchSource};
use kubesql_runtime::sql::{Engine, Session};

use super::usage::{cpu, megabytes};

/// Figures by name.
pub(super) type Figures = Vec<(&'static str, f64)>;

pub(super) async fn client(kubeconfig: &str) -> Result<Client> {
    let config =
        Config::from_custom_kubeconfig(Kubeconfig::from_yaml(kubeconfig)?, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}

fn figures(started: Instant, before: f64) -> Result<Figures> {
    Ok(vec![
        ("seconds", started.elapsed().as_secs_f64()),
        ("cpu", cpu()? - before),
        ("megabytes", megabytes("VmRSS")?),
        ("peak", megabytes("VmHWM")?),
    ])
}

/// Reads all pages of pods and nodes.
pub(super) async fn drain(kubeconfig: &str) -> Result<Figures> {
    let client = client(kubeconfig).await?;
    let (started, before) = (Instant::now(), cpu()?);
    for plural in ["pods", "nodes"] {
        let mut token = String::new();
        loop {
            let path = format!("/api/v1/{plural}?limit=500&continue={token}");
            let mut page = client.request_stream(http::Request::get(path).body(Vec::new())?).await?;
            // The continue token is at the start of a page.
            let mut head = vec![0; 1024];
            let mut read = 0;
            while read < head.len() {
                match page.read(&mut head[read..]).await? {
                    0 => break,
                    more => read += more,
                }
            }
            let mut rest = vec![0; 1 << 18];
            while page.read(&mut rest).await? > 0 {}
            let head = String::from_utf8_lossy(&head[..read]).into_owned();
            match head.split_once("\"continue\":\"").and_then(|(_, after)| after.split_once('"')) {
                Some((next, _)) if !next.is_empty() => token = next.to_owned(),
                _ => break,
            }
        }
    }
    figures(started, before)
}

/// Fills reflectors of pods and nodes.
pub(super) async fn reflector(kubeconfig: &str) -> Result<Figures> {
    let client = client(kubeconfig).await?;
    let (started, before) = (Instant::now(), cpu()?);
    let (pods, pod_writer) = cache::store::<Pod>();
    let (nodes, node_writer) = cache::store::<Node>();
    let pod_stream = cache::reflector(pod_writer, watcher(Api::all(client.clone()), watcher::Config::default()));
    let node_stream = cache::reflector(node_writer, watcher(Api::all(client), watcher::Config::default()));
    let tasks = [
        tokio::spawn(async move { pod_stream.for_each(|_| async {}).await }),
        tokio::spawn(async move { node_stream.for_each(|_| async {}).await }),
    ];
    pods.wait_until_ready().await?;
    nodes.wait_until_ready().await?;
    let figures = figures(started, before)?;
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
    Ok(figures)
}

/// An engine for the cluster.
pub(super) fn engine(kubeconfig: &str) -> Result<Arc<Engine>> {
    let kinds = Kinds::new(generated::KINDS.iter().copied(), generated::flattener);
    let options = WatchOptions { sync_timeout: Duration::from_secs(300), ..WatchOptions::default() };
    let live = WatchSource::new(vec![Context::from_text("demo", kubeconfig)], kinds, options);
    Ok(Engine::new(generated::KINDS, Arc::new(live))?)
}

/// Runs a statement, and returns the number of rows.
pub(super) async fn rows(session: &Session, sql: &str) -> Result<usize> {
    let mut answer = session.execute(sql).await.with_context(|| sql.to_owned())?;
    let mut rows = 0;
    while let Some(batch) = answer.rows.next().await {
        rows += batch.with_context(|| sql.to_owned())?.num_rows();
    }
    Ok(rows)
}

/// Watches pods and nodes.
pub(super) async fn kubesql(kubeconfig: &str) -> Result<Figures> {
    let (started, before) = (Instant::now(), cpu()?);
    let engine = engine(kubeconfig)?;
    let session = engine.session();
    rows(&session, "select count(*) from pods union all select count(*) from nodes").await?;
    let mut figures = figures(started, before)?;
    // All columns of all tables of pods and nodes.
    for table in engine.tables().iter().filter(|table| matches!(table.kind.as_str(), "Pod" | "Node")) {
        rows(&session, &format!("select * from \"{}\".\"{}\"", table.schema, table.name)).await?;
    }
    rows(&session, "select nodename, sum(\"requests.cpu\") from pods, containers where pods.uid = containers.uid group by nodename").await?;
    figures.push(("queried", megabytes("VmRSS")?));
    Ok(figures)
}
