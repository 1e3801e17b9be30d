//! Clauses that the parser accepts and that are not supported. None may be passed over.

use super::error;

#[tokio::test]
async fn rejects_unsupported_clauses() {
    for (sql, code, message) in [
        ("select name from pods tablesample bernoulli (10)", "0A000", "TABLESAMPLE"),
        ("select name from (select name from pods) p tablesample system (10)", "0A000", "TABLESAMPLE"),
        ("select name from pods for update", "25006", "SELECT FOR UPDATE"),
        ("select name from pods for share", "25006", "SELECT FOR SHARE"),
        ("select name into x from pods", "25006", "SELECT INTO"),
        ("select name from pods qualify row_number() over (order by name) = 1", "0A000", "QUALIFY"),
        ("select name from pods as p(a int)", "0A000", "type of a column"),
        ("select name from pods union by name select name from nodes", "0A000", "BY NAME"),
        ("select * from json_each('{}') with ordinality", "0A000", "WITH ORDINALITY"),
        (
            "select sum(generation) over (w order by name) from pods window w as (partition by namespace)",
            "0A000",
            "window",
        ),
        ("select name from pods join nodes", "42601", "JOIN requires ON or USING"),
        ("select name from (pods right join nodes using (name))", "0A000", "RIGHT JOIN"),
        ("select x'1f'", "0A000", "bit string"),
        ("select b'101'", "0A000", "bit string"),
        ("select N'x'", "0A000", "N'...'"),
        ("select name collate \"de_DE\" from pods", "0A000", "collation \"de_de\""),
        ("select name is normalized from pods", "0A000", "IS NORMALIZED"),
        ("select interval '1' year to month", "0A000", "interval of several fields"),
        ("select array_agg(name limit 1) from pods", "0A000", "LIMIT in a function"),
        (
            "select lower(distinct name) from pods",
            "42809",
            "DISTINCT specified, but lower is not an aggregate function",
        ),
        ("select lower(name order by name) from pods", "42809", "ORDER BY specified"),
        ("select lower(name) filter (where true) from pods", "42809", "FILTER specified"),
        ("select lower(name) within group (order by name) from pods", "42809", "WITHIN GROUP specified"),
        ("select lower(name) over () from pods", "42809", "OVER specified, but lower is not a window function"),
        ("select (1, 2) = (1, 2, 3)", "42601", "unequal number of entries"),
    ] {
        let error = error(sql).await;
        assert_eq!(error.sqlstate(), code, "{sql}: {error}");
        assert!(error.message.contains(message), "{sql}: {error}");
    }
}

#[tokio::test]
async fn accepts_collations_by_bytes() {
    super::check("select 'a' collate \"C\" < 'B' collate pg_catalog.\"default\"", &["false"]).await;
}
