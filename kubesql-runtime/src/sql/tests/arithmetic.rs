//! Arithmetic of numbers and times. An overflow is an error.

use arrow::datatypes::DataType;

use super::{check, error, session};
use crate::sql::ErrorKind;

/// The largest bigint.
const MAX: &str = "9223372036854775807";

#[tokio::test]
async fn formats_times_with_postgresql_and_presto_patterns() {
    let time = "timestamp '2026-03-05 07:08:09.012345'";
    for (call, expect) in [
        (format!("to_char({time}, 'YYYY-MM-DD HH24:MI:SS.MS')"), "2026-03-05 07:08:09.012"),
        (format!("to_char({time}, 'yyyy-mm-dd\"T\"hh24:mi:ss\"Z\"')"), "2026-03-05T07:08:09Z"),
        (format!("to_char({time}, 'Dy, FMDD FMMonth YYYY')"), "Thu, 5 March 2026"),
        (format!("to_char({time}, '%d.%m.%Y')"), "05.03.2026"),
        (format!("to_char({time}, p) from (values ('YYYY'), (null)) t(p) where p is not null"), "2026"),
        ("to_char(date '2026-03-05', 'DDD')".to_owned(), "064"),
        (format!("date_format({time}, '%Y-%m-%d %H:%i:%s')"), "2026-03-05 07:08:09"),
        (format!("date_format({time}, '%W %e %M, 100%%')"), "Thursday 5 March, 100%"),
        (format!("date_format(null, '%Y') is null and to_char({time}, null) is null"), "true"),
    ] {
        check(&format!("select {call}"), &[expect]).await;
    }
    for call in ["to_char(now(), 'YYYY Quark')", "date_format(now(), '%q')"] {
        assert_eq!(error(&format!("select {call}")).await.kind, ErrorKind::Invalid, "{call}");
    }
}

#[tokio::test]
async fn casts_to_integers_round() {
    for (sql, expect) in [
        ("cast(2.5 as int)", "3"),
        ("cast(-2.5 as bigint)", "-3"),
        ("2.7::int", "3"),
        ("cast(2.4 as int)", "2"),
        ("cast(0.49999999999999994 as int)", "0"),
        ("cast(sum(x) as int) from (values (1.25), (1.5)) t(x)", "3"),
        ("cast(x as int) from (values (1.6), (null)) t(x) where cast(x as int) = 2", "2"),
        ("try_cast(2.6 as int)", "3"),
        ("cast('7' as int)", "7"),
        ("cast(cast('12.5' as decimal(10, 2)) as int)", "13"),
        ("arrow_typeof(cast(2.5 as int))", "Int32"),
        ("true is distinct from true and false", "false"),
    ] {
        check(&format!("select {sql}"), &[expect]).await;
    }
    check("select x from (values (0.6), (1.4), (3.0)) t(x) where cast(x as int) = 1 order by x", &["0.6", "1.4"]).await;
}

#[tokio::test]
async fn reports_overflow() {
    for (expression, message) in [
        ("sum(MAX + 0)", "sum out of range for bigint"),
        ("sum(x)", "sum out of range for bigint"),
        ("sum(x) filter (where x > 0)", "sum out of range for bigint"),
        ("sum(distinct x - n)", "sum out of range for bigint"),
        ("sum(distinct x - n) + count(distinct n)", "sum out of range for bigint"),
        ("sum(x) over (order by n)", "sum out of range for bigint"),
        ("sum(x) over (order by n rows between 1 preceding and current row)", "sum out of range for bigint"),
        (
            "sum(distinct x - n) over (order by n rows between 1 preceding and current row)",
            "sum out of range for bigint",
        ),
        ("x + 9", "bigint out of range"),
        ("-x - 9", "bigint out of range"),
        ("x * x", "bigint out of range"),
        ("x * n", "bigint out of range"),
        ("-(n - n - MAX - 1)", "bigint out of range"),
        ("abs(n - n - MAX - 1)", "overflow"),
        ("max(x) + 9", "bigint out of range"),
        ("cast(x as int)", ""),
        ("cast(1e19 as bigint)", ""),
        ("cast(2147483647 as int) + cast(n as int)", "integer out of range"),
    ] {
        let expression = expression.replace("MAX", MAX);
        for filter in ["", " where n > 0"] {
            let from = format!("(values (0, {MAX} - 4), (4, {MAX} - 5), (5, {MAX} - 6)) as t(n, x)");
            let sql = format!("select {expression} from {from}{filter}");
            let error = error(&sql).await;
            assert_eq!(error.kind, ErrorKind::Invalid, "{sql}: {error}");
            assert!(error.message.contains(message), "{sql}: {error}");
        }
    }
    let error = error(&format!("select namespace, sum({MAX} + 0) from pods group by namespace")).await;
    assert!(error.message.starts_with("sum out of range for bigint"), "{error}");
}

