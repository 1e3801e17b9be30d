//! A source that watches clusters. A kind is watched from its first use until it has been idle for some time.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::join_all;
use parking_lot::Mutex;
use tokio::task::{AbortHandle, JoinSet};

use super::answers::{KindAnswer, combine};
use super::connection::{Connection, Connector, ServedVersion};
use super::context::Context;
use super::discovery;
use super::failure::{Class, Failure};
use super::follower::Follower;
use super::ingest_runtime::IngestRuntime;
use super::request::Resource;
use super::scope::NamespaceScope;
use super::watch::Watch;
use crate::discovery::Definitions;
use crate::flatten::{FieldMask, Flattener, Interpreter};
use crate::ingest::definitions;
use crate::ingest::files::Kinds;
use crate::schema::{DiscoveredKinds, KindDef};
use crate::store::live_table::{TableConfig, Version, Writer};
use crate::store::{DiscoveryScope, Missing, PublishLock, Request, Snapshot, Source, SourceError, Status};

/// Options of a [`WatchSource`].
#[derive(Debug, Clone)]
pub struct WatchOptions {
    /// The namespaces to watch.
    pub scope: NamespaceScope,
    /// How long a kind may be unused before its watch ends.
    pub idle: Duration,
    /// How long a query waits until all objects are available.
    pub sync_timeout: Duration,
    /// With this many bytes of objects, no further kind is watched; `None` for no limit.
    pub memory: Option<u64>,
    /// Whether to show the values of Secrets instead of `<redacted>`.
    pub show_secrets: bool,
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self {
            scope: NamespaceScope::default(),
            idle: Duration::from_secs(30 * 60),
            sync_timeout: Duration::from_secs(60),
            memory: None,
            show_secrets: false,
        }
    }
}

/// A source that watches clusters.
#[derive(Debug, Clone)]
pub struct WatchSource {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    clusters: Vec<Arc<Cluster>>,
    kinds: Kinds,
    options: WatchOptions,
    publish_lock: PublishLock,
    idle_task: OnceLock<()>,
    discovery_task: OnceLock<()>,
    runtime: IngestRuntime,
}

#[derive(Debug)]
struct Cluster {
    name: Arc<str>,
    connector: Arc<Connector>,
    kinds: Mutex<HashMap<KindId, Arc<WatchedKind>>>,
    /// The definitions that were last passed to the registry.
    processed_definitions: Mutex<Vec<Arc<Version>>>,
    /// The connection and the discovered kinds for which the kinds of aggregated servers are up to date.
    aggregated: Mutex<Option<(Weak<Connection>, Arc<DiscoveredKinds>)>>,
}

/// A kind, identified by the address of its static definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct KindId(usize);

impl KindId {
    fn new(kind: &'static KindDef) -> Self {
        Self(std::ptr::from_ref(kind).addr())
    }
}

/// The watches of a kind in a cluster.
#[derive(Debug, Default)]
struct WatchedKind {
    /// Held while watches are started, so that concurrent queries share them.
    starting: tokio::sync::Mutex<()>,
    tasks: Mutex<WatchTasks>,
}

#[derive(Debug, Default)]
struct WatchTasks {
    /// One for each resource that is listed.
    watches: Vec<Arc<Watch>>,
    handles: Vec<AbortHandle>,
    /// The namespaces that the account may list, if it may not list all.
    allowed_namespaces: Option<Vec<String>>,
}

impl Drop for WatchTasks {
    fn drop(&mut self) {
        self.handles.iter().for_each(AbortHandle::abort);
    }
}

