//! Tests of requests: paged lists, watches, writes, and a consistent topology.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes, to_bytes};
use axum::http::{HeaderMap, Method, Uri, header};
use futures::StreamExt;
use serde_json::{Value, json};

use super::{Demo, Options, protocol};

fn options() -> Options {
    Options { pods: 300, nodes: 12, events_per_second: 0, token: Some("secret".to_owned()), ..Options::default() }
}

async fn start(options: Options) -> Demo {
    Demo::start(options).await.expect("it starts")
}

fn headers(content_type: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, "Bearer secret".parse().expect("a header"));
    headers.insert(header::CONTENT_TYPE, content_type.parse().expect("a header"));
    headers
}

async fn ask(demo: &Demo, method: Method, uri: &str, content_type: &str, body: &Value) -> (u16, Body) {
    let uri: Uri = uri.parse().expect("a path");
    let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
    let response = protocol::respond(&demo.cluster, method, &uri, headers(content_type), body).await;
    (response.status().as_u16(), response.into_body())
}

async fn send(demo: &Demo, method: Method, uri: &str, content_type: &str, body: Value) -> (u16, Value) {
    let (code, body) = ask(demo, method, uri, content_type, &body).await;
    let text = to_bytes(body, usize::MAX).await.expect("a body");
    (code, serde_json::from_slice(&text).expect("JSON"))
}

async fn get(demo: &Demo, uri: &str) -> (u16, Value) {
    send(demo, Method::GET, uri, "application/json", Value::Null).await
}

async fn list(demo: &Demo, uri: &str) -> Vec<Value> {
    let (code, list) = get(demo, uri).await;
    assert_eq!(code, 200, "{list}");
    list["items"].as_array().expect("a list").clone()
}

/// Reads a watch line by line.
struct Lines {
    stream: BodyDataStream,
    text: Vec<u8>,
}

impl Lines {
    async fn open(demo: &Demo, uri: &str) -> Self {
        let (code, body) = ask(demo, Method::GET, uri, "application/json", &Value::Null).await;
        assert_eq!(code, 200, "{uri}");
        Self { stream: body.into_data_stream(), text: Vec::new() }
    }

    /// The type and object of the next line; `None` at the end.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some(end) = self.text.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.text.drain(..=end).collect();
                assert!(line.starts_with(br#"{"type":""#), "the type comes first");
                let mut line: Value = serde_json::from_slice(&line).expect("JSON");
                return Some((line["type"].as_str().expect("a type").to_owned(), line["object"].take()));
            }
            let next = tokio::time::timeout(Duration::from_secs(20), self.stream.next()).await.expect("in time");
            self.text.extend_from_slice(&next?.expect("a chunk"));
        }
    }

    async fn expect(&mut self, kind: &str, name: &str) -> Value {
        let (found, object) = self.next().await.expect("a line");
        assert_eq!((found.as_str(), object["metadata"]["name"].as_str().unwrap_or_default()), (kind, name), "{object}");
        object
    }
}

fn revision(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"].as_str().and_then(|text| text.parse().ok()).expect("a revision")
}

fn config_map(name: &str, color: &str) -> Value {
    json!({"metadata": {"name": name, "labels": {"color": color}}, "data": {"a": "b"}})
}

const MAPS: &str = "/api/v1/namespaces/kube-public/configmaps";

async fn create(demo: &Demo, name: &str, color: &str) -> Value {
    let (code, object) = send(demo, Method::POST, MAPS, "application/json", config_map(name, color)).await;
    assert_eq!(code, 201, "{object}");
    object
}

async fn paint(demo: &Demo, name: &str, color: &str) -> Value {
    let patch = json!({"metadata": {"labels": {"color": color}}});
    let uri = format!("{MAPS}/{name}");
    let (code, object) = send(demo, Method::PATCH, &uri, "application/merge-patch+json", patch).await;
    assert_eq!(code, 200, "{object}");
    object
}

#[tokio::test]
async fn requires_the_token() {
    let demo = start(options()).await;
    let ask = async |uri: &str, token: &str| {
        let mut headers = HeaderMap::new();
        if !token.is_empty() {
            headers.insert(header::AUTHORIZATION, token.parse().expect("a header"));
        }
        let uri: Uri = uri.parse().expect("a path");
        protocol::respond(&demo.cluster, Method::GET, &uri, headers, Bytes::new()).await.status().as_u16()
    };
    for (uri, token, code) in [
        ("/api/v1/nodes", "", 401),
        ("/api/v1/nodes", "Bearer other", 401),
        ("/api/v1/nodes", "Basic secret", 401),
        ("/api/v1/nodes", "Bearer secret", 200),
        ("/token/secret/api/v1/nodes", "", 200),
        ("/token/other/api/v1/nodes", "", 401),
        ("/token/secret/api/v1/nodes", "Bearer other", 401),
        ("/healthz", "", 200),
        ("/version", "", 200),
        ("/apis", "", 401),
        ("/api/v1/nothing", "Bearer secret", 404),
    ] {
        assert_eq!(ask(uri, token).await, code, "{uri} {token}");
    }
}

