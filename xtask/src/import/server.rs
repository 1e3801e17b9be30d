//! Documents from a running API server.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use kubesql_codegen::spec::{Input, find_release};
use serde_json::Value;

use super::{Fetched, count};
use crate::report;

/// The longest that one document may take; the largest is 4 MB.
const PATIENCE: Duration = Duration::from_secs(60);

/// Fetches from a server that asks for no credentials.
pub(super) fn fetch_url(url: &str) -> anyhow::Result<Fetched> {
    ensure!(
        !url.ends_with(".json"),
        "{url} is a document, not a server: fetch it (`curl -O {url}`) and import the file"
    );
    let config = Config::new(url.parse().with_context(|| format!("{url} is not a URL"))?);
    run(config)
}

/// Fetches from the server of a kubeconfig's context.
pub(super) fn fetch_kubeconfig(path: Option<&Path>, context: Option<&str>) -> anyhow::Result<Fetched> {
    let (kubeconfig, name) = match path {
        Some(path) => (Kubeconfig::read_from(path), path.display().to_string()),
        None => (Kubeconfig::read(), "the kubeconfig".to_owned()),
    };
    let kubeconfig = kubeconfig.with_context(|| format!("reading {name}"))?;
    let options = KubeConfigOptions { context: context.map(str::to_owned), ..KubeConfigOptions::default() };
    runtime()?.block_on(async {
        let config = Config::from_custom_kubeconfig(kubeconfig, &options);
        fetch(config.await.with_context(|| format!("the server that {name} names"))?).await
    })
}

fn run(config: Config) -> anyhow::Result<Fetched> {
    runtime()?.block_on(fetch(config))
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("starting the runtime")
}

/// Fetches all documents of the newer format, or the one of the older where that is not served.
async fn fetch(mut config: Config) -> anyhow::Result<Fetched> {
    let server = config.cluster_url.to_string();
    let server = server.trim_end_matches('/');
    config.read_timeout = Some(PATIENCE);
    let client = Client::try_from(config).with_context(|| format!("connecting to {server}"))?;

    let version = get(&client, server, "/version").await?;
    let release = json(server, "/version", &version)?.get("gitVersion").and_then(Value::as_str).and_then(find_release);
    report(&format!("{server}: {}", release.as_deref().unwrap_or("no release told")));

    let documents = match get(&client, server, "/openapi/v3").await {
        Ok(index) => {
            let wanted = wanted(&json(server, "/openapi/v3", &index)?)
                .with_context(|| format!("{server}/openapi/v3: not an index of documents"))?;
            let mut documents = Vec::new();
            for (number, Wanted { name, path }) in wanted.iter().enumerate() {
                report(&format!("[{}/{}] {name}", number + 1, wanted.len()));
                match get(&client, server, path).await {
                    Ok(text) => documents.push(Input { name: format!("{server}/openapi/v3/{name}"), text }),
                    Err(error) if foreign(name) => report(&format!("left out: {:#}", anyhow::Error::from(error))),
                    Err(error) => return Err(error.into()),
                }
            }
            documents
        }
        Err(error) if error.code == Some(404) => {
            report(&format!("{server} has no /openapi/v3; taking /openapi/v2"));
            let text = get(&client, server, "/openapi/v2").await?;
            vec![Input { name: format!("{server}/openapi/v2"), text }]
        }
        Err(error) => return Err(error.into()),
    };
    if documents.is_empty() {
        bail!("{server}/openapi/v3 lists no document of an API group");
    }
    report(&format!("read {} from {server}", count(documents.len(), "document")));
    Ok(Fetched { documents, release })
}

/// A request that failed.
#[derive(Debug, thiserror::Error)]
#[error("GET {url}: {reason}")]
struct Failed {
    url: String,
    reason: String,
    /// The server's answer, where it gave one.
    code: Option<u16>,
}

async fn get(client: &Client, server: &str, path: &str) -> Result<String, Failed> {
    let failed = |reason: String, code| Failed { url: format!("{server}{path}"), reason, code };
    let request = http::Request::get(path).header("accept", "application/json").body(Vec::new());
    let request = request.map_err(|error| failed(error.to_string(), None))?;
    match tokio::time::timeout(PATIENCE, client.request_text(request)).await {
        Err(_) => Err(failed(format!("no answer in {} s", PATIENCE.as_secs()), None)),
        Ok(Err(kube::Error::Api(status))) => {
            Err(failed(format!("{} {}", status.code, status.message), Some(status.code)))
        }
        Ok(Err(error)) => Err(failed(format!("{:#}", anyhow::Error::from(error)), None)),
        Ok(Ok(text)) => Ok(text),
    }
}

fn json(server: &str, path: &str, text: &str) -> anyhow::Result<Value> {
    serde_json::from_str(text).with_context(|| format!("{server}{path} is not JSON"))
}

/// A document of the index.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    /// `apis/apps/v1`.
    name: String,
    /// Where it is served.
    path: String,
}

/// The documents of the index that can hold kinds: `api/v1` and `apis/<group>/<version>`.
fn wanted(index: &Value) -> Option<Vec<Wanted>> {
    let mut wanted = Vec::new();
    for (name, entry) in index.get("paths")?.as_object()? {
        if !matches!(name.split('/').collect::<Vec<_>>()[..], ["api", _] | ["apis", _, _]) {
            continue;
        }
        let path = entry.get("serverRelativeURL").and_then(Value::as_str).filter(|path| path.starts_with('/'));
        let path = path.map_or_else(|| format!("/openapi/v3/{name}"), str::to_owned);
        wanted.push(Wanted { name: name.clone(), path });
    }
    wanted.sort_by(|a, b| a.name.cmp(&b.name));
    Some(wanted)
}

/// Whether a document is that of a group which is surely not built in, so that an aggregated
/// server that is down does not spoil the import.
fn foreign(name: &str) -> bool {
    name.split('/').nth(1).is_some_and(|group| group.contains('.') && !group.ends_with(".k8s.io"))
}
