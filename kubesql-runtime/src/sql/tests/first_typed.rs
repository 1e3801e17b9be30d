//! What people first type: paths of fields, headers of `kubectl get`, short names, and names that do not exist.

use serde_json::{Value, json};

use super::world::{World, usual};
use super::{answer, check, check_in, columns_of, error, session, session_of};

#[tokio::test]
async fn paths_of_fields_are_names() {
    check("select count(*) from pods where status.phase = 'Running' and spec.nodeName = 'n1'", &["3"]).await;
    check("select p.metadata.name from pods p where p.status.phase = 'Pending'", &["web-2"]).await;
    check(
        "select status.phase, count(*) from pods group by status.phase order by status.phase",
        &["Pending|1", "Running|3"],
    )
    .await;
    for app in ["metadata.labels.app", "metadata.labels['app']", "\"metadata.labels.app\"", "p.metadata.labels.app"] {
        check(&format!("select count({app}) from pods p"), &["3"]).await;
    }
    check("select x.labels['app'] from (select metadata.labels as labels from pods where name = 'web-2') x", &["web"])
        .await;
    check("select metadata.name, container.image from containers where name = 'db'", &["web-1|db:1"]).await;
    let names = columns_of(&session(), "select status.phase, spec.nodeName, metadata.labels from pods").await;
    assert_eq!(names, ["status.phase", "spec.nodename", "metadata.labels"]);
}

/// The status has a field of the same path, which must not be read instead.
#[tokio::test]
async fn a_path_is_never_another_field() {
    let limits = |memory: &str| json!({"limits": {"memory": memory}});
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "uid": "u"},
        "spec": {"containers": [{"name": "c", "resources": limits("1Ki")}]},
        "status": {"containerStatuses": [{"name": "c", "resources": limits("2Ki")}]}});
    let session = session_of(&World::new().with("east", pod));
    check_in(
        &session,
        "select \"resources.limits.memory\", limits.memory, spec.containers.resources.limits.memory, \
         status.resources.limits.memory from containers",
        &["1024|1024|1024|2048"],
    )
    .await;
}

#[tokio::test]
async fn headers_of_kubectl_get_are_columns() {
    check(
        "select name, ready, status, restarts, node from pods where cluster = 'east' order by name",
        &["bare|0/0|Running|0|n1", "web-1|1/2|CrashLoopBackOff|102|n1", "web-2|0/1|Pending|0|NULL"],
    )
    .await;
    check(
        "select status, count(*) from pods p group by p.status having status <> 'Running' order by status",
        &["CrashLoopBackOff|1", "Pending|1"],
    )
    .await;
    check("select status from (select name, status from pods) x where x.status = 'Pending'", &["Pending"]).await;
    check("select name as status from pods where namespace = 'default' order by status", &["bare"]).await;
    check("select count(*) from pods where age > interval '1 day' and age < interval '100 years'", &["4"]).await;
    check(
        "select n.status, count(*) from nodes n join pods p on p.node = n.name and p.cluster = n.cluster group by 1",
        &["Ready|3"],
    )
    .await;
    // A field of that name takes precedence.
    check("select ready from containers where name = 'sidecar'", &["false"]).await;
    let stars = columns_of(&session(), "select * from pods").await;
    assert!(
        ["ready", "restarts", "age", "object"].iter().all(|name| !stars.contains(&(*name).to_owned())),
        "{stars:?}"
    );
}

#[tokio::test]
async fn short_names_are_tables() {
    for table in ["po", "pod", "pods", "core.po", "kubesql.pod", "core.pods"] {
        check(&format!("select count(*) from {table}"), &["4"]).await;
    }
    check("select count(*) from networking.k8s.io.ingresses i", &["1"]).await;
    check("select ing.name from networking.k8s.io.ingresses ing, svc", &["shop"]).await;
    check("with po as (select 1 as x) select x from po", &["1"]).await;
    let described = answer(&session(), "describe po").await.unwrap().1;
    assert!(described.iter().any(|row| row.starts_with("nodename|")), "{described:?}");
}

#[tokio::test]
async fn hints_name_the_tables_of_lists() {
    for (sql, hint) in [
        ("select taints from nodes", "table node_taints"),
        ("select spec.taints from nodes", "table node_taints"),
        ("select conditions from nodes", "table node_conditions"),
        ("select name from pods where ownerreferences is null", "table pod_ownerreferences"),
        ("select containers from pods", "table containers"),
        ("select spec.containers from pods", "table containers"),
        ("select containerstatuses from pods", "table containers"),
        ("select env from containers", "table container_env"),
        ("select labels.app.kubernetes.io/name from pods", "\"labels.app.kubernetes.io/name\""),
        ("select p.labels.pod-template-hash from pods p", "\"labels.pod-template-hash\""),
        ("select name from containers where requests.memory > '512Mi'", "quantity('512Mi')"),
    ] {
        let error = error(sql).await;
        assert!(error.hint.as_deref().unwrap_or_default().contains(hint), "{sql}: {error} {:?}", error.hint);
    }
}

async fn warnings(world: &World, sql: &str) -> Vec<String> {
    let session = session_of(world);
    answer(&session, sql).await.unwrap();
    session.take_warnings().into_iter().map(|warning| format!("{}: {}", warning.place, warning.message)).collect()
}

