//! Subqueries and other parts of queries. The expected rows are those of PostgreSQL 15.

use super::{answer, error, session};
use crate::sql::ErrorKind;

/// Tables with NULL, duplicates, and no rows.
const TABLES: &str = "with t(a, b, g) as (values (1, 10, 'x'), (2, null, 'x'), (null, 30, 'y'), (3, 10, 'y'), \
    (1, 20, 'z')), s(x, y) as (values (1, 10), (null, 20), (4, null), (1, 20)), n(x, y) as (values (1, 10), (3, 7), \
    (1, 30)), e(x, y) as (select * from n where false) ";

/// Compares the rows of a statement, in any order.
async fn check(sql: &str, expect: &[&str]) {
    let found = answer(&session(), sql).await;
    let (_, mut rows) = found.unwrap_or_else(|error| panic!("{sql}: {error} ({:?})", error.hint));
    let mut expect = expect.to_vec();
    rows.sort();
    expect.sort_unstable();
    assert_eq!(rows, expect, "{sql}");
}

#[tokio::test]
async fn in_and_not_in_depend_on_null() {
    for (sql, rows) in [
        ("select a, b from t where a = 3 or a not in (select x from s)", &["3|10"] as &[&str]),
        ("select a, b from t where a = 3 or a not in (select x from n)", &["2|NULL", "3|10"]),
        (
            "select a, b from t where a = 3 or a not in (select x from e)",
            &["1|10", "1|20", "2|NULL", "3|10", "NULL|30"],
        ),
        ("select a, b from t where a not in (select x from s)", &[]),
        ("select a, b from t where a not in (select x from n)", &["2|NULL"]),
        ("select a, b from t where a not in (select x from e)", &["1|10", "1|20", "2|NULL", "3|10", "NULL|30"]),
        (
            "select a, b, a in (select x from s), a not in (select x from n), a in (select x from e) from t",
            &[
                "1|10|true|false|false",
                "1|20|true|false|false",
                "2|NULL|NULL|true|false",
                "3|10|NULL|false|false",
                "NULL|30|NULL|NULL|false",
            ],
        ),
        ("select a, b from t where (a in (select x from s)) is null", &["2|NULL", "3|10", "NULL|30"]),
        ("select a, b from t where not (a in (select x from n) or b = 10)", &[]),
        ("select a, b from t where a in (select x from s) = (b = 10)", &["1|10"]),
        ("select a + 1 from t where a + 1 not in (select x from s where x is not null)", &["2", "2", "3"]),
        ("select a, b from t where a not in (select x from s where s.y = t.b)", &["2|NULL", "3|10", "NULL|30"]),
        ("select a, b from t where a in (select x from s where s.y = t.b) or b = 30", &["1|10", "1|20", "NULL|30"]),
        (
            "select a, b, a not in (select x from s where s.y = t.b) from t",
            &["1|10|false", "1|20|false", "2|NULL|true", "3|10|true", "NULL|30|true"],
        ),
        (
            "select case when a in (select x from s) then 'in' else 'out' end, count(*) from t group by 1",
            &["in|2", "out|3"],
        ),
        ("select 1 from t where null not in (select x from n)", &[]),
    ] {
        check(&format!("{TABLES}{sql}"), rows).await;
    }
}

#[tokio::test]
async fn compares_with_any_and_all() {
    for (sql, rows) in [
        ("select a from t where a = any (select x from s)", &["1", "1"] as &[&str]),
        (
            "select a, a = any (select x from s), a <> all (select x from s), a < any (select x from s) from t",
            &["1|true|false|true", "1|true|false|true", "2|NULL|NULL|true", "3|NULL|NULL|true", "NULL|NULL|NULL|NULL"],
        ),
        (
            "select a, a > all (select x from s), a >= all (select x from e), a < any (select x from e) from t",
            &[
                "1|false|true|false",
                "1|false|true|false",
                "2|false|true|false",
                "3|false|true|false",
                "NULL|NULL|true|false",
            ],
        ),
        ("select a, b from t where b > all (select y from n where n.x = t.a)", &["2|NULL", "3|10", "NULL|30"]),
        (
            "select a, a = any (array[1, null]), a <> all (array[1, null]), a = all (array[1, 1]) from t",
            &[
                "1|true|false|true",
                "1|true|false|true",
                "2|NULL|NULL|false",
                "3|NULL|NULL|false",
                "NULL|NULL|NULL|NULL",
            ],
        ),
    ] {
        check(&format!("{TABLES}{sql}"), rows).await;
    }
}

