//! The interface between queries and the sources of objects.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;

use super::{Missing, Segment, SegmentStream, Selection, SourceError, Warning};
use crate::flatten::FieldMask;
use crate::schema::{DiscoveredKinds, KindDef};

/// A source of objects: files, watched clusters, or clusters that are listed for each statement.
#[async_trait]
pub trait Source: Send + Sync + std::fmt::Debug {
    /// The names of its clusters.
    fn clusters(&self) -> Vec<Arc<str>>;

    /// The requested kinds as of one instant.
    ///
    /// # Errors
    /// Objects are unavailable and the request is not partial, or a file cannot be read.
    async fn snapshot(&self, request: &Request) -> Result<Snapshot, SourceError>;

    /// The kinds discovered so far, besides those that are compiled in.
    fn discovered(&self) -> Arc<DiscoveredKinds> {
        Arc::default()
    }

    /// Discovers kinds that are not compiled in. Afterwards [`Source::discovered`] returns them. Returns the clusters
    /// that could not be asked.
    async fn discover(&self, scope: &DiscoveryScope) -> Vec<Missing> {
        _ = scope;
        Vec::new()
    }

    /// Whether reading the same objects again sends no requests.
    fn is_local(&self) -> bool {
        true
    }

    /// The state of its clusters and watches; empty for sources without any.
    fn status(&self) -> Status {
        Status::default()
    }
}

/// The tables whose kinds to discover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DiscoveryScope {
    /// All tables.
    All,
    /// Tables with these names, each with its API group if the statement names it.
    Tables(Vec<(Option<String>, String)>),
}

/// The objects that one statement needs.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// At most one entry for each kind.
    pub kinds: Vec<KindRequest>,
    /// Whether to leave out unavailable objects and report them, instead of failing.
    pub partial: bool,
    /// Kinds without objects where no cluster serves them, such as metrics that a view adds. Others are an error.
    pub optional: Vec<&'static KindDef>,
}

/// The objects of one kind that a statement needs.
#[derive(Debug, Clone)]
pub struct KindRequest {
    /// The kind.
    pub kind: &'static KindDef,
    /// The required fields; a source may return more.
    pub fields: FieldMask,
    /// Whether the objects' JSON text is required.
    pub objects: bool,
    /// The clusters to read; `None` for all.
    pub clusters: Option<BTreeSet<String>>,
    /// The required objects; a source may return more.
    pub selection: Selection,
}

impl KindRequest {
    /// Whether a cluster's objects are requested.
    #[must_use]
    pub fn includes(&self, cluster: &str) -> bool {
        self.clusters.as_ref().is_none_or(|clusters| clusters.contains(cluster))
    }
}

/// The objects of the requested kinds.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Segments that are available: any number for each kind and cluster, in the source's order.
    pub segments: Vec<Arc<Segment>>,
    /// Segments that are still being read, in addition: any number of streams for each kind.
    pub streams: Vec<SegmentStream>,
    /// Problems in the data, each kind of problem once.
    pub warnings: Vec<Warning>,
    /// Requested objects that are unavailable; empty unless the request is partial.
    pub missing: Vec<Missing>,
}

/// The state of a source.
#[derive(Debug, Clone, Default)]
pub struct Status {
    /// An entry for each cluster.
    pub clusters: Vec<ClusterStatus>,
    /// An entry for each watch, or for each list of the last statement.
    pub watches: Vec<WatchStatus>,
}

/// The state of a cluster.
#[derive(Debug, Clone)]
pub struct ClusterStatus {
    /// Its name.
    pub name: Arc<str>,
    /// The URL of its API server, if known.
    pub server: Option<String>,
    /// The server's version, `v1.35.2`, if known.
    pub version: Option<String>,
    /// Whether it can be reached.
    pub state: ClusterState,
    /// The last error, as a message.
    pub error: Option<String>,
}

/// Whether a cluster can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClusterState {
    /// No query has used it yet.
    Idle,
    /// It is being connected, and its kinds are being discovered.
    Connecting,
    /// The last request succeeded.
    Connected,
    /// The last request failed.
    Failing,
}

/// The state of a watch.
#[derive(Debug, Clone)]
pub struct WatchStatus {
    /// The cluster's name.
    pub cluster: Arc<str>,
    /// The API group, empty for the core group.
    pub group: String,
    /// The API version that is read.
    pub version: String,
    /// The kind's plural, `pods`.
    pub resource: String,
    /// The only namespace that is watched; `None` for all.
    pub namespace: Option<String>,
    /// Its phase.
    pub state: WatchState,
    /// The number of objects, or of those listed so far.
    pub objects: u64,
    /// Their approximate memory in bytes.
    pub bytes: u64,
    /// The number of events since it started.
    pub events: u64,
    /// The arrival of the last event.
    pub last_event: Option<SystemTime>,
    /// The lag behind the server in milliseconds, measured at the last event: from its arrival until its rows were
    /// visible.
    pub lag_ms: f64,
    /// The resource version up to which changes are applied.
    pub resource_version: String,
    /// The number of complete lists, including the first.
    pub relists: u64,
    /// The number of values that did not fit their columns, and of malformed objects.
    pub warnings: u64,
    /// The last error, as a message.
    pub error: Option<String>,
}

/// The phase of a watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatchState {
    /// Objects are being listed for the first time.
    Listing,
    /// All objects are available, and changes are applied as they arrive.
    Synced,
    /// The last attempt failed; it is retried.
    Failing,
}
