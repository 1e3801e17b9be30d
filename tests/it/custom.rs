//! Custom resources: defined in files, in the demo cluster, and on a real API server with changing definitions.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kubesql_runtime::generated;
use kubesql_runtime::ingest::clusters::{Context, OneShotOptions, OneShotSource, WatchOptions};
use kubesql_runtime::ingest::files::Kinds;
use kubesql_runtime::sql::{Engine, ErrorKind, Session};
use kubesql_runtime::store::Source;
use serde_json::json;

use super::apiserver::ApiServer;
use super::demo_cluster::Cluster;
use super::sessions::{Rows, ask, live};
use super::support::{rows, run};

const CUSTOM: &str = "tests/fixtures/custom";

#[test]
fn reads_definitions_from_files() {
    let anvil = rows(
        &[CUSTOM],
        "select name, colour, replicas, port, \"limits.cpu\", \"limits.memory\", ready, \"first step\", \"last seen\", \
         \"ready.status\", object is not null as whole from \"shop.example\".widgets order by name",
    );
    let expected = json!([
        {"name": "anvil", "colour": "red", "replicas": 2, "port": "80", "limits.cpu": 0.25, "limits.memory": 1_073_741_824,
         "ready": "False", "first step": "forge", "last seen": "2026-11-02T09:00:00Z", "ready.status": "False", "whole": true},
        {"name": "bolt", "colour": "=", "replicas": null, "port": "web", "limits.cpu": null, "limits.memory": null,
         "ready": "True", "first step": null, "last seen": null, "ready.status": "True", "whole": true},
    ]);
    assert_eq!(json!(anvil), expected);
    let steps = rows(&[CUSTOM], "select widget, index, name, args from widget_steps order by index");
    assert_eq!(
        json!(steps),
        json!([
            {"widget": "anvil", "index": 0, "name": "forge", "args": ["hot", "hammer"]},
            {"widget": "anvil", "index": 1, "name": "cool", "args": null},
        ])
    );
    let rake = rows(&[CUSTOM], "select name, spec from \"garden.example\".widgets");
    let spec = rake[0]["spec"].as_str().expect("JSON text");
    assert_eq!(serde_json::from_str::<serde_json::Value>(spec).expect("JSON"), json!({"teeth": 14}));
}

/// Versions of a definition that disagree on the shape of a field: the newest one has the columns, and no value is lost.
#[test]
fn versions_may_have_other_shapes() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = json!({"type": "string"});
    let list = json!({"type": "array", "items": {"type": "object", "properties": {"name": text, "value": text}}});
    let version = |name: &str, args: serde_json::Value| {
        let spec = json!({"type": "object", "properties": {"extraArgs": args, "size": {"type": "integer"}}});
        json!({"name": name, "served": true, "storage": false,
            "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}})
    };
    let object = |version: &str, name: &str, args: serde_json::Value| {
        json!({"apiVersion": format!("toys.example/{version}"), "kind": "Plane", "metadata": {"name": name},
            "spec": {"size": 1, "extraArgs": args}})
    };
    let items = [
        json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "planes.toys.example"},
        "spec": {"group": "toys.example", "scope": "Cluster", "names": {"kind": "Plane", "plural": "planes"},
            "versions": [
                version("v1beta1", json!({"type": "object", "additionalProperties": text})),
                version("v1beta2", list),
            ]}}),
        object("v1beta1", "old", json!({"v": "4", "audit": "off"})),
        object("v1beta2", "new", json!([{"name": "v", "value": "4"}, {"name": "v", "value": "5"}])),
    ];
    let file = folder.path().join("planes.json");
    let written = json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string();
    std::fs::write(&file, written).expect("a file");
    let file = file.to_str().expect("UTF-8");
    let planes = rows(&[file], "select name, size, extraargs from planes order by name");
    assert_eq!(
        json!(planes),
        json!([
            {"name": "new", "size": 1, "extraargs": null},
            {"name": "old", "size": 1, "extraargs": "{\"audit\":\"off\",\"v\":\"4\"}"},
        ])
    );
    let args = rows(&[file], "select plane, index, name, value from plane_extraargs order by index");
    assert_eq!(
        json!(args),
        json!([
            {"plane": "new", "index": 0, "name": "v", "value": "4"},
            {"plane": "new", "index": 1, "name": "v", "value": "5"},
        ])
    );
    let found = rows(&[file], "select name from planes where extraargs ->> 'audit' = 'off'");
    assert_eq!(json!(found), json!([{"name": "old"}]));
}

