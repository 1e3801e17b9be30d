//! Errors of statements.

use datafusion::common::{Location, Span};
use datafusion::error::DataFusionError;

/// The error of a statement, as in PostgreSQL: message, hint, SQLSTATE and position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SqlError {
    /// The kind. It determines the exit code and the default SQLSTATE.
    pub kind: ErrorKind,
    /// One line, lower case, without a full stop.
    pub message: String,
    /// How to fix the statement.
    pub hint: Option<String>,
    /// The SQLSTATE, if it is more precise than that of the kind.
    pub(crate) code: Option<&'static str>,
    /// The position of the error in the statement, in characters from 1.
    pub position: Option<usize>,
    /// The lines and columns of the error in the statement.
    pub(crate) span: Option<Box<Span>>,
}

/// Kinds of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The statement cannot be parsed.
    Syntax,
    /// The table does not exist, or several API groups have a table of this name.
    UnknownTable,
    /// The column does not exist, or several tables have a column of this name.
    UnknownColumn,
    /// The statement writes.
    ReadOnly,
    /// Valid SQL that is not supported.
    Unsupported,
    /// A type or a value is invalid: an argument, a cast, a division by zero.
    Invalid,
    /// The objects could not be read.
    Source,
    /// The statement took longer than its time limit.
    Timeout,
    /// The client cancelled the statement.
    Cancelled,
    /// The statement exceeds its limit of memory or temporary disk space.
    Memory,
    /// The answer is larger than the limit.
    TooLarge,
    /// Too many statements are running and waiting.
    Busy,
    /// The server is shutting down.
    GoingAway,
    /// A bug in kubesql or in a library.
    Internal,
}

impl SqlError {
    /// Creates an error without a hint.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, code: None, position: None, span: None }
    }

    /// Sets the SQLSTATE (appendix A of PostgreSQL's documentation).
    #[must_use]
    pub(crate) fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// Sets the position.
    #[must_use]
    pub(crate) fn at(mut self, position: Option<usize>) -> Self {
        self.position = position;
        self
    }

    /// Sets the position by lines and columns of the statement.
    #[must_use]
    pub(crate) fn spanning(mut self, span: Span, sql: &str) -> Self {
        self.position = char_position(sql, span.start);
        self.span = Some(Box::new(span));
        self
    }

    /// The SQLSTATE: `42P01`.
    #[must_use]
    pub fn sqlstate(&self) -> &'static str {
        self.code.unwrap_or(match self.kind {
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
        })
    }

    /// The line and the column of the position, from 1.
    #[must_use]
    pub fn line_and_column(&self) -> Option<(u64, u64)> {
        self.span.as_ref().map(|span| (span.start.line, span.start.column))
    }

    /// Sets the hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<SqlError> for DataFusionError {
    fn from(error: SqlError) -> Self {
        Self::External(Box::new(error))
    }
}

/// The error for a name that several columns of a query have.
pub(crate) fn duplicate_column(name: &str) -> SqlError {
    SqlError::new(ErrorKind::Invalid, format!("column \"{name}\" specified more than once"))
        .code("42701")
        .hint("rename one of the columns with AS")
}

/// The error of a function that was called with invalid values, with an SQLSTATE.
pub(crate) fn invalid<T>(code: &'static str, message: impl Into<String>) -> Result<T, DataFusionError> {
    Err(SqlError::new(ErrorKind::Invalid, message).code(code).into())
}

/// Converts a line and a column to a position in characters, from 1.
fn char_position(sql: &str, location: Location) -> Option<usize> {
    let lines = usize::try_from(location.line).ok()?.checked_sub(1)?;
    let before: usize = sql.split_inclusive('\n').take(lines).map(|line| line.chars().count()).sum();
    Some(before + usize::try_from(location.column).ok()?)
}
