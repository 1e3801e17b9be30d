//! `POST /api/v1/query`: executes one statement with parameters and settings.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, NullArray, StringArray};
use arrow::datatypes::DataType;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use kubesql_runtime::sql::Answer;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::answer::{AnswerDocument, AnswerReader};
use super::body;
use super::format::Format;
use super::problem::Problem;
use crate::http::identity::Identity;
use crate::query::{Client, Frontend};

/// A statement with its parameters and settings.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Statement)]
pub(super) struct StatementRequest {
    /// One SQL statement
    #[schema(example = "select name, requests.cpu from containers where namespace = $1")]
    sql: String,
    /// The values of `$1`, `$2` and so on: numbers, strings, booleans, or null
    #[serde(default)]
    #[schema(example = json!(["shop"]))]
    parameters: Vec<Value>,
    /// Settings for this statement, with the values of `SET`. `SHOW ALL` lists all settings
    #[serde(default)]
    #[schema(example = json!({"kubesql.partial": "on"}))]
    settings: BTreeMap<String, Value>,
    /// The maximum number of rows. If rows are left out, `truncated` is true
    limit: Option<usize>,
}

/// Execute a statement
///
/// The `Accept` header selects the format. In all formats but JSON, warnings that are known before the first row are in
/// the header `x-kubesql-warnings` as JSON, and later ones in a trailer of that name. The trailer
/// `x-kubesql-truncated: true` is sent if rows were left out because of `limit`. Trailers are sent to clients that request
/// them with `TE: trailers`. If the statement fails after the response has begun, the connection is closed
/// before the end of the response.
#[utoipa::path(
    post,
    path = "/api/v1/query",
    tag = "query",
    request_body = StatementRequest,
    responses(
        (
            status = 200,
            description = "The answer",
            content(
                (AnswerDocument = "application/json"),
                (String = "application/x-ndjson"),
                (String = "text/csv"),
                (Vec<u8> = "application/vnd.apache.arrow.stream"),
                (Vec<u8> = "application/vnd.apache.parquet"),
            ),
            headers(("x-kubesql-warnings" = String, description = "Warnings as a JSON array")),
        ),
        (status = 400, description = "The statement or the request is invalid", body = Problem,
            content_type = "application/problem+json"),
        (status = 403, description = "The statement would write", body = Problem,
            content_type = "application/problem+json"),
        (status = 406, description = "None of the accepted formats is supported", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The statement took too long", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The request is too large", body = Problem,
            content_type = "application/problem+json"),
        (status = 415, description = "The request is not JSON", body = Problem,
            content_type = "application/problem+json"),
        (status = 500, description = "Internal error", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "A cluster could not answer", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(super) async fn query(
    State(frontend): State<Arc<Frontend>>,
    identity: Identity,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    respond(&frontend, identity, &headers, body).await.unwrap_or_else(IntoResponse::into_response)
}

async fn respond(
    frontend: &Arc<Frontend>,
    identity: Identity,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let format = Format::negotiate(headers)?;
    let statement = parse(headers, body)?;
    let client = identity.into_client(frontend, None);
    for (name, value) in &statement.settings {
        client.set(name, Some(&setting_value(name, value)?))?;
    }
    let answer = execute(&client, &statement).await?;
    body::response(AnswerReader::begin(client, answer, statement.limit).await?, format).await
}

/// Parses the body of a request.
fn parse(headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<StatementRequest, Problem> {
    let body = body.map_err(|rejection| match rejection.status() {
        status @ StatusCode::PAYLOAD_TOO_LARGE => Problem::new(status, "too-large", "the request is too large"),
        _ => Problem::bad_request(rejection.body_text()),
    })?;
    // Required, since it is one of the types that a browser does not let scripts of other sites send without asking.
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let content_type = content_type.split(';').next().unwrap_or_default().trim();
    if !content_type.eq_ignore_ascii_case("application/json") {
        let (status, kind) = (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type");
        let problem = Problem::new(status, kind, "the request must be JSON");
        return Err(problem.hint("send Content-Type: application/json and {\"sql\": \"select 1\"}"));
    }
    serde_json::from_slice(&body).map_err(|error| {
        Problem::bad_request(format!("invalid request: {error}"))
            .hint("send {\"sql\": \"...\"}, optionally with parameters, settings and limit")
    })
}

/// The value of a setting as text.
fn setting_value(name: &str, value: &Value) -> Result<String, Problem> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(_) | Value::Number(_) => Ok(value.to_string()),
        _ => {
            let message = format!("setting \"{name}\" must be a string, a number or a boolean");
            Err(Problem::bad_request(message))
        }
    }
}

async fn execute(client: &Client, statement: &StatementRequest) -> Result<Answer, Problem> {
    let StatementRequest { sql, parameters, .. } = statement;
    if parameters.is_empty() {
        return Ok(client.execute(sql).await?);
    }
    let values: Vec<ArrayRef> =
        parameters.iter().enumerate().map(|(at, value)| parameter_array(at, value)).collect::<Result<_, _>>()?;
    let mut prepared = client.prepare(sql, &[]).await?;
    if prepared.parameters.len() != values.len() {
        let (expected, given) = (prepared.parameters.len(), values.len());
        let message = format!("the statement has {expected} parameters, but {given} values were given");
        return Err(Problem::new(StatusCode::BAD_REQUEST, "invalid", message));
    }
    // A parameter whose type the statement does not determine has the type of its value.
    let declared_type = |(inferred, value): (&DataType, &ArrayRef)| {
        let given = value.data_type();
        (*inferred == DataType::Utf8 && *given != DataType::Null).then(|| given.clone())
    };
    let declared: Vec<_> = prepared.parameters.iter().zip(&values).map(declared_type).collect();
    if declared.iter().flatten().any(|data_type| *data_type != DataType::Utf8)
        && let Ok(with_types) = client.prepare(sql, &declared).await
    {
        prepared = with_types;
    }
    Ok(client.run(&prepared, &values).await?)
}

/// The value of a parameter as an array of one element.
fn parameter_array(at: usize, value: &Value) -> Result<ArrayRef, Problem> {
    Ok(match value {
        Value::Null => Arc::new(NullArray::new(1)),
        Value::Bool(is) => Arc::new(BooleanArray::from(vec![*is])),
        Value::String(text) => Arc::new(StringArray::from(vec![text.as_str()])),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Arc::new(Int64Array::from(vec![whole])),
            (None, Some(float)) => Arc::new(Float64Array::from(vec![float])),
            (None, None) => Arc::new(StringArray::from(vec![number.to_string()])),
        },
        Value::Array(_) | Value::Object(_) => {
            let message = format!("parameter ${} must not be an array or an object", at + 1);
            return Err(Problem::bad_request(message).hint("parameters are numbers, strings, booleans, or null"));
        }
    })
}
