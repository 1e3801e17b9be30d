//! The demo cluster with other clients: kube's watchers, and kubectl.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::pin::pin;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, Config, ResourceExt};

use super::support::{binary, root};

/// A running `kubesql demo`.
pub(crate) struct Cluster {
    process: Child,
    folder: tempfile::TempDir,
    address: String,
}

impl Cluster {
    pub(crate) fn start(args: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut process = Command::new(binary())
            .current_dir(root())
            .arg("demo")
            .args(args)
            .arg("--write-kubeconfig")
            .arg(folder.path().join("config"))
            .stdout(Stdio::piped())
            .spawn()
            .expect("the command starts");
        let mut line = String::new();
        let out = process.stdout.take().expect("standard output");
        BufReader::new(out).read_line(&mut line).expect("a line");
        assert!(line.starts_with("http://127.0.0.1:") && line.contains("kubectl --kubeconfig"), "{line}");
        let address = line.split_whitespace().next().and_then(|url| url.strip_prefix("http://")).expect("an address");
        Self { process, folder, address: address.to_owned() }
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> String {
        self.address.clone()
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("config")
    }

    async fn client(&self) -> Client {
        let kubeconfig = Kubeconfig::read_from(self.kubeconfig()).expect("a kubeconfig");
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
        Client::try_from(config.expect("a context")).expect("a client")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // It may have ended already.
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

type Versions = BTreeMap<(String, String), String>;

fn entry(pod: &Pod) -> ((String, String), String) {
    ((pod.namespace().unwrap_or_default(), pod.name_any()), pod.resource_version().unwrap_or_default())
}

fn number(version: &str) -> u64 {
    version.parse().expect("versions of this server are numbers")
}

/// A watcher that has seen everything up to the version of a list holds the objects of the list.
async fn holds_what_is_listed(client: &Client, config: watcher::Config) {
    let pods: Api<Pod> = Api::all(client.clone());
    let mut events = pin!(watcher(pods.clone(), config));
    let mut held = Versions::new();
    let mut listed: Option<(u64, Versions)> = None;
    loop {
        let event = events.next().await.expect("watchers do not end").expect("no error");
        if let (Some((version, listed)), Event::Apply(pod) | Event::Delete(pod)) = (&listed, &event)
            && number(&entry(pod).1) > *version
        {
            assert!(held == *listed, "{} held, {} listed", held.len(), listed.len());
            return;
        }
        match event {
            Event::Init => held.clear(),
            Event::InitApply(pod) | Event::Apply(pod) => _ = held.insert(entry(&pod).0, entry(&pod).1),
            Event::Delete(pod) => assert!(held.remove(&entry(&pod).0).is_some(), "{} was not there", pod.name_any()),
            Event::InitDone => {
                // Changes after the first list must have arrived before the two are compared.
                tokio::time::sleep(Duration::from_millis(700)).await;
                let list = pods.list(&ListParams::default()).await.expect("a list");
                let version = number(&list.metadata.resource_version.expect("a version"));
                listed = Some((version, list.items.iter().map(entry).collect()));
            }
        }
    }
}

#[tokio::test]
async fn watchers_agree_with_lists() {
    let cluster = Cluster::start(&["--pods", "300", "--nodes", "12", "--events-per-second", "400", "--seed", "3"]);
    let client = cluster.client().await;
    let paging = watcher::Config::default().page_size(37);
    let streaming = watcher::Config::default().streaming_lists();
    tokio::join!(holds_what_is_listed(&client, paging), holds_what_is_listed(&client, streaming));
}

#[tokio::test]
async fn lists_every_discovered_kind() {
    let cluster = Cluster::start(&["--pods", "100", "--nodes", "4", "--crds", "7", "--events-per-second", "0"]);
    let client = cluster.client().await;
    assert_eq!(client.apiserver_version().await.expect("a version").minor, "37");
    let nodes: Vec<Node> = Api::all(client.clone()).list(&ListParams::default()).await.expect("nodes").items;
    assert_eq!(nodes.len(), 4);
    let discovery = kube::discovery::Discovery::new(client.clone()).run().await.expect("discovery");
    let mut listed = 0;
    let mut custom = 0;
    for group in discovery.groups() {
        for (resource, capabilities) in group.recommended_resources() {
            if capabilities.supports_operation("list") {
                let objects = list(&client, &resource).await;
                listed += 1;
                custom += usize::from(resource.group.contains("demo.example") && !objects.is_empty());
            }
        }
    }
    assert!(listed > 50 && custom >= 4, "{listed} kinds, {custom} of them custom");
}

async fn list(client: &Client, resource: &ApiResource) -> Vec<DynamicObject> {
    let api: Api<DynamicObject> = Api::all_with(client.clone(), resource);
    let pages = futures::stream::try_unfold(Some(String::new()), |token| async {
        let Some(token) = token else { return Ok::<_, kube::Error>(None) };
        let mut params = ListParams::default().limit(20);
        if !token.is_empty() {
            params = params.continue_token(&token);
        }
        let page = api.list(&params).await?;
        let next = page.metadata.continue_.filter(|token| !token.is_empty());
        Ok(Some((page.items, next)))
    });
    let pages: Vec<Vec<DynamicObject>> =
        pages.try_collect().await.unwrap_or_else(|error| panic!("{}: {error}", resource.plural));
    pages.into_iter().flatten().collect()
}

const DEFINITION: &str = r#"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gadgets.trial.example}
spec:
  group: trial.example
  scope: Namespaced
  names: {kind: Gadget, plural: gadgets, singular: gadget, shortNames: [gd]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {size: {type: integer}}}}}}
