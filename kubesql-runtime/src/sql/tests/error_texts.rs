//! Errors speak SQL: no message has a word of DataFusion, Arrow or Rust.

use super::{answer, session};
use crate::sql::{ErrorKind, Session, SqlError};

/// One value of each type.
const VALUES: &[&str] = &[
    "1",
    "1.5",
    "2.5::float8",
    "'x'",
    "name",
    "true",
    "null",
    "creationtimestamp",
    "date '2020-01-01'",
    "interval '1 day'",
    "labels",
    "finalizers",
    "object",
    "array[1, 2]",
    "array['a']",
    "(select 1)",
];

const OPERATORS: &[&str] = &[
    "+",
    "-",
    "*",
    "/",
    "%",
    "^",
    "||",
    "&",
    "|",
    "#",
    "<<",
    ">>",
    "=",
    "<>",
    "<",
    ">=",
    "~",
    "~*",
    "!~",
    "->",
    "->>",
    "#>",
    "#>>",
    "@>",
    "<@",
    "?",
    "?|",
    "&&",
    "and",
    "or",
    "like",
    "not like",
    "ilike",
    "similar to",
    "is distinct from",
    "in",
];

/// Statements with mistakes in their clauses.
const CLAUSES: &[&str] = &[
    "select name from pods group by namespace",
    "select name, count(*) from pods",
    "select * from pods group by namespace",
    "select sum(sum(1)) from pods",
    "select count(*) from pods where count(*) > 1",
    "select namespace from pods having name = 'x'",
    "select name from pods having count(*) > 'x'",
    "select name from pods order by 7",
    "select distinct name from pods order by uid",
    "select name from pods limit 'x'",
    "select name from pods limit -1",
    "select name from pods limit name",
    "select name from pods offset -1",
    "select name from pods where name",
    "select name from pods where 1",
    "select name from pods where labels",
    "select top 5 name from pods",
    "select name from pods where phase = \"Running\"",
    "select name from pods where phase == 'Running'",
    "select name from pods where finalizers = 'x'",
    "select name from pods where name = any('x')",
    "select name from pods where creationtimestamp > '1 hour'",
    "select name from pods where creationtimestamp > now() - '1 fortnight'",
    "select name from pods where creationtimestamp > 'yesterday-ish'",
    "select name from pods where ready = 'x'",
    "select name from pods p join nodes n on p.name",
    "select name from pods join nodes on true",
    "select * from pods join nodes using (nowhere)",
    "select * from pods p, lateral (select q.name from containers c limit 1) x",
    "select name from pods union select name, uid from pods",
    "select name from pods union select labels from pods",
    "select 1 union select creationtimestamp from pods",
    "select name from pods intersect select 1",
    "select (select name from pods)",
    "select (select name, uid from pods limit 1)",
    "select name from pods where uid in (select name, uid from pods)",
    "select name from pods where (name, uid) in (select name from pods)",
    "select name from pods p where uid = (select uid from nodes n where n.name > p.name)",
    "select row_number() from pods",
    "select rank() over (order by nowhere) from pods",
    "select lag(name, 'x') over (order by name) from pods",
    "select sum(1) over (rows between 'x' preceding and current row) from pods",
    "select sum(1) over (range between 1 preceding and current row) from pods",
    "select sum(1) filter (where 1) from pods",
    "select sum(name) over () from pods",
    "select name over () from pods",
    "select ntile(-1) over (order by name) from pods",
    "select nth_value(name, 0) over (order by name) from pods",
    "select percentile_cont(2) within group (order by 1) from pods",
    "select string_agg(name) from pods",
    "select array_agg(distinct labels) from pods",
    "select max(labels) from pods",
    "select min(object) from pods",
    "select labels from pods group by labels",
    "select distinct labels from pods",
    "select name from pods order by labels",
    "select case when 1 then 2 end",
    "select case when true then 1 else 'x' end",
    "select case when true then 1 else creationtimestamp end from pods",
    "select coalesce(1, 'x')",
    "select coalesce(1, creationtimestamp) from pods",
    "select nullif(1, labels) from pods",
    "select greatest(1, 'x')",
    "select cast(name as nowhere) from pods",
    "select cast('x' as integer)",
    "select 'x'::timestamp",
    "select labels::integer from pods",
    "select finalizers::integer from pods",
    "select creationtimestamp::integer from pods",
    "select object::integer from pods",
    "select true::timestamp",
    "select interval '1 fortnight'",
    "select interval 'x'",
    "select date '2020-13-01'",
    "select timestamp '2020-01-01 25:00'",
    "select extract(fortnight from now())",
    "select extract(year from 'x')",
    "select date_trunc('fortnight', now())",
    "select date_part('year', 1)",
    "select now() at time zone 'Nowhere/Land'",
    "select age('x')",
    "select to_timestamp('x')",
    "select to_char(1, 'x', 2)",
    "select substring(name from 'x' for 'y') from pods",
    "select substr(name, 'x') from pods",
    "select position(1 in name) from pods",
    "select overlay(name placing 1 from 2) from pods",
    "select trim(1 from name) from pods",
    "select regexp_replace(name, '(', 'x') from pods",
    "select name ~ '(' from pods",
    "select name similar to '(' from pods",
    "select name like 'x' escape 'xy' from pods",
    "select repeat(name, 'x') from pods",
    "select chr(-1)",
    "select 1 / 0",
    "select 1 % 0",
    "select 9223372036854775807 + 1",
    "select 2147483648::integer",
    "select power(10, 1000)",
    "select sqrt(-1)",
    "select ln(0)",
    "select array[1, 'x']",
    "select array[1, labels] from pods",
    "select (array[1, 2])['x']",
    "select labels[1] from pods",
    "select labels.app.x from pods",
    "select finalizers.x from pods",
    "select name.x from pods",
    "select object.metadata.name from pods",
    "select unnest(name) from pods",
    "select unnest(1)",
    "select * from unnest(1)",
    "select * from generate_series(1)",
    "select * from generate_series('a', 'b')",
    "select generate_series(1, 2, 0)",
    "select * from nowhere(1)",
    "select * from pods(1)",
    "select * from pods tablesample bernoulli (10)",
    "select * from pods as of '2020-01-01'",
    "with recursive r as (select 1 union select 2) select * from r",
    "with recursive r(n) as (select 1 union all select n, 2 from r) select * from r",
    "with r(a, b) as (select 1) select * from r",
    "select * from (values (1), (2, 3)) v",
    "select * from (values (1), ('x')) v(a)",
    "select * from (select 1) x(a, b)",
    "values (1), (labels)",
    "select name from pods for update",
    "select name into x from pods",
    "select * from pods pivot (count(name) for phase in ('a'))",
    "select exists (select nowhere from pods)",
    "select not name from pods",
    "select -name from pods",
    "select -labels from pods",
    "select name is true from pods",
    "select 1 is null is not true",
    "select name between 1 and 2 from pods",
    "select creationtimestamp between 'a' and 'b' from pods",
    "select 1 in ('x')",
    "select 1 in (labels) from pods",
    "select grouping(name) from pods",
    "select name from pods group by rollup(nowhere)",
    "select count(distinct name, uid) from pods",
    "select count(*, 1) from pods",
    "select sum() from pods",
    "select sum(1, 2) from pods",
    "select lower() from pods",
    "select lower(name, name) from pods",
    "select quantity('x y')",
    "select quantity(1)",
    "select selector_matches(name, name) from pods",
    "select selector_matches(labels, 'a in (') from pods",
    "select json_extract(object, '$[') from pods",
    "select date_diff('fortnight', now(), now())",
    "select current_setting('nowhere')",
    "explain select nowhere from pods",
    "describe nowhere",
    "show nowhere",
    "set nowhere = 1",
    "prepare p as select $1 + $2; ",
    "execute nowhere",
    "select $1",
    "select $1 + name from pods",
    "select 'abc",
    "select \"abc",
    "select /* abc",
    "select $$abc",
    "select (1",
    "select 1)",
    "select from where",
    "select , from pods",
    "from",
    "selec 1",
    "select 1 1",
    "select * from",
    "select * from pods where",
    "select * from pods join",
    "select name as from pods",
    "insert into pods values (1)",
    "update pods set name = 'x'",
    "delete from pods",
    "drop table pods",
    "create table x (a int)",
    "copy pods to '/tmp/x'",
];

