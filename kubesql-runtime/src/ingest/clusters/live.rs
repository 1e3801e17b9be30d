//! Live clusters as a source: each kind is followed from the first query that asks for it, until nobody does.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::join_all;
use parking_lot::Mutex;
use tokio::task::{AbortHandle, JoinSet};

use super::answers::{Answer, gather};
use super::connection::{Connection, Connector, Served};
use super::context::Context;
use super::failure::{Class, Failure};
use super::follow::Follower;
use super::learn;
use super::request::Resource;
use super::scope::Scope;
use super::threads::Threads;
use super::watch::Watch;
use crate::flatten::{Interpreter, Rows, Want};
use crate::ingest::definitions;
use crate::ingest::files::Kinds;
use crate::learn::Definitions;
use crate::schema::{KindDef, Learnt};
use crate::store::mirror::{Layout, Version, Writer};
use crate::store::{Instants, Missing, Request, Snapshot, Source, SourceError, Status, Wanted};

/// How clusters are followed.
#[derive(Debug, Clone)]
pub struct LiveOptions {
    /// Which namespaces.
    pub scope: Scope,
    /// A kind that nobody has asked for this long is no longer followed.
    pub idle: Duration,
    /// How long a query waits for all objects to be there.
    pub patience: Duration,
    /// Bytes of objects beyond which no further kind is followed; `None` for no limit.
    pub memory: Option<u64>,
    /// Gives the values of Secrets instead of `<redacted>`.
    pub show_secrets: bool,
}

impl Default for LiveOptions {
    fn default() -> Self {
        Self {
            scope: Scope::default(),
            idle: Duration::from_secs(30 * 60),
            patience: Duration::from_secs(60),
            memory: None,
            show_secrets: false,
        }
    }
}

/// Clusters that are followed.
#[derive(Debug, Clone)]
pub struct Live {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    clusters: Vec<Arc<Cluster>>,
    kinds: Kinds,
    options: LiveOptions,
    instants: Instants,
    sweeping: OnceLock<()>,
    learning: OnceLock<()>,
    threads: Threads,
}

#[derive(Debug)]
struct Cluster {
    name: Arc<str>,
    connector: Arc<Connector>,
    kinds: Mutex<HashMap<KindId, Arc<Followed>>>,
    /// The definitions of custom resources that were learnt last.
    learnt: Mutex<Vec<Arc<Version>>>,
    /// The connection, and the definitions, by which all servers beside the cluster's own have described themselves.
    described: Mutex<Option<(Weak<Connection>, Arc<Learnt>)>>,
}

/// A kind by its definition, of which there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct KindId(usize);

impl KindId {
    fn of(kind: &'static KindDef) -> Self {
        Self(std::ptr::from_ref(kind).addr())
    }
}

/// A kind of a cluster: its watches, one for each place where it is listed.
#[derive(Debug, Default)]
struct Followed {
    /// Held by who begins them, so that others wait for the same.
    beginning: tokio::sync::Mutex<()>,
    tasks: Mutex<Tasks>,
}

#[derive(Debug, Default)]
struct Tasks {
    watches: Vec<Arc<Watch>>,
    running: Vec<AbortHandle>,
    /// The only namespaces that the account may list, where it may not list all.
    confined: Option<Vec<String>>,
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.running.iter().for_each(AbortHandle::abort);
    }
}

impl Live {
    /// Follows these clusters. Nothing is asked of them before a query does.
    #[must_use]
    pub fn new(contexts: Vec<Context>, kinds: Kinds, options: LiveOptions) -> Self {
        let clusters = contexts.into_iter().map(|context| {
            Arc::new(Cluster {
                name: Arc::clone(&context.name),
                connector: Arc::new(Connector::new(context)),
                kinds: Mutex::default(),
                learnt: Mutex::default(),
                described: Mutex::default(),
            })
        });
        let inner = Inner {
            clusters: clusters.collect(),
            kinds,
            options,
            instants: Instants::default(),
            sweeping: OnceLock::new(),
            learning: OnceLock::new(),
            threads: Threads::new(),
        };
        Self { inner: Arc::new(inner) }
    }
}

