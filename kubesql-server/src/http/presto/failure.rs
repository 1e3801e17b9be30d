//! Errors as clients of Presto and Trino know them: code, name, type, and the place where that is known.

use kubesql_runtime::sql::{ErrorKind, SqlError};
use serde_json::{Value, json};

/// What a statement failed with.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    name: &'static str,
    message: String,
}

/// Names with their codes and types, as in Trino's `StandardErrorCode`, which has Presto's and more.
const CODES: [(&str, u32, &str); 20] = [
    ("SYNTAX_ERROR", 1, "USER_ERROR"),
    ("USER_CANCELED", 3, "USER_ERROR"),
    ("NOT_FOUND", 5, "USER_ERROR"),
    ("GENERIC_USER_ERROR", 0, "USER_ERROR"),
    ("DIVISION_BY_ZERO", 8, "USER_ERROR"),
    ("NOT_SUPPORTED", 13, "USER_ERROR"),
    ("INVALID_SESSION_PROPERTY", 14, "USER_ERROR"),
    ("READ_ONLY_VIOLATION", 20, "USER_ERROR"),
    ("INVALID_PARAMETER_USAGE", 33, "USER_ERROR"),
    ("CATALOG_NOT_FOUND", 44, "USER_ERROR"),
    ("SCHEMA_NOT_FOUND", 45, "USER_ERROR"),
    ("TABLE_NOT_FOUND", 46, "USER_ERROR"),
    ("COLUMN_NOT_FOUND", 47, "USER_ERROR"),
    ("GENERIC_INTERNAL_ERROR", 65_536, "INTERNAL_ERROR"),
    ("EXCEEDED_TIME_LIMIT", 131_075, "INSUFFICIENT_RESOURCES"),
    ("GENERIC_INSUFFICIENT_RESOURCES", 131_072, "INSUFFICIENT_RESOURCES"),
    ("QUERY_QUEUE_FULL", 131_074, "INSUFFICIENT_RESOURCES"),
    ("EXCEEDED_LOCAL_MEMORY_LIMIT", 131_079, "INSUFFICIENT_RESOURCES"),
    ("SERVER_SHUTTING_DOWN", 65_545, "INTERNAL_ERROR"),
    ("KUBESQL_SOURCE_ERROR", 16_777_216, "EXTERNAL"),
];

impl Failure {
    /// One of the protocol's own.
    pub(super) fn new(name: &'static str, message: impl Into<String>) -> Self {
        Self { name, message: message.into() }
    }

    /// The same under another name.
    pub(super) fn named(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }

    /// As the protocol tells it.
    pub(super) fn document(&self) -> Value {
        let (_, code, of) =
            CODES.into_iter().find(|(name, ..)| *name == self.name).unwrap_or(("", 65_536, "INTERNAL_ERROR"));
        let (message, place) = located(&self.message);
        let failure =
            json!({"type": format!("kubesql.{}", self.name), "message": message, "suppressed": [], "stack": []});
        let mut document = json!({
            "message": message,
            "errorCode": code,
            "errorName": self.name,
            "errorType": of,
            "failureInfo": failure,
        });
        if let Some((line, column)) = place {
            document["errorLocation"] = json!({"lineNumber": line, "columnNumber": column});
            document["failureInfo"]["errorLocation"] = document["errorLocation"].clone();
        }
        document
    }
}

impl From<SqlError> for Failure {
    fn from(error: SqlError) -> Self {
        let name = match error.kind {
            ErrorKind::Syntax => "SYNTAX_ERROR",
            ErrorKind::UnknownTable if error.message.starts_with("schema ") => "SCHEMA_NOT_FOUND",
            ErrorKind::UnknownTable => "TABLE_NOT_FOUND",
            ErrorKind::UnknownColumn => "COLUMN_NOT_FOUND",
            ErrorKind::ReadOnly => "READ_ONLY_VIOLATION",
            ErrorKind::Unsupported => "NOT_SUPPORTED",
            ErrorKind::Invalid if error.message.to_lowercase().contains("divide by zero") => "DIVISION_BY_ZERO",
            ErrorKind::Invalid => "GENERIC_USER_ERROR",
            ErrorKind::Source => "KUBESQL_SOURCE_ERROR",
            ErrorKind::Timeout => "EXCEEDED_TIME_LIMIT",
            ErrorKind::Cancelled => "USER_CANCELED",
            ErrorKind::Memory => "EXCEEDED_LOCAL_MEMORY_LIMIT",
            ErrorKind::TooLarge => "GENERIC_INSUFFICIENT_RESOURCES",
            ErrorKind::Busy => "QUERY_QUEUE_FULL",
            ErrorKind::GoingAway => "SERVER_SHUTTING_DOWN",
            ErrorKind::Internal => "GENERIC_INTERNAL_ERROR",
        };
        // There is no place for hints of their own.
        let message = match error.hint {
            Some(hint) => format!("{} ({hint})", error.message),
            None => error.message,
        };
        Self { name, message }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new("GENERIC_INTERNAL_ERROR", error.to_string())
    }
}

/// The message as Presto has it, `line 1:8: ...`, and the place, where the parser told it.
fn located(message: &str) -> (String, Option<(u32, u32)>) {
    let place = || {
        let (before, rest) = message.split_once(" at Line: ")?;
        let (line, rest) = rest.split_once(", Column: ")?;
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (line, column): (u32, u32) = (line.parse().ok()?, rest[..digits].parse().ok()?);
        Some((format!("line {line}:{column}: {before}{}", &rest[digits..]), (line, column)))
    };
    match place() {
        Some((message, place)) => (message, Some(place)),
        None => (message.to_owned(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_codes_and_places() {
        let of = |kind, message: &str| Failure::from(SqlError::new(kind, message)).document();
        let syntax =
            of(ErrorKind::Syntax, "sql parser error: Expected: an expression, found: EOF at Line: 2, Column: 14");
        assert_eq!(syntax["message"], "line 2:14: sql parser error: Expected: an expression, found: EOF");
        assert_eq!(syntax["errorLocation"], json!({"lineNumber": 2, "columnNumber": 14}));
        assert_eq!((&syntax["errorCode"], &syntax["errorName"]), (&json!(1), &json!("SYNTAX_ERROR")));
        for (kind, message, name, of_type) in [
            (ErrorKind::UnknownTable, "table \"x\" does not exist", "TABLE_NOT_FOUND", "USER_ERROR"),
            (ErrorKind::UnknownTable, "schema \"x\" does not exist", "SCHEMA_NOT_FOUND", "USER_ERROR"),
            (ErrorKind::Invalid, "Divide by zero error", "DIVISION_BY_ZERO", "USER_ERROR"),
            (ErrorKind::Timeout, "late", "EXCEEDED_TIME_LIMIT", "INSUFFICIENT_RESOURCES"),
            (ErrorKind::Source, "gone", "KUBESQL_SOURCE_ERROR", "EXTERNAL"),
        ] {
            let error = of(kind, message);
            assert_eq!((&error["errorName"], &error["errorType"]), (&json!(name), &json!(of_type)), "{message}");
            assert!(error.get("errorLocation").is_none());
        }
        let hinted = Failure::from(SqlError::new(ErrorKind::UnknownTable, "no").hint("try")).document();
        assert_eq!(hinted["message"], "no (try)");
    }
}