#[tokio::test]
async fn sums_are_exact() {
    // The totals fit, intermediate sums may not.
    let from =
        format!("from (values ('a', {MAX}), ('a', 1), ('a', -2), ('b', null), ('b', -5), ('c', null)) as t(k, x)");
    for (sql, rows) in [
        ("select sum(x) from (select x FROM where k = 'a')", &["9223372036854775806"][..]),
        (
            "select sum(distinct x), sum(x), count(x) from (select x FROM where k = 'a')",
            &["9223372036854775806|9223372036854775806|3"],
        ),
        ("select k, sum(x) FROM group by k", &["a|9223372036854775806", "b|-5", "c|NULL"]),
        ("select k, sum(x) filter (where x < 0) FROM group by k", &["a|-2", "b|-5", "c|NULL"]),
        ("select k, sum(distinct x), count(*) FROM group by k", &["a|9223372036854775806|3", "b|-5|2", "c|NULL|1"]),
        (
            "select x, sum(x) over (order by x desc rows between 1 preceding and current row) FROM where x < 2",
            &["1|1", "-2|-1", "-5|-7"],
        ),
        (
            "select sum(distinct x) over (order by x rows between 1 preceding and current row) FROM where x < 2",
            &["-5", "-7", "-1"],
        ),
        ("select sum(x) from (select 1::bigint as x where false)", &["NULL"]),
        ("select sum(x), arrow_typeof(sum(x)) from (values (1), (2)) as t(x)", &["3|Int64"]),
        ("select arrow_typeof(sum(restartcount)), sum(restartcount) from containers", &["Int64|3"]),
        ("select sum(x) from (values (0.5), (0.25)) as t(x)", &["0.75"]),
        ("select avg(x) from (values (1), (2)) as t(x)", &["1.5"]),
        ("select -9223372036854775807 - 1", &["-9223372036854775808"]),
        ("select 1 + 2 * 3 - -4, 7 / 2, -7 % 4, 2 - null", &["11|3|-3|NULL"]),
        ("select sum(n) from (select 1 as n from pods order by 1 limit 1 + 1)", &["2"]),
        (
            "with recursive t as (select 1 as n union all select n * 2 from t where n < 100) select max(n) from t",
            &["128"],
        ),
    ] {
        check(&sql.replace("FROM", &from), rows).await;
    }
}

#[tokio::test]
async fn sums_of_intervals_exceed_64_bits_of_nanoseconds() {
    // The sum exceeds 64 bits of nanoseconds.
    let from = "from (values (1), (2)) as t(k), (select timestamp '2020-01-01' - timestamp '1820-01-01' as age)";
    check(&format!("select avg(age) = min(age) {from}"), &["true"]).await;
    check(&format!("select k, avg(age) = min(age) {from} group by k"), &["1|true", "2|true"]).await;
    let error = error(&format!("select sum(age) {from}")).await;
    assert!(error.message.starts_with("sum out of range for interval"), "{error}");
    // 64 bits hold 292 years of nanoseconds.
    let from = "from (select interval '2000000 hours' as age from generate_series(1, 3))";
    let hours = "250000 days";
    check(&format!("select sum(age) {from}"), &[hours]).await;
    check(
        &format!("select k, sum(age) {from}, (values (1), (2)) as t(k) group by k"),
        &[&format!("1|{hours}"), &format!("2|{hours}")],
    )
    .await;
    check("select sum(age) from (select age(null) as age from pods)", &["NULL"]).await;
}