impl Inner {
    /// Drops what nobody asks for any more, now and then, as long as this lives.
    fn sweep(self: &Arc<Self>) {
        self.sweeping.get_or_init(|| {
            let every = (self.options.idle / 4).max(Duration::from_millis(100));
            let weak: Weak<Self> = Arc::downgrade(self);
            self.threads.handle().spawn(async move {
                loop {
                    tokio::time::sleep(every).await;
                    let Some(inner) = weak.upgrade() else { return };
                    inner.clusters.iter().for_each(|cluster| cluster.drop_idle(inner.options.idle));
                }
            });
        });
    }

    /// Bytes of all objects that are there.
    fn bytes(&self) -> u64 {
        let watches = self.clusters.iter().flat_map(|cluster| cluster.watches());
        watches.map(|watch| u64::try_from(watch.mirror.latest().bytes()).unwrap_or(u64::MAX)).sum()
    }

    /// A kind of a cluster when all of its objects are there.
    async fn ready(&self, cluster: &Cluster, kind: &'static KindDef) -> Result<Answer<Arc<Watch>>, Failure> {
        let followed = Arc::clone(cluster.kinds.lock().entry(KindId::of(kind)).or_default());
        let Some(served) = self.begin(cluster, kind, &followed).await? else { return Ok(Answer::NotServed) };
        let watches = followed.tasks.lock().watches.clone();
        match self.all_ready(&watches).await {
            Err(failure) if failure.class == Class::Forbidden && self.may_be_confined(&served, &followed) => {
                self.confine(cluster, kind, &served, &followed, &watches, failure).await?;
                let watches = followed.tasks.lock().watches.clone();
                self.all_ready(&watches).await?;
            }
            other => other?,
        }
        let tasks = followed.tasks.lock();
        Ok(Answer::Ready { parts: tasks.watches.clone(), confined: tasks.confined.clone() })
    }

    async fn all_ready(&self, watches: &[Arc<Watch>]) -> Result<(), Failure> {
        let ready = join_all(watches.iter().map(|watch| watch.ready(self.options.patience))).await;
        ready.into_iter().collect()
    }

    /// Begins to follow a kind where it is not followed yet; `None` where the server does not have it.
    async fn begin(
        &self,
        cluster: &Cluster,
        kind: &'static KindDef,
        followed: &Followed,
    ) -> Result<Option<Served>, Failure> {
        let connected = tokio::time::timeout(self.options.patience, cluster.connector.served(kind));
        let silent =
            |_| Failure::new(Class::Unreachable, format!("no answer for {} s", self.options.patience.as_secs()));
        let (_, served) = connected.await.map_err(silent)??;
        let Some(served) = served else { return Ok(None) };
        let _beginning = followed.beginning.lock().await;
        if followed.tasks.lock().watches.is_empty() {
            self.check_memory()?;
            let resources = self.options.scope.resources(kind, &served);
            *followed.tasks.lock() = self.start(cluster, kind, &served, resources, None);
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
            "not followed: objects take {} MB of the {} MB that are allowed; raise the limit, or choose namespaces",
            used >> 20,
            limit >> 20
        );
        Err(Failure::new(Class::Refused, message))
    }

    fn start(
        &self,
        cluster: &Cluster,
        kind: &'static KindDef,
        served: &Served,
        resources: Vec<Resource>,
        confined: Option<Vec<String>>,
    ) -> Tasks {
        let kinds = self.kinds.clone();
        let rows = move || -> Box<dyn Rows> {
            kinds.compiled(kind).unwrap_or_else(|| Box::new(Interpreter::new(kind.root, &Want::All)))
        };
        let layout = Layout {
            cluster: Arc::clone(&cluster.name),
            kind,
            rows: Arc::new(rows),
            segment_rows: Layout::SEGMENT_ROWS,
        };
        let mut tasks = Tasks { confined, watches: Vec::new(), running: Vec::new() };
        for resource in resources {
            let writer = Writer::new(layout.clone(), self.instants.clone());
            let watch = Arc::new(Watch::new(resource, Arc::clone(writer.mirror())));
            let follower = Follower {
                connector: Arc::clone(&cluster.connector),
                watchable: served.watchable,
                kind,
                watch: Arc::clone(&watch),
                writer,
                show_secrets: self.options.show_secrets,
            };
            tasks.running.push(self.threads.handle().spawn(follower.run()).abort_handle());
            tasks.watches.push(watch);
        }
        tasks
    }

    /// Whether single namespaces may be allowed where all together, or all that were before, are not.
    fn may_be_confined(&self, served: &Served, followed: &Followed) -> bool {
        let tasks = followed.tasks.lock();
        let all = || tasks.watches.iter().any(|watch| watch.resource.namespace.is_none());
        served.namespaced && (tasks.confined.is_some() || all())
    }

