//! The REST API: formats, parameters, errors, and its OpenAPI document.

use std::io::{Cursor, Read};
use std::process::Command;
use std::time::{Duration, Instant};

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use arrow::ipc::reader::StreamReader;
use serde_json::{Value, json};

use super::http::{HttpServer, Reply};
use super::support::{DEMO, run};

/// A statement that runs longer than any test.
const ENDLESS: &str = "select count(*) from generate_series(1, 1000000) a(value), generate_series(1, 1000000) b(value), \
    generate_series(1, 1000000) c(value) where a.value + b.value < c.value";

/// A statement that fails in its last rows.
const FAILS_LATE: &str = "select 1 / (200000 - value) as x, 'so that it is long enough to be sent' as y \
    from generate_series(1, 200000)";

fn over_files() -> HttpServer {
    HttpServer::start(&["--file", DEMO])
}

#[test]
fn answers_in_every_format() {
    let served = over_files();
    let request = json!({"sql": "select name, \"allocatable.cpu\" as cpu, labels['missing'] as no from nodes order by name limit 2"});
    let reply = served.query(&request, &[]);
    assert_eq!(
        reply.json(),
        json!({
            "columns": [
                {"name": "name", "type": "text"},
                {"name": "cpu", "type": "double precision"},
                {"name": "no", "type": "text"},
            ],
            "rows": [["control-1", 3.92, null], ["worker-a", 7.92, null]],
            "row_count": 2, "truncated": false, "command": "SELECT", "warnings": [], "missing": [],
        })
    );
    let csv = served.query(&request, &[("Accept", "text/csv")]);
    assert_eq!(csv.text(), "name,cpu,no\ncontrol-1,3.92,\nworker-a,7.92,\n");
    assert_eq!(csv.header("content-type"), Some("text/csv; charset=utf-8; header=present"));
    let lines = served.query(&request, &[("Accept", "application/x-ndjson")]);
    let first: Value = serde_json::from_str(lines.text().lines().next().expect("a line")).expect("JSON");
    assert_eq!(first, json!({"name": "control-1", "cpu": 3.92, "no": null}));
    let arrow = served.query(&request, &[("Accept", "application/vnd.apache.arrow.stream")]);
    let batches: Vec<_> = StreamReader::try_new(Cursor::new(arrow.body), None).expect("a schema").collect();
    assert_eq!(batches.iter().map(|batch| batch.as_ref().expect("a batch").num_rows()).sum::<usize>(), 2);
    let parquet = served.query(&request, &[("Accept", "application/vnd.apache.parquet")]);
    assert!(parquet.body.starts_with(b"PAR1") && parquet.body.ends_with(b"PAR1"));
    let nothing = served.query(&json!({"sql": "select name from pods where false"}), &[("Accept", "text/csv")]);
    assert_eq!((nothing.status, nothing.text().as_str(), nothing.is_whole), (200, "name\n", true));
}

#[test]
fn parameters_settings_and_limits() {
    let served = over_files();
    let sql = "select count(*) from pods where phase = $1 and creationtimestamp > $2 and priority is distinct from $3";
    let reply = served.query(&json!({"sql": sql, "parameters": ["Running", "2020-01-01T00:00:00Z", 7]}), &[]);
    assert_eq!(reply.json()["rows"][0][0], 14, "{}", reply.text());
    let reply = served.query(&json!({"sql": "select $1, $2, $3, $4", "parameters": [1, 0.5, true, null]}), &[]);
    assert_eq!(reply.json()["rows"], json!([[1, 0.5, true, null]]));
    let reply = served.query(&json!({"sql": "select name from nodes where port > $1", "parameters": ["x"]}), &[]);
    assert_eq!((reply.status, &reply.json()["kind"]), (400, &json!("invalid")));
    let reply = served.query(&json!({"sql": "select $1 + $2", "parameters": [1]}), &[]);
    assert_eq!((reply.status, &reply.json()["kind"]), (400, &json!("invalid")), "{}", reply.text());
    // Each request has its own session.
    let settings = json!({"sql": "show search_path", "settings": {"search_path": "apps", "kubesql.partial": true}});
    assert_eq!(served.query(&settings, &[]).json()["rows"], json!([["apps"]]));
    assert_eq!(served.rows("show search_path"), json!([["kubesql"]]));
    for settings in [json!({"nothing": 1}), json!({"search_path": "nowhere"}), json!({"x'; y": "z"}), json!({"a": []})]
    {
        let reply = served.query(&json!({"sql": "select 1", "settings": settings}), &[]);
        assert_eq!(reply.status, 400, "{settings}: {}", reply.text());
    }
    for (limit, rows, truncated) in [(0, 0, true), (3, 3, true), (4, 4, false), (9, 4, false)] {
        let reply = served.query(&json!({"sql": "select name from nodes", "limit": limit}), &[]).json();
        assert_eq!((&reply["row_count"], &reply["truncated"]), (&json!(rows), &json!(truncated)), "{limit}");
        let lines = served.query(
            &json!({"sql": "select name from nodes", "limit": limit}),
            &[("Accept", "text/csv"), ("TE", "trailers")],
        );
        assert_eq!(lines.text().lines().count(), rows + 1);
        assert_eq!(lines.header("x-kubesql-truncated"), truncated.then_some("true"), "{limit}");
    }
}

