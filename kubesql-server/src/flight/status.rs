//! Errors as gRPC statuses: a code, a message with the hint, and metadata for programs.

use arrow_flight::error::FlightError;
use kubesql_runtime::sql::{ErrorKind, SqlError};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Status};

use crate::auth::Refused;

/// The metadata of an error: its kind, SQLSTATE and hint.
const KIND: &str = "x-kubesql-error";
const SQLSTATE: &str = "x-kubesql-sqlstate";
const HINT: &str = "x-kubesql-hint";

/// The error of a statement.
pub(super) fn from_sql(error: SqlError) -> Status {
    let (code, name) = code(error.kind);
    let mut metadata = MetadataMap::new();
    metadata.insert(KIND, MetadataValue::from_static(name));
    metadata.insert(SQLSTATE, MetadataValue::from_static(error.sqlstate()));
    let SqlError { message, hint, .. } = error;
    let text = match hint {
        Some(hint) => {
            // Values of metadata are ASCII.
            let encoded = utf8_percent_encode(&hint, ESCAPED).to_string();
            if let Ok(value) = MetadataValue::try_from(encoded) {
                metadata.insert(HINT, value);
            }
            format!("{message}\nhint: {hint}")
        }
        None => message,
    };
    Status::with_metadata(code, text, metadata)
}

/// Besides characters that are not ASCII, which are always escaped.
const ESCAPED: &AsciiSet = &CONTROLS.add(b'%');

fn code(kind: ErrorKind) -> (Code, &'static str) {
    match kind {
        ErrorKind::Syntax => (Code::InvalidArgument, "syntax"),
        ErrorKind::UnknownTable => (Code::NotFound, "unknown-table"),
        ErrorKind::UnknownColumn => (Code::NotFound, "unknown-column"),
        ErrorKind::ReadOnly => (Code::PermissionDenied, "read-only"),
        ErrorKind::Unsupported => (Code::Unimplemented, "unsupported"),
        ErrorKind::Invalid => (Code::InvalidArgument, "invalid"),
        ErrorKind::Source => (Code::Unavailable, "source"),
        ErrorKind::Timeout => (Code::DeadlineExceeded, "timeout"),
        ErrorKind::Cancelled => (Code::Cancelled, "cancelled"),
        ErrorKind::Memory => (Code::ResourceExhausted, "memory"),
        ErrorKind::TooLarge => (Code::ResourceExhausted, "answer-too-large"),
        ErrorKind::Busy => (Code::ResourceExhausted, "busy"),
        ErrorKind::GoingAway => (Code::Unavailable, "going-away"),
        ErrorKind::Internal => (Code::Internal, "internal"),
    }
}

/// The client has cancelled the statement.
pub(super) fn cancelled() -> Status {
    from_sql(SqlError::new(ErrorKind::Cancelled, "the statement was cancelled"))
}

/// Authentication has failed.
pub(super) fn unauthenticated(refused: Refused) -> Status {
    let hint = if refused.no_credentials { "\nhint: give the client a name and a password, or a token" } else { "" };
    Status::unauthenticated(format!("{}{hint}", refused.message))
}

/// The client has sent an invalid message.
pub(super) fn invalid_message(message: impl Into<String>) -> Status {
    Status::invalid_argument(message)
}

/// An answer could not be encoded.
pub(super) fn encoding_failed(error: impl std::fmt::Display) -> Status {
    Status::internal(format!("could not encode the answer: {error}"))
}

/// An error of arrow-flight.
pub(super) fn from_flight(error: FlightError) -> Status {
    error.into()
}
