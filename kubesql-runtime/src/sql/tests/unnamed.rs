//! Properties of the select list of a result.

use super::session;

#[tokio::test]
async fn finds_unnamed_columns() {
    let session = session();
    let star = session.execute("select * from pods").await.expect("an answer").schema.fields().len();
    for (sql, expect) in [
        ("select count(*) from pods", vec![0]),
        ("select phase, count(*), 1 as one from pods group by phase", vec![1]),
        ("select p.name, p.labels['app'], spec.verbs, 'x' || name from pods p, (select 1 as verbs) spec", vec![3]),
        ("select *, count(*) over () from pods", vec![star]),
        ("select 1, * from pods", vec![0]),
        ("select 1, p.*, 2, q.*, 3 from pods p, pods q", vec![0, star + 1, 2 * star + 2]),
        ("select * from (select count(*) from pods)", vec![0]),
        ("select * from (select count(*), 1 from pods) as t (a, b)", vec![]),
        ("with t as (select phase, count(*) from pods group by 1) select * from t", vec![1]),
        ("select 1 union all select 2 as two", vec![0]),
        ("(select 1)", vec![0]),
        ("values (1, 2)", vec![0, 1]),
        ("select * from pods", vec![]),
        ("select labels.app, \"ready.status\", object from pods where ready.status = 'True'", vec![]),
        ("select name as n, name, name from pods", vec![]),
        ("select n from (select upper(name) as n from pods) x order by 1 limit 1", vec![]),
        ("show tables", vec![]),
        ("explain select 1", vec![]),
    ] {
        let answer = session.execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!(answer.select_list.unnamed, expect, "{sql}");
    }
}

#[tokio::test]
async fn finds_stars_of_outermost_list() {
    let session = session();
    for (sql, expect) in [
        ("select * from pods", true),
        ("select p.* from pods p", true),
        ("select name, * from pods", true),
        ("select name from (select * from pods) x", false),
        ("select count(*) from pods", false),
        ("select 2 * 3", false),
        ("show tables", false),
    ] {
        let answer = session.execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!(answer.select_list.has_star, expect, "{sql}");
    }
}
