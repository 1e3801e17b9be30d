//! The statement protocol of Presto and Trino: a statement in, and pages of its answer as the client asks for them.

mod command;
mod dialect;
mod failure;
mod flow;
mod page;
mod run;
mod session;
mod show;
mod statements;
mod types;
mod values;
mod words;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::json;

use dialect::Dialect;
use session::Session;
pub(crate) use statements::Statements;
use statements::{Page, Statement};

/// All routes of the protocol.
pub(super) fn router(statements: Arc<Statements>) -> Router {
    let page = get(next).head(still_there).delete(cancel);
    Router::new()
        .route("/v1/statement", post(begin))
        .route("/v1/statement/executing/{id}/{secret}/{number}", page)
        .route("/v1/query/{id}", get(summary))
        .route("/v1/info", get(info))
        .route("/v1/info/state", get(|| async { ([(CONTENT_TYPE, "application/json")], "\"ACTIVE\"") }))
        .route("/v1/status", get(status))
        .with_state(statements)
}

/// Begins a statement.
async fn begin(State(statements): State<Arc<Statements>>, headers: HeaderMap, body: Bytes) -> Response {
    let Some(dialect) = Dialect::of(&headers) else {
        return refused(StatusCode::BAD_REQUEST, "User must be set: send the header X-Trino-User or X-Presto-User");
    };
    let Ok(sql) = std::str::from_utf8(&body) else {
        return refused(StatusCode::BAD_REQUEST, "The statement is not UTF-8");
    };
    if sql.trim().is_empty() {
        return refused(StatusCode::BAD_REQUEST, "SQL statement is empty");
    }
    let statement = statements.begin(Session::of(dialect, &headers), &headers, sql);
    let page = statement.first(&base(&headers));
    told(page)
}

/// What a request names.
type Named = Path<(String, String, u64)>;

/// The statement that a request names, if it was told of it.
fn named(statements: &Statements, id: &str, secret: &str) -> Result<Arc<Statement>, Response> {
    let found = statements.get(id).filter(|statement| statement.secret == secret);
    found
        .ok_or_else(|| refused(StatusCode::NOT_FOUND, "Query not found: it has ended, or nobody asked for it for long"))
}

/// The next page.
async fn next(
    State(statements): State<Arc<Statements>>,
    Path((id, secret, number)): Named,
    headers: HeaderMap,
) -> Response {
    let statement = match named(&statements, &id, &secret) {
        Ok(statement) => statement,
        Err(refusal) => return refusal,
    };
    match statement.page(number, &base(&headers)).await {
        Some(page) => told(page),
        None => refused(StatusCode::GONE, "That page was given already, or is none of this query"),
    }
}

/// Keeps a statement while its client looks at what it has.
async fn still_there(State(statements): State<Arc<Statements>>, Path((id, secret, _)): Named) -> Response {
    match named(&statements, &id, &secret) {
        Ok(statement) => {
            statement.is_wanted();
            StatusCode::OK.into_response()
        }
        Err(refusal) => refusal,
    }
}

async fn cancel(State(statements): State<Arc<Statements>>, Path((id, secret, _)): Named) -> Response {
    // What is not there any more needs no cancelling.
    if let Ok(statement) = named(&statements, &id, &secret) {
        statement.cancel();
    }
    StatusCode::NO_CONTENT.into_response()
}

async fn summary(State(statements): State<Arc<Statements>>, Path(id): Path<String>) -> Response {
    match statements.get(&id) {
        Some(statement) => ([(CONTENT_TYPE, "application/json")], statement.summary()).into_response(),
        None => refused(StatusCode::NOT_FOUND, "Query not found"),
    }
}

/// What clients ask before they ask for more.
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

async fn status(State(statements): State<Arc<Statements>>) -> Response {
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

/// The address that the client knows this server by.
fn base(headers: &HeaderMap) -> String {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let scheme = text("x-forwarded-proto").filter(|scheme| matches!(*scheme, "http" | "https")).unwrap_or("http");
    format!("{scheme}://{}", text(HOST.as_str()).unwrap_or("localhost"))
}

fn told(page: Page) -> Response {
    let mut response = page.body.into_response();
    let headers = response.headers_mut();
    headers.extend(page.headers);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn refused(status: StatusCode, message: &'static str) -> Response {
    (status, [(CONTENT_TYPE, "text/plain; charset=utf-8")], message).into_response()
}
