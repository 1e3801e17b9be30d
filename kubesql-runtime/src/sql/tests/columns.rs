//! Spellings of columns, and columns for the keys of the data.

use serde_json::json;

use super::world::World;
use super::{answer, check, check_in, columns_of, error, session, session_of};
use crate::sql::ErrorKind;

#[tokio::test]
async fn resolves_every_spelling_of_a_column() {
    for column in [
        "\"labels.app\"",
        "labels.app",
        "Labels.App",
        "labels['app']",
        "pods.labels.app",
        "pods.labels['app']",
        "pods.\"labels.app\"",
        "pods.labels.\"app\"",
        "kubesql.pods.labels.app",
        "kubesql.kubesql.pods.\"labels.app\"",
    ] {
        check(
            &format!("select {column}, count(*) from pods where {column} is not null group by {column}"),
            &["db|1", "web|2"],
        )
        .await;
    }
    for column in ["p.labels.app", "p.labels['app']", "p.\"labels.app\"", "labels.app"] {
        check(&format!("select count({column}) from pods as p"), &["3"]).await;
    }
    check("select max(c.requests.cpu), max(requests.memory) from containers c", &["0.5|1073741824"]).await;
    check("select p.ready.status from pods p where p.ready.status <> 'False'", &["True"]).await;
    check("select requests['nvidia.com/gpu'] from containers where requests['nvidia.com/gpu'] > 1", &["2"]).await;
    check("select state.waiting.reason from containers where state.waiting.reason is not null", &["CrashLoopBackOff"])
        .await;
    check("select NodeName, creationTimestamp from pods where NAME = 'web-2'", &["NULL|2020-05-12T00:00:00Z"]).await;
}

#[tokio::test]
async fn quoted_keys_keep_their_case() {
    check("select labels['Team'], labels.Team, \"labels.Team\" as same from pods where name = 'web-2'", &["x|NULL|x"])
        .await;
}

#[tokio::test]
async fn names_columns_of_keys() {
    let session = session();
    let names = columns_of(&session, "select labels['app'], p.labels.tier, p.ready.status, labels from pods p").await;
    assert_eq!(names, ["labels.app", "labels.tier", "ready.status", "labels"]);
}

#[tokio::test]
async fn missing_keys_are_null() {
    check("select labels.nowhere, \"zebra.status\" from pods where name = 'bare'", &["NULL|NULL"]).await;
    check("select count(*) from pods where labels.nowhere is null", &["4"]).await;
    check("select count(*) from pods where labels.nowhere = 'x' or labels.nowhere <> 'x'", &["0"]).await;
}

#[tokio::test]
async fn keys_have_types_of_their_resource() {
    check(
        "select arrow_typeof(allocatable.cpu), arrow_typeof(allocatable.memory), arrow_typeof(labels.x), \
         arrow_typeof(ready.lastheartbeattime) from nodes limit 1",
        &["Float64|Int64|Utf8View|Timestamp(µs, \"UTC\")"],
    )
    .await;
    check(
        "select allocatable.cpu, allocatable.memory, allocatable.pods from nodes where cluster = 'east'",
        &["4.0|8589934592|110", "1.93|1024000000|NULL"],
    )
    .await;
    check(
        "select hard['requests.cpu'], hard['limits.memory'], \"hard.pods\" from resourcequotas",
        &["1.5|1073741824|10"],
    )
    .await;
}

#[tokio::test]
async fn selects_maps() {
    check("select labels from pods where name = 'web-2'", &["{Team: x, app: web, appid: springboot}"]).await;
    check("select labels from pods where name = 'bare'", &["NULL"]).await;
    check("select cardinality(labels) from pods where labels is not null", &["2", "3", "2"]).await;
    check("select element_at(l, 'app') from (select labels as l from pods where name = 'web-2') x", &["web"]).await;
    check("select count(*) from pods where selector_matches(labels, 'app=web,tier!=back')", &["2"]).await;
    check("select count(*) from pods where selector_matches(labels, '!app')", &["1"]).await;
    check(
        "select p.name from services s join pods p on s.cluster = p.cluster and s.namespace = p.namespace \
         and selector_matches(p.labels, s.selector)",
        &["web-1", "web-2"],
    )
    .await;
}

#[tokio::test]
async fn resolves_keys_of_maps_of_subqueries() {
    check("select labels['app'] from (select labels from pods where name = 'web-2') x", &["web"]).await;
    check("select x.labels['app'] from (select labels from pods where name = 'web-2') x", &["web"]).await;
    check(
        "with x as (select name, labels from pods) select labels['appid'] from x where name = 'web-2'",
        &["springboot"],
    )
    .await;
    check("with x as (select * from pods) select x.labels.appid from x where name = 'web-2'", &["springboot"]).await;
    check("select labels.app from (select * from pods where name = 'web-2') x", &["web"]).await;
    check(
        "select name from nodes where exists (select 1 from pods where pods.nodename = nodes.name and pods.labels.tier = 'back')",
        &["n1", "n1"],
    )
    .await;
    check(
        "select labels.app from pods where name = 'web-2' union all select labels.app from services",
        &["web", "svc"],
    )
    .await;
    check(
        "select labels.app from pods where cluster = 'east' order by labels.app nulls first, name",
        &["NULL", "web", "web"],
    )
    .await;
}