#[tokio::test]
async fn empty_answers_say_what_does_not_exist() {
    for (sql, expect) in [
        (
            "select name from pods where cluster = 'typo'",
            "table pods: cluster \"typo\" does not exist; there is east, west",
        ),
        (
            "select count(*) from nodes where cluster in ('east', 'wets')",
            "table nodes: cluster \"wets\" does not exist; there is west",
        ),
        (
            "select name from pods where namespace = 'shp'",
            "table pods: namespace \"shp\" does not exist; did you mean \"shop\"?",
        ),
        (
            "select count(*) from pods where labels.ap = 'web'",
            "table pods: no object has \"labels.ap\"; did you mean \"labels.app\"?",
        ),
        (
            "select name from pods where redy.status = 'True'",
            "table pods: no object has \"redy.status\"; did you mean \"ready.status\"?",
        ),
    ] {
        assert_eq!(warnings(&usual(), sql).await, [expect], "{sql}");
    }
    for sql in [
        "select name from pods where namespace = 'shop' and name = 'none'",
        "select name from pods where labels.app = 'none'",
        "select labels.nowhere from pods",
        "select name from deployments",
    ] {
        assert_eq!(warnings(&usual(), sql).await, <[String; 0]>::default(), "{sql}");
    }
}

#[tokio::test]
async fn the_other_groups_table_is_named() {
    let event = json!({"apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "e", "namespace": "a"},
        "regarding": {"kind": "Pod", "name": "p"}});
    // The world finds objects by kind alone: both tables have them there.
    let both = World::new().with("east", event);
    check_in(&session_of(&both), "select target from events.k8s.io.events", &["pod/p"]).await;
}

#[tokio::test]
async fn selectors_are_the_first_or_second_argument() {
    check("select count(*) from pods where selector_matches('app=web', labels)", &["2"]).await;
    check("select count(*) from pods where selector_matches(labels, 'app=web')", &["2"]).await;
    assert!(error("select selector_matches('a', 'b')").await.to_string().contains("selector_matches"));
}

fn pod(name: &str, spec: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "uid": name},
        "spec": spec, "status": {"phase": "Running"}})
}

/// The sums are those of the scheduler's rules: see "Resource sharing within containers" in the docs of sidecars.
#[tokio::test]
async fn resources_are_counted_as_the_scheduler_does() {
    let container = |cpu: &str, more: Value| {
        let mut container =
            json!({"name": format!("c{cpu}"), "resources": {"requests": {"cpu": cpu, "memory": "1Ki"}}});
        container.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        container
    };
    let (plain, sidecar) = (json!({}), json!({"restartPolicy": "Always"}));
    let world = World::new()
        .with("east", pod("sum", json!({"containers": [container("1", plain.clone()), container("2", plain.clone())]})))
        .with(
            "east",
            pod(
                "init",
                json!({"initContainers": [container("4", plain.clone())],
            "containers": [container("1", plain.clone()), container("2", plain.clone())], "overhead": {"cpu": "250m"}}),
            ),
        )
        // The init container of 4 runs while the first sidecar does: 4 + 1 is more than 1 + 2 + 1.
        .with(
            "east",
            pod(
                "sidecars",
                json!({"containers": [container("1", plain.clone())], "initContainers": [
            container("1", sidecar.clone()), container("4", plain.clone()), container("2", sidecar)]}),
            ),
        )
        .with("east", pod("limit", json!({"containers": [{"name": "c", "resources": {"limits": {"cpu": "3"}}}]})))
        .with(
            "east",
            pod("whole", json!({"resources": {"requests": {"cpu": "7"}}, "containers": [container("1", plain)]})),
        )
        .with("east", pod("none", json!({"containers": [{"name": "c"}]})));
    let session = session_of(&world);
    check_in(
        &session,
        "select pod, cpu_requests, memory_requests, cpu_limits from pod_resources order by pod",
        &[
            "init|4.25|2048|0.0",
            "limit|3.0|0|3.0",
            "none|0.0|0|0.0",
            "sidecars|5.0|3072|0.0",
            "sum|3.0|2048|0.0",
            "whole|7.0|1024|0.0",
        ],
    )
    .await;
}

/// The columns that are listed are those of the query.
#[tokio::test]
async fn views_have_the_columns_that_are_listed() {
    use crate::sql::rewrite::views::VIEWS;
    use crate::sql::types::{data_type, data_type_name};

    let session = session();
    for view in VIEWS.iter() {
        let answer = session.execute(&format!("select * from {} where false", view.name)).await.unwrap();
        let columns = answer.schema.fields().iter();
        let found: Vec<_> = columns.map(|field| (field.name().as_str(), data_type_name(field.data_type()))).collect();
        let listed = view.columns.iter().map(|(name, values)| (*name, data_type_name(&data_type(*values))));
        let listed: Vec<_> = listed.collect();
        assert_eq!(found, listed, "{}", view.name);
        let described = answer_rows(&session, &format!("describe {}", view.name)).await;
        assert!(described.iter().any(|row| row.contains("from kubesql.")), "{described:?}");
    }
    check("select pods, cpu_requests from node_allocation where node = 'n1' and cluster = 'east'", &["2|0.1"]).await;
    check("with pod_resources as (select 1 as x) select x from pod_resources", &["1"]).await;
}

async fn answer_rows(session: &crate::sql::Session, sql: &str) -> Vec<String> {
    answer(session, sql).await.unwrap().1
}
