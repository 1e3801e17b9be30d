//! Errors of commands: the message on stderr and the exit code.

use std::fmt;
use std::io;

use arrow::error::ArrowError;
use kubesql_runtime::sql::{ErrorKind, SqlError};
use kubesql_runtime::store::SourceError;

use crate::caret;

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A statement failed.
    Sql {
        error: SqlError,
        /// The statement, if it was one of a text.
        statement: Option<Box<StatementText>>,
    },
    /// A source could not be opened.
    Source(SourceError),
    /// No source was given, and there is no default one.
    NoSource,
    /// The command line is invalid.
    Usage { message: String, hint: Option<&'static str> },
    /// The result could not be written.
    Output(io::Error),
}

/// A statement among those of a text.
#[derive(Debug)]
pub(crate) struct StatementText {
    /// From 1.
    pub(crate) number: usize,
    /// The number of statements.
    pub(crate) count: usize,
    /// The statement, which is shown with a mark at the position of the error.
    pub(crate) sql: String,
}

impl Failure {
    /// An invalid command line, and how to correct it.
    pub(crate) fn usage(message: impl Into<String>, hint: &'static str) -> Self {
        Self::Usage { message: message.into(), hint: Some(hint) }
    }

    /// No table matches a pattern.
    pub(crate) fn no_match(pattern: &str) -> Self {
        let error = SqlError::new(ErrorKind::UnknownTable, format!("no table matches \"{pattern}\""));
        error.hint(format!("try a part of the name: kubesql tables '*{}*'", pattern.trim_matches('*'))).into()
    }

    /// No column matches a pattern.
    pub(crate) fn no_column_match(pattern: &str) -> Self {
        let error = SqlError::new(ErrorKind::UnknownColumn, format!("no column matches \"{pattern}\""));
        let hint = "a part of the field's name is enough; keys of labels and annotations are not searched";
        error.hint(hint).into()
    }

    /// The exit code of the process.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Sql { error, .. } if error.kind == ErrorKind::Source => 3,
            Self::Sql { .. } | Self::Output(_) => 1,
            Self::Usage { .. } => 2,
            Self::Source(_) | Self::NoSource => 3,
        }
    }

    /// Whether the reader of the output closed the pipe: `kubesql ... | head`.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// The same as an error of a statement.
    pub(crate) fn to_sql_error(&self) -> SqlError {
        let kind = if self.exit_code() == 3 { ErrorKind::Source } else { ErrorKind::Invalid };
        let error = SqlError::new(kind, self.message());
        match self.hint() {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Sql { error, statement } => match statement.as_deref() {
                Some(StatementText { number, count, .. }) if *count > 1 => {
                    format!("statement {number} of {count}: {error}")
                }
                _ => error.to_string(),
            },
            Self::Source(error) => error.to_string(),
            Self::NoSource => "no cluster configured: there is no kubeconfig, and this is not a pod".to_owned(),
            Self::Usage { message, .. } => message.clone(),
            Self::Output(error) => format!("could not write the result: {error}"),
        }
    }

    fn hint(&self) -> Option<&str> {
        match self {
            Self::Sql { error, .. } => error.hint.as_deref(),
            Self::Usage { hint, .. } => *hint,
            Self::NoSource => {
                Some("choose a cluster with --context or --kubeconfig, read files with --file, or try --demo")
            }
            Self::Source(_) | Self::Output(_) => None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "error: {}", self.message())?;
        if let Self::Sql { error, statement: Some(statement) } = self {
            let width = terminal_size::terminal_size_of(io::stderr()).map_or(80, |(width, _)| usize::from(width.0));
            to.write_str(&caret::marked_line(error, &statement.sql, width).unwrap_or_default())?;
        }
        match self.hint() {
            Some(hint) => write!(to, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<SqlError> for Failure {
    fn from(error: SqlError) -> Self {
        Self::Sql { error, statement: None }
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

/// The I/O error inside of an Arrow error, or the Arrow error itself.
pub(crate) fn output_error(error: ArrowError) -> io::Error {
    match error {
        ArrowError::IoError(_, error) => error,
        other => io::Error::other(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_errors_and_exit_codes() {
        let sql = |kind| SqlError::new(kind, "no").hint("try");
        let cases = [
            (Failure::from(sql(ErrorKind::Syntax)), 1, "error: no\nhint: try"),
            (Failure::from(sql(ErrorKind::Source)), 3, "error: no\nhint: try"),
            (
                Failure::Sql {
                    error: SqlError::new(ErrorKind::Invalid, "no"),
                    statement: Some(Box::new(StatementText { number: 2, count: 3, sql: "select 1".to_owned() })),
                },
                1,
                "error: statement 2 of 3: no",
            ),
            (Failure::usage("what", "this"), 2, "error: what\nhint: this"),
            (
                Failure::NoSource,
                3,
                "error: no cluster configured: there is no kubeconfig, and this is not a pod\n\
                 hint: choose a cluster with --context or --kubeconfig, read files with --file, or try --demo",
            ),
            (
                Failure::Source(SourceError::Unreadable { place: "a.json".into(), message: "gone".into() }),
                3,
                "error: a.json: gone",
            ),
        ];
        for (failure, code, words) in cases {
            assert_eq!((failure.exit_code(), failure.to_string().as_str()), (code, words));
        }
    }

    #[test]
    fn recognizes_broken_pipes_inside_arrow_errors() {
        let broken = || io::Error::from(io::ErrorKind::BrokenPipe);
        assert!(Failure::Output(broken()).is_broken_pipe());
        assert!(Failure::Output(output_error(ArrowError::IoError("x".into(), broken()))).is_broken_pipe());
        assert!(!Failure::Output(output_error(ArrowError::NotYetImplemented("x".into()))).is_broken_pipe());
    }
}
