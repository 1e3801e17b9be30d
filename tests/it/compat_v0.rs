//! The queries of the system that kubesql replaces, unchanged, and with the same answers.

use serde_json::{Value, json};

use super::support::{DEMO, rows, run};

fn check(sql: &str, expect: &Value) {
    let mut rows = rows(&[DEMO], sql);
    // Most of them have no ORDER BY.
    if !sql.contains("order by") {
        rows.sort_by_key(Value::to_string);
    }
    assert_eq!(Value::Array(rows), *expect, "{sql}");
}

#[test]
fn pods_of_each_node() {
    check(
        "select nodename, count(*) as pod_count from pods group by nodename;",
        &json!([
            {"nodename": "control-1", "pod_count": 2},
            {"nodename": "worker-a", "pod_count": 6},
            {"nodename": "worker-b", "pod_count": 7},
            {"nodename": "worker-c", "pod_count": 2},
            {"nodename": null, "pod_count": 1},
        ]),
    );
}

#[test]
fn requests_and_limits_of_each_pod() {
    let sql = "select pods.namespace,pods.name,sum(\"requests.cpu\") as \"requests.cpu\" ,sum(\"limits.cpu\") as \"limits.cpu\" from pods,containers where pods.uid = containers.uid group by pods.namespace,pods.name";
    let rows = rows(&[DEMO], sql);
    assert_eq!(rows.len(), 18);
    for (name, requests, limits) in [
        ("debug", json!(null), json!(null)),
        ("cart-58d7c9f66b-t6v9d", json!(0.25), json!(1.0)),
        ("prometheus-0", json!(1.0), json!(null)),
    ] {
        let row = rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("{name} is there"));
        assert_eq!((&row["requests.cpu"], &row["limits.cpu"]), (&requests, &limits), "{name}");
    }
}

#[test]
fn free_cpu_of_each_node() {
    let sql = "select nodes.name, nodes.\"allocatable.cpu\" - podnodecpu.\"requests.cpu\" from nodes, (select pods.nodename,sum(\"requests.cpu\") as \"requests.cpu\" from pods,containers where pods.uid = containers.uid group by pods.nodename) as podnodecpu where nodes.name = podnodecpu.nodename;";
    let mut free: Vec<(String, i64)> = rows(&[DEMO], sql)
        .iter()
        .map(|row| {
            let cores = row.as_object().and_then(|row| row.values().nth(1)).and_then(Value::as_f64).expect("a number");
            // To a thousandth of a core: the last bits of a sum depend on the order of its rows.
            let millis = format!("{:.0}", cores * 1000.0).parse().expect("thousandths");
            (row["name"].as_str().expect("a name").to_owned(), millis)
        })
        .collect();
    free.sort();
    let expect = [("control-1", 3660), ("worker-a", 7210), ("worker-b", 5660), ("worker-c", 3410)];
    assert_eq!(free, expect.map(|(name, millis)| (name.to_owned(), millis)));
}

#[test]
fn pods_created_since_a_date() {
    check(
        "select name, namespace,creationTimestamp from pods where creationTimestamp > date('2026-11-02') order by creationTimestamp desc;",
        &json!([
            {"name": "payments-85b4f5c9d-mm8wq", "namespace": "shop", "creationtimestamp": "2026-11-02T09:41:12Z"},
            {"name": "debug", "namespace": "default", "creationtimestamp": "2026-11-02T09:20:00Z"},
            {"name": "web-6f9c7d5b8-zz7td", "namespace": "shop", "creationtimestamp": "2026-11-02T08:03:20Z"},
            {"name": "report-29368800-f2c7n", "namespace": "shop", "creationtimestamp": "2026-11-02T04:00:00Z"},
        ]),
    );
    let all = "select name, namespace,creationTimestamp from pods where creationTimestamp > date('2020-05-12') order by creationTimestamp desc;";
    assert_eq!(rows(&[DEMO], all).len(), 18);
}

#[test]
fn pending_pods_of_an_app() {
    check(
        "select namespace,name,phase from pods where phase = 'Pending' and \"labels.appid\" = 'springboot';",
        &json!([{"namespace": "shop", "name": "web-6f9c7d5b8-zz7td", "phase": "Pending"}]),
    );
    let count = "select count(*) from pods where phase = 'Pending' and \"labels.appid\" = 'springboot';";
    let rows = rows(&[DEMO], count);
    let counts: Vec<_> = rows.iter().flat_map(|row| row.as_object().expect("an object").values()).collect();
    assert_eq!(counts, [&json!(1)]);
}

#[test]
fn ready_pods() {
    let names = rows(&[DEMO], "select name from pods where \"ready.status\" = 'True'");
    // Of 18: two pending, one crashing, one complete, one failed, one on a node that is gone.
    assert_eq!(names.len(), 12, "{names:?}");
    assert!(!names.contains(&json!({"name": "cart-58d7c9f66b-4qk2s"})));
}

#[test]
fn lists_tables_and_columns() {
    for (statement, expect) in [
        ("show tables;", &["pods", "nodes", "containers"][..]),
        ("describe pods;", &["nodename", "phase", "creationtimestamp", "labels.appid", "ready.status", "qosclass"]),
    ] {
        let ran = run(&["query", "--file", DEMO, "-o", "csv", "--no-headers", statement]);
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        let first: Vec<_> = ran.out.lines().filter_map(|line| line.split(',').next()).collect();
        for name in expect {
            assert!(first.contains(name), "{statement} tells {name}: {first:?}");
        }
    }
}