#[test]
fn requires_a_group_for_an_ambiguous_plural() {
    let ran = run(&["query", "--file", CUSTOM, "select * from widgets"]);
    assert_eq!(ran.code, Some(1), "{}", ran.out);
    assert!(ran.err.contains("several groups have a table widgets"), "{}", ran.err);
    assert!(
        ran.err.contains("\"shop.example\".widgets") && ran.err.contains("\"garden.example\".widgets"),
        "{}",
        ran.err
    );
    let tables = rows(
        &[CUSTOM],
        "select schema, name, discovered, notes from system.tables where discovered and listed order by 1, 2",
    );
    assert_eq!(
        tables.first(),
        Some(&json!({"schema": "garden.example", "name": "widget_ownerreferences", "discovered": true, "notes": null}))
    );
    let described = run(&["query", "--file", CUSTOM, "-o", "csv", "describe \"shop.example\".widgets"]);
    assert!(described.out.contains("ready,text,\".status.conditions"), "{}{}", described.out, described.err);
}

async fn asked(session: &Session, sql: &str) -> Rows {
    ask(session, sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"))
}

/// Repeats a statement until it has this answer: definitions take effect within seconds.
async fn until(session: &Session, sql: &str, expected: &[&[&str]]) {
    let begun = Instant::now();
    loop {
        let found = ask(session, sql).await;
        if found.as_ref().is_ok_and(|found| found == expected) {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{sql}: {found:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn definition(fields: &str, extra: &str) -> String {
    format!(
        r#"{{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition",
        "metadata":{{"name":"gadgets.live.example"}},"spec":{{"group":"live.example","scope":"Namespaced",
        "names":{{"kind":"Gadget","plural":"gadgets","singular":"gadget"}},"versions":[
        {{"name":"v1","served":true,"storage":true,"schema":{{"openAPIV3Schema":{{"type":"object","properties":{{
        "spec":{{"type":"object","properties":{{{fields}}}}}}}}}}}}}{extra}]}}}}"#
    )
}

/// Runs kubectl until it succeeds, since a server takes a moment until a definition is in force.
fn kubectl(kubeconfig: &Path, args: &[&str]) {
    let begun = Instant::now();
    loop {
        let mut kubectl = Command::new("kubectl");
        kubectl.arg("--kubeconfig").arg(kubeconfig).args(args).stdin(Stdio::null());
        let ran = kubectl.output().expect("kubectl runs");
        if ran.status.success() {
            return;
        }
        let err = String::from_utf8_lossy(&ran.stderr);
        assert!(begun.elapsed() < Duration::from_secs(60), "kubectl {args:?}: {err}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Creates, changes and deletes a definition while clients query.
async fn definitions_change(kubeconfig: &Path) {
    let folder = tempfile::tempdir().expect("a folder");
    let apply = |name: &str, text: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).expect("written");
        kubectl(kubeconfig, &["apply", "--filename", file.to_str().expect("UTF-8")]);
    };
    let text = std::fs::read_to_string(kubeconfig).expect("the kubeconfig");
    let engine: Arc<_> = live(vec![Context::from_text("here", &text)], WatchOptions::default()).1;
    let session = engine.session();
    let unknown = ask(&session, "select name from gadgets").await.expect_err("it is not defined");
    assert_eq!(unknown.kind, ErrorKind::UnknownTable, "{unknown:?}");

    let size = r#""size":{"type":"integer"}"#;
    apply("definition.json", &definition(size, ""));
    let object = |name: &str, spec: &str| {
        format!(
            r#"{{"apiVersion":"live.example/v1","kind":"Gadget","metadata":{{"name":"{name}","namespace":"default"}},"spec":{spec}}}"#
        )
    };
    // The table may exist before the server serves the new kind.
    until(&session, "select name, size from gadgets", &[]).await;
    apply("one.json", &object("one", r#"{"size":7}"#));
    until(&session, "select name, size from gadgets", &[&["one", "7"]]).await;
    let learnt = "select count(*) from system.tables where schema = 'live.example' and discovered";
    assert_eq!(asked(&session, learnt).await, [["2"]]);
    assert_eq!(asked(&session, "show tables like 'gadgets'").await, [["gadgets"]]);

    // Queries go on while the definition changes.
    let asking = engine.session();
    let others = tokio::spawn(async move {
        for _ in 0..40 {
            let found = ask(&asking, "select name from gadgets where name = 'one'").await.expect("an answer");
            assert_eq!(found, [["one"]]);
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    });
    let parts = r#""parts":{"type":"array","items":{"type":"object","properties":{"name":{"type":"string"}}}}"#;
    // A server drops fields that the requested version does not have.
    let second = format!(
        r#",{{"name":"v2","served":true,"storage":false,"schema":{{"openAPIV3Schema":{{"type":"object","properties":
        {{"spec":{{"type":"object","properties":{{{size},{parts},"tone":{{"type":"string"}}}}}}}}}}}}}}"#
    );
    apply("definition.json", &definition(&format!("{size},{parts}"), &second));
    until(&session, "select name, size, tone from gadgets", &[&["one", "7", "NULL"]]).await;
    // Until the new definition is in force, the server drops its new fields.
    let begun = Instant::now();
    loop {
        apply("two.json", &object("two", r#"{"size":8,"parts":[{"name":"cog"}]}"#));
        tokio::time::sleep(Duration::from_millis(500)).await;
        let found = asked(&session, "select gadget, name from gadget_parts").await;
        if found == [["two", "cog"]] {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{found:?}");
    }
    others.await.expect("no query failed");

    // The type of a field changes.
    let text = r#""size":{"type":"string"}"#;
    apply("definition.json", &definition(text, ""));
    let type_of = "select data_type from information_schema.columns where table_schema = 'live.example' \
                   and table_name = 'gadgets' and column_name = 'size'";
    until(&session, type_of, &[&["text"]]).await;
    apply("three.json", &object("three", r#"{"size":"large"}"#));
    until(&session, "select name, size from gadgets where name = 'three'", &[&["three", "large"]]).await;

    kubectl(kubeconfig, &["delete", "crd", "gadgets.live.example"]);
    let begun = Instant::now();
    while !ask(&session, "select name from gadgets").await.is_err_and(|error| error.kind == ErrorKind::UnknownTable) {
        assert!(begun.elapsed() < Duration::from_secs(60), "the table is still there");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(asked(&session, "show tables like 'gadgets'").await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(not(all(has_apiserver, has_kubectl)), ignore = "needs cargo xtask apiserver --build, and kubectl")]
async fn follows_changing_definitions_on_a_real_server() {
    let server = ApiServer::start(&[]);
    definitions_change(&server.kubeconfig).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(not(has_kubectl), ignore = "needs kubectl")]
async fn follows_changing_definitions_on_the_demo_cluster() {
    let cluster = Cluster::start(&["--crds", "5", "--pods", "20", "--events-per-second", "0"]);
    definitions_change(&cluster.kubeconfig()).await;
}

/// Clusters with different kinds, and a kind that only some of them have; listed and watched.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_clusters_with_different_kinds() {
    let clusters =
        ["3", "12", "0"].map(|crds| Cluster::start(&["--crds", crds, "--pods", "20", "--events-per-second", "0"]));
    let contexts = || {
        let named = clusters.iter().zip(["few", "many", "none"]);
        let context = |(cluster, name): (&Cluster, &str)| {
            Context::from_text(name, &std::fs::read_to_string(cluster.kubeconfig()).expect("a kubeconfig"))
        };
        named.map(context).collect::<Vec<_>>()
    };
    let kinds = || Kinds::new(generated::KINDS.iter().copied(), generated::flattener);
    let lists: Arc<dyn Source> = Arc::new(OneShotSource::new(contexts(), kinds(), OneShotOptions::default()));
    let lists = Engine::new(generated::KINDS, lists).expect("an engine");
    let followed = live(contexts(), WatchOptions::default()).1;
    let mut answers = Vec::new();
    for engine in [lists, followed] {
        let session = engine.session();
        let widgets =
            "select cluster, count(*), count(size), min(phase) is not null from widgets group by 1 order by 1";
        let steps = "select w.cluster, count(*) from widgets w join widget_steps s using (uid) group by 1 order by 1";
        let backups = "select distinct cluster, owner is not null from backups order by 1";
        answers.push((asked(&session, widgets).await, asked(&session, steps).await, asked(&session, backups).await));
        let listed = asked(&session, "show tables like 'dashboard%'").await;
        assert_eq!(
            listed,
            [["dashboard_conditions"], ["dashboard_ownerreferences"], ["dashboard_steps"], ["dashboards"]]
        );
    }
    let [one, other] = &answers[..] else { panic!("two answers") };
    assert_eq!(one, other);
    let names = |rows: &Rows| rows.iter().map(|row| row[0].clone()).collect::<Vec<_>>();
    assert_eq!((names(&one.0), names(&one.1)), (vec!["few".into(), "many".into()], vec!["few".into(), "many".into()]));
    assert_eq!(names(&one.2), ["many"]);
}
