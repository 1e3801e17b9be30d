//! Columns of the same name.

use super::{answer, check, error, session};
use crate::sql::ErrorKind;

#[tokio::test]
async fn allows_duplicate_column_names() {
    for (sql, names, rows) in [
        ("select name, name from pods where name = 'bare'", "name,name", &["bare|bare"][..]),
        ("select name as a, phase as a from pods where name = 'bare'", "a,a", &["bare|Running"]),
        (
            "select labels.app, \"labels.app\", labels['app'] from pods where name = 'web-2'",
            "labels.app,labels.app,labels.app",
            &["web|web|web"],
        ),
        (
            "select name, p.name, pods from (select 1 as pods) x, pods p where name = 'bare'",
            "name,name,pods",
            &["bare|bare|1"],
        ),
        (
            "select n.name, p.name from nodes n join pods p on n.cluster = p.cluster and n.name = p.nodename where p.name = 'bare'",
            "name,name",
            &["n1|bare"],
        ),
        (
            "select count(*), count(*), max(name), max(name) from pods",
            "count(*),count(*),max(pods.name),max(pods.name)",
            &["4|4|web-2|web-2"],
        ),
        ("select 1 as a, 2 as a, 3 as a", "a,a,a", &["1|2|3"]),
        (
            "select name, name::text, cast(name as varchar) from pods where name = 'bare'",
            "name,name,name",
            &["bare|bare|bare"],
        ),
        ("select a, a::int, (a), a + 1, a::int + 1 from (select 2 as a) x", "a,a,a,a + 1,a + 1", &["2|2|2|3|3"]),
        ("select count(*) from (select name, name::text from pods) x", "count(*)", &["4"]),
        ("select 1, 1", "1,1", &["1|1"]),
        ("select 'a' as \"1\", 1, 1", "1,1,1", &["a|1|1"]),
        ("select 1, 1, 'a' as \"1\" order by 1", "1,1,1", &["1|1|a"]),
        ("select 'x', -1, 1 + 2, lower('A'), count(1)", "'x',-1,1 + 2,lower('A'),count(1)", &["x|-1|3|a|1"]),
        ("select 'A' union all select 'b' order by 1", "'A'", &["A", "b"]),
        (
            "select distinct name || '-x' from nodes group by name || '-x' order by name || '-x' desc",
            "name || '-x'",
            &["n2-x", "n1-x"],
        ),
        (
            "select name like '%1', count(1) from nodes group by name like '%1' having count(1) > 1 order by count(1)",
            "name LIKE '%1',count(1)",
            &["true|2"],
        ),
        ("select * from (select 1, 'x') as t", "1,'x'", &["1|x"]),
        ("select (select max(1))", "(SELECT max(1))", &["1"]),
        (
            "select name, name from pods where cluster = 'west' union all select name, name from nodes where cluster = 'west'",
            "name,name",
            &["web-1|web-1", "n1|n1"],
        ),
        (
            "select namespace, namespace, count(*) from pods group by namespace order by namespace",
            "namespace,namespace,count(*)",
            &["default|default|1", "shop|shop|3"],
        ),
        (
            "select namespace, namespace, count(*) from pods group by 1, 2 order by 2 desc",
            "namespace,namespace,count(*)",
            &["shop|shop|3", "default|default|1"],
        ),
        ("select distinct phase as p, phase as p from pods order by p", "p,p", &["Pending|Pending", "Running|Running"]),
        (
            "select * from (select n.name, p.name from nodes n, pods p where p.name = 'bare' and n.name = 'n2') x",
            "name,name",
            &["n2|bare"],
        ),
        ("select count(*) from (select n.name, p.name from nodes n, pods p) x", "count(*)", &["12"]),
        ("select * from (select name, name from pods where name = 'bare') x", "name,name", &["bare|bare"]),
        ("select *, 2 as a, a from (select 1 as a) x order by x.a", "a,a,a", &["1|2|1"]),
    ] {
        let (columns, mut found) = answer(&session(), sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!(columns.join(","), names, "{sql}");
        found.sort();
        let mut rows = rows.to_vec();
        rows.sort_unstable();
        assert_eq!(found, rows, "{sql}");
    }
}

#[tokio::test]
async fn allows_duplicate_columns_that_are_not_referenced() {
    for (sql, rows) in [
        ("select count(*) from (select * from pods p, nodes n) x", &["12"][..]),
        ("select nodename from (select * from pods p, nodes n) x where nodename = 'n1' limit 1", &["n1"]),
        ("select name from (select * from pods left join nodes using (name)) x where name = 'bare'", &["bare"]),
        ("select name from (select p.*, n.name as other from pods p, nodes n) x where name = 'bare'", &["bare"; 3]),
        (
            "select lower(phase) as name from (select p.*, n.name from pods p, nodes n) x where phase = 'Pending' order by name limit 1",
            &["pending"],
        ),
        (
            "select name from pods where name in (select q.name from (select p.* from pods p, nodes n) q) and name = 'bare'",
            &["bare"],
        ),
    ] {
        check(sql, rows).await;
    }
}

#[tokio::test]
async fn allows_column_next_to_star() {
    for sql in [
        "select *, labels.app from pods",
        "select labels.app, * from pods",
        "select p.*, name from pods p",
        "select *, 1 as name from pods",
    ] {
        let (columns, rows) = answer(&session(), sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let twice = if sql.contains("name") { "name" } else { "labels.app" };
        assert_eq!(columns.iter().filter(|column| *column == twice).count(), 2, "{sql}: {columns:?}");
        assert_eq!(rows.len(), 4, "{sql}");
    }
    check("select name, age from (select *, 7 as age from pods) x where name = 'bare' order by age", &["bare|7"]).await;
    check("select *, a + 1 as b from (select 1 as a) x order by b", &["1|2"]).await;
}

#[tokio::test]
async fn rejects_ambiguous_references() {
    for sql in [
        "select 1 as a, 2 as a order by a",
        "select a from (select 1 as a, 2 as a) x",
        "with x as (select name, name from pods) select name from x where name = 'bare'",
        "with x as (select n.name, p.name from nodes n, pods p) select name from x",
        "select x.name from (select * from pods p, nodes n) x",
        "select name from (select p.*, n.* from pods p, nodes n) x",
        "with x as (select * from pods p, nodes n) select count(*) from x group by x.name",
        "select x.cluster from (select * from pods join nodes using (name)) x",
        "select name from (select * from pods p, nodes n union all select * from pods p, nodes n) x",
        "select y.name from (select * from (select * from pods p, nodes n) x) y",
        "select x.\"labels.app\" from (select * from pods p, nodes n) x",
        "select labels.app from (select p.labels, n.labels from pods p, nodes n) x",
        "select x.name from pods join (select * from pods p, nodes n) x using (name)",
        "select name from (select * from nodes, system.clusters) x",
        "select lower(uid) as name from (select p.*, n.name from pods p, nodes n) x where name = 'n1'",
    ] {
        let error = error(sql).await;
        assert_eq!(error.kind, ErrorKind::Invalid, "{sql}: {error}");
        assert!(error.message.ends_with("specified more than once"), "{sql}: {error}");
    }
    let error = error("select 1 from (select *, 2 as name from nodes) x where name = 'n1'").await;
    assert_eq!(error.code, Some("42702"), "{error}");
}
