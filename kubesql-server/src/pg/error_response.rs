//! Errors and warnings as the protocol sends them: severity, SQLSTATE, message, hint and position.

use kubesql_runtime::sql::SqlError;
use kubesql_runtime::store::Warning;
use pgwire::error::{ErrorInfo, PgWireError};
use pgwire::messages::response::NoticeResponse;

/// The error of a statement.
pub(super) fn from_sql(error: SqlError) -> PgWireError {
    let mut info = ErrorInfo::new("ERROR".to_owned(), error.sqlstate().to_owned(), error.message);
    info.hint = error.hint;
    info.position = error.position.map(|position| position.to_string());
    PgWireError::UserError(Box::new(info))
}

/// Moves the position of an error from a statement to the text that has this many characters before the statement.
pub(super) fn shift_position(error: PgWireError, characters: usize) -> PgWireError {
    match error {
        PgWireError::UserError(mut info) => {
            let position = info.position.and_then(|position| position.parse::<usize>().ok());
            info.position = position.map(|position| (position + characters).to_string());
            PgWireError::UserError(info)
        }
        other => other,
    }
}

/// The client has violated the protocol.
pub(super) fn protocol_violation(message: impl Into<String>) -> PgWireError {
    with_sqlstate("08P01", message)
}

/// An error with a SQLSTATE.
pub(super) fn with_sqlstate(code: &str, message: impl Into<String>) -> PgWireError {
    PgWireError::UserError(Box::new(ErrorInfo::new("ERROR".to_owned(), code.to_owned(), message.into())))
}

/// A warning with a SQLSTATE.
pub(super) fn warning(code: &str, message: &str) -> NoticeResponse {
    NoticeResponse::from(ErrorInfo::new("WARNING".to_owned(), code.to_owned(), message.to_owned()))
}

/// A warning about data.
pub(super) fn data_warning(warning: Warning) -> NoticeResponse {
    let Warning { place, message, count } = warning;
    let times = if count > 1 { format!(" ({count} times)") } else { String::new() };
    let message = format!("{place}: {message}{times}");
    NoticeResponse::from(ErrorInfo::new("WARNING".to_owned(), "01000".to_owned(), message))
}

/// An error that ends the connection.
pub(super) fn fatal(code: &str, message: &str) -> ErrorInfo {
    ErrorInfo::new("FATAL".to_owned(), code.to_owned(), message.to_owned())
}
