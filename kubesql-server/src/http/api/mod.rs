//! The REST API.

mod answer;
mod arrow_stream;
mod body;
mod body_buffer;
mod format;
mod json_document;
pub(super) mod problem;
mod query;
mod tables;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::query::Frontend;
use problem::Problem;

/// The general part of the OpenAPI document.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "kubesql",
        description = "Kubernetes clusters as SQL tables. Statements are read-only. Errors are problem documents \
            (RFC 9457) with a `kind` for programs, and `detail` and `hint` for people. Closing the connection cancels \
            the statement.",
        version = env!("CARGO_PKG_VERSION"),
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "query", description = "Execute statements"),
        (name = "tables", description = "List tables and their columns"),
        (name = "health", description = "Liveness and readiness"),
    )
)]
struct About;

/// All routes of the API, and the errors of paths and methods without a route.
pub(super) fn router(frontend: Arc<Frontend>) -> Router {
    let (routes, document) = routes_and_document();
    let text = document.to_pretty_json().unwrap_or_default();
    let document = get(move || {
        let text = text.clone();
        async { ([(header::CONTENT_TYPE, "application/json")], text) }
    });
    routes
        .route("/api/v1/openapi.json", document)
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(frontend)
}

fn routes_and_document() -> (Router<Arc<Frontend>>, Document) {
    OpenApiRouter::with_openapi(About::openapi())
        .routes(routes!(query::query))
        .routes(routes!(tables::tables))
        .routes(routes!(tables::table))
        .routes(routes!(healthz))
        .routes(routes!(readyz))
        .split_for_parts()
}

/// Liveness: the server is running
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, description = "The server is running", body = String)))]
async fn healthz() -> &'static str {
    "ok\n"
}

/// Readiness: all tables of `--watch` are loaded
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "health",
    responses(
        (status = 200, description = "The server is ready", body = String),
        (status = 503, description = "Some tables are not loaded yet", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn readyz(State(frontend): State<Arc<Frontend>>) -> Response {
    let pending = frontend.pending_tables();
    if pending.is_empty() {
        return "ok\n".into_response();
    }
    let message = format!("not loaded yet: {}", pending.join(", "));
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not-ready", message).into_response()
}

async fn not_found(uri: axum::http::Uri) -> Problem {
    let message = format!("path \"{}\" does not exist", uri.path());
    Problem::new(StatusCode::NOT_FOUND, "not-found", message).hint("/api/v1/openapi.json describes all paths")
}

async fn method_not_allowed(method: axum::http::Method, uri: axum::http::Uri) -> Problem {
    let message = format!("method {method} is not allowed for \"{}\"", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", message)
        .hint("/api/v1/openapi.json describes all paths and methods")
}