    /// Follows a kind in those namespaces only that the account may list, instead of by what was found forbidden.
    async fn confine(
        &self,
        cluster: &Cluster,
        kind: &'static KindDef,
        served: &Served,
        followed: &Followed,
        found: &[Arc<Watch>],
        forbidden: Failure,
    ) -> Result<(), Failure> {
        let _beginning = followed.beginning.lock().await;
        let same = |(a, b): (&Arc<Watch>, &Arc<Watch>)| Arc::ptr_eq(a, b);
        if !followed.tasks.lock().watches.iter().zip(found).all(same) {
            // Somebody else has done it meanwhile.
            return Ok(());
        }
        let connection = cluster.connector.get().await?;
        let resources = self.options.scope.allowed(&connection, kind, served).await?;
        if resources.is_empty() {
            return Err(forbidden);
        }
        let namespaces = resources.iter().filter_map(|resource| resource.namespace.clone()).collect();
        let tasks = self.start(cluster, kind, served, resources, Some(namespaces));
        *followed.tasks.lock() = tasks;
        Ok(())
    }
}

impl Cluster {
    fn watches(&self) -> Vec<Arc<Watch>> {
        let kinds: Vec<Arc<Followed>> = self.kinds.lock().values().cloned().collect();
        kinds.iter().flat_map(|followed| followed.tasks.lock().watches.clone()).collect()
    }

    fn drop_idle(&self, idle: Duration) {
        let is_wanted = |followed: &Arc<Followed>| {
            let tasks = followed.tasks.lock();
            tasks.watches.is_empty() || tasks.watches.iter().any(|watch| watch.asked().elapsed() < idle)
        };
        self.kinds.lock().retain(|_, followed| is_wanted(followed));
    }
}

/// How definitions of custom resources are followed, beside other kinds.
impl Inner {
    /// Learns what a cluster has. Its definitions are followed from now on; until they are there, only those of the
    /// tables that are wanted are waited for.
    async fn learn(self: &Arc<Self>, cluster: &Arc<Cluster>, wanted: &Wanted) -> Result<(), Failure> {
        let Some(kind) = self.kinds.definitions() else { return Ok(()) };
        let learning = self.kinds.learning();
        self.keep_learning();
        if let (Wanted::Tables(tables), false) = (wanted, cluster.follows(kind)) {
            let (inner, following) = (Arc::clone(self), Arc::clone(cluster));
            self.threads.handle().spawn(async move { inner.ready(&following, kind).await.map(|_| ()) });
            return learn::tables(&cluster.connector, learning, tables).await;
        }
        match self.ready(cluster, kind).await {
            Ok(_) => {
                self.take_definitions(cluster, kind, true).await;
                Ok(())
            }
            Err(failure) => match wanted {
                Wanted::Tables(tables) => learn::tables(&cluster.connector, learning, tables).await,
                Wanted::All => Err(failure),
            },
        }
    }

    /// Takes in changes of definitions that are followed, now and then, as long as this lives.
    fn keep_learning(self: &Arc<Self>) {
        const EVERY: Duration = Duration::from_millis(200);
        self.learning.get_or_init(|| {
            let weak: Weak<Self> = Arc::downgrade(self);
            self.threads.handle().spawn(async move {
                loop {
                    tokio::time::sleep(EVERY).await;
                    let Some(inner) = weak.upgrade() else { return };
                    let Some(kind) = inner.kinds.definitions() else { return };
                    for cluster in &inner.clusters {
                        if cluster.follows(kind) {
                            inner.take_definitions(cluster, kind, false).await;
                        } else if !cluster.kinds.lock().contains_key(&KindId::of(kind)) {
                            // Nobody asks for them any more: what they say gets old.
                            cluster.connector.undefine();
                        }
                    }
                }
            });
        });
    }

