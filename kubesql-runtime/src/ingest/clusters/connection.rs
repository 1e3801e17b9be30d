//! A connection to one cluster, and what its API server has.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kube::discovery::{Discovery, Scope, verbs};
use kube::{Client, Config};
use kubesql_codegen::spec::Crd;
use parking_lot::Mutex;

use super::context::Context;
use super::failure::{Class, Failure};
use super::request::{Resource, fetch};
use crate::learn::Definitions;
use crate::schema::KindDef;
use crate::store::{ClusterState, ClusterStatus};

/// The longest that a server may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(10);

/// The longest that a server may take for its first answer, which is a small one.
const FIRST_ANSWER: Duration = Duration::from_secs(15);

/// How old what is known of a server's resources may get before a kind that it lacks is asked for once more.
const KNOWN_FOR: Duration = Duration::from_secs(60);

/// What a server has of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Served {
    /// The version to read.
    pub(super) version: String,
    /// Whether its objects are in namespaces.
    pub(super) namespaced: bool,
    /// Whether it can be followed; otherwise it can be listed only.
    pub(super) watchable: bool,
}

/// A resource by its names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) group: String,
    /// The version that the server likes best.
    pub(super) version: String,
    pub(super) plural: String,
    pub(super) kind: String,
    pub(super) namespaced: bool,
}

impl Named {
    /// `certificates.cert-manager.io`.
    pub(super) fn full(&self) -> String {
        format!("{}.{}", self.plural, self.group)
    }
}

/// A server that has answered.
pub(super) struct Connection {
    pub(super) client: Client,
    pub(super) server: String,
    /// `v1.35.2`.
    pub(super) version: String,
    /// By group and plural: each version, and what can be done.
    resources: HashMap<(String, String), Vec<Served>>,
    /// Each resource in its best version, with the name of its kind.
    pub(super) named: Vec<Named>,
    /// Whether it has streaming lists, as far as known.
    streams: AtomicBool,
    since: Instant,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { server, version, .. } = self;
        f.debug_struct("Connection").field("server", server).field("version", version).finish_non_exhaustive()
    }
}

impl Connection {
    async fn new(context: &Context) -> Result<Self, Failure> {
        let mut config: Config = context.config().await?;
        config.connect_timeout = Some(CONNECT);
        // Whoever asks knows better when to ask again.
        config.default_retry = false;
        let server = config.cluster_url.to_string();
        let server = server.trim_end_matches('/').to_owned();
        let client = Client::try_from(config)?;
        let version = tokio::time::timeout(FIRST_ANSWER, fetch(&client, "/version"));
        let version = version.await.map_err(|_| Failure::silent(FIRST_ANSWER))??;
        let version: serde_json::Value = serde_json::from_slice(&version).unwrap_or_default();
        let version = version.get("gitVersion").and_then(|version| version.as_str()).unwrap_or_default().to_owned();
        let (resources, named) = resources(&client).await?;
        Ok(Self { client, server, version, resources, named, streams: AtomicBool::new(true), since: Instant::now() })
    }

    /// The version of a kind to read: that of its tables where the server has it, or the newest known that it has.
    pub(super) fn served(&self, kind: &KindDef) -> Option<&Served> {
        let versions = self.resources.get(&(kind.group.to_owned(), kind.plural.to_owned()))?;
        kind.versions.iter().find_map(|version| versions.iter().find(|served| served.version == **version))
    }

    /// Whether to try streaming lists.
    pub(super) fn streams(&self) -> bool {
        self.streams.load(Ordering::Relaxed)
    }

    /// Notes that it does not have streaming lists.
    pub(super) fn does_not_stream(&self) {
        self.streams.store(false, Ordering::Relaxed);
    }

    /// How long ago it was asked what it has.
    pub(super) fn age(&self) -> Duration {
        self.since.elapsed()
    }

    /// Whether it may have changed since it was asked what it has.
    fn is_old(&self) -> bool {
        self.since.elapsed() > KNOWN_FOR
    }

