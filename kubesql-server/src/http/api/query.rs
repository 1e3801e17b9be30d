//! `POST /api/v1/query`: one statement, its parameters and settings in; its answer out.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, NullArray, StringArray};
use arrow::datatypes::DataType;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use kubesql_runtime::sql::{Answer, SqlError};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::answer::{Answering, Document};
use super::body;
use super::format::Format;
use super::problem::Problem;
use crate::http::{admit, setting};
use crate::query::{Client, Door};

/// A statement.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Statement {
    /// One statement
    #[schema(example = "select name, \"requests.cpu\" from containers where namespace = $1")]
    sql: String,
    /// The values of `$1`, `$2` and so on: numbers, texts, booleans, or null
    #[serde(default)]
    #[schema(example = json!(["shop"]))]
    parameters: Vec<Value>,
    /// Settings of this statement's session, as `SET` takes them; `SHOW ALL` lists them
    #[serde(default)]
    #[schema(example = json!({"kubesql.partial": "on"}))]
    settings: BTreeMap<String, Value>,
    /// Give so many rows at most, and say in `truncated` whether there are more
    limit: Option<usize>,
}

/// Answer a statement
///
/// The format is chosen by `Accept`. All but JSON are written as rows come: warnings that are known before the first row
/// are told as JSON in the header `x-kubesql-warnings`, the others in a trailer of that name, and rows beyond `limit` in
/// the trailer `x-kubesql-truncated: true`, to clients that say `TE: trailers`. What fails after the first bytes breaks
/// the connection off.
#[utoipa::path(
    post,
    path = "/api/v1/query",
    tag = "query",
    request_body = Statement,
    responses(
        (
            status = 200,
            description = "The answer",
            content(
                (Document = "application/json"),
                (String = "application/x-ndjson"),
                (String = "text/csv"),
                (Vec<u8> = "application/vnd.apache.arrow.stream"),
                (Vec<u8> = "application/vnd.apache.parquet"),
            ),
            headers(("x-kubesql-warnings" = String, description = "Warnings as a JSON list")),
        ),
        (status = 400, description = "The statement or the request is wrong", body = Problem,
            content_type = "application/problem+json"),
        (status = 403, description = "The statement would write", body = Problem,
            content_type = "application/problem+json"),
        (status = 406, description = "No such format", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "It took too long", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The request is too long", body = Problem,
            content_type = "application/problem+json"),
        (status = 415, description = "The request is not JSON", body = Problem,
            content_type = "application/problem+json"),
        (status = 500, description = "A mistake in kubesql", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "A cluster cannot answer", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(super) async fn query(
    State(door): State<Arc<Door>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    answer(&door, &headers, body).await.unwrap_or_else(IntoResponse::into_response)
}

async fn answer(
    door: &Arc<Door>,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let format = Format::asked(headers)?;
    let statement = read(headers, body)?;
    let client = admit::client(door, headers, None);
    for (name, value) in &statement.settings {
        client.execute(&set(name, value)?).await?;
    }
    let answer = run(&client, &statement).await?;
    body::response(Answering::begin(client, answer, statement.limit).await?, format).await
}

/// The request's body.
fn read(headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<Statement, Problem> {
    let body = body.map_err(|rejection| match rejection.status() {
        status @ StatusCode::PAYLOAD_TOO_LARGE => Problem::new(status, "too-large", "the request is too long"),
        _ => Problem::bad_request(rejection.body_text()),
    })?;
    // Asked for, since scripts of other sites' pages may send only what is not called that.
    let named = headers.get(header::CONTENT_TYPE).and_then(|of| of.to_str().ok()).unwrap_or_default();
    let named = named.split(';').next().unwrap_or_default().trim();
    if !named.eq_ignore_ascii_case("application/json") {
        let problem = Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "this takes JSON");
        return Err(problem.hint("send Content-Type: application/json and {\"sql\": \"select 1\"}"));
    }
    serde_json::from_slice(&body).map_err(|error| {
        Problem::bad_request(format!("the request cannot be read: {error}"))
            .hint("send {\"sql\": \"...\"}, and where wanted parameters, settings and limit")
    })
}

/// The statement that changes a setting.
fn set(name: &str, value: &Value) -> Result<String, Problem> {
    let value = match value {
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        _ => return Err(Problem::bad_request(format!("setting {name} is no text, number or boolean"))),
    };
    setting::statement(name, Some(&value))
        .ok_or_else(|| Problem::bad_request(format!("{name:?} is no setting")).hint("SHOW ALL lists the settings"))
}

async fn run(client: &Client, statement: &Statement) -> Result<Answer, Problem> {
    let Statement { sql, parameters, .. } = statement;
    if parameters.is_empty() {
        return Ok(client.execute(sql).await?);
    }
    let values: Vec<ArrayRef> =
        parameters.iter().enumerate().map(|(at, value)| array(at, value)).collect::<Result<_, _>>()?;
    let mut prepared = client.prepare(sql, &[]).await?;
    if prepared.parameters.len() != values.len() {
        let (wanted, given) = (prepared.parameters.len(), values.len());
        let message = format!("the statement has {wanted} parameters, and there are {given} values");
        return Err(Problem::new(StatusCode::BAD_REQUEST, "invalid", message));
    }
    // What nothing in the statement gives a type to has that of its value.
    let free = |(wanted, value): (&DataType, &ArrayRef)| {
        let of = value.data_type();
        (*wanted == DataType::Utf8 && *of != DataType::Null).then(|| of.clone())
    };
    let declared: Vec<_> = prepared.parameters.iter().zip(&values).map(free).collect();
    if declared.iter().flatten().any(|of| *of != DataType::Utf8)
        && let Ok(again) = client.prepare(sql, &declared).await
    {
        prepared = again;
    }
    let answered: Result<Answer, SqlError> = client.run(&prepared, &values).await;
    Ok(answered?)
}

/// A parameter's value as an array of one element.
fn array(at: usize, value: &Value) -> Result<ArrayRef, Problem> {
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
            let message = format!("parameter ${} is a list or an object", at + 1);
            return Err(Problem::bad_request(message).hint("parameters are numbers, texts, booleans, or null"));
        }
    })
}