#[tokio::test]
async fn compares_intervals_by_length() {
    for (sql, expect) in [
        ("select interval '30 hours' > interval '1 day'", "true"),
        ("select interval '1 day' < interval '30 hours'", "true"),
        ("select interval '1 day' = interval '24 hours'", "true"),
        ("select interval '1 month' > interval '29 days'", "true"),
        ("select now() - (now() - interval '30 hours') > interval '1 day'", "true"),
        ("select now() - (now() - interval '20 hours') > interval '1 day'", "false"),
        ("select age(now() - interval '30 hours') > interval '1 day'", "true"),
        ("select age(now() - interval '20 hours') > interval '1 day'", "false"),
        ("select age(now() - interval '30 hours') > interval '36 hours'", "false"),
        ("select age(now() - interval '30 hours') between interval '29 hours' and interval '31 hours'", "true"),
        ("select age(now() - interval '30 hours') > '1 day'", "true"),
        ("select age(timestamp '2020-05-12T10:00:00', timestamp '2020-05-10T09:00:00')", "2 days 1 hours"),
        ("select age(null) > interval '1 day'", "NULL"),
    ] {
        check(sql, &[expect]).await;
    }
}

/// Expected values are those of Python's `math.fsum`.
#[tokio::test]
async fn sums_of_floats_are_exact() {
    let values = "(values (0.1::float8, 1), (0.2::float8, 2), (0.3::float8, 1), (null::float8, 3)) t(x, g)";
    check(&format!("select sum(x), avg(x) from {values}"), &["0.6|0.2"]).await;
    check(&format!("select g, sum(x), avg(x) from {values} group by g"), &["1|0.4|0.2", "2|0.2|0.2", "3|NULL|NULL"])
        .await;
    check(&format!("select sum(x) filter (where g = 1) from {values}"), &["0.4"]).await;
    check("select sum(x), avg(x) from (values (1e308::float8), (1e308::float8)) t(x)", &["inf|inf"]).await;
    check("select sum(x) from (values (1e16::float8), (1::float8), (-1e16::float8)) t(x)", &["1.0"]).await;
    check(
        "select sum(value * 0.1::float8), avg(value * 0.1::float8) from generate_series(1, 100000)",
        &["500005000.0|5000.05"],
    )
    .await;
    let groups = "select value % 50000 as g, sum(value * 0.1::float8) as s from generate_series(1, 200000) group by 1";
    check(&format!("select s from ({groups}) where g = 7"), &["30002.800000000003"]).await;
}

#[tokio::test]
async fn floats_with_numeric_literals_stay_floats() {
    let cpu = "(select requests.cpu from containers where requests.cpu is not null)";
    for expression in ["coalesce(cpu, 0.0)", "case when true then cpu else 0.0 end", "cpu + 0.5", "greatest(0.1, cpu)"]
    {
        let session = session();
        let answer = session.execute(&format!("select {expression} as x from {cpu} t(cpu)")).await.expect(expression);
        assert_eq!(*answer.schema.field(0).data_type(), DataType::Float64, "{expression}");
    }
    check("select x from (values ('1e300'::float8)) t(x) where x > 0.5 and x not in (0.5) and x between 0.5 and '1e301'::float8", &[
        "1e300",
    ])
    .await;
    check("select floor(-0.5), ceil(0.2), ceil(9.5)", &["-1.0|1.0|10.0"]).await;
    check("select '1e300'::float8 as x union all select 0.5 order by 1", &["0.5", "1e300"]).await;
}