#[tokio::test]
async fn prefers_columns_over_conditions_of_other_tables() {
    // Pods have conditions, and `state.waiting.reason` could be one of them.
    check(
        "select pods.name from pods join containers on pods.uid = containers.uid where \"state.waiting.reason\" = 'CrashLoopBackOff'",
        &["web-1"],
    )
    .await;
}

#[tokio::test]
async fn rejects_ambiguous_keys() {
    let error = error("select labels.app from pods, services").await;
    assert_eq!(error.kind, ErrorKind::UnknownColumn, "{error}");
    assert!(error.message.contains("labels.app"), "{error}");
    check(
        "select distinct p.labels.app, s.labels.app from pods p, services s where p.labels.app is not null",
        &["web|svc", "db|svc"],
    )
    .await;
}

#[tokio::test]
async fn star_includes_most_common_keys() {
    let names = columns_of(&session(), "select * from pods").await;
    for name in ["cluster", "name", "labels", "labels.app", "labels.Team", "annotations.note", "ready.status"] {
        assert!(names.iter().any(|found| found == name), "{name} in {names:?}");
    }
    assert!(!names.iter().any(|name| name == "object"));
    let mut once = names.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), names.len(), "{names:?}");
}

#[tokio::test]
async fn star_includes_at_most_200_keys() {
    let mut world = World::new();
    for pod in 0..3 {
        let labels: serde_json::Map<_, _> =
            (0..300).filter(|key| pod == 0 || key % 3 == 0).map(|key| (format!("k{key:03}"), json!("v"))).collect();
        world = world.with("east", json!({"kind": "Pod", "metadata": {"name": format!("p{pod}"), "labels": labels}}));
    }
    let names = columns_of(&session_of(&world), "select * from pods").await;
    let keys: Vec<&String> = names.iter().filter(|name| name.starts_with("labels.")).collect();
    assert_eq!(keys.len(), 200);
    // Keys of all pods come first.
    assert!((0..300).step_by(3).all(|key| keys.iter().any(|name| **name == format!("labels.k{key:03}"))));
    check_in(&session_of(&world), "select count(\"labels.k299\"), count(\"labels.k000\") from pods", &["1|3"]).await;
}

#[tokio::test]
async fn star_includes_each_column_once() {
    let pod = json!({"kind": "Pod", "metadata": {"name": "p", "labels": {"a": "b"}},
        "status": {"conditions": [{"type": "Labels.A", "status": "True"}, {"type": "Ready", "status": "True"},
            {"type": "ready", "status": "False"}]}});
    let session = session_of(&World::new().with("east", pod));
    columns_of(&session, "select * from pods").await;
    check_in(&session, "select ready.status from pods", &["True"]).await;
}

#[tokio::test]
async fn joins_using_dynamic_columns() {
    check("select count(*) from pods a join pods b using (\"labels.app\")", &["5"]).await;
    check("select count(*) from pods join containers using (cluster, uid) where \"requests.cpu\" > 0.2", &["2"]).await;
}

#[tokio::test]
async fn json_operators_return_json() {
    for (sql, expect) in [
        (r#"select '{"a":{"b":[1,"x"]}}'::json -> 'a'"#, r#"{"b":[1,"x"]}"#),
        (r#"select '{"a":{"b":[1,"x"]}}'::json #> '{a,b}'"#, r#"[1,"x"]"#),
        (r#"select '{"a":{"b":[1,"x"]}}'::json #> '{a,b,1}'"#, r#""x""#),
        (r#"select '{"a":{"b":[1,"x"]}}'::json #>> '{a,b,1}'"#, "x"),
        (r#"select '{"a":{"b":[1,"x"]}}'::json #>> array['a','b','0']"#, "1"),
        (r#"select '{"a":1}'::json #>> '{}'"#, r#"{"a":1}"#),
        (r#"select ('{"a":1}'::json -> 'none') is null"#, "true"),
        ("select object #>> '{metadata,name}' from pods where name = 'web-2'", "web-2"),
        ("select labels #>> '{app}' from pods where name = 'web-2'", "web"),
    ] {
        check(sql, &[expect]).await;
    }
    let computed = "select '{\"web-2\":1}'::json #>> array[name] from pods where name = 'web-2'";
    check(computed, &["1"]).await;
}

/// Tables have only the columns that a statement may reference; none of these statements may miss one.
#[tokio::test]
async fn tables_have_the_columns_that_statements_reference() {
    for (sql, expect) in [
        ("select count(*) from pods p join nodes n on n.name = p.nodename where n.name = 'n1'", "count"),
        ("select count(p.*) from pods p", "count"),
        ("select count(*) from (select 1 from pods) x", "count"),
        ("select name from pods join (select name from pods) q using (name) order by 1 limit 1", "name"),
        ("select name from pods natural join (select name, namespace from pods) q order by 1 limit 1", "name"),
        ("select name from (pods join (select name n from pods) q on n = name) order by 1 limit 1", "name"),
        ("select (select max(n.name) from nodes n where n.name = p.nodename) as name from pods p limit 1", "name"),
        ("select \"name\" from pods group by all having max(creationtimestamp) is not null order by 1 limit 1", "name"),
        ("select name, row_number() over w from pods window w as (order by uid) limit 1", "name"),
    ] {
        let (names, _) = answer(&session(), sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert!(names[0].contains(expect), "{sql}: {names:?}");
    }
}
