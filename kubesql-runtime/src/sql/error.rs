//! What a statement can fail with, in words for the person who wrote it.

/// Why a statement was not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SqlError {
    /// What sort of failure it is, for exit codes and SQLSTATEs.
    pub kind: ErrorKind,
    /// One line.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// PostgreSQL's code, where it says more than the sort does.
    pub(super) code: Option<&'static str>,
    /// The character of the statement at which it goes wrong, from 1, where that is known.
    pub position: Option<usize>,
}

/// Sorts of failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The statement cannot be parsed.
    Syntax,
    /// A table that does not exist, or that several groups have.
    UnknownTable,
    /// A column that does not exist, or that several tables have.
    UnknownColumn,
    /// The statement would write.
    ReadOnly,
    /// Understood, but not to be had.
    Unsupported,
    /// Types or values do not fit: a wrong argument, a cast, a division by zero.
    Invalid,
    /// The objects could not be had.
    Source,
    /// It took longer than a statement may.
    Timeout,
    /// Who asked wants no answer any more.
    Cancelled,
    /// It needs more memory, or room for what does not fit there, than it may use.
    Memory,
    /// Its answer is larger than one may be.
    TooLarge,
    /// Others run and wait already, as many as may.
    Busy,
    /// The server is about to end.
    GoingAway,
    /// A mistake in kubesql or below it.
    Internal,
}

impl SqlError {
    /// A failure without a hint.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, code: None, position: None }
    }

    /// With a code of PostgreSQL's (its documentation's appendix A).
    #[must_use]
    pub(super) fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// With where it goes wrong.
    #[must_use]
    pub(super) fn at(mut self, position: Option<usize>) -> Self {
        self.position = position;
        self
    }

    /// PostgreSQL's code of it, which drivers decide by: `42P01`.
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

    /// With what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
