//! Fetches documents from a running API server.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use kubesql_codegen::spec::{Input, find_release};
use serde_json::Value;

use super::{Fetched, count};
use crate::report;

/// The time limit for a document; the largest has 4 MB.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Fetches from a server that requires no credentials.
pub(super) fn fetch_url(url: &str) -> anyhow::Result<Fetched> {
    ensure!(
        !url.ends_with(".json"),
        "{url} is a document, not a server; download it (`curl -O {url}`) and import the file"
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
        fetch(config.await.with_context(|| format!("the server of {name}"))?).await
    })
}

fn run(config: Config) -> anyhow::Result<Fetched> {
    runtime()?.block_on(fetch(config))
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("starting the runtime")
}

/// Fetches all OpenAPI 3.0 documents, or the Swagger 2.0 document if the server does not have them.
async fn fetch(mut config: Config) -> anyhow::Result<Fetched> {
    let server = config.cluster_url.to_string();
    let server = server.trim_end_matches('/');
    config.read_timeout = Some(TIMEOUT);
    let client = Client::try_from(config).with_context(|| format!("connecting to {server}"))?;

    let version = get(&client, server, "/version").await?;
    let release = json(server, "/version", &version)?.get("gitVersion").and_then(Value::as_str).and_then(find_release);
    report(&format!("{server}: {}", release.as_deref().unwrap_or("unknown release")));

    let documents = match get(&client, server, "/openapi/v3").await {
        Ok(index) => {
            let listed = listed_documents(&json(server, "/openapi/v3", &index)?)
                .with_context(|| format!("{server}/openapi/v3 is not an index of documents"))?;
            let mut documents = Vec::new();
            for (number, ListedDocument { name, path }) in listed.iter().enumerate() {
                report(&format!("[{}/{}] {name}", number + 1, listed.len()));
                match get(&client, server, path).await {
                    Ok(text) => documents.push(Input { name: format!("{server}/openapi/v3/{name}"), text }),
                    Err(error) if is_foreign(name) => report(&format!("skipped: {:#}", anyhow::Error::from(error))),
                    Err(error) => return Err(error.into()),
                }
            }
            documents
        }
        Err(error) if error.code == Some(404) => {
            report(&format!("{server} has no /openapi/v3; using /openapi/v2"));
            let text = get(&client, server, "/openapi/v2").await?;
            vec![Input { name: format!("{server}/openapi/v2"), text }]
        }
        Err(error) => return Err(error.into()),
    };
    if documents.is_empty() {
        bail!("{server}/openapi/v3 lists no documents of API groups");
    }
    report(&format!("read {} from {server}", count(documents.len(), "document")));
    Ok(Fetched { documents, release })
}

/// A request that failed.
#[derive(Debug, thiserror::Error)]
#[error("GET {url}: {reason}")]
struct RequestError {
    url: String,
    reason: String,
    /// The status code, if the server responded.
    code: Option<u16>,
}

async fn get(client: &Client, server: &str, path: &str) -> Result<String, RequestError> {
    let failed = |reason: String, code| RequestError { url: format!("{server}{path}"), reason, code };
    let request = http::Request::get(path).header("accept", "application/json").body(Vec::new());
    let request = request.map_err(|error| failed(error.to_string(), None))?;
    match tokio::time::timeout(TIMEOUT, client.request_text(request)).await {
        Err(_) => Err(failed(format!("no response within {} s", TIMEOUT.as_secs()), None)),
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

/// An entry of the index of documents.
#[derive(Debug, PartialEq, Eq)]
struct ListedDocument {
    /// `apis/apps/v1`.
    name: String,
    /// The path of the document.
    path: String,
}

/// The documents that can have kinds: `api/v1` and `apis/<group>/<version>`.
fn listed_documents(index: &Value) -> Option<Vec<ListedDocument>> {
    let mut listed = Vec::new();
    for (name, entry) in index.get("paths")?.as_object()? {
        if !matches!(name.split('/').collect::<Vec<_>>()[..], ["api", _] | ["apis", _, _]) {
            continue;
        }
        let path = entry.get("serverRelativeURL").and_then(Value::as_str).filter(|path| path.starts_with('/'));
        let path = path.map_or_else(|| format!("/openapi/v3/{name}"), str::to_owned);
        listed.push(ListedDocument { name: name.clone(), path });
    }
    listed.sort_by(|a, b| a.name.cmp(&b.name));
    Some(listed)
}

/// Whether a document is certainly not of a built-in group. An aggregated server that is down does not fail the import.
fn is_foreign(name: &str) -> bool {
    name.split('/').nth(1).is_some_and(|group| group.contains('.') && !group.ends_with(".k8s.io"))
}
