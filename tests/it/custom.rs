//! Custom resources: defined among files, in the demo cluster, and on a real API server that changes its mind.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kubesql_runtime::ingest::clusters::{Context, LiveOptions};
use kubesql_runtime::sql::{ErrorKind, Session};
use serde_json::json;

use super::apiserver::ApiServer;
use super::sessions::{Rows, ask, live};
use super::support::{rows, run};

const CUSTOM: &str = "tests/fixtures/custom";

#[test]
fn files_bring_their_definitions_along() {
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

#[test]
fn a_plural_of_several_groups_is_asked_for_by_its_group() {
    let ran = run(&["query", "--file", CUSTOM, "select * from widgets"]);
    assert_eq!(ran.code, Some(1), "{}", ran.out);
    assert!(ran.err.contains("several groups have a table widgets"), "{}", ran.err);
    assert!(
        ran.err.contains("\"shop.example\".widgets") && ran.err.contains("\"garden.example\".widgets"),
        "{}",
        ran.err
    );
    let tables =
        rows(&[CUSTOM], "select schema, name, learnt, notes from system.tables where learnt and listed order by 1, 2");
    assert_eq!(
        tables.first(),
        Some(&json!({"schema": "garden.example", "name": "widget_ownerreferences", "learnt": true, "notes": null}))
    );
    let described = run(&["query", "--file", CUSTOM, "-o", "csv", "describe \"shop.example\".widgets"]);
    assert!(described.out.contains("ready,text,\".status.conditions"), "{}{}", described.out, described.err);
}

async fn asked(session: &Session, sql: &str) -> Rows {
    ask(session, sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"))
}

/// Asks until the answer is this one, for a while: definitions take effect within seconds.
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_server_changes_its_definitions_under_queries() {
    let Some(server) = ApiServer::start(&[]) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let apply = |name: &str, text: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).expect("written");
        server.kubectl(&["apply", "--filename", file.to_str().expect("UTF-8")])
    };
    let kubeconfig = std::fs::read_to_string(&server.kubeconfig).expect("the kubeconfig");
    let engine: Arc<_> = live(vec![Context::of_text("real", &kubeconfig)], LiveOptions::default()).1;
    let session = engine.session();
    let unknown = ask(&session, "select name from gadgets").await.expect_err("nobody has defined it");
    assert_eq!(unknown.kind, ErrorKind::UnknownTable, "{unknown:?}");

    let size = r#""size":{"type":"integer"}"#;
    if apply("definition.json", &definition(size, "")).is_none() {
        return;
    }
    server.kubectl(&["wait", "--for=condition=Established", "crd/gadgets.live.example", "--timeout=60s"]);
    let object = |name: &str, spec: &str| {
        format!(r#"{{"apiVersion":"live.example/v1","kind":"Gadget","metadata":{{"name":"{name}"}},"spec":{spec}}}"#)
    };
    apply("one.json", &object("one", r#"{"size":7}"#));
    until(&session, "select name, size from gadgets", &[&["one", "7"]]).await;
    assert_eq!(
        asked(&session, "select count(*) from system.tables where schema = 'live.example' and learnt").await,
        [["2"]]
    );
    assert!(asked(&session, "show tables like 'gadgets'").await == [["gadgets"]]);

    // A query goes on while the definition changes.
    let asking = engine.session();
    let others = tokio::spawn(async move {
        for _ in 0..40 {
            let found = ask(&asking, "select name from gadgets where name = 'one'").await.expect("an answer");
            assert_eq!(found, [["one"]]);
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    });
    let more = r#""size":{"type":"integer"},"parts":{"type":"array","items":{"type":"object","properties":{"name":{"type":"string"}}}}"#;
    apply(
        "definition.json",
        &definition(
            more,
            r#",{"name":"v2","served":true,"storage":false,"schema":{"openAPIV3Schema":
        {"type":"object","properties":{"spec":{"type":"object","properties":{"size":{"type":"integer"},"tone":{"type":"string"}}}}}}}"#,
        ),
    );
    until(&session, "select name, size, tone from gadgets", &[&["one", "7", "NULL"]]).await;
    apply("two.json", &object("two", r#"{"size":8,"parts":[{"name":"cog"}]}"#));
    until(&session, "select gadget, name from gadget_parts", &[&["two", "cog"]]).await;
    others.await.expect("no query failed");

    // A field becomes another type: old objects stay as they are.
    let text = r#""size":{"type":"string"}"#;
    apply("definition.json", &definition(text, ""));
    apply("three.json", &object("three", r#"{"size":"large"}"#));
    until(&session, "select name, size from gadgets where name = 'three'", &[&["three", "large"]]).await;

    server.kubectl(&["delete", "crd", "gadgets.live.example"]);
    let begun = Instant::now();
    while ask(&session, "select name from gadgets").await.map_or_else(|error| error.kind, |_| ErrorKind::Internal)
        != ErrorKind::UnknownTable
    {
        assert!(begun.elapsed() < Duration::from_secs(60), "the table is still there");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(asked(&session, "show tables like 'gadgets'").await, [] as [Vec<String>; 0]);
}