#[tokio::test]
async fn evaluates_scalar_subqueries() {
    for (sql, rows) in [
        (
            "select a, b, (select max(y) from s where s.x = t.a) from t",
            &["1|10|20", "1|20|20", "2|NULL|NULL", "3|10|NULL", "NULL|30|NULL"] as &[&str],
        ),
        (
            "select a, b, (select count(*) from s where s.x = t.a) from t",
            &["1|10|2", "1|20|2", "2|NULL|0", "3|10|0", "NULL|30|0"],
        ),
        (
            "select a, b, (select count(y) + 1 from s where s.x = t.a and s.y > 10) from t",
            &["1|10|2", "1|20|2", "2|NULL|1", "3|10|1", "NULL|30|1"],
        ),
        (
            "select a, b, (select y from n where n.x = t.a and n.y > 10) from t",
            &["1|10|30", "1|20|30", "2|NULL|NULL", "3|10|NULL", "NULL|30|NULL"],
        ),
        (
            "select a, b, (select y from n where n.x = t.a order by y desc limit 1 offset 1) from t",
            &["1|10|10", "2|NULL|NULL", "NULL|30|NULL", "3|10|NULL", "1|20|10"],
        ),
        ("select a from t where b = (select y from n where n.x = 3 and t.a = n.x)", &[]),
        (
            "select a, (select sum(y) from n where n.x = t.a or t.b = 30) from t",
            &["1|40", "1|40", "2|NULL", "3|7", "NULL|47"],
        ),
        (
            "select g, count(*) from t group by g having count(*) > (select count(*) from n where n.y > 10)",
            &["x|2", "y|2"],
        ),
        ("select a from t order by (select max(y) from n where n.x = t.a), b", &["3", "1", "1", "NULL", "2"]),
        ("select a from t where (select count(*) from n where n.x = t.a) = 0", &["2", "NULL"]),
        ("select a from t where (select 1 where false) is null", &["1", "1", "2", "3", "NULL"]),
        (
            "select a, (select string_agg(g, ',' order by g) from t t2 where t2.a = t.a) from t",
            &["1|x,z", "2|x", "NULL|NULL", "3|y", "1|x,z"],
        ),
        (
            "select a, (select array_agg(y order by y) from n where n.x = t.a) is null from t",
            &["1|false", "2|true", "NULL|true", "3|false", "1|false"],
        ),
        (
            "select a in (select x from s), a in (select x from n) from t",
            &["NULL|NULL", "NULL|false", "NULL|true", "true|true", "true|true"],
        ),
    ] {
        check(&format!("{TABLES}{sql}"), rows).await;
    }
}

#[tokio::test]
async fn references_several_levels() {
    for (sql, rows) in [
        (
            "select a from t where exists (select 1 from n where n.x = t.a and exists (select 1 from s where s.x = n.x and s.y = t.b))",
            &["1", "1"] as &[&str],
        ),
        (
            "select a, (select count(*) from n where n.x = t.a and n.y > (select coalesce(min(s.y), 0) from s where s.x = t.a)) from t",
            &["1|1", "1|1", "2|0", "3|1", "NULL|0"],
        ),
        (
            "select * from (select a, b from t) q where exists (select * from (select x from n where n.x = q.a) i)",
            &["1|10", "1|20", "3|10"],
        ),
        (
            "select g, (select count(*) from (select distinct x from n where n.x >= t.a) d) from t",
            &["x|1", "x|2", "y|0", "y|1", "z|2"],
        ),
        (
            "select (select count(*) from (select 1 from n where n.x = t.a limit 1) q) from t",
            &["0", "0", "1", "1", "1"],
        ),
    ] {
        check(&format!("{TABLES}{sql}"), rows).await;
    }
}

