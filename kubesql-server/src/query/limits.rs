//! The limits of statements.

use std::time::Duration;

/// Limits that apply to every statement.
#[derive(Debug, Clone, Default)]
pub(crate) struct Limits {
    /// How long a statement may take, including the time in the queue; `None` for no limit.
    pub(crate) timeout: Option<Duration>,
    /// How many statements may run at the same time; others are queued.
    pub(crate) concurrent: usize,
    /// How many statements may be queued; `None` for no limit.
    pub(crate) queued: Option<usize>,
    /// How many statements of one user may run at the same time; `None` for no limit.
    pub(crate) concurrent_per_user: Option<usize>,
    /// How many rows an answer may have; `None` for no limit.
    pub(crate) rows: Option<u64>,
    /// How many bytes the values of an answer may have; `None` for no limit.
    pub(crate) bytes: Option<u64>,
}
