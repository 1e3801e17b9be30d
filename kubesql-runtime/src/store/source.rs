//! What a query asks of whoever has the objects, and what it gets.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;

use super::{Feed, Segment, Selection};
use crate::flatten::Want;
use crate::schema::{KindDef, Learnt};

/// Someone who has objects: files, watched clusters, one-shot lists.
#[async_trait]
pub trait Source: Send + Sync + std::fmt::Debug {
    /// The clusters it speaks for.
    fn clusters(&self) -> Vec<Arc<str>>;

    /// All kinds in the request as they are at one instant.
    async fn snapshot(&self, request: &Request) -> Result<Snapshot, SourceError>;

    /// What is known by now of kinds that are not compiled in.
    fn learnt(&self) -> Arc<Learnt> {
        Arc::default()
    }

    /// Finds out about kinds that are not compiled in, as far as they are wanted, and tells which clusters could not be
    /// asked. What was found is [`Source::learnt`] from then on.
    async fn learn(&self, wanted: &Wanted) -> Vec<Missing> {
        _ = wanted;
        Vec::new()
    }

    /// How its clusters and watches are; nothing where there is nothing to tell.
    fn status(&self) -> Status {
        Status::default()
    }
}

/// The tables whose kinds are to be learnt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// All that there are.
    All,
    /// Those of these names, with the API group where it is named.
    Tables(Vec<(Option<String>, String)>),
}

/// What one statement needs, of all its tables.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// One entry a kind.
    pub kinds: Vec<KindRequest>,
    /// Whether to answer from the clusters that can, and to tell which cannot, instead of failing.
    pub partial: bool,
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
    /// The clusters that are asked; `None` for all.
    pub clusters: Option<BTreeSet<String>>,
    /// The objects that are needed; more may be given.
    pub selection: Selection,
}

impl KindRequest {
    /// Whether a cluster is asked.
    #[must_use]
    pub fn asks(&self, cluster: &str) -> bool {
        self.clusters.as_ref().is_none_or(|clusters| clusters.contains(cluster))
    }
}

/// What there is of the kinds that were asked for.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// What is there: any number for each kind and cluster, in the order of the source.
    pub segments: Vec<Arc<Segment>>,
    /// What is still to come, beside that: any number for each kind.
    pub feeds: Vec<Feed>,
    /// What was wrong with the data, each kind of trouble once.
    pub warnings: Vec<Warning>,
    /// What is not there although it was asked for; empty unless the request is partial.
    pub missing: Vec<Missing>,
}

/// A cluster's objects of a kind that cannot be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The cluster's name.
    pub cluster: Arc<str>,
    /// The kind's plural, `pods`; empty where it is all of the cluster.
    pub kind: String,
    /// Why, in words.
    pub cause: String,
    /// What to do about it, where that is known.
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

/// How the place begins of what is missing.
const MISSING: &str = "missing: cluster ";

impl Warning {
    /// Of objects that an answer is without.
    #[must_use]
    pub fn of_missing(missing: &Missing) -> Self {
        let kind = if missing.kind.is_empty() { String::new() } else { format!("{}: ", missing.kind) };
        let place = format!("{MISSING}{}", missing.cluster);
        Self { place, message: format!("{kind}{}", missing.cause), count: 1 }
    }

    /// The cluster that the answer is without, where that is what it tells.
    #[must_use]
    pub fn missing_cluster(&self) -> Option<&str> {
        self.place.strip_prefix(MISSING)
    }
}

/// Why a source could not answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SourceError {
    /// A file or directory could not be read.
    #[error("{place}: {message}")]
    Unreadable {
        /// Path or cluster.
        place: String,
        /// The cause, and what to do about it.
        message: String,
    },
    /// Some of what was asked for cannot be had.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Incomplete(Vec<Missing>),
}

impl SourceError {
    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Unreadable { .. } => None,
            Self::Incomplete(missing) => missing.iter().find_map(|missing| missing.hint.as_deref()),
        }
    }
}

/// How a source is doing.
#[derive(Debug, Clone, Default)]
pub struct Status {
    /// Each cluster once.
    pub clusters: Vec<ClusterStatus>,
    /// Each watch once.
    pub watches: Vec<WatchStatus>,
}

/// How a cluster is doing.
#[derive(Debug, Clone)]
pub struct ClusterStatus {
    /// Its name.
    pub name: Arc<str>,
    /// Where its API server is, as far as known.
    pub server: Option<String>,
    /// The server's release, `v1.35.2`, as far as known.
    pub version: Option<String>,
    /// Whether it can be reached.
    pub state: ClusterState,
    /// What was wrong last, in words.
    pub error: Option<String>,
}

/// Whether a cluster can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClusterState {
    /// Nobody has asked for it yet.
    Idle,
    /// Its kinds are being found out.
    Connecting,
    /// It answered.
    Connected,
    /// It did not.
    Failing,
}

/// How a watch is doing.
#[derive(Debug, Clone)]
pub struct WatchStatus {
    /// The cluster's name.
    pub cluster: Arc<str>,
    /// The API group, empty for the core group.
    pub group: String,
    /// The version that is read.
    pub version: String,
    /// The kind's plural, `pods`.
    pub resource: String,
    /// The only namespace that is watched; `None` for all.
    pub namespace: Option<String>,
    /// Where it stands.
    pub state: WatchState,
    /// Objects that are there, or were listed so far.
    pub objects: u64,
    /// Bytes of memory that they take, nearly.
    pub bytes: u64,
    /// Events since it began.
    pub events: u64,
    /// When the last event arrived.
    pub last_event: Option<SystemTime>,
    /// How far its objects are behind the server, in milliseconds, as measured at the last event: from its arrival to
    /// its rows being visible.
    pub lag_ms: f64,
    /// The version of the cluster's state that it is at.
    pub resource_version: String,
    /// How often everything was listed anew, the first time included.
    pub relists: u64,
    /// Values that did not fit their columns, and objects that could not be read.
    pub warnings: u64,
    /// What was wrong last, in words.
    pub error: Option<String>,
}

/// Where a watch stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatchState {
    /// Objects are listed for the first time.
    Listing,
    /// All objects are there, and changes are followed.
    Synced,
    /// It cannot be followed; it is tried again.
    Failing,
}
