//! Connections to clusters, and the resources that their API servers serve.

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
use crate::discovery::Definitions;
use crate::schema::KindDef;
use crate::store::{ClusterState, ClusterStatus};

/// The time limit for connecting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The time limit for the first response, which is small.
const FIRST_RESPONSE_TIMEOUT: Duration = Duration::from_secs(15);

/// The age at which the list of a server's resources is fetched again if it lacks a requested kind.
const RESOURCES_MAX_AGE: Duration = Duration::from_secs(60);

/// A version of a kind that a server serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ServedVersion {
    /// The API version.
    pub(super) version: String,
    /// Whether its objects are namespaced.
    pub(super) namespaced: bool,
    /// Whether it supports watches. Otherwise it can only be listed.
    pub(super) watchable: bool,
}

/// The names of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ResourceName {
    pub(super) group: String,
    /// The version that the server prefers.
    pub(super) version: String,
    pub(super) plural: String,
    pub(super) kind: String,
    pub(super) namespaced: bool,
}

impl ResourceName {
    /// The name of its definition, `certificates.cert-manager.io`.
    pub(super) fn definition_name(&self) -> String {
        format!("{}.{}", self.plural, self.group)
    }
}

/// A connected server.
pub(super) struct Connection {
    pub(super) client: Client,
    pub(super) server: String,
    /// `v1.35.2`.
    pub(super) version: String,
    /// The served versions, by group and plural.
    resources: HashMap<(String, String), Vec<ServedVersion>>,
    /// Each resource in its preferred version.
    pub(super) resource_names: Vec<ResourceName>,
    /// Whether it supports streaming lists; true until it rejects one.
    streaming_lists: AtomicBool,
    created: Instant,
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
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        // The callers have their own back-off.
        config.default_retry = false;
        let server = config.cluster_url.to_string();
        let server = server.trim_end_matches('/').to_owned();
        let client = Client::try_from(config)?;
        let version = tokio::time::timeout(FIRST_RESPONSE_TIMEOUT, fetch(&client, "/version"));
        let version = version.await.map_err(|_| Failure::timeout(FIRST_RESPONSE_TIMEOUT))??;
        let version: serde_json::Value = serde_json::from_slice(&version).unwrap_or_default();
        let version = version.get("gitVersion").and_then(|version| version.as_str()).unwrap_or_default().to_owned();
        let (resources, resource_names) = list_resources(&client).await?;
        let (streaming_lists, created) = (AtomicBool::new(true), Instant::now());
        Ok(Self { client, server, version, resources, resource_names, streaming_lists, created })
    }

    /// The version of a kind to read: the first of its known versions that the server serves.
    pub(super) fn served_version(&self, kind: &KindDef) -> Option<&ServedVersion> {
        let versions = self.resources.get(&(kind.group.to_owned(), kind.plural.to_owned()))?;
        kind.versions.iter().find_map(|version| versions.iter().find(|served| served.version == **version))
    }

    /// Whether to try streaming lists.
    pub(super) fn has_streaming_lists(&self) -> bool {
        self.streaming_lists.load(Ordering::Relaxed)
    }

    /// Records that it does not support streaming lists.
    pub(super) fn disable_streaming_lists(&self) {
        self.streaming_lists.store(false, Ordering::Relaxed);
    }

    /// The age of its list of resources.
    pub(super) fn age(&self) -> Duration {
        self.created.elapsed()
    }

    /// Whether its list of resources may be out of date.
    fn is_old(&self) -> bool {
        self.created.elapsed() > RESOURCES_MAX_AGE
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

/// Whether there is a core group and another group, as in every Kubernetes cluster.
fn is_complete(discovery: &Discovery) -> bool {
    discovery.groups().any(|group| group.name().is_empty()) && discovery.groups().any(|group| !group.name().is_empty())
}

/// The served versions, by group and plural.
type Resources = HashMap<(String, String), Vec<ServedVersion>>;

async fn list_resources(client: &Client) -> Result<(Resources, Vec<ResourceName>), Failure> {
    let discovery = match Discovery::new(client.clone()).run_aggregated().await {
        // A server without aggregated discovery may ignore the request's media type. The result is then empty.
        Ok(discovery) if is_complete(&discovery) => discovery,
        Err(kube::Error::Api(status)) if matches!(status.code, 401 | 403) => {
            return Err(kube::Error::Api(status).into());
        }
        // Servers before 1.26 have no aggregated discovery.
        _ => Discovery::new(client.clone()).run().await?,
    };
    let (mut resources, mut names) = (Resources::new(), Vec::new());
    for group in discovery.groups() {
        for version in group.versions() {
            for (resource, can) in group.versioned_resources(version) {
                if !can.supports_operation(verbs::LIST) {
                    continue;
                }
                let served = ServedVersion {
                    version: resource.version,
                    namespaced: can.scope == Scope::Namespaced,
                    watchable: can.supports_operation(verbs::WATCH),
                };
                let (group, plural) = (resource.group.clone(), resource.plural.clone());
                let versions = resources.entry((resource.group, resource.plural)).or_default();
                // The server's preferred version comes first.
                if versions.is_empty() {
                    let (version, namespaced, kind) = (served.version.clone(), served.namespaced, resource.kind);
                    names.push(ResourceName { group, version, plural, kind, namespaced });
                }
                if !versions.contains(&served) {
                    versions.push(served);
                }
            }
        }
    }
    Ok((resources, names))
}

/// Connects to a cluster when it is first needed, and again after [`Connector::renew`].
#[derive(Debug)]
pub(super) struct Connector {
    pub(super) context: Context,
    connection: Mutex<Option<Arc<Connection>>>,
    /// Held while connecting, so that concurrent callers share the attempt.
    connecting: tokio::sync::Mutex<()>,
    /// The failure of the last attempt, and the earliest time of the next.
    last_failure: Mutex<Option<(Instant, Failure)>>,
    /// Whether a connection was ever requested.
    used: AtomicBool,
    /// The served versions of custom resources, from their definitions, which are more recent than the list of
    /// resources. Empty for a deleted definition.
    defined: Mutex<HashMap<String, Vec<ServedVersion>>>,
}

/// The minimal delay after a failed attempt. The delay is at least as long as the attempt took.
const RETRY_DELAY: Duration = Duration::from_secs(1);

impl Connector {
    pub(super) fn new(context: Context) -> Self {
        Self {
            context,
            connection: Mutex::default(),
            connecting: tokio::sync::Mutex::default(),
            last_failure: Mutex::default(),
            used: AtomicBool::new(false),
            defined: Mutex::default(),
        }
    }

    /// The current connection, if there is one.
    fn current(&self) -> Option<Arc<Connection>> {
        self.connection.lock().clone()
    }

    /// The failure of the last attempt.
    fn failure(&self) -> Option<Failure> {
        self.last_failure.lock().as_ref().map(|(_, failure)| failure.clone())
    }

    /// The connection; connects if there is none.
    pub(super) async fn get(&self) -> Result<Arc<Connection>, Failure> {
        self.used.store(true, Ordering::Relaxed);
        if let Some(connection) = self.current().filter(|connection| !connection.is_expired()) {
            return Ok(connection);
        }
        let _connecting = self.connecting.lock().await;
        if let Some(connection) = self.current().filter(|connection| !connection.is_expired()) {
            return Ok(connection);
        }
        if let Some((until, failure)) = self.last_failure.lock().clone()
            && Instant::now() < until
        {
            return Err(failure);
        }
        let started = Instant::now();
        match Connection::new(&self.context).await {
            Ok(connection) => {
                *self.last_failure.lock() = None;
                let connection = Arc::new(connection);
                *self.connection.lock() = Some(Arc::clone(&connection));
                Ok(connection)
            }
            Err(failure) => {
                let until = Instant::now() + started.elapsed().max(RETRY_DELAY);
                *self.last_failure.lock() = Some((until, failure.clone()));
                Err(failure)
            }
        }
    }

    /// The connection, and the version of a kind to read. Fetches the list of resources again if it is old and lacks the
    /// kind.
    pub(super) async fn served_version(
        &self,
        kind: &KindDef,
    ) -> Result<(Arc<Connection>, Option<ServedVersion>), Failure> {
        let connection = self.get().await?;
        if kind.custom.is_some()
            && let Some(versions) = self.defined.lock().get(&format!("{}.{}", kind.plural, kind.group))
        {
            let mut known = kind.versions.iter();
            let served = known.find_map(|version| versions.iter().find(|served| served.version == **version));
            return Ok((connection, served.cloned()));
        }
        if let Some(served) = connection.served_version(kind) {
            let served = served.clone();
            return Ok((connection, Some(served)));
        }
        if !connection.is_old() {
            return Ok((connection, None));
        }
        self.renew(&connection);
        let connection = self.get().await?;
        let served = connection.served_version(kind).cloned();
        Ok((connection, served))
    }

    /// Sets the served versions of custom resources from all definitions of the cluster.
    pub(super) fn set_definitions(&self, definitions: &Definitions) {
        let mut defined = self.defined.lock();
        defined.values_mut().for_each(Vec::clear);
        // An OpenAPI document does not list other versions.
        for (name, definition) in definitions.iter().filter(|(_, definition)| !definition.from_openapi) {
            let Crd { namespaced, versions, .. } = &*definition.crd;
            let served = versions.iter().filter(|version| version.served).map(|version| ServedVersion {
                version: version.name.clone(),
                namespaced: *namespaced,
                watchable: true,
            });
            defined.insert(name.clone(), served.collect());
        }
    }

    /// Whether there is, or was, a definition with this name.
    pub(super) fn is_defined(&self, name: &str) -> bool {
        self.defined.lock().contains_key(name)
    }

    /// Removes the served versions from definitions.
    pub(super) fn clear_definitions(&self) {
        self.defined.lock().clear();
    }

    /// The state of the cluster.
    pub(super) fn status(&self) -> ClusterStatus {
        let connection = self.current();
        let failure = self.failure();
        let state = match (&connection, &failure) {
            (Some(_), None) => ClusterState::Connected,
            (_, Some(_)) => ClusterState::Failing,
            (None, None) if self.used.load(Ordering::Relaxed) => ClusterState::Connecting,
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

    /// Drops a connection whose credentials or resources are out of date, unless it was replaced already.
    pub(super) fn renew(&self, old: &Arc<Connection>) {
        let mut connected = self.connection.lock();
        if connected.as_ref().is_some_and(|current| Arc::ptr_eq(current, old)) {
            *connected = None;
        }
    }
}

impl ServedVersion {
    /// The resource of a kind in this version.
    pub(super) fn resource(&self, kind: &KindDef, namespace: Option<&str>) -> Resource {
        Resource::new(kind, &self.version, namespace.filter(|_| self.namespaced))
    }
}

/// The failure for a kind that a server does not serve.
pub(super) fn not_served(kind: &KindDef) -> Failure {
    let group = if kind.group.is_empty() { String::new() } else { format!(".{}", kind.group) };
    Failure::new(Class::NotServed, format!("the server has no {}{group}", kind.plural))
}
