//! Requests with and without an identity, and what the audit log records of them.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use kubesql_runtime::generated;
use kubesql_runtime::ingest::{FileOptions, FileSource, Kinds};
use kubesql_runtime::sql::Engine;
use serde_json::{Value, json};

use super::identity::Identity;
use super::*;
use crate::audit::AuditLog;
use crate::query::Limits;

/// All routes, without the middleware that authenticates.
fn unprotected(audit_log: Option<AuditLog>) -> Router {
    let kinds = Kinds::new(generated::KINDS.iter().copied(), generated::flattener);
    let files = FileSource::new(Vec::new(), kinds, FileOptions { show_secrets: false }).expect("no files");
    let engine = Engine::new(generated::KINDS, Arc::new(files)).expect("an engine");
    let limits = Limits { concurrent: 4, ..Limits::default() };
    let frontend = Frontend::new(engine, limits, false, audit_log.map(Arc::new));
    routes(Arc::clone(&frontend), presto::Statements::new(frontend))
}

/// The status and the body of a response.
async fn send(router: &Router, request: Request<Body>) -> (StatusCode, String) {
    let response = TowerToHyperService::new(router.clone()).call(request).await.expect("infallible");
    let status = response.status();
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    (status, String::from_utf8(body.to_vec()).expect("UTF-8"))
}

fn request(method: Method, path: &str, body: &str) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/json")
        .header("x-trino-user", "ada")
        .body(Body::from(body.to_owned()))
        .expect("a request")
}

#[tokio::test]
async fn a_page_requestwithout_an_identity_is_an_internal_error() {
    let router = unprotected(None);
    for (method, path, body) in [
        (Method::POST, "/api/v1/query", "{\"sql\": \"select 1\"}"),
        (Method::GET, "/api/v1/tables", ""),
        (Method::GET, "/api/v1/tables/pods", ""),
        (Method::POST, "/v1/statement", "select 1"),
        (Method::GET, "/v1/statement/executing/a/b/0", ""),
        (Method::HEAD, "/v1/statement/executing/a/b/0", ""),
        (Method::DELETE, "/v1/statement/executing/a/b/0", ""),
        (Method::GET, "/v1/query/a", ""),
        (Method::GET, "/v1/status", ""),
    ] {
        let (status, text) = send(&router, request(method.clone(), path, body)).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "{method} {path}: {text}");
        if method != Method::HEAD {
            let problem: Value = serde_json::from_str(&text).expect("JSON");
            assert_eq!(problem["detail"], "the request has no identity", "{path}");
        }
    }
    for path in ["/healthz", "/readyz", "/v1/info", "/v1/info/state", "/api/v1/openapi.json"] {
        let (status, text) = send(&router, request(Method::GET, path, "")).await;
        assert_eq!(status, StatusCode::OK, "{path}: {text}");
    }
}

/// The statements in an audit log.
fn audited(path: &std::path::Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).expect("a log");
    text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")["sql"].clone()).collect()
}

#[tokio::test]
async fn settings_of_a_page_requestare_not_statements_of_the_audit_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("audit.log");
    let router = unprotected(Some(AuditLog::open(&path).expect("a log"))).layer(axum::Extension(Identity::anonymous()));
    let query = |settings: Value| {
        let body = json!({"sql": "show statement_timeout", "settings": settings}).to_string();
        request(Method::POST, "/api/v1/query", &body)
    };
    let settings = json!({"statement_timeout": "7s", "kubesql.partial": true, "search_path": "apps"});
    let (status, text) = send(&router, query(settings)).await;
    let answer: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((status, &answer["rows"]), (StatusCode::OK, &json!([["7s"]])), "{text}");
    assert_eq!(audited(&path), ["show statement_timeout"]);
    for (settings, expect) in [
        (json!({"a; drop": 1}), "unrecognized configuration parameter \"a; drop\""),
        (json!({"kubesql.partial": "maybe"}), "parameter \"kubesql.partial\" requires a Boolean value"),
        (json!({"kubesql.partial": null}), "setting \"kubesql.partial\" must be a string, a number or a boolean"),
    ] {
        let (status, text) = send(&router, query(settings)).await;
        assert!(status == StatusCode::BAD_REQUEST && text.contains(&expect.replace('"', "\\\"")), "{text}");
    }

    let mut statement = request(Method::POST, "/v1/statement", "show statement_timeout");
    for (name, value) in [
        ("x-trino-catalog", "kubesql"),
        ("x-trino-schema", "apps"),
        ("x-trino-session", "statement_timeout=9s,kubesql.partial=on"),
    ] {
        statement.headers_mut().insert(name, value.parse().expect("a value"));
    }
    assert_eq!(rows_of(&router, statement).await, [json!(["9s"])]);
    assert_eq!(audited(&path), ["show statement_timeout"; 2]);
    // A statement that changes a setting is recorded as it was sent.
    assert_eq!(rows_of(&router, request(Method::POST, "/v1/statement", "USE kubesql.apps")).await, [json!([true])]);
    let set = "SET SESSION statement_timeout = '5s'";
    assert_eq!(rows_of(&router, request(Method::POST, "/v1/statement", set)).await, [json!([true])]);
    assert_eq!(audited(&path)[2..], ["USE kubesql.apps", set]);
}

/// Follows the pages of a statement of Trino's protocol.
async fn rows_of(router: &Router, statement: Request<Body>) -> Vec<Value> {
    let (mut rows, mut next) = (Vec::new(), Some(statement));
    while let Some(page_request) = next.take() {
        let (status, text) = send(router, page_request).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        let page: Value = serde_json::from_str(&text).expect("JSON");
        assert!(page.get("error").is_none(), "{page}");
        rows.extend(page["data"].as_array().cloned().unwrap_or_default());
        next = page["nextUri"].as_str().map(|uri| {
            let path =
                uri.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..])).expect("a path");
            request(Method::GET, path, "")
        });
    }
    rows
}