impl WatchSource {
    /// A source of these clusters. They are not contacted before a query needs them.
    #[must_use]
    pub fn new(contexts: Vec<Context>, kinds: Kinds, options: WatchOptions) -> Self {
        let clusters = contexts.into_iter().map(|context| {
            Arc::new(Cluster {
                name: Arc::clone(&context.name),
                connector: Arc::new(Connector::new(context)),
                kinds: Mutex::default(),
                processed_definitions: Mutex::default(),
                aggregated: Mutex::default(),
            })
        });
        let inner = Inner {
            clusters: clusters.collect(),
            kinds,
            options,
            publish_lock: PublishLock::default(),
            idle_task: OnceLock::new(),
            discovery_task: OnceLock::new(),
            runtime: IngestRuntime::new(),
        };
        Self { inner: Arc::new(inner) }
    }
}

impl Inner {
    /// Starts the task that ends idle watches. It runs until the source is dropped.
    fn start_idle_task(self: &Arc<Self>) {
        self.idle_task.get_or_init(|| {
            let interval = (self.options.idle / 4).max(Duration::from_millis(100));
            let weak: Weak<Self> = Arc::downgrade(self);
            self.runtime.handle().spawn(async move {
                loop {
                    tokio::time::sleep(interval).await;
                    let Some(inner) = weak.upgrade() else { return };
                    inner.clusters.iter().for_each(|cluster| cluster.end_idle_watches(inner.options.idle));
                }
            });
        });
    }

    /// Approximate bytes of all objects.
    fn bytes(&self) -> u64 {
        let watches = self.clusters.iter().flat_map(|cluster| cluster.watches());
        watches.map(|watch| u64::try_from(watch.table.latest().bytes()).unwrap_or(u64::MAX)).sum()
    }

    /// Waits until all objects of a kind in a cluster are available.
    async fn watch_kind(&self, cluster: &Cluster, kind: &'static KindDef) -> Result<KindAnswer<Arc<Watch>>, Failure> {
        let watched = Arc::clone(cluster.kinds.lock().entry(KindId::new(kind)).or_default());
        let Some(served) = self.start_watching(cluster, kind, &watched).await? else {
            return Ok(KindAnswer::NotServed);
        };
        let watches = watched.tasks.lock().watches.clone();
        match self.wait_until_synced(&watches).await {
            Err(failure) if failure.class == Class::Forbidden && self.may_restrict(&served, &watched) => {
                self.restrict_to_allowed(cluster, kind, &served, &watched, &watches, failure).await?;
                let watches = watched.tasks.lock().watches.clone();
                self.wait_until_synced(&watches).await?;
            }
            other => other?,
        }
        let tasks = watched.tasks.lock();
        Ok(KindAnswer::Ready { parts: tasks.watches.clone(), allowed_namespaces: tasks.allowed_namespaces.clone() })
    }

    async fn wait_until_synced(&self, watches: &[Arc<Watch>]) -> Result<(), Failure> {
        let ready = join_all(watches.iter().map(|watch| watch.wait_until_synced(self.options.sync_timeout))).await;
        ready.into_iter().collect()
    }

    /// Starts to watch a kind if it is not watched yet; `None` if the server does not serve it.
    async fn start_watching(
        &self,
        cluster: &Cluster,
        kind: &'static KindDef,
        watched: &WatchedKind,
    ) -> Result<Option<ServedVersion>, Failure> {
        let connected = tokio::time::timeout(self.options.sync_timeout, cluster.connector.served_version(kind));
        let timed_out = |_| {
            Failure::new(Class::Unreachable, format!("no response within {} s", self.options.sync_timeout.as_secs()))
        };
        let (_, served) = connected.await.map_err(timed_out)??;
        let Some(served) = served else { return Ok(None) };
        let _starting = watched.starting.lock().await;
        if watched.tasks.lock().watches.is_empty() {
            self.check_memory()?;
            let resources = self.options.scope.resources(kind, &served);
            *watched.tasks.lock() = self.start(cluster, kind, &served, resources, None);
        }
        Ok(Some(served))
    }