/// Words of DataFusion, Arrow, sqlparser and Rust.
const FOREIGN: &[&str] = &[
    "Utf8",
    "Int8",
    "Int16",
    "Int32",
    "Int64",
    "Float32",
    "Float64",
    "Boolean",
    "Decimal128",
    "Timestamp(",
    "Duration(",
    "Interval(",
    "Date32",
    "List(",
    "Map(",
    "Struct(",
    "Dictionary(",
    "Union(",
    "Binary",
    "DataType",
    "ScalarValue",
    "Field {",
    "Field(",
    "DFSchema",
    "Schema",
    "TableScan",
    "OuterReferenceColumn",
    "ScalarFunction",
    "BinaryExpr",
    "LogicalPlan",
    "Projection:",
    "Subquery:",
    "Expr",
    "Literal",
    "Column {",
    "Ident",
    "Span",
    "Some(",
    "None,",
    "Ok(",
    "Err(",
    "Arc",
    "UDF",
    "UDAF",
    "DataFusion",
    "datafusion",
    "Arrow",
    "arrow",
    "sqlparser",
    "planning",
    "Optimizer",
    "optimizer",
    "Internal",
    "internal error",
    "bug",
    "panicked",
    "type_coercion",
    "coerc",
    "Coerc",
    "signature",
    "Signature",
    "not yet implemented",
    "not implemented",
    "This feature",
    "Physical",
    "physical",
    "Unsupported",
    "Not Supported",
    "NULL(",
    "Execution",
    "nullable",
    "TypeSignature",
    "Error",
    "bigint(",
    "text(",
    "boolean(",
    "\u{2063}",
    "\u{2060}",
];

