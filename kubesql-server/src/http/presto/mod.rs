//! The statement protocol of Presto and Trino: a request starts a statement, further ones fetch the pages of its answer.

mod command;
mod dialect;
mod outcome;
mod page;
mod paging;
mod query_error;
mod run;
mod session;
mod show;
mod statement_tokens;
mod statements;
mod types;
mod values;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::json;

use super::identity::Identity;
use dialect::Dialect;
use session::Session;
pub(crate) use statements::Statements;
use statements::{Page, Statement};

/// All routes of the protocol.
pub(super) fn router(statements: Arc<Statements>) -> Router {
    let page = get(next_page).head(keep_alive).delete(cancel);
    Router::new()
        .route("/v1/statement", post(start))
        .route("/v1/statement/executing/{id}/{secret}/{number}", page)
        .route("/v1/query/{id}", get(summary))
        .route("/v1/info", get(info))
        .route("/v1/info/state", get(|| async { ([(CONTENT_TYPE, "application/json")], "\"ACTIVE\"") }))
        .route("/v1/status", get(status))
        .with_state(statements)
}

/// Starts a statement.
async fn start(
    State(statements): State<Arc<Statements>>,
    identity: Identity,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(dialect) = Dialect::from_headers(&headers) else {
        return error(StatusCode::BAD_REQUEST, "User must be set: send the header X-Trino-User or X-Presto-User");
    };
    let Ok(sql) = std::str::from_utf8(&body) else {
        return error(StatusCode::BAD_REQUEST, "SQL statement is not UTF-8");
    };
    if sql.trim().is_empty() {
        return error(StatusCode::BAD_REQUEST, "SQL statement is empty");
    }
    let statement = statements.start(identity, Session::from_headers(dialect, &headers), sql);
    let page = statement.queued_page(&base_url(&headers));
    respond(page)
}

/// The identifier and the secret of a statement, and the number of a page.
type PagePath = Path<(String, String, u64)>;

/// The statement of a request that knows its secret.
fn find(statements: &Statements, id: &str, secret: &str) -> Result<Arc<Statement>, Response> {
    let found = statements.get(id).filter(|statement| statement.info.secret == secret);
    found.ok_or_else(|| error(StatusCode::NOT_FOUND, "Query not found: it has ended or was abandoned"))
}

async fn next_page(
    State(statements): State<Arc<Statements>>,
    _: Identity,
    Path((id, secret, number)): PagePath,
    headers: HeaderMap,
) -> Response {
    let statement = match find(&statements, &id, &secret) {
        Ok(statement) => statement,
        Err(response) => return response,
    };
    match statement.page(number, &base_url(&headers)).await {
        Some(page) => respond(page),
        None => error(StatusCode::GONE, "Page not found: it was fetched already or does not exist"),
    }
}

/// Keeps a statement from being removed while its client processes rows.
async fn keep_alive(
    State(statements): State<Arc<Statements>>,
    _: Identity,
    Path((id, secret, _)): PagePath,
) -> Response {
    match find(&statements, &id, &secret) {
        Ok(statement) => {
            statement.touch();
            StatusCode::OK.into_response()
        }
        Err(response) => response,
    }
}

async fn cancel(State(statements): State<Arc<Statements>>, _: Identity, Path((id, secret, _)): PagePath) -> Response {
    // A statement that was removed has ended.
    if let Ok(statement) = find(&statements, &id, &secret) {
        statement.cancel();
    }
    StatusCode::NO_CONTENT.into_response()
}

async fn summary(State(statements): State<Arc<Statements>>, _: Identity, Path(id): Path<String>) -> Response {
    match statements.get(&id) {
        Some(statement) => ([(CONTENT_TYPE, "application/json")], statement.summary()).into_response(),
        None => error(StatusCode::NOT_FOUND, "Query not found"),
    }
}

/// Information about the server, which clients request first.
async fn info(State(statements): State<Arc<Statements>>) -> Response {
    let minutes = statements.since.elapsed().as_secs_f64() / 60.0;
    axum::Json(json!({
        "nodeVersion": {"version": concat!("kubesql-", env!("CARGO_PKG_VERSION"))},
        "environment": "kubesql",
        "coordinator": true,
        "starting": false,
        "uptime": format!("{minutes:.2}m"),
    }))
    .into_response()
}

async fn status(State(statements): State<Arc<Statements>>, _: Identity) -> Response {
    let (running, known) = statements.count();
    axum::Json(json!({
        "nodeId": "kubesql",
        "nodeVersion": {"version": concat!("kubesql-", env!("CARGO_PKG_VERSION"))},
        "environment": "kubesql",
        "coordinator": true,
        "uptime": format!("{:.2}m", statements.since.elapsed().as_secs_f64() / 60.0),
        "runningQueries": running,
        "knownQueries": known,
    }))
    .into_response()
}

/// The URL by which the client knows this server.
fn base_url(headers: &HeaderMap) -> String {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let scheme = text("x-forwarded-proto").filter(|scheme| matches!(*scheme, "http" | "https")).unwrap_or("http");
    format!("{scheme}://{}", text(HOST.as_str()).unwrap_or("localhost"))
}

fn respond(page: Page) -> Response {
    let mut response = page.body.into_response();
    let headers = response.headers_mut();
    headers.extend(page.headers);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn error(status: StatusCode, message: &'static str) -> Response {
    (status, [(CONTENT_TYPE, "text/plain; charset=utf-8")], message).into_response()
}
