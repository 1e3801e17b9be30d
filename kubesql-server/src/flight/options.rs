//! Options of a session as the protocol has them: messages that arrow-flight does not know, and settings by their names.

use std::collections::HashMap;
use std::sync::Arc;

use prost::{Enumeration, Message, Oneof};
use tonic::Status;

use super::metadata::{CATALOG, ask};
use super::sessions::Session;
use super::{failure, statements};

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
    #[prost(enumeration = "Closure", tag = "1")]
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
    #[prost(enumeration = "Wrong", tag = "1")]
    value: i32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
enum Wrong {
    Unspecified = 0,
    Name = 1,
    Value = 2,
    Error = 3,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
enum Closure {
    Unspecified = 0,
    Closed = 1,
    Closing = 2,
    NotCloseable = 3,
}

/// What the protocol calls the catalog, and the schema in which bare names are looked up first.
const CATALOG_OPTION: &str = "catalog";
const SCHEMA_OPTION: &str = "schema";
const SEARCH_PATH: &str = "search_path";

/// Changes settings; each that cannot be is named in the result.
pub(super) async fn set(session: &Arc<Session>, request: SetSessionOptionsRequest) -> SetSessionOptionsResult {
    let known = all(session).await.unwrap_or_default();
    let mut errors = HashMap::new();
    for (name, value) in request.session_options {
        let wrong = match (name.as_str(), text(value.value)) {
            (CATALOG_OPTION, None) => None,
            (CATALOG_OPTION, Some(catalog)) => (catalog != CATALOG).then_some(Wrong::Value),
            (name, value) => {
                let setting = if name == SCHEMA_OPTION { SEARCH_PATH } else { name };
                if !known.iter().any(|(known, _)| known.eq_ignore_ascii_case(setting)) {
                    Some(Wrong::Name)
                } else {
                    // Its name is one of ours, so that it needs no quotes.
                    let sql = match value {
                        Some(value) => format!("SET {setting} = '{}'", value.replace('\'', "''")),
                        None => format!("RESET {setting}"),
                    };
                    statements::update(session, &sql).await.is_err().then_some(Wrong::Value)
                }
            }
        };
        if let Some(wrong) = wrong {
            errors.insert(name, OptionError { value: wrong.into() });
        }
    }
    SetSessionOptionsResult { errors }
}

/// A value as SET takes it; none to go back to what was at first.
fn text(value: Option<Value>) -> Option<String> {
    Some(match value? {
        Value::Text(text) => text,
        Value::Bool(on) => if on { "on" } else { "off" }.to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Texts(Texts { values }) => values.join(", "),
    })
}

/// All settings.
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
    Ok(ask(&session.client, "SHOW ALL").await?.into_iter().filter_map(pair).collect())
}

/// What is told when a session has been closed.
pub(super) fn closed() -> CloseSessionResult {
    CloseSessionResult { status: Closure::Closed.into() }
}

/// The message of an action.
pub(super) fn decode<M: Message + Default>(body: &[u8]) -> Result<M, Status> {
    M::decode(body).map_err(|error| failure::protocol(format!("the action's message cannot be read: {error}")))
}