/// Words that SQL has too: an error may quote the statement.
fn foreign_words(error: &SqlError, sql: &str) -> Vec<&'static str> {
    let text = format!("{} {}", error.message, error.hint.as_deref().unwrap_or_default());
    FOREIGN.iter().copied().filter(|word| text.contains(word) && !sql.contains(word)).collect()
}

fn statements(functions: &[String]) -> Vec<String> {
    let mut statements: Vec<String> = CLAUSES.iter().map(|&sql| sql.to_owned()).collect();
    for operator in OPERATORS {
        for (at, left) in VALUES.iter().enumerate() {
            // Each type with a quarter of the others.
            for right in VALUES.iter().skip(at % 4).step_by(4) {
                let right = if *operator == "in" { format!("({right})") } else { (*right).to_owned() };
                statements.push(format!("select {left} {operator} {right} from pods"));
            }
        }
    }
    for function in functions {
        statements.push(format!("select {function}() from pods"));
        for value in VALUES.iter().step_by(5) {
            statements.push(format!("select {function}({value}) from pods"));
            statements.push(format!("select {function}({value}, {value}) from pods"));
            statements.push(format!("select {function}('x', {value}, 1, {value}) from pods"));
        }
    }
    for (at, left) in VALUES.iter().enumerate() {
        for of in ["integer", "boolean", "timestamp", "date", "interval", "jsonb", "text[]", "numeric(5, 2)", "uuid"] {
            statements.push(format!("select ({left})::{of} from pods"));
        }
        let right = VALUES[(at + 1) % VALUES.len()];
        statements.push(format!("select case when true then {left} else {right} end from pods"));
        statements.push(format!("select array[{left}, {right}] from pods"));
        statements.push(format!("select {left} from pods union all select {right} from pods"));
        statements.push(format!("select name from pods order by {left} < {right}"));
        statements.push(format!("select {left} between {right} and {left} from pods"));
    }
    statements
}

async fn functions(session: &Session) -> Vec<String> {
    let (_, names) = answer(session, "select distinct name from system.functions order by 1").await.expect("functions");
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_error_shows_words_of_libraries() {
    let session = session();
    let statements = statements(&functions(&session).await);
    let (mut errors, mut foreign) = (0, Vec::new());
    for sql in &statements {
        let Err(error) = answer(&session, sql).await else { continue };
        errors += 1;
        let words = foreign_words(&error, sql);
        if !words.is_empty() || error.kind == ErrorKind::Internal {
            foreign.push(format!("{sql}\n    {error}\n    hint: {:?}\n    {words:?} {:?}", error.hint, error.kind));
        }
    }
    if let Some(path) = std::env::var_os("KUBESQL_ERROR_TEXTS_REPORT") {
        std::fs::write(path, foreign.join("\n")).expect("the report is written");
    }
    assert!(errors > 2000, "only {errors} of {} statements fail", statements.len());
    let first: Vec<&str> = foreign.iter().take(40).map(String::as_str).collect();
    assert!(foreign.is_empty(), "{} of {errors} errors:\n{}", foreign.len(), first.join("\n"));
}
