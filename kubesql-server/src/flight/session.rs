//! A session: a client with its statements.

use super::statement_store::Statements;
use crate::query::Client;

/// A client with its statements.
pub(super) struct Session {
    pub(super) client: Client,
    pub(super) statements: Statements,
    /// The owner.
    pub(super) user: Option<String>,
}

impl Session {
    /// A session for tests.
    #[cfg(test)]
    pub(super) fn anonymous(client: Client) -> Self {
        Self { client, statements: Statements::default(), user: None }
    }
}
