//! The columns of `*` do not depend on other references of the statement.

use serde_json::json;

use super::world::World;
use super::{answer, check, columns_of, session, session_of};

/// 300 keys, of which `labels.k299` is not among the most common.
fn many_keys() -> World {
    let labels: serde_json::Map<_, _> = (0..300).map(|key| (format!("k{key:03}"), json!("v"))).collect();
    World::new()
        .with("east", json!({"kind": "Pod", "metadata": {"name": "a", "uid": "a", "namespace": "n", "labels": labels}}))
        .with("east", json!({"kind": "Pod", "metadata": {"name": "b", "uid": "b", "namespace": "n"}}))
}

#[tokio::test]
async fn left_join_using_keeps_left_columns() {
    for sql in [
        "select name from (select * from pods left join nodes using (name)) x where name = 'bare'",
        "select name from (select name, phase from pods) a left join (select name from nodes) b using (name) where phase = 'Running' and name = 'bare'",
        "select name from (select * from (select name from pods) z left join (select name from nodes) b using (name)) x where name = 'bare'",
    ] {
        check(sql, &["bare"]).await;
    }
    check(
        "select name, b.phase from pods a join (select cluster, name as node from nodes) n using (cluster) left join pods b using (name, cluster) where name = 'bare' and n.node = 'n1' and exists (select 1 from nodes where name = 'n2') and cluster is not null",
        &["bare|Running"],
    )
    .await;
    let names =
        columns_of(&session(), "select * from (select 1 as a, 2 as z) z left join (select 1 as a, 3 as b) b using (a)")
            .await;
    assert_eq!(names, ["a", "z", "b"]);
}

#[tokio::test]
async fn star_excludes_columns_referenced_elsewhere() {
    let session = session_of(&many_keys());
    let star = columns_of(&session, "select * from pods").await;
    for sql in [
        "select * from pods where object like '%k299%'",
        "select * from pods where labels.k299 = 'v' and labels.nowhere is null",
        "select * from pods where name = 'a' order by labels.k299, object",
        "select p.* from pods p where p.labels.k299 = 'v' and p.object is not null",
        "select pods.* from pods where object like '%k299%'",
        "select * from (select * from pods) x where labels.k299 = 'v' and x.object is not null",
        "with x as (select * from pods), y as (select * from x) select * from y where y.labels.k299 = 'v'",
        "select * from (select * from pods where labels.k299 = 'v') x where exists (select 1 from pods p where p.uid = x.uid and p.object is not null and x.labels.k298 is not null)",
        "select p.* from pods p join pods q on p.uid = q.uid and p.labels.k299 = q.labels.k299",
        "select * from (select * from pods union all select * from pods) x where labels.k299 = 'v' limit 1",
    ] {
        let (columns, rows) = answer(&session, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!(columns, star, "{sql}");
        assert_eq!(rows.len(), 1, "{sql}");
    }
    // Columns of the select list are returned.
    let mut more = star.clone();
    more.extend(["object".to_owned(), "labels.k299".to_owned()]);
    assert_eq!(columns_of(&session, "select *, object, labels.k299 from pods").await, more);
    more = star.clone();
    more.push("labels.k000".to_owned());
    assert_eq!(columns_of(&session, "select *, labels.k000 from pods").await, more);
    let twice = [star.clone(), star.clone()].concat();
    let sql = "select * from pods p join pods q on p.uid = q.uid where p.labels.k299 = 'v' and q.object is not null";
    assert_eq!(columns_of(&session, sql).await, twice);
    let sql = "select * from pods p join pods q using (uid) where p.labels.k299 = 'v' and q.object is not null";
    let once: Vec<_> = star.iter().filter(|name| *name != "uid").cloned().collect();
    assert_eq!(columns_of(&session, sql).await, [star.clone(), once].concat());
}

#[tokio::test]
async fn star_keeps_order_of_common_keys() {
    let star = columns_of(&session(), "select * from pods").await;
    for sql in [
        "select * from pods where labels.app = 'web'",
        "select * from (select * from pods) x where x.labels.app = 'web' and ready.status is not null",
    ] {
        assert_eq!(columns_of(&session(), sql).await, star, "{sql}");
    }
    check("select count(*) from (select * from pods) x where x.labels.nowhere is null and object like '%web%'", &["3"])
        .await;
}