#[tokio::test]
async fn evaluates_exists() {
    for (sql, rows) in [
        (
            "select a, exists (select 1 from n where n.x = t.a), not exists (select 1 from n where n.x = t.a) from t",
            &["1|true|false", "1|true|false", "2|false|true", "3|true|false", "NULL|false|true"] as &[&str],
        ),
        ("select a from t where exists (select 1 from n where n.x = t.a limit 1)", &["1", "1", "3"]),
        (
            "select a from t where exists (select n.x from n where n.x = t.a group by n.x having count(*) > 1)",
            &["1", "1"],
        ),
        (
            "select a from t where not exists (select n.x from n where n.x = t.a union select s.x from s where s.x = t.a)",
            &["2", "NULL"],
        ),
    ] {
        check(&format!("{TABLES}{sql}"), rows).await;
    }
}

#[tokio::test]
async fn evaluates_lateral() {
    for (sql, rows) in [
        (
            "select t.a, l.y from t cross join lateral (select y from n where n.x = t.a order by y limit 1) l",
            &["1|10", "3|7", "1|10"] as &[&str],
        ),
        (
            "select t.a, l.y from t, lateral (select y from n where n.x = t.a order by y desc limit 1) l",
            &["1|30", "3|7", "1|30"],
        ),
        (
            "select t.a, l.y from t left join lateral (select y from n where n.x = t.a order by y desc limit 1) l on true",
            &["1|30", "2|NULL", "NULL|NULL", "3|7", "1|30"],
        ),
        (
            "select t.a, l.y from t left join lateral (select y from n where n.x = t.a) l on l.y > 7",
            &["1|10", "1|10", "1|30", "1|30", "2|NULL", "3|NULL", "NULL|NULL"],
        ),
        (
            "select t.a, l.c from t cross join lateral (select count(*) c from n where n.x = t.a) l",
            &["1|2", "1|2", "2|0", "3|1", "NULL|0"],
        ),
        (
            "select a, l.z from t cross join lateral (select x as z from n where n.x = t.a union all select y from s where s.x = t.a) l",
            &["1|1", "1|1", "1|1", "1|1", "1|10", "1|10", "1|20", "1|20", "3|3"],
        ),
        (
            "select a, l.z from t cross join lateral (select distinct n.x as z from n where n.x = t.a) l",
            &["1|1", "1|1", "3|3"],
        ),
        (
            "select a, l.z from t cross join lateral (values (t.a), (t.b)) l(z)",
            &["1|1", "1|1", "1|10", "1|20", "2|2", "2|NULL", "3|10", "3|3", "NULL|30", "NULL|NULL"],
        ),
        (
            "select a, l.y, l.r from t cross join lateral (select y, row_number() over (order by y) r from n where n.x = t.a) l",
            &["1|10|1", "1|30|2", "3|7|1", "1|10|1", "1|30|2"],
        ),
        (
            "select a, l.y from t cross join lateral (select distinct on (x) x, y from n where n.x = t.a order by x, y desc) l",
            &["1|30", "3|7", "1|30"],
        ),
        (
            "select a, m.x from t cross join lateral (select y from n where n.x = t.a order by y limit 1) l cross join lateral (select x from s where s.y > l.y order by s.y limit 1) m",
            &["1|NULL", "3|1", "1|NULL"],
        ),
    ] {
        check(&format!("{TABLES}{sql}"), rows).await;
    }
}

