//! Errors and warnings as PostgreSQL's clients know them: severity, SQLSTATE, message and hint.

use kubesql_runtime::sql::{ErrorKind, SqlError};
use kubesql_runtime::store::Warning;
use pgwire::error::{ErrorInfo, PgWireError};
use pgwire::messages::response::NoticeResponse;

/// An error of a statement.
pub(super) fn of(error: SqlError) -> PgWireError {
    let mut info = ErrorInfo::new("ERROR".to_owned(), sqlstate(error.kind).to_owned(), error.message);
    info.hint = error.hint;
    PgWireError::UserError(Box::new(info))
}

/// An error of the protocol's.
pub(super) fn protocol(message: impl Into<String>) -> PgWireError {
    PgWireError::UserError(Box::new(ErrorInfo::new("ERROR".to_owned(), "08P01".to_owned(), message.into())))
}

/// What is wrong with the data of an answer.
pub(super) fn notice(warning: Warning) -> NoticeResponse {
    let Warning { place, message, count } = warning;
    let times = if count > 1 { format!(" ({count} times)") } else { String::new() };
    let message = format!("{place}: {message}{times}");
    NoticeResponse::from(ErrorInfo::new("WARNING".to_owned(), "01000".to_owned(), message))
}

/// The codes are those of PostgreSQL's documentation, appendix A.
fn sqlstate(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Syntax => "42601",
        ErrorKind::UnknownTable => "42P01",
        ErrorKind::UnknownColumn => "42703",
        ErrorKind::ReadOnly => "25006",
        ErrorKind::Unsupported => "0A000",
        ErrorKind::Invalid => "22000",
        ErrorKind::Source => "58000",
        ErrorKind::Timeout | ErrorKind::Cancelled => "57014",
        ErrorKind::Memory => "53200",
        ErrorKind::TooLarge => "54000",
        ErrorKind::Busy => "53300",
        ErrorKind::GoingAway => "57P01",
        ErrorKind::Internal => "XX000",
    }
}

/// What ends a connection.
pub(super) fn fatal(code: &str, message: &str) -> ErrorInfo {
    ErrorInfo::new("FATAL".to_owned(), code.to_owned(), message.to_owned())
}
