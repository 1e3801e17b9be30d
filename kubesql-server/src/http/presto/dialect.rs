//! What Presto and Trino, of one origin, call differently.

use axum::http::{HeaderMap, HeaderName};

/// Whose protocol a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Presto,
    /// Trino; whether the client knows times of any precision.
    Trino {
        precise: bool,
    },
}

impl Dialect {
    /// The dialect of a request; none where it says of no user, as all clients do.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        if headers.contains_key("x-trino-user") {
            let capabilities = headers.get("x-trino-client-capabilities").and_then(|value| value.to_str().ok());
            let precise = capabilities.is_some_and(|all| all.split(',').any(|one| one.trim() == "PARAMETRIC_DATETIME"));
            return Some(Self::Trino { precise });
        }
        headers.contains_key("x-presto-user").then_some(Self::Presto)
    }

    /// A header of the protocol by the end of its name: `catalog`.
    pub(super) fn header(self, name: &str) -> Option<HeaderName> {
        let prefix = if self == Self::Presto { "x-presto-" } else { "x-trino-" };
        HeaderName::from_bytes(format!("{prefix}{name}").as_bytes()).ok()
    }
}
