//! What a query asks of whoever has the objects, and what it gets.

use std::sync::Arc;

use async_trait::async_trait;

use super::Segment;
use crate::flatten::Want;
use crate::schema::KindDef;

/// Someone who has objects: files, watched clusters, one-shot lists.
#[async_trait]
pub trait Source: Send + Sync + std::fmt::Debug {
    /// The clusters it speaks for.
    fn clusters(&self) -> Vec<Arc<str>>;

    /// All kinds in the request as they are at one instant.
    async fn snapshot(&self, request: &Request) -> Result<Snapshot, SourceError>;
}

/// What one statement needs, of all its tables.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// One entry a kind.
    pub kinds: Vec<KindRequest>,
}

/// What a statement needs of a kind.
#[derive(Debug, Clone)]
pub struct KindRequest {
    /// The kind.
    pub kind: &'static KindDef,
    /// The fields that are needed; more may be given.
    pub want: Want,
    /// Whether the objects' JSON text is needed.
    pub objects: bool,
}

/// What there is of the kinds that were asked for.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Any number for each kind and cluster, in the order of the source.
    pub segments: Vec<Arc<Segment>>,
    /// What was wrong with the data, each kind of trouble once.
    pub warnings: Vec<Warning>,
}

/// Something in the data that became NULL, or an object or document that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Where it happened first: file, document, object, path.
    pub place: String,
    /// What was wrong there.
    pub message: String,
    /// How often.
    pub count: u64,
}

/// Why a source could not answer.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A file or directory could not be read.
    #[error("{place}: {message}")]
    Unreadable {
        /// Path or cluster.
        place: String,
        /// The cause, and what to do about it.
        message: String,
    },
}
