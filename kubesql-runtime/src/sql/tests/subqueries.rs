//! Keys of maps of subqueries, and other subqueries.

use super::{answer, check, columns_of, error, session};
use crate::sql::ErrorKind;

#[tokio::test]
async fn resolves_keys_through_subqueries() {
    for sql in [
        "select labels.app from (select labels, name from pods) x where name = 'web-2'",
        "select x.labels.app from (select name, labels from pods) as x where x.name = 'web-2'",
        "select l.app from (select name, labels as l from pods) as x where x.name = 'web-2'",
        "select x.l['app'] from (select name, p.labels as l from pods p) as x where x.name = 'web-2'",
        "with p as (select name, labels from pods) select p.labels.app from p where name = 'web-2'",
        "with p as (select name, labels from pods), q as (select labels, name from p) select q.labels.app from q where name = 'web-2'",
        "with p as (select * from pods), q as (select labels, name from p) select q.labels.app from q where name = 'web-2'",
        "with p as (select labels, name from pods), q as (select * from p) select q.labels.app from q where name = 'web-2'",
        "select labels.app from (select labels from pods where name = 'web-2' union all select labels from nodes) x where labels.app is not null",
        "select labels.app from (select labels from pods where name = 'web-2' union all select selector as s from services where false) x",
        "select labels.app from ((select labels from pods where name = 'web-2')) x",
        "select app from (select labels.app from (select labels, name from pods) x where name = 'web-2') as y(app)",
        "select 'web' from (select name, labels from pods) x where x.labels.appid = 'springboot'",
        "select p.app from services s join lateral (select q.labels.app as app from (select labels, name from pods) q where q.name = 'web-2') p on true",
        "select max(labels.app) from (select labels from pods where name = 'web-2') x group by labels.tier",
        "select x.labels.app from (select labels, name, uid from pods) x join pods p using (uid) where p.name = 'web-2'",
        "select 'web' from (select labels, name from pods) x where name = 'web-2' and exists (select 1 from pods where pods.name = x.name and x.labels.appid = 'springboot')",
        "select labels.app from (select labels from pods where name = 'web-2' order by name limit 1) x",
    ] {
        check(sql, &["web"]).await;
    }
    // The added columns are hidden.
    let names =
        columns_of(&session(), "select * from (select name, labels from pods) x where labels.app = 'web'").await;
    assert_eq!(names, ["name", "labels"]);
    let names = columns_of(&session(), "with x as (select name, labels from pods), y as (select * from x) select * from y where y.labels.app = 'web' or y.labels.tier = 'x'").await;
    assert_eq!(names, ["name", "labels"]);
}

#[tokio::test]
async fn quantities_of_subqueries_are_numbers() {
    for column in ["requests['cpu']", "requests.cpu", "x.requests.cpu", "x.\"requests.cpu\"", "x.requests['cpu']"] {
        for from in [
            "(select name, requests from containers) x",
            "(select * from containers) x",
            "(select name, requests from (select * from containers) y) x",
        ] {
            check(
                &format!("select {column}, arrow_typeof({column}) from {from} where name = 'web' and {column} < 0.2"),
                &["0.1|Float64"],
            )
            .await;
        }
    }
    for sql in [
        "select x.r['cpu'] from (select name, requests from containers) as x(n, r)",
        "select requests['cpu'] from (select requests from containers group by requests) x",
    ] {
        match answer(&session(), sql).await {
            Err(error) => {
                assert!(matches!(error.kind, ErrorKind::Unsupported | ErrorKind::UnknownColumn), "{sql}: {error}")
            }
            Ok((_, rows)) => assert!(rows.contains(&"0.1".to_owned()), "{sql}: {rows:?}"),
        }
    }
    let error = error("select labels.app from (select name from pods) x").await;
    assert_eq!(error.kind, ErrorKind::UnknownColumn, "{error}");
}

#[tokio::test]
async fn resolves_keys_of_recursive_queries() {
    for sql in [
        "with recursive x as (select name, labels from pods) select labels.app from x where name = 'web-2'",
        "with recursive n as (select 1 as i union all select i + 1 from n where i < 3), x as (select name, labels from pods) select x.labels['app'] from x, n where name = 'web-2' and i = 3",
        "with recursive x as (select name, labels.app as app, 1 as i from pods union all select name, app, i + 1 from x where i < 3) select app from x where name = 'web-2' and i = 3",
    ] {
        check(sql, &["web"]).await;
    }
    let sql = "with recursive x as (select name, labels, 1 as i from pods union all select name, labels, i + 1 from x where i < 3) select labels.app from x where name = 'web-2'";
    check(sql, &["web", "web", "web"]).await;
}

