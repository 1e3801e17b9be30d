//! Errors as problem documents (RFC 9457).

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kubesql_runtime::sql::{ErrorKind, SqlError};
use serde::Serialize;
use utoipa::ToSchema;

/// An error.
#[derive(Debug, Serialize, ToSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub(in crate::http) struct Problem {
    /// `urn:kubesql:error:` and the kind
    #[serde(rename = "type")]
    #[schema(example = "urn:kubesql:error:unknown-table")]
    urn: String,
    /// The meaning of the kind
    #[schema(example = "the table does not exist")]
    title: String,
    /// The HTTP status code
    #[schema(example = 400)]
    status: u16,
    /// What went wrong in this case
    #[schema(example = "table \"podz\" does not exist")]
    detail: String,
    /// What to do about it
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "did you mean pods?")]
    hint: Option<String>,
    /// The character of the statement at which the error is, counted from 1
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 15)]
    position: Option<usize>,
    /// The kind of error, for programs
    #[schema(example = "unknown-table")]
    pub(super) kind: String,
}

impl Problem {
    /// A problem without a hint.
    pub(in crate::http) fn new(status: StatusCode, kind: &str, detail: impl Into<String>) -> Self {
        Self {
            urn: format!("urn:kubesql:error:{kind}"),
            title: kind.replace('-', " "),
            status: status.as_u16(),
            detail: detail.into(),
            hint: None,
            position: None,
            kind: kind.to_owned(),
        }
    }

    /// The request is malformed.
    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", detail)
    }

    /// Adds what to do about it.
    pub(in crate::http) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Replaces the status: an unknown table is 404 if it was part of the path.
    pub(super) fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status.as_u16();
        self
    }
}

impl From<SqlError> for Problem {
    fn from(error: SqlError) -> Self {
        let (status, kind, title) = describe(error.kind);
        let problem = Self { title: title.to_owned(), ..Self::new(status, kind, error.message) };
        Self { hint: error.hint, position: error.position, ..problem }
    }
}

/// The status, the name and the meaning of a kind.
fn describe(kind: ErrorKind) -> (StatusCode, &'static str, &'static str) {
    match kind {
        ErrorKind::Syntax => (StatusCode::BAD_REQUEST, "syntax", "the statement cannot be parsed"),
        ErrorKind::UnknownTable => (StatusCode::BAD_REQUEST, "unknown-table", "the table does not exist"),
        ErrorKind::UnknownColumn => (StatusCode::BAD_REQUEST, "unknown-column", "the column does not exist"),
        ErrorKind::ReadOnly => (StatusCode::FORBIDDEN, "read-only", "the statement would write"),
        ErrorKind::Unsupported => (StatusCode::BAD_REQUEST, "unsupported", "not supported"),
        ErrorKind::Invalid => (StatusCode::BAD_REQUEST, "invalid", "invalid types or values"),
        ErrorKind::Source => (StatusCode::SERVICE_UNAVAILABLE, "source", "the objects could not be read"),
        ErrorKind::Timeout => (StatusCode::REQUEST_TIMEOUT, "timeout", "the statement took too long"),
        ErrorKind::Cancelled => (StatusCode::SERVICE_UNAVAILABLE, "cancelled", "the statement was cancelled"),
        ErrorKind::Memory => (StatusCode::INSUFFICIENT_STORAGE, "memory", "the statement exceeded its memory limit"),
        ErrorKind::TooLarge => (StatusCode::BAD_REQUEST, "answer-too-large", "the answer exceeded its size limit"),
        ErrorKind::Busy => (StatusCode::TOO_MANY_REQUESTS, "busy", "too many statements are running and queued"),
        ErrorKind::GoingAway => (StatusCode::SERVICE_UNAVAILABLE, "going-away", "the server is shutting down"),
        ErrorKind::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "internal error"),
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self)).into_response();
        let content_type = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, content_type);
        response
    }
}
