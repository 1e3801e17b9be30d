//! The differences between the protocols of Presto and Trino.

use axum::http::{HeaderMap, HeaderName};

/// The protocol of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Presto,
    /// `precise_times` is set if the client supports times of any precision.
    Trino {
        precise_times: bool,
    },
}

impl Dialect {
    /// The dialect of a request; `None` without a user, which all clients send.
    pub(super) fn from_headers(headers: &HeaderMap) -> Option<Self> {
        if headers.contains_key("x-trino-user") {
            let capabilities = headers.get("x-trino-client-capabilities").and_then(|value| value.to_str().ok());
            let precise_times =
                capabilities.is_some_and(|all| all.split(',').any(|one| one.trim() == "PARAMETRIC_DATETIME"));
            return Some(Self::Trino { precise_times });
        }
        headers.contains_key("x-presto-user").then_some(Self::Presto)
    }

    /// The name of a header of the protocol, given without its prefix: `catalog`.
    pub(super) fn header(self, name: &str) -> Option<HeaderName> {
        let prefix = if self == Self::Presto { "x-presto-" } else { "x-trino-" };
        HeaderName::from_bytes(format!("{prefix}{name}").as_bytes()).ok()
    }
}