#[tokio::test]
async fn resolves_conditions_of_outer_query() {
    // Pods could have a condition called `n.ready` as well.
    check(
        "select n.name, (select count(*) from pods p where p.\"ready.status\" = n.ready.status) from nodes n where n.ready.status = 'True' and n.cluster = 'east'",
        &["n1|1"],
    )
    .await;
    check(
        "select count(*) from nodes n where exists (select 1 from pods p where p.ready.status = n.\"ready.status\")",
        &["3"],
    )
    .await;
}

#[tokio::test]
async fn selects_exists() {
    for (sql, rows) in [
        ("select exists (select 1 from pods where name = 'web-2')", ["true"].as_slice()),
        ("select exists (select * from pods where name = 'nobody'), 1", &["false|1"]),
        ("select not exists (select name from pods where name = 'nobody' order by 1)", &["true"]),
        // An aggregate without groups always returns one row.
        ("select exists (select count(*) from pods where name = 'nobody')", &["true"]),
        ("select exists (select stddev(generation) from pods where name = 'nobody')", &["true"]),
        ("select exists (select name from pods limit 0)", &["false"]),
        ("select exists (select name from pods group by name having count(*) > 1000)", &["false"]),
        ("select case when exists (select 1 from pods) then 'some' else 'none' end", &["some"]),
        (
            "select distinct exists (select 1 from containers c where c.uid = p.uid) from pods p where name = 'web-2'",
            &["true"],
        ),
        (
            "select count(*) from (select exists (select 1 from nodes n where n.name = p.name) e from pods p) where e",
            &["0"],
        ),
        (
            "select name from pods p where name = 'web-2' and exists (select 1 from containers c where c.uid = p.uid)",
            &["web-2"],
        ),
    ] {
        check(sql, rows).await;
    }
    assert_eq!(columns_of(&session(), "select exists (select 1 from pods), 2 as two").await, ["exists", "two"]);
}

#[tokio::test]
async fn fetch_first_is_limit() {
    for (sql, rows) in [
        ("select n from (values (1), (2), (3)) t(n) order by n fetch first 2 rows only", ["1", "2"].as_slice()),
        ("select n from (values (1), (2), (3)) t(n) order by n fetch next row only", &["1"]),
        ("select n from (values (1), (2), (3)) t(n) order by n offset 1 row fetch first 1 row only", &["2"]),
        ("select count(*) from (select n from (values (1), (2)) t(n) fetch first 1 rows only)", &["1"]),
    ] {
        check(sql, rows).await;
    }
    for sql in [
        "select n from (values (1)) t(n) order by n fetch first 1 rows with ties",
        "select n from (values (1)) t(n) fetch first 10 percent rows only",
    ] {
        assert_eq!(error(sql).await.kind, ErrorKind::Unsupported, "{sql}");
    }
    let both = "select n from (values (1)) t(n) limit 1 fetch first 1 rows only";
    assert_eq!(error(both).await.kind, ErrorKind::Syntax);
}

#[tokio::test]
async fn same_keys_of_two_relations_do_not_conflict() {
    for sql in [
        "select max(t.labels.app), max(u.labels.app) from (select distinct labels from pods) t \
         join (select distinct labels from pods) u on true",
        "select t.m.app, u.m.app from (select labels m from pods where name = 'web-2') t \
         join (select labels m from pods where name = 'web-2') u on true group by 1, 2",
    ] {
        let found = answer(&session(), sql).await.expect(sql);
        assert_eq!(found.1.len(), 1, "{sql}: {found:?}");
    }
}

/// The optimizer evaluates the condition on a column of NULLs, whose type is not a map.
#[tokio::test]
async fn evaluates_keys_of_set_operations() {
    for operation in ["except", "intersect"] {
        let sql = format!(
            "select 1 from (select distinct s.labels from (select labels from pods {operation} \
             select labels from nodes) s) t where t.labels.app = 'no such app'"
        );
        check(&sql, &[]).await;
    }
}