    fn check_memory(&self) -> Result<(), Failure> {
        let Some(limit) = self.options.memory else { return Ok(()) };
        let used = self.bytes();
        if used < limit {
            return Ok(());
        }
        let message = format!(
            "not watched: objects take {} MB of the limit of {} MB; increase the limit, or choose namespaces",
            used >> 20,
            limit >> 20
        );
        Err(Failure::new(Class::Rejected, message))
    }

    fn start(
        &self,
        cluster: &Cluster,
        kind: &'static KindDef,
        served: &ServedVersion,
        resources: Vec<Resource>,
        allowed_namespaces: Option<Vec<String>>,
    ) -> WatchTasks {
        let kinds = self.kinds.clone();
        let new_flattener = move || -> Box<dyn Flattener> {
            kinds.compiled(kind).unwrap_or_else(|| Box::new(Interpreter::new(kind.root, &FieldMask::All)))
        };
        let config = TableConfig {
            cluster: Arc::clone(&cluster.name),
            kind,
            new_flattener: Arc::new(new_flattener),
            segment_rows: TableConfig::SEGMENT_ROWS,
        };
        let mut tasks = WatchTasks { allowed_namespaces, watches: Vec::new(), handles: Vec::new() };
        for resource in resources {
            let writer = Writer::new(config.clone(), self.publish_lock.clone());
            let watch = Arc::new(Watch::new(resource, Arc::clone(writer.table())));
            let follower = Follower {
                connector: Arc::clone(&cluster.connector),
                watchable: served.watchable,
                kind,
                watch: Arc::clone(&watch),
                writer,
                show_secrets: self.options.show_secrets,
            };
            tasks.handles.push(self.runtime.handle().spawn(follower.run()).abort_handle());
            tasks.watches.push(watch);
        }
        tasks
    }

    /// Whether the account may be allowed to list in some namespaces, after listing as before was forbidden.
    fn may_restrict(&self, served: &ServedVersion, watched: &WatchedKind) -> bool {
        let tasks = watched.tasks.lock();
        let all = || tasks.watches.iter().any(|watch| watch.resource.namespace.is_none());
        served.namespaced && (tasks.allowed_namespaces.is_some() || all())
    }

    /// Replaces the forbidden watches of a kind by watches of the namespaces that the account may list.
    async fn restrict_to_allowed(
        &self,
        cluster: &Cluster,
        kind: &'static KindDef,
        served: &ServedVersion,
        watched: &WatchedKind,
        forbidden: &[Arc<Watch>],
        failure: Failure,
    ) -> Result<(), Failure> {
        let _starting = watched.starting.lock().await;
        let same = |(a, b): (&Arc<Watch>, &Arc<Watch>)| Arc::ptr_eq(a, b);
        if !watched.tasks.lock().watches.iter().zip(forbidden).all(same) {
            // A concurrent query has replaced them.
            return Ok(());
        }
        let connection = cluster.connector.get().await?;
        let resources = self.options.scope.allowed(&connection, kind, served).await?;
        if resources.is_empty() {
            return Err(failure);
        }
        let namespaces = resources.iter().filter_map(|resource| resource.namespace.clone()).collect();
        let tasks = self.start(cluster, kind, served, resources, Some(namespaces));
        *watched.tasks.lock() = tasks;
        Ok(())
    }
}

impl Cluster {
    fn watches(&self) -> Vec<Arc<Watch>> {
        let kinds: Vec<Arc<WatchedKind>> = self.kinds.lock().values().cloned().collect();
        kinds.iter().flat_map(|watched| watched.tasks.lock().watches.clone()).collect()
    }

    fn end_idle_watches(&self, idle: Duration) {
        let is_used = |watched: &Arc<WatchedKind>| {
            let tasks = watched.tasks.lock();
            tasks.watches.is_empty() || tasks.watches.iter().any(|watch| watch.last_used().elapsed() < idle)
        };
        self.kinds.lock().retain(|_, watched| is_used(watched));
    }
}

