//! Errors as problem documents (RFC 9457): a status for HTTP, a kind for programs, words for people.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kubesql_runtime::sql::{ErrorKind, SqlError};
use serde::Serialize;
use utoipa::ToSchema;

/// What went wrong.
#[derive(Debug, Serialize, ToSchema)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub(in crate::http) struct Problem {
    /// `urn:kubesql:error:` and the kind
    #[serde(rename = "type")]
    #[schema(example = "urn:kubesql:error:unknown-table")]
    urn: String,
    /// What the kind means
    #[schema(example = "the table does not exist")]
    title: String,
    /// The HTTP status
    #[schema(example = 400)]
    status: u16,
    /// What went wrong this time
    #[schema(example = "table \"podz\" does not exist")]
    detail: String,
    /// What to do about it
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "did you mean pods?")]
    hint: Option<String>,
    /// The character of the statement at which the error is, from 1
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 15)]
    position: Option<usize>,
    /// Which sort of error it is, for programs
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

    /// A request that cannot be understood.
    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", detail)
    }

    /// With what to do about it.
    pub(in crate::http) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Under another status: a table may be what a path names.
    pub(super) fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status.as_u16();
        self
    }
}

impl From<SqlError> for Problem {
    fn from(error: SqlError) -> Self {
        let (status, kind, title) = told(error.kind);
        let problem = Self { title: title.to_owned(), ..Self::new(status, kind, error.message) };
        Self { hint: error.hint, position: error.position, ..problem }
    }
}

fn told(kind: ErrorKind) -> (StatusCode, &'static str, &'static str) {
    match kind {
        ErrorKind::Syntax => (StatusCode::BAD_REQUEST, "syntax", "the statement cannot be parsed"),
        ErrorKind::UnknownTable => (StatusCode::BAD_REQUEST, "unknown-table", "the table does not exist"),
        ErrorKind::UnknownColumn => (StatusCode::BAD_REQUEST, "unknown-column", "the column does not exist"),
        ErrorKind::ReadOnly => (StatusCode::FORBIDDEN, "read-only", "the statement would write"),
        ErrorKind::Unsupported => (StatusCode::BAD_REQUEST, "unsupported", "that is not to be had"),
        ErrorKind::Invalid => (StatusCode::BAD_REQUEST, "invalid", "types or values do not fit"),
        ErrorKind::Source => (StatusCode::SERVICE_UNAVAILABLE, "source", "the objects cannot be had"),
        ErrorKind::Timeout => (StatusCode::REQUEST_TIMEOUT, "timeout", "it took longer than a statement may"),
        ErrorKind::Cancelled => (StatusCode::SERVICE_UNAVAILABLE, "cancelled", "the statement was cancelled"),
        ErrorKind::Memory => {
            (StatusCode::INSUFFICIENT_STORAGE, "memory", "the statement needs more memory than it may use")
        }
        ErrorKind::TooLarge => (StatusCode::BAD_REQUEST, "answer-too-large", "the answer is larger than one may be"),
        ErrorKind::Busy => (StatusCode::TOO_MANY_REQUESTS, "busy", "others run and wait already"),
        ErrorKind::GoingAway => (StatusCode::SERVICE_UNAVAILABLE, "going-away", "the server is shutting down"),
        ErrorKind::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "a mistake in kubesql"),
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self)).into_response();
        let of = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, of);
        response
    }
}