    fn is_expired(&self) -> bool {
        let valid_until = self.client.valid_until().as_ref();
        valid_until.is_some_and(|until| until.as_second() <= unix_now())
    }
}

fn unix_now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}

/// Whether there is a core group and another: all that Kubernetes is has both.
fn is_complete(discovery: &Discovery) -> bool {
    discovery.groups().any(|group| group.name().is_empty()) && discovery.groups().any(|group| !group.name().is_empty())
}

/// What a server has, by group and plural.
type Resources = HashMap<(String, String), Vec<Served>>;

async fn resources(client: &Client) -> Result<(Resources, Vec<Named>), Failure> {
    let discovery = match Discovery::new(client.clone()).run_aggregated().await {
        // One that does not know of it may answer as if nothing special were asked for, which then looks empty.
        Ok(discovery) if is_complete(&discovery) => discovery,
        Err(kube::Error::Api(status)) if matches!(status.code, 401 | 403) => {
            return Err(kube::Error::Api(status).into());
        }
        // Servers before 1.26 list each group by itself.
        _ => Discovery::new(client.clone()).run().await?,
    };
    let (mut resources, mut all) = (Resources::new(), Vec::new());
    for group in discovery.groups() {
        for version in group.versions() {
            for (resource, can) in group.versioned_resources(version) {
                if !can.supports_operation(verbs::LIST) {
                    continue;
                }
                let served = Served {
                    version: resource.version,
                    namespaced: can.scope == Scope::Namespaced,
                    watchable: can.supports_operation(verbs::WATCH),
                };
                let (group, plural) = (resource.group.clone(), resource.plural.clone());
                let versions = resources.entry((resource.group, resource.plural)).or_default();
                // The server's favourite version comes first.
                if versions.is_empty() {
                    let (version, namespaced, kind) = (served.version.clone(), served.namespaced, resource.kind);
                    all.push(Named { group, version, plural, kind, namespaced });
                }
                if !versions.contains(&served) {
                    versions.push(served);
                }
            }
        }
    }
    Ok((resources, all))
}

/// The connection of a cluster, made when it is first needed and again when it is no good any more.
#[derive(Debug)]
pub(super) struct Connector {
    pub(super) context: Context,
    connected: Mutex<Option<Arc<Connection>>>,
    /// Held by who connects, so that others wait for the same.
    connecting: tokio::sync::Mutex<()>,
    /// What was wrong at the last attempt, and until when it is not worth another.
    failed: Mutex<Option<(Instant, Failure)>>,
    /// Whether anybody has asked yet.
    asked: AtomicBool,
    /// What the definitions of custom resources say, which is newer than what the server was asked for. Nothing is
    /// served of one that is gone.
    defined: Mutex<HashMap<String, Vec<Served>>>,
}

/// A cluster that has just failed is not asked again for so long, or for as long as it took to find out.
const FAILED_FOR: Duration = Duration::from_secs(1);

impl Connector {
    pub(super) fn new(context: Context) -> Self {
        Self {
            context,
            connected: Mutex::default(),
            connecting: tokio::sync::Mutex::default(),
            failed: Mutex::default(),
            asked: AtomicBool::new(false),
            defined: Mutex::default(),
        }
    }

    /// The connection as it is, if there is one.
    fn current(&self) -> Option<Arc<Connection>> {
        self.connected.lock().clone()
    }

    /// What was wrong at the last attempt.
    fn failure(&self) -> Option<Failure> {
        self.failed.lock().as_ref().map(|(_, failure)| failure.clone())
    }