    /// Learns from the definitions of a cluster that are followed, where they have changed.
    async fn take_definitions(&self, cluster: &Cluster, kind: &'static KindDef, fully: bool) {
        let watches = cluster.kinds.lock().get(&KindId::of(kind)).map(|followed| followed.tasks.lock().watches.clone());
        let versions: Vec<_> = watches.into_iter().flatten().map(|watch| watch.mirror.latest()).collect();
        let learning = self.kinds.learning();
        {
            // Held to the end, so that who comes second sees what the first has learnt.
            let mut learnt = cluster.learnt.lock();
            if learnt.len() != versions.len() || !learnt.iter().zip(&versions).all(|(a, b)| Arc::ptr_eq(a, b)) {
                let known = learning.of_cluster(&cluster.name);
                let mut found = Definitions::new();
                let segments = versions.iter().flat_map(|version| &version.segments);
                segments.for_each(|segment| definitions::changed(segment, &known, &mut found));
                cluster.connector.define(&found);
                // What nobody defines was described by a server beside the cluster's own.
                found.extend(known.into_iter().filter(|(_, known)| known.version.starts_with("described")));
                learning.replace(&cluster.name, found);
                *learnt = versions;
                self.forget();
            }
        }
        if fully && let Ok(connection) = cluster.connector.get().await {
            let current = learning.current();
            let is_current = |(by, learnt): &(Weak<Connection>, Arc<Learnt>)| {
                std::ptr::eq(by.as_ptr(), Arc::as_ptr(&connection)) && Arc::ptr_eq(learnt, &current)
            };
            if cluster.described.lock().as_ref().is_some_and(is_current) {
                return;
            }
            let mut found = learning.of_cluster(&cluster.name);
            let before = found.len();
            let all = learn::described(&cluster.connector, &connection, learning, &mut found).await;
            if found.len() != before {
                learning.replace(&cluster.name, found);
            }
            // What was learnt meanwhile is looked at the next time.
            let all = all && Arc::ptr_eq(&current, &learning.current());
            *cluster.described.lock() = all.then(|| (Arc::downgrade(&connection), current));
        }
    }

    /// Stops following kinds that are no longer what they were.
    fn forget(&self) {
        let known = self.kinds.with_learnt();
        let ids: HashSet<KindId> = known.defs().iter().map(|kind| KindId::of(kind)).collect();
        self.clusters.iter().for_each(|cluster| cluster.kinds.lock().retain(|id, _| ids.contains(id)));
    }
}

impl Cluster {
    /// Whether all objects of a kind are there and followed.
    fn follows(&self, kind: &'static KindDef) -> bool {
        let followed = self.kinds.lock().get(&KindId::of(kind)).cloned();
        followed.is_some_and(|followed| {
            let tasks = followed.tasks.lock();
            !tasks.watches.is_empty() && tasks.watches.iter().all(|watch| watch.is_synced())
        })
    }
}

#[async_trait]
impl Source for Live {
    fn clusters(&self) -> Vec<Arc<str>> {
        self.inner.clusters.iter().map(|cluster| Arc::clone(&cluster.name)).collect()
    }

    fn learnt(&self) -> Arc<Learnt> {
        self.inner.kinds.learning().current()
    }

    async fn learn(&self, wanted: &Wanted) -> Vec<Missing> {
        let inner = &self.inner;
        inner.sweep();
        let mut learning = Vec::new();
        for cluster in &inner.clusters {
            learning.push((Arc::clone(&cluster.connector), inner.learn(cluster, wanted).boxed()));
        }
        learn::each(learning).await
    }

    async fn snapshot(&self, request: &Request) -> Result<Snapshot, SourceError> {
        let inner = &self.inner;
        inner.sweep();
        let asked = request.kinds.iter().flat_map(|wanted| {
            let clusters = inner.clusters.iter().filter(|cluster| wanted.asks(&cluster.name));
            clusters.map(move |cluster| (cluster, wanted.kind))
        });
        let asked: Vec<(&Arc<Cluster>, &'static KindDef)> = asked.collect();
        let mut asking = JoinSet::new();
        for (at, (cluster, kind)) in asked.iter().enumerate() {
            let (inner, cluster, kind) = (Arc::clone(inner), Arc::clone(cluster), *kind);
            let threads = inner.threads.handle().clone();
            asking.spawn_on(async move { (at, inner.ready(&cluster, kind).await) }, &threads);
        }
        let mut answers = asking.join_all().await;
        answers.sort_unstable_by_key(|(at, _)| *at);
        let answers = answers.into_iter().map(|(_, answer)| answer).collect();

        let of: Vec<_> = asked.iter().map(|(cluster, kind)| (&cluster.connector, *kind)).collect();
        let (mut snapshot, ready) = gather(request, &of, answers)?;
        let held = inner.instants.hold();
        let versions: Vec<_> = ready.iter().map(|watch| watch.mirror.latest()).collect();
        drop(held);
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