#[tokio::test]
async fn evaluates_subqueries_in_conditions_of_joins() {
    for (sql, rows) in [
        (
            "select a, b, n.y from t left join n on n.x = t.a and n.y in (select y from s)",
            &["1|10|10", "1|20|10", "2|NULL|NULL", "3|10|NULL", "NULL|30|NULL"] as &[&str],
        ),
        (
            "select a, b, n.y from t left join n on n.x = t.a and t.b not in (select y from s where y is not null)",
            &["1|10|NULL", "1|20|NULL", "2|NULL|NULL", "3|10|NULL", "NULL|30|NULL"],
        ),
        (
            "select a, b, n.y from t join n on n.x = t.a and n.y not in (select y from s where s.x = t.a)",
            &["1|10|30", "1|20|30", "3|10|7"],
        ),
    ] {
        check(&format!("{TABLES}{sql}"), rows).await;
    }
}

#[tokio::test]
async fn null_safe_keys_do_not_change_other_keys() {
    for (sql, rows) in [
        ("select count(*) from t t1 join t t2 on t1.a is not distinct from t2.a where t1.b = t2.b", &["4"] as &[&str]),
        ("select count(*) from t t1, t t2 where t1.a = t2.a and t1.b is not distinct from t2.b", &["4"]),
    ] {
        check(&format!("{TABLES}{sql}"), rows).await;
    }
}

#[tokio::test]
async fn compares_rows() {
    for (sql, rows) in [
        ("select a from t where (a, b) in (select x, y from s)", &["1", "1"] as &[&str]),
        ("select a from t where (a, b) not in (select x, y from s)", &["3"]),
        ("select a, (a, b) in (select x, y from s) from t", &["1|true", "1|true", "2|NULL", "3|false", "NULL|NULL"]),
        ("select a from t where (a, b) = (1, 10)", &["1"]),
        (
            "select a, (a, b) in ((1, 10), (2, 5)), (a, b) not in ((1, 10), (2, 5)) from t",
            &["1|false|true", "1|true|false", "2|NULL|NULL", "3|false|true", "NULL|false|true"],
        ),
        (
            "select a, (a, b) < (2, 15), (a, b) >= (2, 15), (a, b) <> (1, 10) from t",
            &[
                "1|true|false|false",
                "1|true|false|true",
                "2|NULL|NULL|true",
                "3|false|true|true",
                "NULL|NULL|NULL|true",
            ],
        ),
        (
            "select a, (a, b) is distinct from (1, 10), (a, b) is not distinct from (2, null) from t",
            &["1|false|false", "1|true|false", "2|true|true", "3|true|false", "NULL|true|false"],
        ),
    ] {
        check(&format!("{TABLES}{sql}"), rows).await;
    }
}

#[tokio::test]
async fn unnests_arrays_as_joins() {
    for (sql, rows) in [
        (
            "select t.x, u.v from (values (1, array['a','b']), (2, array[]::text[]), (3, null)) t(x, l) cross join unnest(t.l) as u(v)",
            &["1|a", "1|b"] as &[&str],
        ),
        (
            "select t.x, v from (values (1, array['a','b']), (2, array[]::text[]), (3, null)) t(x, l), unnest(t.l) v",
            &["1|a", "1|b"],
        ),
        (
            "select t.x, v from (values (1, array['a','b']), (2, array[]::text[]), (3, null)) t(x, l) left join lateral unnest(t.l) v on true",
            &["1|a", "1|b", "2|NULL", "3|NULL"],
        ),
        (
            "select t.x, v, n from (values (1, array['a','b']), (2, array[]::text[]), (3, null)) t(x, l) left join lateral unnest(t.l) with ordinality u(v, n) on true",
            &["1|a|1", "1|b|2", "2|NULL|NULL", "3|NULL|NULL"],
        ),
        ("select * from unnest(array[10, 20]) with ordinality", &["10|1", "20|2"]),
        ("select unnest, ordinality from unnest(array[10, 20]) with ordinality", &["10|1", "20|2"]),
        ("select * from unnest(array[10, 20], array['a', 'b', 'c']) as t(a, b)", &["10|a", "20|b", "NULL|c"]),
        ("select x, g from (values (1), (3)) t(x), generate_series(1, x) g", &["1|1", "3|1", "3|2", "3|3"]),
        ("select g from generate_series(10, 1, -4) g", &["10", "2", "6"]),
        ("select * from generate_series(5, 7) with ordinality as g(a, b)", &["5|1", "6|2", "7|3"]),
        ("select x, generate_series(1, x) from (values (1), (3)) t(x)", &["1|1", "3|1", "3|2", "3|3"]),
        ("select x, unnest(array[x, x + 1]) from (values (1), (5)) t(x)", &["1|1", "1|2", "5|5", "5|6"]),
    ] {
        check(sql, rows).await;
    }
}

