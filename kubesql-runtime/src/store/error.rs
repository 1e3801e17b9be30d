//! Errors of sources, and warnings about their data.

use std::sync::Arc;

/// Objects of a kind in a cluster that are unavailable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The cluster's name.
    pub cluster: Arc<str>,
    /// The kind's plural, `pods`; empty if the whole cluster is unavailable.
    pub kind: String,
    /// The reason, as a message.
    pub cause: String,
    /// How to fix it, if known.
    pub hint: Option<String>,
}

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.cluster.is_empty() {
            write!(f, "cluster {}: ", self.cluster)?;
        }
        if !self.kind.is_empty() {
            write!(f, "{}: ", self.kind)?;
        }
        f.write_str(&self.cause)
    }
}

/// A problem in the data: a value that became NULL, or an object or document that was skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Where it happened first: file, document, object and path.
    pub place: String,
    /// What is wrong there.
    pub message: String,
    /// How often it happened.
    pub count: u64,
}

/// The prefix of `place` in warnings about unavailable objects.
const MISSING: &str = "missing: cluster ";

impl Warning {
    /// A warning about objects that are left out of a partial answer.
    #[must_use]
    pub fn from_missing(missing: &Missing) -> Self {
        let kind = if missing.kind.is_empty() { String::new() } else { format!("{}: ", missing.kind) };
        let place = format!("{MISSING}{}", missing.cluster);
        Self { place, message: format!("{kind}{}", missing.cause), count: 1 }
    }

    /// The cluster that is left out, if this is a warning about unavailable objects.
    #[must_use]
    pub fn missing_cluster(&self) -> Option<&str> {
        self.place.strip_prefix(MISSING)
    }
}

/// Why a snapshot failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SourceError {
    /// A file or directory could not be read.
    #[error("{place}: {message}")]
    Unreadable {
        /// Path or cluster.
        place: String,
        /// The cause, and how to fix it.
        message: String,
    },
    /// Some of the requested objects are unavailable.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Incomplete(Vec<Missing>),
}

impl SourceError {
    /// How to fix it, if known.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Unreadable { .. } => None,
            Self::Incomplete(missing) => missing.iter().find_map(|missing| missing.hint.as_deref()),
        }
    }
}
