//! Errors of invalid statements.

use super::{answer, error, session_of, world};
use crate::sql::ErrorKind;

#[tokio::test]
async fn rejects_queries_with_wrong_results() {
    for sql in [
        "select 1 intersect all select 1",
        "select * from (select 1 except all select 1 union select 2) x",
        "select name from pods right join nodes using (name)",
        "select 1 where exists (select * from pods full join nodes using (name))",
        "select * from pods natural left join nodes",
    ] {
        let error = error(sql).await;
        assert_eq!(error.kind, ErrorKind::Unsupported, "{sql}: {error}");
        assert!(error.hint.is_some(), "{sql}: {error}");
    }
}

#[tokio::test]
async fn suggests_similar_names() {
    for (sql, kind, message, hint) in [
        ("select * from podss", ErrorKind::UnknownTable, "\"podss\"", "pods"),
        ("select * from apps.deploymnets", ErrorKind::UnknownTable, "\"deploymnets\"", "deployments"),
        ("select * from app.deployments", ErrorKind::UnknownTable, "\"app\"", "apps"),
        ("select nodname from pods", ErrorKind::UnknownColumn, "\"nodname\"", "nodename"),
        ("select p.nodname from pods p", ErrorKind::UnknownColumn, "\"p.nodname\"", "nodename"),
        ("select name from pods where phas = 'Running'", ErrorKind::UnknownColumn, "\"phas\"", "phase"),
        ("select name from pods order by creationtime", ErrorKind::UnknownColumn, "\"creationtime\"", ""),
        ("select \"Name\" from pods", ErrorKind::UnknownColumn, "\"Name\"", "name"),
        ("select label.app from pods", ErrorKind::UnknownColumn, "label", "labels.app"),
        ("select q.name from pods p", ErrorKind::UnknownColumn, "q.name", ""),
        ("select sum(name) from pods", ErrorKind::Invalid, "sum(text)", "sum(bigint)"),
        ("select counnt(*) from pods", ErrorKind::Invalid, "counnt", "count"),
    ] {
        let error = error(sql).await;
        assert_eq!(error.kind, kind, "{sql}: {error}");
        assert!(error.message.contains(message), "{sql}: {error}");
        assert!(error.hint.as_deref().unwrap_or_default().contains(hint), "{sql}: {error} {:?}", error.hint);
    }
}

#[tokio::test]
async fn errors_have_positions() {
    for (sql, code, position) in [
        ("select nodname from pods", "42703", 8),
        ("select name,\n  p.nodname from pods p", "42703", 16),
        ("select name from pods where phas = 'Running'", "42703", 29),
        ("select 'ü', counnt(*) from pods", "42883", 13),
        ("select lower(uppr(name)) from pods", "42883", 14),
        ("select name frm pods where", "42601", 17),
    ] {
        let error = error(sql).await;
        assert_eq!((error.sqlstate(), error.position), (code, Some(position)), "{sql}: {error}");
    }
}

#[tokio::test]
async fn errors_have_sqlstates() {
    for (sql, code, message) in [
        ("select 1 / 0", "22012", "division by zero"),
        ("select 9223372036854775807 + 1", "22003", "bigint out of range"),
        ("select cast('x' as int)", "22P02", ""),
        ("select sum(name) from pods", "42883", "function sum(text) does not exist"),
        ("select year('x')", "42883", "function year(text) does not exist"),
        ("select date_diff('fortnight', now(), now())", "22023", "date_diff: unknown unit \"fortnight\""),
        ("select uid from pods, containers", "42702", "column reference \"uid\" is ambiguous"),
    ] {
        let error = error(sql).await;
        assert_eq!(error.sqlstate(), code, "{sql}: {error}");
        assert!(error.message.starts_with(message), "{sql}: {error}");
    }
}

#[tokio::test]
async fn error_messages_have_one_line() {
    for (sql, kind) in [
        ("select", ErrorKind::Syntax),
        ("select name frm pods where", ErrorKind::Syntax),
        ("", ErrorKind::Syntax),
        ("select 1; select 2", ErrorKind::Syntax),
        ("insert into pods select * from pods", ErrorKind::ReadOnly),
        ("create view v as select 1", ErrorKind::ReadOnly),
        ("with x as (delete from pods returning name) select * from x", ErrorKind::ReadOnly),
        ("select name into x from pods", ErrorKind::ReadOnly),
        ("select name from pods, pods", ErrorKind::Invalid),
        ("select uid from pods, containers", ErrorKind::UnknownColumn),
        ("select sum(name) from pods", ErrorKind::Invalid),
        ("select cast('x' as int)", ErrorKind::Invalid),
        ("select date('tomorrow')", ErrorKind::Invalid),
        ("select selector_matches(labels, 'a in (') from pods", ErrorKind::Invalid),
        ("select 1/0", ErrorKind::Invalid),
        ("select name, count(*) from pods", ErrorKind::Invalid),
    ] {
        let error = error(sql).await;
        assert_eq!(error.kind, kind, "{sql}: {error}");
        assert!(
            !error.message.contains('\n') && !error.message.contains("DataFusion") && !error.message.contains("Utf8"),
            "{sql}: {error}"
        );
    }
}

#[tokio::test]
async fn suggests_tables_of_builtin_schemas() {
    for (table, message, hint) in [
        ("system.querys", "table \"querys\" does not exist", "did you mean queries?"),
        ("information_schema.colums", "table \"colums\" does not exist", "did you mean columns?"),
        ("sistem.queries", "schema \"sistem\" does not exist", "did you mean system?"),
    ] {
        let error = error(&format!("select * from {table}")).await;
        assert_eq!((error.message.as_str(), error.hint.as_deref()), (message, Some(hint)), "{table}");
    }
}

#[tokio::test]
async fn unknown_names_have_positions() {
    for (sql, position) in [
        ("select * from podz", 15),
        ("explain select 1\nfrom pods p join core.podz q on true", 40),
        ("with podz as (select 1) select * from podz, nodez", 45),
        ("select p.nam from pods p", 8),
    ] {
        assert_eq!(error(sql).await.position, Some(position), "{sql}");
    }
}

#[tokio::test]
async fn reports_errors_of_sources() {
    let session = session_of(&world::usual().broken());
    for sql in ["select * from pods", "select count(*) from pods", "describe pods"] {
        let error = answer(&session, sql).await.expect_err(sql);
        assert_eq!(error.kind, ErrorKind::Source, "{sql}: {error}");
        assert!(error.message.contains("connection refused"), "{sql}: {error}");
    }
    answer(&session, "select 1").await.expect("needs no objects");
}

#[tokio::test]
async fn rejects_deep_nesting() {
    let deep = format!("select {}1{}", "(".repeat(2_000), ")".repeat(2_000));
    assert_eq!(error(&deep).await.kind, ErrorKind::Syntax);
    for terms in [3_000, 100_000] {
        let long = format!("select {}", vec!["1"; terms].join(" + "));
        assert_eq!(error(&long).await.kind, ErrorKind::Unsupported);
    }
    super::check(&format!("select {}", vec!["1"; 120].join(" + ")), &["120"]).await;
    super::check(&format!("select 5000 in ({})", vec!["1"; 20_000].join(", ")), &["false"]).await;
}