#[test]
fn errors_are_problem_documents() {
    let served = HttpServer::start(&["--file", DEMO, "--statement-timeout", "1"]);
    for (sql, status, kind) in [
        ("selec 1", 400, "syntax"),
        ("select * from podz", 400, "unknown-table"),
        ("select nam from pods", 400, "unknown-column"),
        ("delete from pods", 403, "read-only"),
        ("select 1 intersect all select 1", 400, "unsupported"),
        ("select 1 / 0", 400, "invalid"),
        (ENDLESS, 408, "timeout"),
        ("", 400, "syntax"),
        ("select 1; select 2", 400, "syntax"),
    ] {
        for accept in ["application/json", "text/csv", "application/vnd.apache.arrow.stream"] {
            let reply = served.query(&json!({"sql": sql}), &[("Accept", accept)]);
            let problem = reply.json();
            assert_eq!((reply.status, &problem["kind"]), (status, &json!(kind)), "{sql}: {problem}");
            assert_eq!(reply.header("content-type"), Some("application/problem+json"));
            assert_eq!(
                (&problem["status"], &problem["type"]),
                (&json!(status), &json!(format!("urn:kubesql:error:{kind}")))
            );
        }
    }
    let hint = served.query(&json!({"sql": "select * from podz"}), &[]).json()["hint"].clone();
    assert!(hint.as_str().expect("a hint").contains("pods"), "{hint}");
    let json = ("Content-Type", "application/json");
    for (method, path, headers, body, status, kind) in [
        ("POST", "/api/v1/query", &[json][..], "{", 400, "bad-request"),
        ("POST", "/api/v1/query", &[json], "{\"sql\": 1}", 400, "bad-request"),
        ("POST", "/api/v1/query", &[json], "{\"sql\": \"select 1\", \"x\": 1}", 400, "bad-request"),
        ("POST", "/api/v1/query", &[json], "{\"sql\": \"select 1\", \"limit\": -1}", 400, "bad-request"),
        ("POST", "/api/v1/query", &[json], "{\"sql\": \"select $1\", \"parameters\": [[]]}", 400, "bad-request"),
        ("POST", "/api/v1/query", &[json], "\u{0}\u{1}", 400, "bad-request"),
        (
            "POST",
            "/api/v1/query",
            &[("Content-Type", "text/plain")],
            "{\"sql\": \"select 1\"}",
            415,
            "unsupported-media-type",
        ),
        ("POST", "/api/v1/query", &[json, ("Accept", "image/png")], "{\"sql\": \"select 1\"}", 406, "not-acceptable"),
        ("GET", "/api/v1/query", &[], "", 405, "method-not-allowed"),
        ("GET", "/api/v1/tables/podz", &[], "", 404, "unknown-table"),
        ("GET", "/api/v1/tables?nothing=1", &[], "", 400, "bad-request"),
        ("GET", "/api/v1/nothing", &[], "", 404, "not-found"),
        ("GET", "/", &[], "", 404, "not-found"),
    ] {
        let reply = served.ask(method, path, headers, body);
        let problem = reply.json();
        assert_eq!((reply.status, &problem["kind"]), (status, &json!(kind)), "{method} {path} {body:?}: {problem}");
    }
    let long = served.ask("POST", "/api/v1/query", &[json], &"x".repeat((4 << 20) + 1));
    assert_eq!((long.status, &long.json()["kind"]), (413, &json!("too-large")));
    // A page of another site whose host name resolves to this server.
    let strange = served.ask("GET", "/api/v1/tables", &[("Host", "attacker.example:8080")], "");
    assert_eq!(strange.status, 421, "{}", strange.text());
}

#[test]
fn breaks_the_connection_on_late_failures() {
    let served = over_files();
    for accept in ["text/csv", "application/x-ndjson", "application/vnd.apache.arrow.stream", "application/json"] {
        let reply = served.query(&json!({"sql": FAILS_LATE}), &[("Accept", accept)]);
        assert!(reply.status == 400 || !reply.is_whole, "{accept}: {} whole", reply.status);
    }
    // A short document is sent only when it is complete.
    let sql = "select 1 / (10000 - value) from generate_series(1, 10000)";
    assert_eq!(served.query(&json!({"sql": sql}), &[]).status, 400);
}

