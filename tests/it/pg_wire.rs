//! PostgreSQL's protocol with tokio-postgres: transactions, cursors, COPY, PREPARE, introspection.

use futures::TryStreamExt;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, SimpleQueryMessage};

use super::serve::PgServer;

/// The rows of a simple query, columns joined by `|`.
async fn rows(client: &Client, sql: &str) -> Vec<String> {
    let messages = client.simple_query(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    let row = |message: &SimpleQueryMessage| match message {
        SimpleQueryMessage::Row(row) => {
            let values = (0..row.len()).map(|at| row.get(at).unwrap_or("NULL").to_owned());
            Some(values.collect::<Vec<_>>().join("|"))
        }
        _ => None,
    };
    messages.iter().filter_map(row).collect()
}

async fn code(client: &Client, sql: &str) -> SqlState {
    client.simple_query(sql).await.expect_err(sql).code().cloned().unwrap_or_else(|| panic!("{sql}: no code"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tracks_transactions() {
    let served = PgServer::start(&[]);
    let client = served.client().await;
    rows(&client, "begin; set local search_path = apps; set application_name = 'x'").await;
    assert_eq!(rows(&client, "show search_path; show application_name").await, ["apps", "x"]);
    rows(&client, "commit").await;
    assert_eq!(rows(&client, "show search_path; show application_name").await, ["kubesql", "x"]);
    rows(&client, "begin; set search_path = core").await;
    assert_eq!(code(&client, "select nope").await, SqlState::UNDEFINED_COLUMN);
    assert_eq!(code(&client, "select 1").await, SqlState::IN_FAILED_SQL_TRANSACTION);
    assert_eq!(
        client.query("select 1", &[]).await.expect_err("failed").code(),
        Some(&SqlState::IN_FAILED_SQL_TRANSACTION)
    );
    // COMMIT of a failed transaction is a ROLLBACK.
    rows(&client, "commit").await;
    assert_eq!(rows(&client, "show search_path").await, ["kubesql"]);
    rows(&client, "begin; savepoint a; savepoint b").await;
    assert_eq!(code(&client, "rollback to nope").await, SqlState::S_E_INVALID_SPECIFICATION);
    rows(&client, "rollback to a").await;
    assert_eq!(rows(&client, "select 1; release a; rollback and chain; select 2; end").await, ["1", "2"]);
    assert_eq!(code(&client, "savepoint a").await, SqlState::NO_ACTIVE_SQL_TRANSACTION);
    rows(&client, "begin isolation level serializable, read only, deferrable; abort").await;
    rows(&client, "set session characteristics as transaction read only").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cursors_fetch_rows_in_parts() {
    let served = PgServer::start(&[]);
    let client = served.client().await;
    let sql = "declare c cursor for select * from generate_series(1, 10)";
    assert_eq!(code(&client, sql).await, SqlState::NO_ACTIVE_SQL_TRANSACTION);
    rows(&client, &format!("begin; {sql}")).await;
    assert_eq!(rows(&client, "fetch c").await, ["1"]);
    assert_eq!(rows(&client, "fetch 3 from c").await, ["2", "3", "4"]);
    assert_eq!(rows(&client, "move 2 in c; fetch next from c").await, ["7"]);
    assert_eq!(rows(&client, "fetch 0 from c").await, ["7"]);
    let extended = client.query("fetch forward 2 from c", &[]).await.expect("rows");
    assert_eq!(extended.iter().map(|row| row.get::<_, i64>(0)).collect::<Vec<_>>(), [8, 9]);
    assert_eq!(rows(&client, "fetch all from c; fetch all from c").await, ["10"]);
    assert_eq!(code(&client, sql).await, SqlState::DUPLICATE_CURSOR);
    rows(&client, "rollback; begin").await;
    assert_eq!(code(&client, "fetch c").await, SqlState::INVALID_CURSOR_NAME);
    rows(&client, "rollback; begin; declare h cursor with hold for values (1), (2); commit").await;
    assert_eq!(rows(&client, "fetch all h; close h").await, ["1", "2"]);
    assert_eq!(code(&client, "close h").await, SqlState::INVALID_CURSOR_NAME);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_rows_to_stdout() {
    let served = PgServer::start(&[]);
    let client = served.client().await;
    let copied = async |sql: &str| {
        let stream = client.copy_out(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        let parts: Vec<_> = stream.try_collect().await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        parts.concat()
    };
    // The bytes that PostgreSQL 15 writes.
    for (sql, expect) in [
        (
            "COPY (select 'a\tb\\c' as x, null as y, true, array['p q', null], 1.5::float8) TO STDOUT",
            "a\\tb\\\\c\t\\N\tt\t{\"p q\",NULL}\t1.5\n",
        ),
        (
            "COPY (select 'a,b' as x, '' as e, null as y, 'say \"x\"' as q) TO STDOUT WITH (FORMAT csv, HEADER true)",
            "x,e,y,q\n\"a,b\",\"\",,\"say \"\"x\"\"\"\n",
        ),
        (
            "copy (select 1 as a, null as b, 'x;y' as c) to stdout csv delimiter ';' null 'NULL' force quote a",
            "\"1\";NULL;\"x;y\"\n",
        ),
        ("COPY (select 1 where false) TO STDOUT (FORMAT csv)", ""),
    ] {
        assert_eq!(String::from_utf8_lossy(&copied(sql).await), expect, "{sql}");
    }
    let binary = copied("COPY (select 1::int4 as a, 'x' as b, null::int8 as c) TO STDOUT (FORMAT binary)").await;
    let mut expect = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0".to_vec();
    expect.extend(b"\0\x03\0\0\0\x04\0\0\0\x01\0\0\0\x01x\xff\xff\xff\xff\xff\xff");
    assert_eq!(binary, expect);
    let table = copied("COPY nodes (name, uid) TO STDOUT").await;
    assert_eq!(table.iter().filter(|byte| **byte == b'\n').count(), rows(&client, "select 1 from nodes").await.len());
    assert_eq!(code(&client, "copy nodes to '/tmp/nodes'").await, SqlState::INSUFFICIENT_PRIVILEGE);
    assert_eq!(rows(&client, "select 7").await, ["7"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sql_and_protocol_share_prepared_statements() {
    let served = PgServer::start(&[]);
    let client = served.client().await;
    rows(&client, "prepare p (int) as select $1 + 1, $1").await;
    assert_eq!(rows(&client, "execute p (1 + 1)").await, ["3|2"]);
    assert_eq!(code(&client, "execute p").await, SqlState::SYNTAX_ERROR);
    assert_eq!(code(&client, "prepare p as select 1").await, SqlState::DUPLICATE_PSTATEMENT);
    rows(&client, "deallocate all").await;
    assert_eq!(code(&client, "execute p (1)").await, SqlState::INVALID_SQL_STATEMENT_NAME);
    // Empty statements, in both protocols.
    assert_eq!(client.query("", &[]).await.expect("nothing").len(), 0);
    assert_eq!(rows(&client, ";; -- nothing").await.len(), 0);
    // Several open portals of several statements.
    let mut client = client;
    let transaction = client.transaction().await.expect("a transaction");
    let one = transaction.bind("select * from generate_series(1, 5)", &[]).await.expect("a portal");
    let two = transaction.bind("select * from generate_series(11, 13)", &[]).await.expect("a portal");
    for (portal, most, expect) in [(&one, 2, 2), (&two, 2, 2), (&one, 2, 2), (&two, 0, 1), (&one, 0, 1), (&two, 0, 0)] {
        assert_eq!(transaction.query_portal(portal, most).await.expect("rows").len(), expect);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_queries_of_dashboards() {
    let served = PgServer::start(&[]);
    let client = served.client().await;
    for (sql, expect) in [
        // Grafana: version, tables, columns.
        ("SELECT current_setting('server_version_num')::int/100 as version", Some("1500")),
        ("SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'", None),
        (
            "select quote_ident(table_name) as \"table\" from information_schema.tables \
             where quote_ident(table_schema) not in ('information_schema', 'pg_catalog') \
             and table_type = 'BASE TABLE' and table_name = 'pods' and table_schema = 'kubesql' order by 1",
            Some("pods"),
        ),
        (
            "select quote_ident(column_name) as \"column\", data_type as \"type\" from information_schema.columns \
             where quote_ident(table_name) = 'nodes' and column_name = 'name' limit 1",
            Some("name|text"),
        ),
        // DBeaver: session, databases, schemas, tables, types.
        ("SELECT current_schema(),session_user", Some("kubesql|someone")),
        (
            "SELECT n.oid,n.*,d.description FROM pg_catalog.pg_namespace n LEFT OUTER JOIN pg_catalog.pg_description d \
          ON d.objoid=n.oid AND d.objsubid=0 AND d.classoid='pg_namespace'::regclass WHERE nspname = 'pg_catalog'",
            Some("11|11|pg_catalog|10|NULL|NULL"),
        ),
        (
            "SELECT db.datname FROM pg_catalog.pg_database db WHERE datallowconn AND NOT datistemplate OR db.datname = 'x'",
            Some("kubesql"),
        ),
        (
            "SELECT c.relname,d.description,pg_catalog.pg_get_expr(c.relpartbound, c.oid) as partition_expr \
          FROM pg_catalog.pg_class c LEFT OUTER JOIN pg_catalog.pg_description d ON d.objoid=c.oid AND d.objsubid=0 \
          AND d.classoid='pg_class'::regclass WHERE c.relnamespace='core'::regnamespace AND c.relkind not in ('i','I','c') \
          AND c.relname = 'pods'",
            Some("pods|Pod|NULL"),
        ),
        (
            "SELECT t.oid, t.typname, c.relkind, format_type(nullif(t.typbasetype, 0), t.typtypmod) as base_type_name \
          FROM pg_catalog.pg_type t LEFT OUTER JOIN pg_catalog.pg_class c ON c.oid=t.typrelid \
          WHERE t.typname IS NOT NULL AND t.typname = 'jsonb'",
            Some("3802|jsonb|NULL|NULL"),
        ),
        (
            "SELECT c.oid,c.conname FROM pg_catalog.pg_constraint c INNER JOIN pg_catalog.pg_class t ON t.oid=c.conrelid \
          WHERE t.relnamespace = 2200 ORDER BY c.conname",
            None,
        ),
        // Drivers.
        ("select 1::int4 = any(array[1, 2])", Some("t")),
        ("select 3 = any('{1,2}'::int[]), 2 <> all(array[1, 3])", Some("f|t")),
        (
            "select 'pods'::regclass, 'core.pods'::regclass::text, 23::regtype, 'text'::regtype::oid",
            Some("pods|core.pods|integer|25"),
        ),
        ("select to_regclass('nope'), to_regclass('kubesql.pods') is not null", Some("NULL|t")),
        (
            "select pg_typeof(1), pg_typeof('x'::text), pg_typeof(array[1]), pg_typeof(now())",
            Some("bigint|text|bigint[]|timestamp with time zone"),
        ),
        (
            "select current_database(), current_schemas(true), current_user, has_table_privilege('pods', 'SELECT')",
            Some("kubesql|{pg_catalog,kubesql}|someone|t"),
        ),
        (
            "select array(select nspname from pg_namespace where nspname in ('core', 'apps') order by 1)",
            Some("{apps,core}"),
        ),
        ("select (select count(*) from pg_index) + (select count(*) from pg_constraint)", Some("0")),
        (
            "select format_type(1184, -1), format_type(1009, null), format_type(1043, 14)",
            Some("timestamp with time zone|text[]|character varying(10)"),
        ),
        (
            "select a.attname from pg_attribute a join pg_class c on c.oid = a.attrelid where c.relname = 'pods' and attnum = 3 \
          and relnamespace = 'core'::regnamespace",
            Some("name"),
        ),
        ("select nspname from pg_namespace where nspname like 'pg/_%' escape '/'", Some("pg_catalog")),
        ("select split_part(version(), ' ', 1)", Some("PostgreSQL")),
    ] {
        let found = rows(&client, sql).await;
        assert_eq!(found.first().map(String::as_str), expect, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drivers_find_dynamic_columns() {
    let served = PgServer::start(&[]);
    let client = served.client().await;
    let keys = "select count(*) > 0 from pg_namespace n join pg_class c on c.relnamespace = n.oid \
        join pg_attribute a on a.attrelid = c.oid where n.nspname like 'kubesql' and c.relname like 'po_s' \
        and a.attname like 'labels.%'";
    // No query has loaded pods yet, and reading columns does not load them.
    assert_eq!(rows(&client, keys).await, ["f"]);
    assert_eq!(rows(&client, "select count(*) > 0 from pods").await, ["t"]);
    for (sql, expect) in [
        (keys, "t"),
        ("select reltuples > 0 from pg_class where relname = 'pods' and relnamespace = 'kubesql'::regnamespace", "t"),
        ("select reltuples from pg_class where relname = 'leases' and relnamespace = 'kubesql'::regnamespace", "-1"),
        (
            "select count(distinct c.relname), count(distinct a.attrelid) from pg_class c \
             left join pg_attribute a on a.attrelid = c.oid where c.relname in ('pods', 'nodes') \
             and c.relnamespace = 'kubesql'::regnamespace",
            "2|2",
        ),
        // The columns of one table only.
        (
            "select (select count(distinct attrelid) from pg_attribute) > 10 from pg_class c \
             join pg_attribute a on a.attrelid = c.oid where c.relname = 'pods' limit 1",
            "t",
        ),
        (
            "select count(distinct d.objoid) > 10 from pg_description d, pg_class c \
             join pg_attribute a on a.attrelid = c.oid where c.relname = 'pods'",
            "t",
        ),
        (
            "select count(distinct attrelid) > 10 from pg_attribute a \
             left join pg_class c on c.oid = a.attrelid and c.relname = 'pods'",
            "t",
        ),
        // JDBC drivers, which also join pg_class with itself.
        (
            "select count(*) > 0 from pg_class c join pg_attribute a on (a.attrelid = c.oid) \
             left join pg_description dsc on (c.oid = dsc.objoid and a.attnum = dsc.objsubid) \
             left join pg_class dc on (dc.oid = dsc.classoid and dc.relname = 'pg_class') \
             where a.attname like 'labels.%' and c.relname like 'pods'",
            "t",
        ),
        ("select count(*) = count(labels->>'app') + sum(case when labels ? 'app' then 0 else 1 end) from pods", "t"),
        ("select count(*) from pods where coalesce(labels->>'app', '') <> coalesce(labels['app'], '')", "0"),
        (
            "select count(*) from (select labels l from pods group by labels) where l->>'app' is distinct from l['app']",
            "0",
        ),
        ("select count(*) from containers where requests->>'cpu' is null and requests['cpu'] is not null", "0"),
        ("select '\\x00ff'::bytea", "\\x00ff"),
        ("select 'it''s' like 'it!''s' escape ('!'), '''' || 'x'", "t|'x"),
        ("select variance(x) from (values (1.0), (2.0), (3.0)) t(x)", "1"),
    ] {
        assert_eq!(rows(&client, sql).await, [expect], "{sql}");
    }
    let like = "select count(*)::int8 from (values ('a_b'), ('axb'), ('a!b')) t(x) where x like $1 escape ($2)";
    for (pattern, escape, expect) in [("a!_b", "!", 1), ("a\\_b", "\\", 1), ("a!!b", "!", 1), ("a_b", "!", 3)] {
        let found: i64 = client.query_one(like, &[&pattern, &escape]).await.expect("a count").get(0);
        assert_eq!(found, expect, "{pattern} {escape}");
    }
    // A command has no rows to read.
    client.batch_execute("set extra_float_digits = 3").await.expect("it is known");
    let ended = rows(&client, "select state from system.queries where sql like 'set extra%'").await;
    assert_eq!(ended, ["finished"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_prepared_statements() {
    let served = PgServer::start(&[]);
    let client = served.client().await;
    let prepare: Vec<String> = (0..1000).map(|number| format!("prepare s{number} as select {number}")).collect();
    client.batch_execute(&prepare.join("; ")).await.expect("so many may be");
    assert_eq!(code(&client, "prepare more as select 1").await, SqlState::CONFIGURATION_LIMIT_EXCEEDED);
    assert_eq!(rows(&client, "execute s999").await, ["999"]);
    client.batch_execute("deallocate s0; prepare more as select 1").await.expect("there is room");
}