#[tokio::test]
async fn array_subqueries_keep_their_clauses() {
    for (sql, rows) in [
        ("select array_length(array(select x from (values (3), (1), (2)) t(x) limit 2), 1)", &["2"]),
        ("select array_length(array(select distinct x from (values (3), (1), (1)) t(x)), 1)", &["2"]),
        ("select array_length(array(select x from (values (3), (1), (1)) t(x) group by x), 1)", &["2"]),
        (
            "select array_to_string(array(select x from (values (3), (1), (2)) t(x) order by x desc limit 2), ',')",
            &["3,2"],
        ),
        (
            "select array_to_string(array(select distinct x from (values (3), (1), (1)) t(x) order by x desc), ',')",
            &["3,1"],
        ),
        ("select array_to_string(array(select 1 union all select 2 order by 1 desc), ',')", &["2,1"]),
        ("select array_to_string(array(select unnest(array[1, 10])), ',')", &["1,10"]),
        ("select array_to_string(array(select max(x) from (values (3), (1)) t(x)), ',')", &["3"]),
    ] {
        check(sql, rows).await;
    }
}

#[tokio::test]
async fn evaluates_other_clauses() {
    for (sql, rows) in [
        ("table n order by y limit 1", &["3|7"] as &[&str]),
        ("select distinct on (a) a, b from t order by a, b desc nulls last", &["1|20", "2|NULL", "3|10", "NULL|30"]),
        (
            "select g, a, count(*) from t group by grouping sets ((g), (a), ())",
            &["NULL|1|2", "NULL|2|1", "NULL|3|1", "NULL|NULL|1", "NULL|NULL|5", "x|NULL|2", "y|NULL|2", "z|NULL|1"],
        ),
        (
            "select g, a, sum(b), grouping(g), grouping(a) from t group by rollup (g, a)",
            &[
                "NULL|NULL|70|1|1",
                "x|1|10|0|0",
                "x|2|NULL|0|0",
                "x|NULL|10|0|1",
                "y|3|10|0|0",
                "y|NULL|30|0|0",
                "y|NULL|40|0|1",
                "z|1|20|0|0",
                "z|NULL|20|0|1",
            ],
        ),
        (
            "select g, a, grouping(g, a) from t group by cube (g, a)",
            &[
                "NULL|1|2",
                "NULL|2|2",
                "NULL|3|2",
                "NULL|NULL|2",
                "NULL|NULL|3",
                "x|1|0",
                "x|2|0",
                "x|NULL|1",
                "y|3|0",
                "y|NULL|0",
                "y|NULL|1",
                "z|1|0",
                "z|NULL|1",
            ],
        ),
        ("select count(*) filter (where b > 10), sum(b) filter (where a = 1) from t", &["2|30"]),
        (
            "select a, b, sum(b) over (order by b nulls first rows between 1 preceding and current row) from t",
            &["2|NULL|NULL", "1|10|10", "3|10|20", "1|20|30", "NULL|30|50"],
        ),
        (
            "select a, b, sum(b) over (order by b range between 10 preceding and current row) from t where b is not null",
            &["1|10|20", "3|10|20", "1|20|40", "NULL|30|50"],
        ),
        (
            "select a, b, count(*) over (order by b groups between 1 preceding and current row) from t where b is not null",
            &["1|10|2", "3|10|2", "1|20|3", "NULL|30|2"],
        ),
        (
            "select a, b, first_value(b) over w, rank() over w from t where b is not null window w as (order by b desc, a)",
            &["NULL|30|30|1", "1|20|30|2", "1|10|30|3", "3|10|30|4"],
        ),
        ("select a from t limit null", &["1", "1", "2", "3", "NULL"]),
        ("values (1, 2), (3, 4) order by 1 desc limit 1", &["3|4"]),
    ] {
        check(&format!("{TABLES}{sql}"), rows).await;
    }
}

