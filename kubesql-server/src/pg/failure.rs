//! Errors and warnings as PostgreSQL's clients know them: severity, SQLSTATE, message and hint.

use kubesql_runtime::sql::SqlError;
use kubesql_runtime::store::Warning;
use pgwire::error::{ErrorInfo, PgWireError};
use pgwire::messages::response::NoticeResponse;

/// An error of a statement.
pub(super) fn of(error: SqlError) -> PgWireError {
    let mut info = ErrorInfo::new("ERROR".to_owned(), error.sqlstate().to_owned(), error.message);
    info.hint = error.hint;
    info.position = error.position.map(|position| position.to_string());
    PgWireError::UserError(Box::new(info))
}

/// An error of the protocol's.
pub(super) fn protocol(message: impl Into<String>) -> PgWireError {
    coded("08P01", message)
}

/// An error with a code of PostgreSQL's.
pub(super) fn coded(code: &str, message: impl Into<String>) -> PgWireError {
    PgWireError::UserError(Box::new(ErrorInfo::new("ERROR".to_owned(), code.to_owned(), message.into())))
}

/// A warning about what a client does.
pub(super) fn warning(code: &str, message: &str) -> NoticeResponse {
    NoticeResponse::from(ErrorInfo::new("WARNING".to_owned(), code.to_owned(), message.to_owned()))
}

/// What is wrong with the data of an answer.
pub(super) fn notice(warning: Warning) -> NoticeResponse {
    let Warning { place, message, count } = warning;
    let times = if count > 1 { format!(" ({count} times)") } else { String::new() };
    let message = format!("{place}: {message}{times}");
    NoticeResponse::from(ErrorInfo::new("WARNING".to_owned(), "01000".to_owned(), message))
}

/// What ends a connection.
pub(super) fn fatal(code: &str, message: &str) -> ErrorInfo {
    ErrorInfo::new("FATAL".to_owned(), code.to_owned(), message.to_owned())
}
