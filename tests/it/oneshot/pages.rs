//! Pages of lists: rows stream, no more pages are read than needed, and no partial list is taken for a whole one.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::http::header;
use axum::response::IntoResponse;
use kubesql_runtime::ingest::{NamespaceScope, OneShotOptions};
use kubesql_runtime::sql::ErrorKind;
use serde_json::json;

use super::server::{Asked, Server, status};
use super::{of, pods, rows, session};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_scan_sees_every_object_once() {
    let server =
        Server::start(&[("pods", pods(2345)), ("nodes", vec![json!({"metadata": {"name": "n", "uid": "n"}})])]);
    let session = of(&server);
    let table = [
        ("select count(*), count(distinct name), min(name), max(name) from pods", "2345|2345|p00000|p02344"),
        ("select count(*), count(distinct uid) from containers", "4690|2345"),
        ("select count(*) from pods a join pods b on a.uid = b.uid", "2345"),
        ("select count(*) from pods p join containers c on p.uid = c.uid", "4690"),
        ("select count(*) from pods p cross join nodes n", "2345"),
        ("select count(*) from (select name from pods union all select name from pods)", "4690"),
        ("select count(*) from (select name from pods limit 1200)", "1200"),
        ("select count(*) from pods where \"labels.app\" = 'a3'", "335"),
        ("select count(*) from pods where json_get_str(object, 'kind') = 'Pod'", "2345"),
    ];
    for (sql, expect) in table {
        assert_eq!(rows(&session, sql).await.expect(sql), [expect], "{sql}");
        assert!(session.take_warnings().is_empty(), "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_stops_listing() {
    let slow = |asked: &Asked| {
        if !asked.parameter("continue").is_empty() {
            std::thread::sleep(Duration::from_millis(100));
        }
        None
    };
    let server = Server::moody(&[("pods", pods(20_000))], slow);
    let session = of(&server);
    assert_eq!(rows(&session, "select name from pods limit 10").await.expect("rows").len(), 10);
    // No signal says that no request comes. Too short a time may hide a failure, and never causes one.
    tokio::time::sleep(Duration::from_millis(500)).await;
    // The second page is requested while the first is read.
    let asked = server.asked().len();
    assert!(asked <= 2, "{asked} of 40 pages");
    // A list whose rows nobody reads stops as well.
    let answer = session.execute("select name from pods").await.expect("an answer");
    drop(answer);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(server.asked().len() <= 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_in_the_middle_of_a_list_fails_the_statement() {
    for code in [403, 410, 500] {
        let mood =
            move |asked: &Asked| (asked.parameter("continue") == "1000").then(|| status(code, "Broken", "it broke"));
        let server = Server::moody(&[("pods", pods(3000))], mood);
        let session = of(&server);
        let error = rows(&session, "select count(*) from pods").await;
        match (code, error) {
            // An expired list is restarted only if none of its rows has been read.
            (410, Ok(found)) => assert_eq!(found, ["3000"]),
            (_, Err(error)) => {
                assert_eq!(error.kind, ErrorKind::Source);
                let says = error.message.starts_with("cluster c: pods: ") && error.message.contains("it broke");
                assert!(says, "{code}: {}", error.message);
            }
            (_, Ok(found)) => panic!("{code}: {found:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restarts_an_expired_list_that_no_one_has_read() {
    let mood = |asked: &Asked| (!asked.parameter("continue").is_empty()).then(|| status(410, "Expired", "too old"));
    let server = Server::moody(&[("pods", pods(1200))], mood);
    let session = of(&server);
    // With partial answers a list is read to its end before its rows are used, so that it can be restarted.
    rows(&session, "set kubesql.partial to on").await.expect("set");
    assert_eq!(rows(&session, "select count(*), count(distinct uid) from pods").await.expect("rows"), ["1200|1200"]);
    let last = server.asked().pop().expect("requests");
    assert_eq!((last.parameter("limit"), last.parameter("continue")), ("", ""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retries_busy_servers() {
    let refused = AtomicU32::new(0);
    let mood = move |_: &Asked| {
        let busy = refused.fetch_add(1, Ordering::SeqCst) % 3 < 2;
        busy.then(|| ([(header::RETRY_AFTER, "1")], status(429, "TooManyRequests", "slow down")).into_response())
    };
    let server = Server::moody(&[("pods", pods(600))], mood);
    let begun = std::time::Instant::now();
    assert_eq!(rows(&of(&server), "select count(*) from pods").await.expect("rows"), ["600"]);
    assert!(begun.elapsed() >= Duration::from_secs(2), "as long as the server asks for");
    let always = Server::moody(&[("pods", pods(1))], |_| Some(status(503, "Unavailable", "no")));
    let sync_timeout = Duration::from_secs(2);
    let session = session(&[("c", &always)], OneShotOptions { sync_timeout, ..OneShotOptions::default() });
    assert_eq!(rows(&session, "select count(*) from pods").await.expect_err("busy").kind, ErrorKind::Source);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_clusters_are_an_error_or_a_warning() {
    let good = Server::start(&[("pods", pods(3))]);
    let bad = Server::moody(&[("pods", pods(5))], |_| Some(status(403, "Forbidden", "pods is forbidden")));
    let broken = Server::moody(&[("pods", pods(1500))], |asked| {
        (asked.parameter("continue") == "1000").then(|| status(403, "Forbidden", "not that far"))
    });
    let servers = [("good", &good), ("bad", &bad), ("broken", &broken)];
    let session = session(&servers, OneShotOptions::default());
    let sql = "select cluster, count(*) from pods group by cluster";
    let error = rows(&session, sql).await.expect_err("incomplete");
    assert!(error.message.contains("cluster bad: pods: "), "{}", error.message);
    assert!(error.hint.is_some_and(|hint| hint.contains("auth can-i list pods")));
    assert_eq!(rows(&session, &format!("{sql} having cluster = 'good'")).await.expect("pruned"), ["good|3"]);
    rows(&session, "set kubesql.partial to on").await.expect("set");
    assert_eq!(session.take_warnings().len(), 0);
    assert_eq!(rows(&session, sql).await.expect("partial"), ["good|3"]);
    let warnings: Vec<String> = session.take_warnings().into_iter().map(|warning| warning.place).collect();
    assert_eq!(warnings, ["missing: cluster bad", "missing: cluster broken"]);
    let absent = rows(&session, "select count(*) from services").await.expect("partial");
    assert_eq!(absent, ["0"]);
    assert_eq!(session.take_warnings().len(), 3, "a warning for each");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_the_namespaces_that_an_account_may_list() {
    let names = |names: [&str; 2]| names.map(|name| json!({"metadata": {"name": name}})).to_vec();
    let objects = [("pods", pods(10)), ("namespaces", names(["even", "odd"]))];
    let server = Server::moody(&objects, |asked| {
        let allowed = asked.plural == "namespaces" || asked.namespace.as_deref() == Some("odd");
        (!allowed).then(|| status(403, "Forbidden", "no"))
    });
    let found = of(&server);
    assert_eq!(rows(&found, "select namespace, count(*) from pods group by namespace").await.expect("rows"), ["odd|5"]);
    let warnings = found.take_warnings();
    assert!(warnings.len() == 1 && warnings[0].message.contains("only these namespaces: odd"), "{warnings:?}");

    let scope = |namespaces: &[&str], exclude: &[&str]| NamespaceScope {
        namespaces: namespaces.iter().map(|&name| name.into()).collect(),
        exclude: exclude.iter().map(|&name| name.into()).collect(),
    };
    let free = Server::start(&objects);
    let table: [(NamespaceScope, &[&str], &[&str]); 4] = [
        (scope(&["even"], &[]), &["even|5"], &["even/pods"]),
        (scope(&["even", "odd", "none"], &[]), &["even|5", "odd|5"], &["even/pods", "none/pods", "odd/pods"]),
        (scope(&[], &["even"]), &["odd|5"], &["pods field=metadata.namespace!=even"]),
        (scope(&["even"], &["even"]), &[], &[]),
    ];
    for (scope, expect, requests) in table {
        let session = session(&[("c", &free)], OneShotOptions { scope, ..OneShotOptions::default() });
        let found = rows(&session, "select namespace, count(*) from pods group by namespace").await.expect("rows");
        assert_eq!(found, expect);
        let mut asked: Vec<String> = free.asked().iter().map(Asked::selection).collect();
        asked.sort();
        assert_eq!(asked, requests);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redacts_secrets_of_listed_clusters() {
    let secret =
        json!({"metadata": {"name": "s", "namespace": "n", "uid": "u"}, "type": "Opaque", "data": {"key": "aGlkZGVu"}});
    let server = Server::start(&[("secrets", vec![secret])]);
    for sql in ["select \"data.key\" from secrets", "select object from secrets", "select * from secrets"] {
        let found = rows(&of(&server), sql).await.expect("rows");
        assert!(found.len() == 1 && !found[0].contains("aGlkZGVu") && found[0].contains("<redacted>"), "{found:?}");
    }
    let shown = session(&[("c", &server)], OneShotOptions { show_secrets: true, ..OneShotOptions::default() });
    assert_eq!(rows(&shown, "select \"data.key\" from secrets").await.expect("rows"), ["aGlkZGVu"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn warns_of_malformed_objects() {
    let odd = json!({"metadata": {"name": "odd", "namespace": "n"}, "status": {"phase": {"not": "text"}}});
    let server = Server::start(&[("pods", vec![odd, pods(1).remove(0)])]);
    let session = of(&server);
    assert_eq!(
        rows(&session, "select namespace, name, phase from pods").await.expect("rows"),
        ["even|p00000|Running", "n|odd|NULL"]
    );
    let warnings = session.take_warnings();
    assert!(warnings.len() == 1 && warnings[0].place.starts_with("cluster c n/odd status.phase"), "{warnings:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn system_tables_show_clusters_lists_and_statements() {
    let (server, gone) = (Server::start(&[("pods", pods(7))]), Server::start(&[]));
    let session = session(&[("c", &server), ("gone", &gone)], OneShotOptions::default());
    drop(gone);
    let clusters = "select name, state, server is not null, version, error is not null from system.clusters";
    assert_eq!(
        rows(&session, clusters).await.expect("rows"),
        ["c|idle|false|NULL|false", "gone|idle|false|NULL|false"]
    );
    rows(&session, "select name from pods where cluster = 'c'").await.expect("rows");
    let watches =
        "select cluster, api_group, version, resource, namespace, state, objects, last_event from system.watches";
    assert_eq!(rows(&session, watches).await.expect("rows"), ["c||v1|pods|NULL|synced|7|NULL"]);
    rows(&session, "set application_name to 'test'").await.expect("set");
    rows(&session, "select name from pods").await.expect_err("one is gone");
    drop(session.execute("select name from pods where cluster = 'c'").await.expect("an answer"));
    let found = rows(&session, clusters).await.expect("rows");
    assert_eq!(found, ["c|connected|true|v1.35.0|false", "gone|failing|false|NULL|true"]);
    let queries = "select session, sql, state, rows, error is not null, duration_ms > 0, age(started_at) < interval '1 minute' \
        from system.queries where sql not like '%system%' order by id";
    let found = rows(&session, queries).await.expect("rows");
    let expect = [
        "NULL|select name from pods where cluster = 'c'|finished|7|false|true|true",
        "NULL|set application_name to 'test'|finished|0|false|true|true",
        "test|select name from pods where cluster = 'c'|cancelled|0|false|true|true",
        "test|select name from pods|failed|0|true|true|true",
    ];
    assert_eq!(found, expect);
    let running = "select state from system.queries where sql like '%state from system.queries where sql%'";
    assert_eq!(rows(&session, running).await.expect("rows"), ["running"]);
    for _ in 0..150 {
        rows(&session, "select 1").await.expect("a row");
    }
    assert_eq!(rows(&session, "select count(*) from system.queries").await.expect("a row"), ["101"]);
}