#[tokio::test]
async fn pages_show_one_revision_until_they_expire() {
    // The limit is above the changes that follow a deletion, since the pod may be recreated before the next page.
    let demo = start(Options { page_revisions: 60, ..options() }).await;
    let whole = list(&demo, "/api/v1/pods").await;
    assert_eq!(whole.len(), 300);
    assert!(whole.iter().all(|pod| pod.get("kind").is_none() && pod.get("apiVersion").is_none()));
    let (_, first) = get(&demo, "/api/v1/pods?limit=120").await;
    assert_eq!(first["metadata"]["remainingItemCount"], 180);
    let name = whole[200]["metadata"]["name"].as_str().expect("a name");
    let gone = format!(
        "/api/v1/namespaces/{}/pods/{name}",
        whole[200]["metadata"]["namespace"].as_str().expect("a namespace")
    );
    assert_eq!(send(&demo, Method::DELETE, &gone, "application/json", Value::Null).await.0, 200);
    let token = first["metadata"]["continue"].as_str().expect("a token").to_owned();
    let next = format!("/api/v1/pods?limit=500&continue={token}");
    let (_, second) = get(&demo, &next).await;
    assert_eq!(second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
    let mut pages = first["items"].as_array().expect("items").clone();
    pages.extend(second["items"].as_array().expect("items").iter().cloned());
    assert_eq!(pages, whole);
    for number in 0..61 {
        create(&demo, &format!("later-{number}"), "red").await;
    }
    let (code, expired) = get(&demo, &next).await;
    assert_eq!((code, &expired["reason"]), (410, &json!("Expired")));
    let rest = expired["metadata"]["continue"].as_str().expect("the token to go on with");
    let (code, rest) = get(&demo, &format!("/api/v1/pods?continue={rest}")).await;
    assert_eq!((code, &rest["items"][0]["metadata"]["name"]), (200, &whole[120]["metadata"]["name"]));
    assert_eq!(get(&demo, "/api/v1/pods?continue=nonsense").await.0, 400);
}

#[tokio::test]
async fn lists_match_selectors() {
    let demo = start(options()).await;
    let pods = list(&demo, "/api/v1/pods").await;
    let label = |pod: &Value, key: &str| pod["metadata"]["labels"][key].as_str().map(str::to_owned);
    let node = pods.iter().find_map(|pod| pod["spec"]["nodeName"].as_str()).expect("a node").to_owned();
    type Check<'a> = (&'a str, &'a dyn Fn(&Value) -> bool);
    let checks: [Check<'_>; 9] = [
        ("labelSelector=env%3Dprod", &|pod| label(pod, "env").as_deref() == Some("prod")),
        ("labelSelector=env%20in%20(prod,stage),team!%3Dsearch", &|pod| {
            matches!(label(pod, "env").as_deref(), Some("prod" | "stage"))
                && label(pod, "team").as_deref() != Some("search")
        }),
        ("labelSelector=env%20notin%20(prod)", &|pod| label(pod, "env").as_deref() != Some("prod")),
        ("labelSelector=pod-template-hash", &|pod| label(pod, "pod-template-hash").is_some()),
        ("labelSelector=!pod-template-hash", &|pod| label(pod, "pod-template-hash").is_none()),
        ("fieldSelector=status.phase%3DRunning", &|pod| pod["status"]["phase"] == "Running"),
        ("fieldSelector=status.phase!%3DRunning,spec.restartPolicy%3DAlways", &|pod| {
            pod["status"]["phase"] != "Running" && pod["spec"]["restartPolicy"] == "Always"
        }),
        ("fieldSelector=spec.hostNetwork%3Dtrue", &|pod| pod["spec"]["hostNetwork"] == true),
        ("fieldSelector=spec.nodeName%3D", &|pod| pod["spec"].get("nodeName").is_none()),
    ];
    for (selector, holds) in checks {
        let expected: Vec<_> = pods.iter().filter(|pod| holds(pod)).cloned().collect();
        assert!(!expected.is_empty() && expected.len() < pods.len(), "{selector} matches all or none");
        assert_eq!(list(&demo, &format!("/api/v1/pods?{selector}")).await, expected, "{selector}");
    }
    let on_node = list(&demo, &format!("/api/v1/pods?fieldSelector=spec.nodeName%3D{node}")).await;
    assert_eq!(on_node.len(), pods.iter().filter(|pod| pod["spec"]["nodeName"] == *node).count());
    for wrong in [
        "fieldSelector=spec.foo%3D1",
        "fieldSelector=metadata.name",
        "labelSelector=a%20in%20b",
        "labelSelector=%3D",
        "labelSelector=a%20b",
    ] {
        assert_eq!(get(&demo, &format!("/api/v1/pods?{wrong}")).await.0, 400, "{wrong}");
    }
}

#[tokio::test]
async fn watches_send_changes() {
    let demo = start(options()).await;
    let one = create(&demo, "one", "red").await;
    let mut all = Lines::open(&demo, &format!("{MAPS}?watch=true&resourceVersion={}", revision(&one))).await;
    let mut red =
        Lines::open(&demo, &format!("{MAPS}?watch=true&labelSelector=color%3Dred&resourceVersion={}", revision(&one)))
            .await;
    create(&demo, "two", "blue").await;
    paint(&demo, "two", "red").await;
    let blue = paint(&demo, "one", "blue").await;
    send(&demo, Method::DELETE, &format!("{MAPS}/two"), "application/json", Value::Null).await;
    all.expect("ADDED", "two").await;
    all.expect("MODIFIED", "two").await;
    assert_eq!(all.expect("MODIFIED", "one").await, blue);
    let gone = all.expect("DELETED", "two").await;
    assert!(revision(&gone) > revision(&blue));
    red.expect("ADDED", "two").await;
    // The object left the selection: its last selected state is sent, with the revision of the change.
    let left = red.expect("DELETED", "one").await;
    assert_eq!((&left["metadata"]["labels"]["color"], revision(&left)), (&json!("red"), revision(&blue)));
    red.expect("DELETED", "two").await;
}

#[tokio::test]
async fn watches_send_initial_objects() {
    let demo = start(Options { bookmark_every: Duration::from_millis(50), ..options() }).await;
    let path = "/api/v1/nodes?watch=true&allowWatchBookmarks=true";
    let streaming = format!("{path}&sendInitialEvents=true&resourceVersionMatch=NotOlderThan");
    let mut lines = Lines::open(&demo, &streaming).await;
    let mut names = HashSet::new();
    let end = loop {
        match lines.next().await.expect("a line") {
            (kind, object) if kind == "BOOKMARK" => break object,
            (kind, object) => assert!(kind == "ADDED" && names.insert(object["metadata"]["name"].to_string())),
        }
    };
    assert_eq!(end["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
    assert_eq!(names.len(), 12);
    // Bookmarks advance even if no node changes.
    let later = create(&demo, "other", "red").await;
    loop {
        let (kind, object) = lines.next().await.expect("a line");
        assert_eq!((kind.as_str(), object["metadata"].get("annotations")), ("BOOKMARK", None));
        if revision(&object) == revision(&later) {
            break;
        }
    }
    for (uri, code) in [
        ("/api/v1/nodes?watch=1&sendInitialEvents=true&allowWatchBookmarks=true", 422),
        ("/api/v1/nodes?watch=1&resourceVersion=999999999999", 504),
    ] {
        assert_eq!(get(&demo, uri).await.0, code, "{uri}");
    }
    // The watch ends after its timeout.
    let mut short = Lines::open(&demo, "/api/v1/nodes?watch=1&resourceVersion=0&timeoutSeconds=1").await;
    let mut sent = 0;
    while short.next().await.is_some() {
        sent += 1;
    }
    assert_eq!(sent, 12);
}

#[tokio::test]
async fn watches_from_dropped_revisions_expire() {
    let demo = start(Options { history_events: 2, ..options() }).await;
    let first = create(&demo, "a", "red").await;
    for name in ["b", "c", "d"] {
        create(&demo, name, "red").await;
    }
    let mut lines = Lines::open(&demo, &format!("{MAPS}?watch=true&resourceVersion={}", revision(&first))).await;
    let (kind, status) = lines.next().await.expect("a line");
    assert_eq!((kind.as_str(), &status["code"], &status["reason"]), ("ERROR", &json!(410), &json!("Expired")));
    assert!(lines.next().await.is_none());
}

#[tokio::test]
async fn validates_writes() {
    let demo = start(options()).await;
    let object = create(&demo, "one", "red").await;
    let uri = format!("{MAPS}/one");
    let json = "application/json";
    let code = async |method, uri: &str, body| send(&demo, method, uri, json, body).await.0;
    assert_eq!(code(Method::POST, MAPS, config_map("one", "red")).await, 409);
    assert_eq!(code(Method::POST, MAPS, config_map("Not_A_Name", "red")).await, 422);
    assert_eq!(code(Method::POST, "/api/v1/namespaces/nowhere/configmaps", config_map("x", "red")).await, 404);
    assert_eq!(code(Method::POST, MAPS, json!({"kind": "Secret", "metadata": {"name": "x"}})).await, 400);
    let named = send(&demo, Method::POST, MAPS, json, json!({"metadata": {"generateName": "made-"}})).await.1;
    assert!(named["metadata"]["name"].as_str().is_some_and(|name| name.starts_with("made-") && name.len() == 10));
    let changed = paint(&demo, "one", "blue").await;
    assert_eq!(code(Method::PUT, &uri, object).await, 409, "it has changed since");
    let (status, same) = send(&demo, Method::PUT, &uri, json, changed.clone()).await;
    assert_eq!((status, revision(&same)), (200, revision(&changed)), "nothing changed");
    let dry = send(&demo, Method::DELETE, &format!("{uri}?dryRun=All"), json, Value::Null).await.0;
    assert_eq!((dry, get(&demo, &uri).await.0), (200, 200));
    // Finalizers delay the deletion.
    let held = json!({"metadata": {"finalizers": ["demo.example/hold"]}});
    send(&demo, Method::PATCH, &uri, "application/merge-patch+json", held).await;
    assert_eq!(code(Method::DELETE, &uri, Value::Null).await, 200);
    assert!(get(&demo, &uri).await.1["metadata"]["deletionTimestamp"].is_string());
    let free = json!({"metadata": {"finalizers": null}});
    send(&demo, Method::PATCH, &uri, "application/merge-patch+json", free).await;
    assert_eq!(get(&demo, &uri).await.0, 404);
}

#[tokio::test]
async fn topology_stays_consistent() {
    let demo = start(Options { pods: 700, nodes: 20, events_per_second: 20_000, ..options() }).await;
    let at_first = demo.cluster.store.revision();
    while demo.cluster.store.revision() < at_first + 3000 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    demo.pause();
    let pods = list(&demo, "/api/v1/pods").await;
    let nodes: HashSet<String> =
        list(&demo, "/api/v1/nodes").await.iter().map(|node| node["metadata"]["name"].to_string()).collect();
    let mut of_owner: HashMap<String, (u64, u64)> = HashMap::new();
    let mut addresses = HashSet::new();
    for pod in &pods {
        assert!(pod["spec"].get("nodeName").is_none_or(|node| nodes.contains(&node.to_string())));
        let (status, metadata) = (&pod["status"], &pod["metadata"]);
        if let (Some(address), false) = (status["podIP"].as_str(), pod["spec"]["hostNetwork"] == true) {
            assert!(addresses.insert(address.to_owned()), "{address} is there twice");
        }
        let is_active =
            status["phase"] != "Failed" && status["phase"] != "Succeeded" && metadata["deletionTimestamp"].is_null();
        let conditions = status["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
        let is_ready = conditions.iter().any(|it| it["type"] == "Ready" && it["status"] == "True");
        let counts = of_owner.entry(metadata["ownerReferences"][0]["uid"].to_string()).or_default();
        counts.0 += u64::from(is_active);
        counts.1 += u64::from(is_active && is_ready);
    }
    let mut of_deployment: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for set in list(&demo, "/apis/apps/v1/replicasets").await {
        let counts = of_owner.remove(&set["metadata"]["uid"].to_string()).unwrap_or_default();
        let number = |pointer| set.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
        let reported = (number("/status/replicas"), number("/status/readyReplicas"));
        assert_eq!((reported, number("/spec/replicas")), (counts, counts.0), "{}", set["metadata"]["name"]);
        let sum = of_deployment.entry(set["metadata"]["ownerReferences"][0]["uid"].to_string()).or_default();
        *sum = (sum.0 + counts.0, sum.1 + counts.1);
    }
    for deployment in list(&demo, "/apis/apps/v1/deployments").await {
        let number = |key: &str| deployment["status"][key].as_u64().unwrap_or(0);
        let counts = of_deployment.remove(&deployment["metadata"]["uid"].to_string());
        assert_eq!(counts, Some((number("replicas"), number("readyReplicas"))));
    }
    assert!(of_deployment.is_empty(), "replica sets without a deployment");
    let revision = demo.cluster.store.revision();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(demo.cluster.store.revision(), revision, "nothing changes while paused");
}

#[tokio::test]
async fn the_same_seed_gives_the_same_cluster() {
    let options = options();
    let (one, same) = (start(options.clone()).await, start(options.clone()).await);
    let other = start(Options { seed: 2, ..options }).await;
    let all = async |demo: &Demo| (list(demo, "/api/v1/pods").await, list(demo, "/api/v1/services").await);
    let all_of_one = all(&one).await;
    assert_eq!(all_of_one, all(&same).await);
    assert_ne!(all_of_one, all(&other).await);
}