/// Discovery of kinds: definitions of custom resources are watched like other kinds.
impl Inner {
    /// Discovers the kinds of a cluster. From the first call on, its definitions are watched. Until all of them are
    /// available, only the definitions of the tables in `scope` are fetched.
    async fn discover(self: &Arc<Self>, cluster: &Arc<Cluster>, scope: &DiscoveryScope) -> Result<(), Failure> {
        let Some(kind) = self.kinds.definitions() else { return Ok(()) };
        let registry = self.kinds.registry();
        self.start_discovery_task();
        if let (DiscoveryScope::Tables(tables), false) = (scope, cluster.is_synced(kind)) {
            let (inner, watched) = (Arc::clone(self), Arc::clone(cluster));
            self.runtime.handle().spawn(async move { inner.watch_kind(&watched, kind).await.map(|_| ()) });
            return discovery::discover_tables(&cluster.connector, registry, tables).await;
        }
        match self.watch_kind(cluster, kind).await {
            Ok(_) => {
                self.update_registry(cluster, kind, true).await;
                Ok(())
            }
            Err(failure) => match scope {
                DiscoveryScope::Tables(tables) => {
                    discovery::discover_tables(&cluster.connector, registry, tables).await
                }
                DiscoveryScope::All => Err(failure),
            },
        }
    }

    /// Starts the task that updates the registry when definitions change. It runs until the source is dropped.
    fn start_discovery_task(self: &Arc<Self>) {
        const INTERVAL: Duration = Duration::from_millis(200);
        self.discovery_task.get_or_init(|| {
            let weak: Weak<Self> = Arc::downgrade(self);
            self.runtime.handle().spawn(async move {
                loop {
                    tokio::time::sleep(INTERVAL).await;
                    let Some(inner) = weak.upgrade() else { return };
                    let Some(kind) = inner.kinds.definitions() else { return };
                    for cluster in &inner.clusters {
                        if cluster.is_synced(kind) {
                            inner.update_registry(cluster, kind, false).await;
                        } else if !cluster.kinds.lock().contains_key(&KindId::new(kind)) {
                            // Definitions are no longer watched, so that their versions get out of date.
                            cluster.connector.clear_definitions();
                        }
                    }
                }
            });
        });
    }

    /// Updates the registry if the watched definitions of a cluster have changed. With `aggregated`, also discovers the
    /// kinds of aggregated servers.
    async fn update_registry(&self, cluster: &Cluster, kind: &'static KindDef, aggregated: bool) {
        let watches = cluster.kinds.lock().get(&KindId::new(kind)).map(|watched| watched.tasks.lock().watches.clone());
        let versions: Vec<_> = watches.into_iter().flatten().map(|watch| watch.table.latest()).collect();
        let registry = self.kinds.registry();
        {
            // Held until the registry is updated, so that a concurrent caller sees the update.
            let mut processed = cluster.processed_definitions.lock();
            if processed.len() != versions.len() || !processed.iter().zip(&versions).all(|(a, b)| Arc::ptr_eq(a, b)) {
                let known = registry.cluster_definitions(&cluster.name);
                let mut found = Definitions::new();
                let segments = versions.iter().flat_map(|version| &version.segments);
                segments.for_each(|segment| definitions::read_changed(segment, &known, &mut found));
                cluster.connector.set_definitions(&found);
                // Kinds of aggregated servers have no definitions.
                found.extend(known.into_iter().filter(|(_, known)| known.from_openapi));
                registry.replace(&cluster.name, found);
                *processed = versions;
                self.end_outdated_watches();
            }
        }
        if aggregated && let Ok(connection) = cluster.connector.get().await {
            let current = registry.current();
            let is_current = |(by, kinds): &(Weak<Connection>, Arc<DiscoveredKinds>)| {
                std::ptr::eq(by.as_ptr(), Arc::as_ptr(&connection)) && Arc::ptr_eq(kinds, &current)
            };
            if cluster.aggregated.lock().as_ref().is_some_and(is_current) {
                return;
            }
            let mut found = registry.cluster_definitions(&cluster.name);
            let before = found.len();
            let all = discovery::add_aggregated(&cluster.connector, &connection, registry, &mut found).await;
            if found.len() != before {
                registry.replace(&cluster.name, found);
            }
            // If kinds were discovered meanwhile, the next call checks again.
            let all = all && Arc::ptr_eq(&current, &registry.current());
            *cluster.aggregated.lock() = all.then(|| (Arc::downgrade(&connection), current));
        }
    }

