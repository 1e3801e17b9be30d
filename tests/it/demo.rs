//! Questions about the demo objects, whose answers can be read in their files.

use serde_json::{Value, json};

use super::support::{DEMO, rows};

fn check(sql: &str, expected: &Value) {
    assert_eq!(&Value::Array(rows(&[DEMO], sql)), expected, "{sql}");
}

#[test]
fn counts_objects() {
    for (table, count) in [("pods", 18), ("nodes", 4), ("deployments", 4), ("services", 4), ("ingresses", 1)] {
        check(&format!("select count(*) as n from {table}"), &json!([{ "n": count }]));
    }
}

#[test]
fn finds_a_container_in_a_crash_loop() {
    check(
        "select pod, name, restartcount, \"state.waiting.reason\", \"laststate.terminated.reason\" \
         from containers where \"state.waiting.reason\" = 'CrashLoopBackOff'",
        &json!([{
            "pod": "cart-58d7c9f66b-4qk2s", "name": "cart", "restartcount": 37,
            "state.waiting.reason": "CrashLoopBackOff", "laststate.terminated.reason": "OOMKilled",
        }]),
    );
}

#[test]
fn nested_lists_are_tables() {
    check(
        "select ingress, rule_index, index, path, \"backend.service.name\" as service, \
         \"backend.service.port.number\" as port from ingress_rule_paths order by rule_index, index",
        &json!([
            {"ingress": "shop", "rule_index": 0, "index": 0, "path": "/", "service": "web", "port": null},
            {"ingress": "shop", "rule_index": 0, "index": 1, "path": "/cart", "service": "cart", "port": 8080},
            {"ingress": "shop", "rule_index": 1, "index": 0, "path": "/", "service": "web", "port": null},
        ]),
    );
    check(
        "select clusterrole, index, verbs from clusterrole_rules order by clusterrole, index",
        &json!([
            {"clusterrole": "everything", "index": 0, "verbs": ["*"]},
            {"clusterrole": "everything", "index": 1, "verbs": ["*"]},
            {"clusterrole": "read-pods", "index": 0, "verbs": ["get", "list", "watch"]},
        ]),
    );
}

#[test]
fn map_keys_are_columns() {
    check(
        "select name, \"labels.team\" as team, labels from services where \"labels.app\" = 'web'",
        &json!([{"name": "web", "team": "storefront", "labels": {"app": "web", "team": "storefront"}}]),
    );
    check("select \"labels.nobody-has-it\" as key from services limit 1", &json!([{ "key": null }]));
    check(
        "select name, \"resources.requests.storage\" as bytes from persistentvolumeclaims",
        &json!([{"name": "data-redis-0", "bytes": 10_737_418_240_i64}]),
    );
    check(
        "select \"data.banner.txt\" as banner from configmaps where name = 'web'",
        &json!([{"banner": "Autumn sale\nuntil Sunday\n"}]),
    );
}

#[test]
fn times_are_in_utc() {
    check(
        "select name, creationTimestamp from services where creationTimestamp > '2026-02-03T12:01:00Z'",
        &json!([{"name": "gateway", "creationtimestamp": "2026-02-03T12:05:40Z"}]),
    );
}