    /// The connection, made now where there is none.
    pub(super) async fn get(&self) -> Result<Arc<Connection>, Failure> {
        self.asked.store(true, Ordering::Relaxed);
        if let Some(connection) = self.current().filter(|connection| !connection.is_expired()) {
            return Ok(connection);
        }
        let _connecting = self.connecting.lock().await;
        if let Some(connection) = self.current().filter(|connection| !connection.is_expired()) {
            return Ok(connection);
        }
        if let Some((until, failure)) = self.failed.lock().clone()
            && Instant::now() < until
        {
            return Err(failure);
        }
        let begun = Instant::now();
        match Connection::new(&self.context).await {
            Ok(connection) => {
                *self.failed.lock() = None;
                let connection = Arc::new(connection);
                *self.connected.lock() = Some(Arc::clone(&connection));
                Ok(connection)
            }
            Err(failure) => {
                let until = Instant::now() + begun.elapsed().max(FAILED_FOR);
                *self.failed.lock() = Some((until, failure.clone()));
                Err(failure)
            }
        }
    }

    /// The connection and what it has of a kind, which is asked for anew where it may have come since.
    pub(super) async fn served(&self, kind: &KindDef) -> Result<(Arc<Connection>, Option<Served>), Failure> {
        let connection = self.get().await?;
        if kind.custom.is_some()
            && let Some(versions) = self.defined.lock().get(&format!("{}.{}", kind.plural, kind.group))
        {
            let mut known = kind.versions.iter();
            let served = known.find_map(|version| versions.iter().find(|served| served.version == **version));
            return Ok((connection, served.cloned()));
        }
        if let Some(served) = connection.served(kind) {
            let served = served.clone();
            return Ok((connection, Some(served)));
        }
        if !connection.is_old() {
            return Ok((connection, None));
        }
        self.renew(&connection);
        let connection = self.get().await?;
        let served = connection.served(kind).cloned();
        Ok((connection, served))
    }

    /// Notes what its definitions of custom resources, all of them, say is served.
    pub(super) fn define(&self, definitions: &Definitions) {
        let mut defined = self.defined.lock();
        defined.values_mut().for_each(Vec::clear);
        // A description is not a definition: it says nothing of other versions.
        for (name, definition) in definitions.iter().filter(|(_, of)| !of.version.starts_with("described")) {
            let Crd { namespaced, versions, .. } = &*definition.crd;
            let served = versions.iter().filter(|version| version.served).map(|version| Served {
                version: version.name.clone(),
                namespaced: *namespaced,
                watchable: true,
            });
            defined.insert(name.clone(), served.collect());
        }
    }

    /// Whether there is, or was, a definition of this name.
    pub(super) fn is_defined(&self, name: &str) -> bool {
        self.defined.lock().contains_key(name)
    }

    /// Forgets what definitions say.
    pub(super) fn undefine(&self) {
        self.defined.lock().clear();
    }

    /// How its cluster is doing.
    pub(super) fn status(&self) -> ClusterStatus {
        let connection = self.current();
        let failure = self.failure();
        let state = match (&connection, &failure) {
            (Some(_), None) => ClusterState::Connected,
            (_, Some(_)) => ClusterState::Failing,
            (None, None) if self.asked.load(Ordering::Relaxed) => ClusterState::Connecting,
            (None, None) => ClusterState::Idle,
        };
        ClusterStatus {
            name: Arc::clone(&self.context.name),
            server: connection.as_ref().map(|connection| connection.server.clone()),
            version: connection.as_ref().map(|connection| connection.version.clone()),
            state,
            error: failure.map(|failure| failure.message),
        }
    }

    /// Gives up a connection whose credentials or knowledge are no good any more.
    pub(super) fn renew(&self, old: &Arc<Connection>) {
        let mut connected = self.connected.lock();
        if connected.as_ref().is_some_and(|current| Arc::ptr_eq(current, old)) {
            *connected = None;
        }
    }
}

impl Served {
    /// Where its objects are.
    pub(super) fn resource(&self, kind: &KindDef, namespace: Option<&str>) -> Resource {
        Resource::new(kind, &self.version, namespace.filter(|_| self.namespaced))
    }
}

/// The failure of a kind that a server does not have.
pub(super) fn not_served(kind: &KindDef) -> Failure {
    let group = if kind.group.is_empty() { String::new() } else { format!(".{}", kind.group) };
    Failure::new(Class::NotServed, format!("the server has no {}{group}", kind.plural))
}
