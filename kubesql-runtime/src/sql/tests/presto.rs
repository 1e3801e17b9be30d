//! Functions of Presto. The values are those of Trino's documentation.

use super::{check_all, error};

#[tokio::test]
async fn functions_return_what_trino_returns() {
    let cases: &[(&str, &[&str])] = &[
        ("select contains(array['Ingress', 'Egress'], 'Ingress')", &["true"]),
        ("select contains(array[1, 2], 3)", &["false"]),
        ("select contains('abc', 'b')", &["true"]),
        ("select if(1 > 2, 'a', 'b')", &["b"]),
        ("select if(1 > 2, 'a')", &["NULL"]),
        ("select if(x = 0, 0, 10 / x) from (values (0), (5)) t(x) order by 1", &["0", "2"]),
        ("select try(cast('abc' as bigint))", &["NULL"]),
        ("select try(1 / x) from (values (0)) t(x)", &["NULL"]),
        ("select coalesce(try(cast('x' as int)), 7)", &["7"]),
        ("select split('a:b:c', ':')", &["[a, b, c]"]),
        ("select cardinality(split('a:b', ':'))", &["2"]),
        ("select count_if(x > 1) from (values (1), (2), (3), (null)) t(x)", &["2"]),
        ("select max_by(n, x) from (values ('a', 1), ('b', 3), ('c', null)) t(n, x)", &["b"]),
        ("select min_by(n, x) from (values ('a', 1), ('b', 3), ('c', null)) t(n, x)", &["a"]),
        ("select max_by(n, x) filter (where x < 3) from (values ('a', 1), ('b', 3)) t(n, x)", &["a"]),
        ("select listagg(x, ',') within group (order by x desc) from (values ('a'), ('b')) t(x)", &["b,a"]),
        ("select approx_percentile(x, 0.5) from (values (1), (2), (3)) t(x)", &["2.0"]),
        ("select approx_distinct(x) from (values (1), (2), (1)) t(x)", &["2"]),
        ("select bool_or(x) from (values (true), (false)) t(x)", &["true"]),
        ("select element_at(map_agg(k, v), 'b') from (values ('a', 1), ('b', 2)) t(k, v)", &["2"]),
        ("select element_at(histogram(x), 'a') from (values ('a'), ('b'), ('a')) t(x)", &["2"]),
        ("select map_keys(histogram(x)) from (values ('a'), ('b'), ('a')) t(x)", &["[a, b]"]),
        ("select map_values(histogram(x)) from (values ('a'), ('b'), ('a')) t(x)", &["[2, 1]"]),
        ("select transform(array[5, 6], x -> x + 1)", &["[6, 7]"]),
        ("select transform(array['a'], x -> upper(x) || '!')", &["[A!]"]),
        ("select filter(array[5, -6, 7], x -> x > 0)", &["[5, 7]"]),
        ("select filter(array['get', 'list'], v -> v like 'g%')", &["[get]"]),
        ("select any_match(array['get', 'list'], v -> v = 'list')", &["true"]),
        ("select all_match(array[1, 2], x -> x > 0)", &["true"]),
        ("select all_match(array[1, -2], x -> x > 0)", &["false"]),
        ("select none_match(array[1, 2], x -> x > 5)", &["true"]),
        ("select regexp_extract('1a 2b 14m', '\\d+')", &["1"]),
        ("select regexp_extract('1a 2b 14m', '(\\d+)([a-z]+)', 2)", &["a"]),
        ("select regexp_extract('abc', '\\d')", &["NULL"]),
        ("select regexp_like('1a 2b 14m', '\\d+b')", &["true"]),
        ("select json_format(json_parse('{\"b\": 1, \"a\": [1, 2]}'))", &[r#"{"a":[1,2],"b":1}"#]),
        ("select json_extract('{\"a\": {\"b\": [1, 2]}}', '$.a.b')", &["[1, 2]"]),
        ("select json_extract('{\"a\": 1}', '$.x')", &["NULL"]),
        ("select json_extract_scalar('{\"a\": \"x\"}', '$.a')", &["x"]),
        ("select json_array_length('[1, 2, 3]')", &["3"]),
        (
            "select format_datetime(timestamp '2001-08-22 03:04:05.321', 'yyyy-MM-dd''T''HH:mm:ss.SSS')",
            &["2001-08-22T03:04:05.321"],
        ),
        (
            "select format_datetime(timestamp '2001-08-22 15:04:05', 'EEE, d MMM yyyy hh:mm a')",
            &["Wed, 22 Aug 2001 03:04 PM"],
        ),
        ("select date_format(timestamp '2001-08-22 03:04:05', '%Y-%m-%d %H:%i')", &["2001-08-22 03:04"]),
        ("select date_add('second', 86, timestamp '2020-03-01 00:00:00') = timestamp '2020-03-01 00:01:26'", &["true"]),
        ("select date_add('month', 1, date '2020-01-31')", &["2020-02-29"]),
        ("select date_add('day', -1, timestamp '2020-03-01 00:00:00') = timestamp '2020-02-29 00:00:00'", &["true"]),
        ("select date_diff('day', date '2020-03-01', date '2020-03-02')", &["1"]),
        ("select from_iso8601_timestamp('2020-05-12T10:00:00+02:00') = '2020-05-12T08:00:00Z'::timestamptz", &["true"]),
        ("select to_unixtime(from_unixtime(1000))", &["1000"]),
        ("select array_join(array['a', 'b'], '-')", &["a-b"]),
        ("select strpos('high', 'g')", &["3"]),
        ("select try_cast('x' as int)", &["NULL"]),
        (
            "select cast(labels as json) from pods where name = 'web-1' and cluster = 'west'",
            &[r#"{"app": "db", "tier": "back"}"#],
        ),
        ("select arbitrary(x) from (values (1)) t(x)", &["1"]),
        (
            "select cardinality(labels), map_keys(labels) from pods where name = 'web-1' and cluster = 'west'",
            &["2|[app, tier]"],
        ),
    ];
    check_all(cases).await;
}

#[tokio::test]
async fn what_is_missing_is_refused() {
    for (sql, code) in [
        ("select reduce(array[1], 0, (s, x) -> s + x, s -> s)", "0A000"),
        ("select transform(array[1], 2)", "0A000"),
        ("select max_by(name, uid, 2) from pods", "0A000"),
        ("select date_add('fortnight', 1, now())", "22023"),
        ("select regexp_extract('a', '(')", "22023"),
        ("select json_parse('{')", "22P02"),
    ] {
        assert_eq!(error(sql).await.sqlstate(), code, "{sql}");
    }
}