#[test]
fn sends_warnings_in_every_format() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("pods.json");
    std::fs::write(&path, r#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a"},"spec":{"priority":"high"}}"#)
        .expect("written");
    let served = HttpServer::start(&["--file", path.to_str().expect("UTF-8")]);
    let request = json!({"sql": "select name, priority from pods"});
    let document = served.query(&request, &[]).json();
    assert_eq!(document["rows"], json!([["a", null]]));
    let warning = &document["warnings"][0];
    assert!(warning["message"].is_string() && warning["count"] == 1, "{document}");
    let csv = served.query(&request, &[("Accept", "text/csv"), ("TE", "trailers")]);
    let warnings: Value = serde_json::from_str(csv.header("x-kubesql-warnings").expect("a header")).expect("JSON");
    assert_eq!(warnings, document["warnings"]);
}

#[test]
fn closing_the_connection_cancels_the_statement() {
    let served = over_files();
    let running = "select count(*) from system.queries where state = 'running' and sql like '%generate_series%' \
        and sql not like '%system.queries%'";
    for sql in [ENDLESS, "select value from generate_series(1, 1000000000)"] {
        let body = json!({"sql": sql}).to_string();
        let headers = [("Content-Type", "application/json"), ("Accept", "text/csv")];
        let mut socket = served.send("POST", "/api/v1/query", &headers, &body);
        let until = Instant::now() + Duration::from_secs(60);
        while served.rows(running) != json!([[1]]) {
            assert!(Instant::now() < until, "it never runs");
        }
        if sql != ENDLESS {
            socket.read_exact(&mut [0; 1000]).expect("rows");
        }
        drop(socket);
        while served.rows(running) != json!([[0]]) {
            assert!(Instant::now() < until, "it goes on");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs /proc")]
fn slow_readers_hold_no_memory() {
    let served = over_files();
    let sql = "select value, repeat('x', 200) as x from generate_series(1, 1000000)";
    let headers = [("Content-Type", "application/json"), ("Accept", "text/csv")];
    served.rows("select 1");
    let mut socket = served.send("POST", "/api/v1/query", &headers, &json!({"sql": sql}).to_string());
    let mut some = vec![0; 1 << 20];
    socket.read_exact(&mut some).expect("rows");
    let before = served.memory().expect("memory");
    // Time to read ahead, if the server did so. Too short a time may hide a failure, and never causes one.
    std::thread::sleep(Duration::from_secs(1));
    socket.read_exact(&mut some).expect("rows");
    let after = served.memory().expect("memory");
    // All rows are 200 MB.
    assert!(after < before + 40_000, "{before} kB became {after} kB");
}

#[test]
#[cfg_attr(not(has_curl), ignore = "needs curl")]
fn answers_curl() {
    let served = over_files();
    let url = format!("http://{}/api/v1/query", served.address);
    let data = json!({"sql": "select count(*) as n from nodes"}).to_string();
    let ran = Command::new("curl")
        .args(["-sS", "--fail-with-body", "--compressed", "-H", "Content-Type: application/json"])
        .args(["-H", "Accept: text/csv", "-d", &data, &url])
        .output()
        .expect("curl runs");
    assert_eq!(String::from_utf8_lossy(&ran.stdout), "n\n4\n", "{}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn is_ready_when_watched_tables_are_complete() {
    let served = HttpServer::demo(&["--watch", "nodes,pods"]);
    assert_eq!(served.ask("GET", "/healthz", &[], "").text(), "ok\n");
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let reply = served.ask("GET", "/readyz", &[], "");
        if reply.status == 200 {
            break;
        }
        assert_eq!((reply.status, &reply.json()["kind"]), (503, &json!("not-ready")));
        assert!(Instant::now() < until, "{}", reply.text());
        std::thread::sleep(Duration::from_millis(20));
    }
    let watched = served.rows("select resource from system.watches where state = 'synced' order by 1");
    assert_eq!(watched, json!([["nodes"], ["pods"]]));
}

#[test]
fn reports_a_port_in_use() {
    let served = over_files();
    let ran = run(&["serve", "--file", DEMO, "--pg", "off", "--http", &served.address]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert!(ran.err.contains(&served.address) && ran.err.contains("--http takes another address"), "{}", ran.err);
    let ran = run(&["serve", "--file", DEMO, "--pg", "off", "--http", "off"]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    let ran = run(&["serve", "--file", DEMO, "--pg", "off", "--http", "0.0.0.0:0"]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    assert!(ran.err.contains("everybody on the network could read all data"), "{}", ran.err);
}

#[test]
fn sends_many_rows_as_arrow() {
    let served = over_files();
    let sql = "select value, value * 2 as twice from generate_series(1, 300000)";
    let reply = served.query(&json!({"sql": sql}), &[("Accept", "application/vnd.apache.arrow.stream")]);
    assert!(reply.is_whole);
    let mut sum = 0;
    for batch in StreamReader::try_new(Cursor::new(reply.body), None).expect("a schema") {
        let batch = batch.expect("a batch");
        sum += batch.column(1).as_primitive::<Int64Type>().values().iter().sum::<i64>();
    }
    assert_eq!(sum, 300_000 * 300_001);
}

/// The OpenAPI document has every path and method, and answers follow its schemas.
#[test]
fn openapi_document_matches_answers() {
    let served = over_files();
    let document = served.ask("GET", "/api/v1/openapi.json", &[], "").json();
    assert_eq!(document["openapi"], "3.1.0");
    let json = ("Content-Type", "application/json");
    let cases = [
        ("post", "/api/v1/query", "/api/v1/query", &[json][..], "{\"sql\": \"select * from pods limit 2\"}"),
        ("post", "/api/v1/query", "/api/v1/query", &[json, ("Accept", "text/csv")], "{\"sql\": \"select 1\"}"),
        ("post", "/api/v1/query", "/api/v1/query", &[json], "{\"sql\": \"select\"}"),
        ("post", "/api/v1/query", "/api/v1/query", &[json], "{\"sql\": \"drop table pods\"}"),
        ("post", "/api/v1/query", "/api/v1/query", &[json], "{}"),
        ("post", "/api/v1/query", "/api/v1/query", &[], "{}"),
        ("get", "/api/v1/tables", "/api/v1/tables?all=true&schema=apps", &[], ""),
        ("get", "/api/v1/tables", "/api/v1/tables?pattern=*container*", &[], ""),
        ("get", "/api/v1/tables", "/api/v1/tables?wrong", &[], ""),
        ("get", "/api/v1/tables/{table}", "/api/v1/tables/pods", &[], ""),
        ("get", "/api/v1/tables/{table}", "/api/v1/tables/networking.k8s.io.ingresses", &[], ""),
        ("get", "/api/v1/tables/{table}", "/api/v1/tables/podz", &[], ""),
        ("get", "/healthz", "/healthz", &[], ""),
        ("get", "/readyz", "/readyz", &[], ""),
    ];
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for method in methods.as_object().expect("methods").keys() {
            assert!(cases.iter().any(|case| (case.0, case.1) == (method, path)), "{method} {path} is not tried");
        }
    }
    for (method, path, uri, headers, body) in cases {
        let reply = served.ask(&method.to_uppercase(), uri, headers, body);
        let described = &document["paths"][path][method]["responses"][reply.status.to_string()];
        assert!(described.is_object(), "{method} {uri}: {} is not described", reply.status);
        check_body(&document, described, &reply, uri);
    }
}

/// Checks that a body has a documented media type, and that JSON follows its schema.
fn check_body(document: &Value, described: &Value, reply: &Reply, of: &str) {
    let media = reply.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default();
    let content = &described["content"][media];
    assert!(content.is_object(), "{of}: {media} is not described in {described}");
    if media.ends_with("json") {
        check(document, &content["schema"], &reply.json(), of);
    }
}

/// Checks a value against the parts of a schema that the document uses.
fn check(document: &Value, schema: &Value, value: &Value, place: &str) {
    if let Some(path) = schema["$ref"].as_str() {
        let known = document.pointer(path.trim_start_matches('#')).unwrap_or_else(|| panic!("{path} is not there"));
        return check(document, known, value, place);
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(of) => vec![of],
        Value::Array(of) => of.iter().filter_map(Value::as_str).collect(),
        _ => return,
    };
    let is = match value {
        Value::Null => types.contains(&"null"),
        Value::Bool(_) => types.contains(&"boolean"),
        Value::Number(number) => types.contains(&"number") || number.is_i64() && types.contains(&"integer"),
        Value::String(_) => types.contains(&"string"),
        Value::Array(_) => types.contains(&"array"),
        Value::Object(_) => types.contains(&"object"),
    };
    assert!(is, "{place}: {value} is not {types:?}");
    for item in value.as_array().into_iter().flatten() {
        check(document, &schema["items"], item, place);
    }
    if let (Some(members), Some(known)) = (value.as_object(), schema["properties"].as_object()) {
        for (name, member) in members {
            assert!(known.contains_key(name), "{place}: {name} is not described");
            check(document, &known[name], member, &format!("{place}.{name}"));
        }
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            assert!(members.contains_key(name), "{place}: {name} is required");
        }
    }
}