    /// Ends the watches of kinds whose definition was replaced or removed.
    fn end_outdated_watches(&self) {
        let known = self.kinds.with_discovered();
        let ids: HashSet<KindId> = known.defs().iter().map(|kind| KindId::new(kind)).collect();
        self.clusters.iter().for_each(|cluster| cluster.kinds.lock().retain(|id, _| ids.contains(id)));
    }
}

impl Cluster {
    /// Whether all objects of a kind are available.
    fn is_synced(&self, kind: &'static KindDef) -> bool {
        let watched = self.kinds.lock().get(&KindId::new(kind)).cloned();
        watched.is_some_and(|watched| {
            let tasks = watched.tasks.lock();
            !tasks.watches.is_empty() && tasks.watches.iter().all(|watch| watch.is_synced())
        })
    }
}

#[async_trait]
impl Source for WatchSource {
    fn clusters(&self) -> Vec<Arc<str>> {
        self.inner.clusters.iter().map(|cluster| Arc::clone(&cluster.name)).collect()
    }

    fn discovered(&self) -> Arc<DiscoveredKinds> {
        self.inner.kinds.registry().current()
    }

    async fn discover(&self, scope: &DiscoveryScope) -> Vec<Missing> {
        let inner = &self.inner;
        inner.start_idle_task();
        let mut running = Vec::new();
        for cluster in &inner.clusters {
            running.push((Arc::clone(&cluster.connector), inner.discover(cluster, scope).boxed()));
        }
        discovery::join_all(running).await
    }

    async fn snapshot(&self, request: &Request) -> Result<Snapshot, SourceError> {
        let inner = &self.inner;
        inner.start_idle_task();
        let requested = request.kinds.iter().flat_map(|request| {
            let clusters = inner.clusters.iter().filter(|cluster| request.includes(&cluster.name));
            clusters.map(move |cluster| (cluster, request.kind))
        });
        let requested: Vec<(&Arc<Cluster>, &'static KindDef)> = requested.collect();
        let mut running = JoinSet::new();
        for (at, (cluster, kind)) in requested.iter().enumerate() {
            let (inner, cluster, kind) = (Arc::clone(inner), Arc::clone(cluster), *kind);
            let runtime = inner.runtime.handle().clone();
            running.spawn_on(async move { (at, inner.watch_kind(&cluster, kind).await) }, &runtime);
        }
        let mut answers = running.join_all().await;
        answers.sort_unstable_by_key(|(at, _)| *at);
        let answers = answers.into_iter().map(|(_, answer)| answer).collect();

        let requested: Vec<_> = requested.iter().map(|(cluster, kind)| (&cluster.connector, *kind)).collect();
        let (mut snapshot, ready) = combine(request, &requested, answers)?;
        let guard = inner.publish_lock.lock();
        let versions: Vec<_> = ready.iter().map(|watch| watch.table.latest()).collect();
        drop(guard);
        snapshot.segments = versions.iter().flat_map(|version| version.segments.iter().cloned()).collect();
        Ok(snapshot)
    }

    fn status(&self) -> Status {
        let clusters = &self.inner.clusters;
        let watches = clusters
            .iter()
            .flat_map(|cluster| cluster.watches().into_iter().map(|watch| watch.status(&cluster.name)))
            .collect();
        Status { clusters: clusters.iter().map(|cluster| cluster.connector.status()).collect(), watches }
    }
}
