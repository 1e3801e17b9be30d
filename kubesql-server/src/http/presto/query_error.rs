//! Errors in the protocol of Presto and Trino: code, name, type, and location.

use kubesql_runtime::sql::{ErrorKind, SqlError};
use serde_json::{Value, json};

/// The error of a statement.
#[derive(Debug, Clone)]
pub(super) struct QueryError {
    name: &'static str,
    message: String,
    /// Line and column, from 1.
    location: Option<(u64, u64)>,
}

/// Names with codes and types. They are those of Trino's `StandardErrorCode`, a superset of Presto's.
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

/// The SQLSTATE of an unknown schema.
const INVALID_SCHEMA_NAME: &str = "3F000";

/// The SQLSTATE of a division by zero.
const DIVISION_BY_ZERO: &str = "22012";

impl QueryError {
    /// `name` is one of [`CODES`].
    pub(super) fn new(name: &'static str, message: impl Into<String>) -> Self {
        Self { name, message: message.into(), location: None }
    }

    /// The same error with another name.
    pub(super) fn with_name(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }

    /// The error as JSON.
    pub(super) fn document(&self) -> Value {
        let (_, code, error_type) =
            CODES.into_iter().find(|(name, ..)| *name == self.name).unwrap_or(("", 65_536, "INTERNAL_ERROR"));
        let message = match self.location {
            // As in Presto.
            Some((line, column)) => format!("line {line}:{column}: {}", self.message),
            None => self.message.clone(),
        };
        let failure =
            json!({"type": format!("kubesql.{}", self.name), "message": message, "suppressed": [], "stack": []});
        let mut document = json!({
            "message": message,
            "errorCode": code,
            "errorName": self.name,
            "errorType": error_type,
            "failureInfo": failure,
        });
        if let Some((line, column)) = self.location {
            document["errorLocation"] = json!({"lineNumber": line, "columnNumber": column});
            document["failureInfo"]["errorLocation"] = document["errorLocation"].clone();
        }
        document
    }
}

impl From<SqlError> for QueryError {
    fn from(error: SqlError) -> Self {
        let name = match error.kind {
            ErrorKind::Syntax => "SYNTAX_ERROR",
            ErrorKind::UnknownTable if error.sqlstate() == INVALID_SCHEMA_NAME => "SCHEMA_NOT_FOUND",
            ErrorKind::UnknownTable => "TABLE_NOT_FOUND",
            ErrorKind::UnknownColumn => "COLUMN_NOT_FOUND",
            ErrorKind::ReadOnly => "READ_ONLY_VIOLATION",
            ErrorKind::Unsupported => "NOT_SUPPORTED",
            ErrorKind::Invalid if error.sqlstate() == DIVISION_BY_ZERO => "DIVISION_BY_ZERO",
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
        let location = error.line_and_column();
        // The protocol has no field for hints.
        let message = match error.hint {
            Some(hint) => format!("{} ({hint})", error.message),
            None => error.message,
        };
        Self { name, message, location }
    }
}

impl From<std::io::Error> for QueryError {
    fn from(error: std::io::Error) -> Self {
        Self::new("GENERIC_INTERNAL_ERROR", error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_codes() {
        let document = |kind, message: &str| QueryError::from(SqlError::new(kind, message)).document();
        for (kind, message, name, error_type) in [
            (ErrorKind::UnknownTable, "table \"x\" does not exist", "TABLE_NOT_FOUND", "USER_ERROR"),
            (ErrorKind::Timeout, "too slow", "EXCEEDED_TIME_LIMIT", "INSUFFICIENT_RESOURCES"),
            (ErrorKind::Source, "gone", "KUBESQL_SOURCE_ERROR", "EXTERNAL"),
        ] {
            let error = document(kind, message);
            assert_eq!((&error["errorName"], &error["errorType"]), (&json!(name), &json!(error_type)), "{message}");
            assert!(error.get("errorLocation").is_none());
        }
        let hinted = QueryError::from(SqlError::new(ErrorKind::UnknownTable, "no").hint("try")).document();
        assert_eq!(hinted["message"], "no (try)");
    }
}
