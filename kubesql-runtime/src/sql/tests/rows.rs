//! The rows of tables.

use super::{answer, check, session, session_of, world};

#[tokio::test]
async fn returns_live_rows_of_all_clusters() {
    check("select cluster, count(*) from pods group by cluster", &["east|3", "west|1"]).await;
    check("select count(*) from pods", &["4"]).await;
    check("select count(*) from containers", &["4"]).await;
    check("select count(*) from nodes where cluster <> 'east'", &["1"]).await;
    check("select uid from pods where cluster in ('west', 'nowhere')", &["w-1"]).await;
    check("select uid from pods where cluster not in ('west')", &["e-1", "e-2", "e-3"]).await;
    check("select uid from pods where cluster = 'west' or name = 'bare'", &["w-1", "e-3"]).await;
    check("select uid from pods where 'west' = cluster and phase = 'Running'", &["w-1"]).await;
    check("select count(*) from pods where cluster = 'nowhere'", &["0"]).await;
    check("select count(*) from pods where cluster is null", &["0"]).await;
    check("select count(*) from pods where cluster > 'east'", &["1"]).await;
    check("select count(*) from pods where cluster = 'east' and cluster = 'west'", &["0"]).await;
    check("select p.uid from pods p join nodes n on p.cluster = n.cluster and p.nodename = n.name where n.cluster = 'west'", &[
        "w-1",
    ])
    .await;
}

#[tokio::test]
async fn matches_statuses_by_name() {
    check(
        "select name, restartcount, ready, image, status.image, state.waiting.reason, state.running.startedat \
         from containers where cluster = 'east'",
        &[
            "web|0|true|web:1|web@1|NULL|2020-05-13T10:00:06Z",
            "sidecar|3|false|proxy:1|proxy@1|CrashLoopBackOff|NULL",
            "web|NULL|NULL|web:2|NULL|NULL|NULL",
        ],
    )
    .await;
    // No other column requires the names.
    check("select sum(restartcount) from containers", &["3"]).await;
}

#[tokio::test]
async fn rows_of_lists_identify_their_parents() {
    check(
        "select cluster, namespace, pod, uid, index, name from containers",
        &[
            "east|shop|web-1|e-1|0|web",
            "east|shop|web-1|e-1|1|sidecar",
            "east|shop|web-2|e-2|0|web",
            "west|shop|web-1|w-1|0|db",
        ],
    )
    .await;
    check("select pod, container, index, name, value from container_env", &["web-1|web|0|A|1", "web-1|web|1|B|NULL"])
        .await;
    check("select container, name, containerport from container_ports", &["web|http|8080", "sidecar|mesh|15000"]).await;
    check(
        "select ingress, rule_index, index, path from ingress_rule_paths",
        &["shop|0|0|/x", "shop|0|1|/y", "shop|2|0|/z"],
    )
    .await;
    check("select name, targetport from service_ports", &["http|web", "admin|8081"]).await;
    check("select count(*) from deployment_containers", &["0"]).await;
}

#[tokio::test]
async fn comparisons_with_null_are_null() {
    check("select name from pods where labels.tier <> 'front'", &["web-1"]).await;
    check("select uid from pods where labels.tier is null", &["e-2", "e-3"]).await;
    check("select uid from pods where labels.tier is distinct from 'front'", &["e-2", "e-3", "w-1"]).await;
    check("select uid from pods where labels.tier not in ('front')", &["w-1"]).await;
    check("select uid from pods where not (labels.tier = 'front')", &["w-1"]).await;
    check("select uid from pods where labels.tier ~ '^f'", &["e-1"]).await;
    check("select uid from pods where labels.tier !~ '^f'", &["w-1"]).await;
    check("select uid from pods where labels.tier not like 'f%'", &["w-1"]).await;
    check("select uid from pods where nodename <> 'n1'", &[]).await;
    check("select uid from pods where nodename is null", &["e-2"]).await;
    check("select count(*) from pods where ready.status <> 'True'", &["1"]).await;
    check("select coalesce(labels.tier, 'none'), count(*) from pods group by 1", &["front|1", "back|1", "none|2"])
        .await;
    check("select uid from pods where labels.tier = 'front' or labels.tier is null", &["e-1", "e-2", "e-3"]).await;
}

#[tokio::test]
async fn selects_lists_and_objects() {
    check("select args from containers where args is not null", &["[\"-v\",\"--x\"]"]).await;
    check("select args->>0 from containers where args is not null", &["-v"]).await;
    check("select finalizers, finalizers[1] from services", &["NULL|NULL"]).await;
    check("select object->'metadata'->>'name' from pods where object like '%springboot%'", &["web-2"]).await;
    check(
        "select json_extract_scalar(object, '$.metadata.annotations.note') from pods where uid = 'e-1'",
        &["a \"quoted\" text"],
    )
    .await;
    check("select count(object) from pods", &["4"]).await;
}

#[tokio::test]
async fn limits_rows() {
    for (limit, expect) in [(0, 0), (1, 1), (3, 3), (100, 4)] {
        let sql = format!("select name, labels from pods limit {limit}");
        let (_, rows) = answer(&session(), &sql).await.expect(&sql);
        assert_eq!(rows.len(), expect, "{sql}");
        let sql = format!("select count(*) from (select uid from containers limit {limit}) c");
        let (_, rows) = answer(&session(), &sql).await.expect(&sql);
        assert_eq!(rows, [expect.to_string()], "{sql}");
    }
}

#[tokio::test]
async fn results_do_not_depend_on_segments() {
    for objects in [1, 2, 3, 100] {
        let world = world::usual().segments_of(objects);
        let session = session_of(&world);
        for (sql, expect) in [
            ("select count(*), count(labels.app), sum(terminationgraceperiodseconds) from pods", "4|3|30"),
            ("select count(*), sum(requests.cpu), sum(restartcount), count(args) from containers", "4|0.85|3|1"),
        ] {
            super::check_in(&session, sql, &[expect]).await;
        }
    }
}

#[tokio::test]
async fn statement_reads_one_snapshot() {
    let world = world::usual();
    let session = session_of(&world);
    answer(&session, "select count(*) from pods p, nodes n, (select uid from containers) c where p.nodename = n.name")
        .await
        .expect("an answer");
    assert_eq!(world.snapshots(), 1);
    answer(&session, "explain select * from pods").await.expect("a plan");
    assert_eq!(world.snapshots(), 1, "EXPLAIN reads nothing");
}

#[tokio::test]
async fn reports_warnings_once() {
    let session = session_of(&world::usual().warning("strange"));
    answer(&session, "select count(*) from pods").await.expect("an answer");
    answer(&session, "select * from pods").await.expect("an answer");
    assert_eq!(session.take_warnings().len(), 1);
    assert_eq!(session.take_warnings().len(), 0);
}
