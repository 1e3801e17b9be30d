//! Errors as clients of gRPC know them: a code, and a message with what to do about it.

use kubesql_runtime::sql::{ErrorKind, SqlError};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Status};

use crate::auth::Refused;

/// What sort of failure it is, for us and for SQL, and what to do about it: metadata beside the message.
const KIND: &str = "x-kubesql-error";
const SQLSTATE: &str = "x-kubesql-sqlstate";
const HINT: &str = "x-kubesql-hint";

/// An error of a statement.
pub(super) fn of(error: SqlError) -> Status {
    let (code, name) = code(error.kind);
    let mut metadata = MetadataMap::new();
    metadata.insert(KIND, MetadataValue::from_static(name));
    metadata.insert(SQLSTATE, MetadataValue::from_static(error.sqlstate()));
    let SqlError { message, hint, .. } = error;
    let text = match hint {
        Some(hint) => {
            // Values are ASCII.
            let encoded = utf8_percent_encode(&hint, UNPRINTED).to_string();
            if let Ok(value) = MetadataValue::try_from(encoded) {
                metadata.insert(HINT, value);
            }
            format!("{message}\nhint: {hint}")
        }
        None => message,
    };
    Status::with_metadata(code, text, metadata)
}

/// What is not printed, what is not ASCII, and the sign that says so; the rest stays, to be read.
const UNPRINTED: &AsciiSet = &CONTROLS.add(b'%');

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

/// A statement that its client has cancelled.
pub(super) fn cancelled() -> Status {
    of(SqlError::new(ErrorKind::Cancelled, "the statement was cancelled"))
}

/// Somebody who is not let in.
pub(super) fn refused(refused: Refused) -> Status {
    let hint = if refused.nothing_shown { "\nhint: give the client a name and a password, or a token" } else { "" };
    Status::unauthenticated(format!("{}{hint}", refused.message))
}

/// A message that is not what the protocol says.
pub(super) fn protocol(message: impl Into<String>) -> Status {
    Status::invalid_argument(message)
}

/// What cannot be encoded.
pub(super) fn encoding(error: impl std::fmt::Display) -> Status {
    Status::internal(format!("the answer cannot be encoded: {error}"))
}
