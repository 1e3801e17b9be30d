//! `kubesql query` over clusters: which are queried, and how failures are reported.

use std::fs;

use serde_json::{Value, json};

use super::pods;
use super::server::{Asked, Server, status};
use crate::support::run;

/// A kubeconfig of several contexts.
fn kubeconfig(folder: &tempfile::TempDir, servers: &[(&str, &Server)]) -> String {
    let path = folder.path().join("config");
    let (mut clusters, mut contexts) = (Vec::new(), Vec::new());
    for (name, server) in servers {
        clusters.push(json!({"name": name, "cluster": {"server": server.url()}}));
        contexts.push(json!({"name": name, "context": {"cluster": name, "user": "u"}}));
    }
    let config = json!({"apiVersion": "v1", "kind": "Config", "clusters": clusters, "contexts": contexts,
        "users": [{"name": "u", "user": {"token": "t"}}], "current-context": servers[0].0});
    fs::write(&path, config.to_string()).expect("written");
    path.to_str().expect("UTF-8").to_owned()
}

#[test]
fn selects_clusters_by_context() {
    let folder = tempfile::tempdir().expect("a folder");
    let (one, two, other) =
        (Server::start(&[("pods", pods(4))]), Server::start(&[("pods", pods(6))]), Server::start(&[]));
    let config = kubeconfig(&folder, &[("prod-1", &one), ("prod-2", &two), ("test", &other)]);
    let count = "select cluster, count(*) from pods group by cluster order by cluster";
    let list = folder.path().join("pods.json");
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", "namespace": "even"}});
    fs::write(&list, pod.to_string()).expect("written");
    let list = format!("file={}", list.to_str().expect("UTF-8"));
    let table: [(&[&str], &str); 6] = [
        (&[], "prod-1,4\n"),
        (&["--context", "prod-*"], "prod-1,4\nprod-2,6\n"),
        (&["--context", "prod-2", "--context", "test"], "prod-2,6\n"),
        (&["--context", "prod-*", "-n", "even,none"], "prod-1,2\nprod-2,3\n"),
        (&["--context", "prod-2", "--exclude-namespaces", "even"], "prod-2,3\n"),
        (&["--context", "prod-1", "--file", &list], "file,1\nprod-1,4\n"),
    ];
    for (args, expect) in table {
        let ran = run(&[&["query", "--kubeconfig", &config, "-o", "csv", "--no-headers", count], args].concat());
        assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (Some(0), expect, ""), "{args:?}");
    }
    one.asked();
    let explain = ["explain", "--kubeconfig", &config, "select name from pods where namespace = 'even'"];
    assert!(run(&explain).out.contains("selection=[namespaces=even]"));
    assert!(one.asked().is_empty(), "to explain is not to ask");
    let columns = run(&["describe", "--kubeconfig", &config, "pods"]);
    assert!(columns.out.contains("labels.app"), "{}", columns.err);
}

#[test]
fn reports_unreachable_clusters_with_hints() {
    let folder = tempfile::tempdir().expect("a folder");
    let forbidden = |asked: &Asked| (asked.plural == "pods").then(|| status(403, "Forbidden", "pods is forbidden"));
    let (good, bad) = (Server::start(&[("pods", pods(4))]), Server::moody(&[], forbidden));
    let expired = Server::moody(&[], |_| Some(status(401, "Unauthorized", "Unauthorized")));
    let gone = Server::start(&[]);
    let servers = [("good", &good), ("bad", &bad), ("expired", &expired), ("gone", &gone)];
    let config = kubeconfig(&folder, &servers);
    drop(gone);
    let sql = "select cluster, name from pods";
    let table: [(&str, &[&str]); 4] = [
        ("bad", &["cluster bad: pods: pods is forbidden", "auth can-i list pods"]),
        ("expired", &["cluster expired: pods: the credentials", "log in again"]),
        ("gone", &["cluster gone: pods: could not connect to the server", "--context gone get --raw /version"]),
        ("dev", &["no context matches \"dev\"; available contexts: good, bad, expired, gone"]),
    ];
    for (context, expect) in table {
        let ran = run(&["query", "--kubeconfig", &config, "--context", context, "--context", "good", sql]);
        assert_eq!((ran.code, ran.out.as_str()), (Some(3), ""), "{context}: {}", ran.err);
        for text in expect {
            assert!(ran.err.contains(text), "{context}: {text}\n{}", ran.err);
        }
    }
    let some = run(&["query", "--kubeconfig", &config, "--context", "*", "--partial", "-o", "json", sql]);
    assert_eq!(some.code, Some(0), "{}", some.err);
    let rows: Vec<Value> = serde_json::from_str(&some.out).expect("rows");
    assert!(rows.len() == 4 && rows.iter().all(|row| row["cluster"] == "good"), "{rows:?}");
    for cluster in ["bad", "expired", "gone"] {
        assert!(some.err.contains(&format!("warning: missing: cluster {cluster}: pods: ")), "{}", some.err);
    }
    let none = run(&["query", "--kubeconfig", "/nowhere/config", sql]);
    assert!(none.code == Some(3) && none.err.contains("/nowhere/config"), "{}", none.err);
}

#[test]
fn commands_without_a_source_fail() {
    for args in [
        &["query", "select 1"][..],
        &["tables"],
        &["describe", "pods"],
        &["explain", "select 1"],
        &["explain", "--analyze", "select 1"],
        &["serve", "--pg", "127.0.0.1:0", "--http", "off"],
        &["shell", "-c", "select 1"],
    ] {
        let ran = run(args);
        assert_eq!((ran.code, ran.out.as_str()), (Some(3), ""), "{args:?}: {}", ran.err);
        let hint = ran.err.lines().find(|line| line.starts_with("hint: ")).unwrap_or_default();
        assert!(["--demo", "--file", "--context"].iter().all(|flag| hint.contains(flag)), "{args:?}: {}", ran.err);
    }
}

#[test]
fn commands_accept_the_demo_cluster() {
    let query = run(&["query", "--demo", "-o", "csv", "--no-headers", "select count(*) > 100, min(cluster) from pods"]);
    assert_eq!((query.code, query.out.as_str(), query.err.as_str()), (Some(0), "true,demo\n", ""));
    for (args, text) in [
        (&["tables", "--demo", "pod*"][..], "poddisruptionbudgets"),
        (&["describe", "--demo", "pods"], "labels.app"),
        (&["explain", "--demo", "select name from pods where namespace = 'x'"], "selection=[namespaces=x]"),
        (&["shell", "--demo", "-c", "select count(*) > 100 as many from pods"], "many"),
    ] {
        let ran = run(args);
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{args:?}");
        assert!(ran.out.contains(text), "{args:?}: {}", ran.out);
    }
}
