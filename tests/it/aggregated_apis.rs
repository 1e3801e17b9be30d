//! Kinds of aggregated APIs, which have no definition and are known from an OpenAPI 3 document only.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use kubesql_runtime::generated;
use kubesql_runtime::ingest::clusters::{Context, OneShotOptions, OneShotSource, WatchOptions};
use kubesql_runtime::ingest::files::Kinds;
use kubesql_runtime::sql::Engine;
use kubesql_runtime::store::Source;
use serde_json::{Value, json};

use super::sessions::{ask, live};

const GROUP: &str = "things.example.com";

/// The answer to a path; `None` for unknown paths.
fn said(path: &str) -> Option<Value> {
    let discovery = |items: Value| json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items});
    let part = |name: &str| json!({"allOf": [{"$ref": format!("#/components/schemas/{name}")}], "default": {}});
    let text = || json!({"type": "string"});
    Some(match path {
        "/version" => json!({"major": "1", "minor": "35", "gitVersion": "v1.35.0"}),
        "/api" => discovery(json!([{"metadata": {}, "versions": [{
            "version": "v1", "freshness": "Current", "resources": [{
                "resource": "pods", "singularResource": "pod", "scope": "Namespaced", "verbs": ["list", "watch"],
                "responseKind": {"group": "", "version": "v1", "kind": "Pod"}}]}]}])),
        "/apis" => discovery(json!([{"metadata": {"name": GROUP}, "versions": [{
            "version": "v1", "freshness": "Current", "resources": [{
                "resource": "gauges", "singularResource": "gauge", "scope": "Namespaced", "verbs": ["get", "list", "watch"],
                "responseKind": {"group": GROUP, "version": "v1", "kind": "Gauge"}}]}]}])),
        "/openapi/v3/apis/things.example.com/v1" => json!({
            "openapi": "3.0.0", "info": {"title": "things", "version": "v1"}, "paths": {}, "components": {"schemas": {
                "com.example.Gauge": {
                    "type": "object",
                    "x-kubernetes-group-version-kind": [{"group": GROUP, "version": "v1", "kind": "Gauge"}],
                    "properties": {"apiVersion": text(), "kind": text(), "metadata": part("meta.v1.ObjectMeta"),
                        "spec": part("com.example.GaugeSpec")}},
                "com.example.GaugeSpec": {"type": "object", "properties": {
                    "size": {"type": "integer", "format": "int64"}, "limit": part("resource.Quantity"),
                    "marks": {"type": "array", "items": part("com.example.Mark")}}},
                "com.example.Mark": {"type": "object", "properties": {"name": text(),
                    "value": {"x-kubernetes-int-or-string": true}}},
                "resource.Quantity": {"type": "string"},
                "meta.v1.ObjectMeta": {"type": "object", "properties": {"name": text(), "uid": text()}}}}}),
        "/apis/things.example.com/v1/gauges" => json!({
            "kind": "GaugeList", "apiVersion": format!("{GROUP}/v1"), "metadata": {"resourceVersion": "7"}, "items": [
                {"metadata": {"name": "a", "namespace": "n", "uid": "1", "labels": {"app": "x"}},
                    "spec": {"size": 3, "marks": [{"name": "low", "value": "5kg"}, {"name": "high", "value": 7}]}},
                {"metadata": {"name": "b", "namespace": "n", "uid": "2"}, "spec": {"size": 9_007_199_254_740_993i64}}]}),
        _ => return None,
    })
}

/// Answers until the client closes the connection. Watches stay open and send nothing.
fn serve(stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut to = stream;
    loop {
        let mut request = String::new();
        if reader.read_line(&mut request)? == 0 {
            return Ok(());
        }
        let mut header = String::new();
        while reader.read_line(&mut header)? > 2 {
            header.clear();
        }
        let target = request.split(' ').nth(1).unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let answer = if query.contains("sendInitialEvents") { None } else { said(path) };
        if query.contains("watch=") && answer.is_some() {
            write!(to, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")?;
            // Until the client closes the connection.
            return reader.read_line(&mut header).map(|_| ());
        }
        let (code, of) = match (&answer, query.contains("sendInitialEvents")) {
            (Some(_), _) if ["/api", "/apis"].contains(&path) => {
                ("200 OK", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList")
            }
            (Some(_), _) => ("200 OK", "application/json"),
            (None, true) => ("422 Unprocessable Entity", "application/json"),
            (None, false) => ("404 Not Found", "application/json"),
        };
        let refused = || {
            let reason = if code.starts_with("422") { "Invalid" } else { "NotFound" };
            json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": reason,
                "code": code[..3].parse::<u16>().unwrap_or_default()})
        };
        let body = answer.unwrap_or_else(refused).to_string();
        write!(to, "HTTP/1.1 {code}\r\nContent-Type: {of}\r\nContent-Length: {}\r\n\r\n{body}", body.len())?;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_kinds_of_aggregated_apis() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || serve(stream));
        }
    });
    let kubeconfig = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c", "users": [{"name": "u", "user": {}}],
        "clusters": [{"name": "c", "cluster": {"server": format!("http://{address}")}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    })
    .to_string();
    let contexts = || vec![Context::from_text("beside", &kubeconfig)];
    let kinds = Kinds::new(generated::KINDS.iter().copied(), generated::flattener);
    let lists: Arc<dyn Source> = Arc::new(OneShotSource::new(contexts(), kinds, OneShotOptions::default()));
    let lists = Engine::new(generated::KINDS, lists).expect("an engine");
    let (_live, followed) = live(contexts(), WatchOptions::default());
    for engine in [lists, followed] {
        let session = engine.session();
        for (sql, expected) in [
            (
                "select cluster, name, labels['app'], size from gauges order by name",
                vec![vec!["beside", "a", "x", "3"], vec!["beside", "b", "NULL", "9007199254740993"]],
            ),
            (
                "select gauge, index, name, value from gauge_marks order by index",
                vec![vec!["a", "0", "low", "5kg"], vec!["a", "1", "high", "7"]],
            ),
            ("show tables like 'gauge%'", vec![vec!["gauge_marks"], vec!["gauge_ownerreferences"], vec!["gauges"]]),
            ("select count(*) from gauges where size > 3", vec![vec!["1"]]),
        ] {
            let rows = ask(&session, sql).await.unwrap_or_else(|error| panic!("{sql}: {error} ({:?})", error.hint));
            assert_eq!(rows, expected, "{sql}");
        }
    }
}