"#;

const MANIFESTS: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: trial}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: one, namespace: trial}
data: {color: red}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: trial}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "web:1"}]}
"#;

const OBJECT: &str = r#"
apiVersion: trial.example/v1
kind: Gadget
metadata: {name: first, namespace: trial}
spec: {size: 3}
"#;

#[test]
#[cfg_attr(not(has_kubectl), ignore = "needs kubectl")]
fn serves_kubectl() {
    let cluster = Cluster::start(&["--pods", "60", "--nodes", "3", "--events-per-second", "0"]);
    let run = |args: &[&str], input: &str| {
        let mut child = Command::new("kubectl")
            .arg("--kubeconfig")
            .arg(cluster.kubeconfig())
            .arg("--cache-dir")
            .arg(cluster.folder.path().join("cache"))
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("kubectl starts");
        child.stdin.take().expect("standard input").write_all(input.as_bytes()).expect("it reads");
        let output = child.wait_with_output().expect("kubectl ends");
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "kubectl {}: {err}", args.join(" "));
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let count = |args: &[&str]| run(args, "").lines().count();
    assert_eq!(count(&["get", "pods", "-A", "--no-headers", "--chunk-size", "25"]), 60);
    assert_eq!(count(&["get", "no", "--no-headers"]), 3);
    assert!(run(&["api-resources"], "").contains("deploy"));
    assert!(run(&["explain", "pod.spec.nodeName"], "").contains("nodeName <string>"));
    assert_eq!(run(&["auth", "can-i", "list", "secrets"], "").trim(), "yes");
    run(&["apply", "-f", "-"], MANIFESTS);
    assert!(run(&["apply", "-f", "-"], MANIFESTS).lines().all(|line| line.ends_with("unchanged")));
    run(&["apply", "-f", "-"], &MANIFESTS.replace("web:1", "web:2"));
    let web = |path: &str| run(&["get", "deploy", "web", "-n", "trial", "-o", &format!("jsonpath={{{path}}}")], "");
    assert_eq!(web(".spec.template.spec.containers[*].image"), "web:2");
    run(&["patch", "deploy", "web", "-n", "trial", "-p", r#"{"spec":{"replicas":5}}"#], "");
    run(&["label", "deploy", "web", "-n", "trial", "tier=front"], "");
    run(&["annotate", "deploy", "web", "-n", "trial", "note=hello"], "");
    assert_eq!(
        web(".spec.replicas") + &web(".metadata.labels.tier") + &web(".metadata.annotations.note"),
        "5fronthello"
    );
    run(&["apply", "--server-side", "--force-conflicts", "-f", "-"], &MANIFESTS.replace("red", "blue"));
    assert_eq!(run(&["get", "cm", "one", "-n", "trial", "-o", "jsonpath={.data.color}"], ""), "blue");
    run(&["apply", "-f", "-"], DEFINITION);
    run(&["apply", "-f", "-"], OBJECT);
    assert_eq!(run(&["get", "gd", "-n", "trial", "-o", "jsonpath={.items[*].spec.size}"], ""), "3");
    assert!(run(&["explain", "gadget.spec.size"], "").contains("size <integer>"));
    run(&["delete", "gadget", "first", "-n", "trial"], "");
    run(&["delete", "namespace", "trial"], "");
    run(&["delete", "crd", "gadgets.trial.example"], "");
    assert_eq!(count(&["get", "deploy", "-A", "--no-headers", "-l", "tier=front"]), 0);
}