#[tokio::test]
async fn scalar_subqueries_return_at_most_one_row() {
    for sql in [
        "select a, (select y from n where n.x = t.a) from t",
        "select a, (select y from n where n.x = 1) from t",
        "select a from t where b = (select x from n)",
        "select (select x from n)",
    ] {
        let error = error(&format!("{TABLES}{sql}")).await;
        assert_eq!(error.sqlstate(), "21000", "{sql}: {error}");
    }
    // The rows of the outer query are filtered before.
    for sql in ["select (select y from n where n.x = t.a) from t where a = 3", "select (select x from n) from e"] {
        answer(&session(), &format!("{TABLES}{sql}")).await.expect(sql);
    }
}

#[tokio::test]
async fn rejects_subqueries_that_it_cannot_evaluate() {
    for sql in [
        "select a, (select count(*) from n where n.x = r) from (select a, random() as r from t) q",
        "select a, (select count(*) from (select x from n where x = t.a group by rollup (x)) q) from t",
        "select a from t left join n on n.x = t.a and n.y in (select y from s where s.x = t.a)",
        "select a from t where (a, b) = (select x, y from n)",
    ] {
        let error = error(&format!("{TABLES}{sql}")).await;
        assert_eq!((error.kind, error.hint.is_some()), (ErrorKind::Unsupported, true), "{sql}: {error}");
        assert!(!error.message.contains("OuterReferenceColumn"), "{sql}: {error}");
    }
}

#[tokio::test]
async fn decorrelates_subqueries_over_objects() {
    for (sql, rows) in [
        (
            "select p.cluster, p.name, x.image from pods p cross join lateral \
             (select image from containers c where c.uid = p.uid order by index desc limit 1) x",
            ["east|web-1|proxy:1", "east|web-2|web:2", "west|web-1|db:1"].as_slice(),
        ),
        (
            "select cluster, name, (select c.image from containers c where c.uid = p.uid and c.index = 0) from pods p",
            &["east|bare|NULL", "east|web-1|web:1", "east|web-2|web:2", "west|web-1|db:1"],
        ),
        (
            "select p.name, (select count(*) from pods q where q.labels.app = p.labels.app) from pods p \
             where p.cluster = 'east'",
            &["bare|0", "web-1|2", "web-2|2"],
        ),
        ("select name from pods where name = 'bare' or nodename not in (select name from nodes)", &["bare"]),
        (
            "select name from pods where (namespace, name) in (select namespace, name from pods where nodename is null)",
            &["web-2"],
        ),
    ] {
        check(sql, rows).await;
    }
}

/// A hidden column of both tables is not one of the columns that `*` shows.
#[tokio::test]
async fn natural_joins_ignore_hidden_columns() {
    let (_, rows) = answer(
        &session(),
        "select count(*) from pods p natural join nodes n where p.labels.app is null and n.labels.app is null",
    )
    .await
    .expect("an answer");
    let (_, plain) = answer(&session(), "select count(*) from pods p natural join nodes n").await.expect("an answer");
    assert_eq!(rows, plain);
}
