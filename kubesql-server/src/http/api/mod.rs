//! The REST API: statements and tables, answered in the format that is asked for.

mod answer;
mod arrow;
mod body;
mod format;
mod problem;
mod query;
mod rows;
mod tables;

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::query::Door;
pub(super) use problem::Problem;

/// What the document says of itself.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "kubesql",
        description = "Kubernetes clusters as SQL tables. Statements only read. Errors are problem documents (RFC 9457) \
            whose `kind` is for programs and whose `detail` and `hint` are for people. Closing the connection stops the \
            statement.",
        version = env!("CARGO_PKG_VERSION"),
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "query", description = "Statements"),
        (name = "tables", description = "Which tables and columns there are"),
        (name = "health", description = "Whether the server is there, and ready"),
    )
)]
struct About;

/// All routes of the API, and what is said where there is none.
pub(super) fn router(door: Arc<Door>) -> Router {
    let (routes, document) = routes_and_document();
    let text = document.to_pretty_json().unwrap_or_default();
    let document = get(move || {
        let text = text.clone();
        async { ([(header::CONTENT_TYPE, "application/json")], text) }
    });
    routes
        .route("/api/v1/openapi.json", document)
        .fallback(nothing_here)
        .method_not_allowed_fallback(wrong_method)
        .with_state(door)
}

fn routes_and_document() -> (Router<Arc<Door>>, Document) {
    OpenApiRouter::with_openapi(About::openapi())
        .routes(routes!(query::query))
        .routes(routes!(tables::tables))
        .routes(routes!(tables::table))
        .routes(routes!(healthz))
        .routes(routes!(readyz))
        .split_for_parts()
}

/// Whether the server is there
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, description = "It is", body = String)))]
async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether clients may come: all tables of `--watch` are there
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "health",
    responses(
        (status = 200, description = "They may", body = String),
        (status = 503, description = "Not yet", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn readyz(State(door): State<Arc<Door>>) -> Response {
    let awaited = door.awaited();
    if awaited.is_empty() {
        return "ok\n".into_response();
    }
    let message = format!("not there yet: {}", awaited.join(", "));
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not-ready", message).into_response()
}

async fn nothing_here(uri: axum::http::Uri) -> Problem {
    let message = format!("there is nothing at {}", uri.path());
    Problem::new(StatusCode::NOT_FOUND, "not-found", message).hint("/api/v1/openapi.json lists what there is")
}

async fn wrong_method(method: axum::http::Method, uri: axum::http::Uri) -> Problem {
    let message = format!("{} does not answer {method}", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", message)
        .hint("/api/v1/openapi.json says what each path answers")
}

/// A JSON answer.
fn json<T: serde::Serialize>(value: T) -> Response {
    Json(value).into_response()
}
