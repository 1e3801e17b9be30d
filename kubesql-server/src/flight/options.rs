//! Session options, which are the settings by their names. Their messages
//! (<https://github.com/apache/arrow/pull/34817>) are not part of arrow-flight 59.

use std::collections::HashMap;
use std::sync::Arc;

use prost::{Enumeration, Message, Oneof};
use tonic::Status;

use super::catalog_query::{CATALOG, query};
use super::session::Session;
use super::status;

#[derive(Clone, PartialEq, Message)]
pub(super) struct SetSessionOptionsRequest {
    #[prost(map = "string, message", tag = "1")]
    session_options: HashMap<String, OptionValue>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct SetSessionOptionsResult {
    #[prost(map = "string, message", tag = "1")]
    errors: HashMap<String, OptionError>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct GetSessionOptionsResult {
    #[prost(map = "string, message", tag = "1")]
    session_options: HashMap<String, OptionValue>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct CloseSessionResult {
    #[prost(enumeration = "CloseStatus", tag = "1")]
    status: i32,
}

#[derive(Clone, PartialEq, Message)]
struct OptionValue {
    #[prost(oneof = "Value", tags = "1, 2, 3, 4, 5")]
    value: Option<Value>,
}

#[derive(Clone, PartialEq, Oneof)]
enum Value {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(bool, tag = "2")]
    Bool(bool),
    #[prost(sfixed64, tag = "3")]
    Integer(i64),
    #[prost(double, tag = "4")]
    Float(f64),
    #[prost(message, tag = "5")]
    Texts(Texts),
}

#[derive(Clone, PartialEq, Message)]
struct Texts {
    #[prost(string, repeated, tag = "1")]
    values: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
struct OptionError {
    #[prost(enumeration = "OptionErrorValue", tag = "1")]
    value: i32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
enum OptionErrorValue {
    Unspecified = 0,
    Name = 1,
    Value = 2,
    Error = 3,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
enum CloseStatus {
    Unspecified = 0,
    Closed = 1,
    Closing = 2,
    NotCloseable = 3,
}

/// The protocol's names of the catalog and of the schema of unqualified tables.
const CATALOG_OPTION: &str = "catalog";
const SCHEMA_OPTION: &str = "schema";
const SEARCH_PATH: &str = "search_path";

/// Changes settings. The result names those that could not be changed.
pub(super) fn set(session: &Session, request: SetSessionOptionsRequest) -> SetSessionOptionsResult {
    let error = |name: &str, value: Option<String>| {
        if name == CATALOG_OPTION {
            return value.is_some_and(|catalog| catalog != CATALOG).then_some(OptionErrorValue::Value);
        }
        let setting = if name == SCHEMA_OPTION { SEARCH_PATH } else { name };
        if session.client.setting(setting).is_none() {
            return Some(OptionErrorValue::Name);
        }
        session.client.set(setting, value.as_deref()).is_err().then_some(OptionErrorValue::Value)
    };
    let mut errors = HashMap::new();
    for (name, value) in request.session_options {
        if let Some(error) = error(&name, text(value.value)) {
            errors.insert(name, OptionError { value: error.into() });
        }
    }
    SetSessionOptionsResult { errors }
}

/// A value as text; `None` to restore the default.
fn text(value: Option<Value>) -> Option<String> {
    Some(match value? {
        Value::Text(text) => text,
        Value::Bool(on) => if on { "on" } else { "off" }.to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Texts(Texts { values }) => values.join(", "),
    })
}

/// The values of all options.
pub(super) async fn get(session: &Arc<Session>) -> Result<GetSessionOptionsResult, Status> {
    let mut settings = all(session).await?;
    settings.push((CATALOG_OPTION.to_owned(), CATALOG.to_owned()));
    if let Some((_, schema)) = settings.iter().find(|(name, _)| name == SEARCH_PATH) {
        settings.push((SCHEMA_OPTION.to_owned(), schema.clone()));
    }
    let option = |(name, value)| (name, OptionValue { value: Some(Value::Text(value)) });
    Ok(GetSessionOptionsResult { session_options: settings.into_iter().map(option).collect() })
}

async fn all(session: &Arc<Session>) -> Result<Vec<(String, String)>, Status> {
    let pair = |row: Vec<String>| {
        let mut row = row.into_iter();
        Some((row.next()?, row.next()?))
    };
    Ok(query(&session.client, "SHOW ALL").await?.into_iter().filter_map(pair).collect())
}

/// The result of closing a session.
pub(super) fn closed() -> CloseSessionResult {
    CloseSessionResult { status: CloseStatus::Closed.into() }
}

/// Decodes the message of an action.
pub(super) fn decode<M: Message + Default>(body: &[u8]) -> Result<M, Status> {
    M::decode(body).map_err(|error| status::invalid_message(format!("malformed message: {error}")))
}
