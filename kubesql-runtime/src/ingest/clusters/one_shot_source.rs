//! A source that lists objects for each statement. It reads only what the statement needs, and streams pages as they
//! arrive.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::{join_all, try_join_all};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::answers::{KindAnswer, KindInCluster, combine, unavailable};
use super::connection::{Connection, Connector, ServedVersion};
use super::context::Context;
use super::decode::PageDecoder;
use super::discovery;
use super::failure::{Class, Failure};
use super::list::{PageText, Pages};
use super::request::Resource;
use super::scope::NamespaceScope;
use crate::ingest::files::Kinds;
use crate::schema::DiscoveredKinds;
use crate::store::{
    DiscoveryScope, KindRequest, Missing, Request, SegmentStream, SegmentStreamWriter, Selection, Snapshot, Source,
    SourceError, Status, Warning, WatchState, WatchStatus,
};

/// The number of attempts for each page while the server is overloaded.
const ATTEMPTS: u32 = 5;

/// Options of a [`OneShotSource`].
#[derive(Debug, Clone)]
pub struct OneShotOptions {
    /// The namespaces to list.
    pub scope: NamespaceScope,
    /// The time limit for listing all objects of a kind.
    pub sync_timeout: Duration,
    /// Whether to show the values of Secrets instead of `<redacted>`.
    pub show_secrets: bool,
}

impl Default for OneShotOptions {
    fn default() -> Self {
        Self { scope: NamespaceScope::default(), sync_timeout: Duration::from_secs(300), show_secrets: false }
    }
}

/// A source that lists clusters for each statement.
#[derive(Debug, Clone)]
pub struct OneShotSource {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    clusters: Vec<Arc<Connector>>,
    kinds: Kinds,
    options: OneShotOptions,
    /// The lists of the last statement.
    progress: Mutex<Vec<Arc<ListProgress>>>,
}

/// The progress of a list.
#[derive(Debug)]
struct ListProgress {
    cluster: Arc<Connector>,
    resource: Resource,
    objects: AtomicU64,
    complete: AtomicBool,
    failure: Mutex<Option<String>>,
}

/// A list whose first page has arrived.
struct OpenList {
    pages: Pages,
    first: Option<PageText>,
    progress: Arc<ListProgress>,
    request: Arc<KindRequest>,
}

impl OneShotSource {
    /// A source of these clusters. They are not contacted before a query needs them.
    #[must_use]
    pub fn new(contexts: Vec<Context>, kinds: Kinds, options: OneShotOptions) -> Self {
        let clusters = contexts.into_iter().map(|context| Arc::new(Connector::new(context))).collect();
        Self { inner: Arc::new(Inner { clusters, kinds, options, progress: Mutex::default() }) }
    }
}

impl Inner {
    /// Starts to list a kind in a cluster, and waits for the first pages.
    async fn open(
        &self,
        cluster: &Arc<Connector>,
        request: &Arc<KindRequest>,
    ) -> Result<KindAnswer<OpenList>, Failure> {
        let (connection, served) = cluster.served_version(request.kind).await?;
        let Some(served) = served else { return Ok(KindAnswer::NotServed) };
        let mut opened = self.open_selected(cluster, &connection, &served, request, &request.selection).await;
        if opened.as_ref().is_err_and(|failure| failure.class == Class::Rejected) {
            // The server may not support a selector. List all objects instead.
            let selection = Selection { namespaces: request.selection.namespaces.clone(), ..Selection::default() };
            if selection != request.selection {
                opened = self.open_selected(cluster, &connection, &served, request, &selection).await;
            }
        }
        if opened.as_ref().is_err_and(|failure| matches!(failure.class, Class::Unauthorized | Class::Certificate)) {
            // The kubeconfig may have new credentials by the next query.
            cluster.renew(&connection);
        }
        opened
    }

    /// Starts to list selected objects; if the account may not list all namespaces, in the namespaces that it may.
    async fn open_selected(
        &self,
        cluster: &Arc<Connector>,
        connection: &Connection,
        served: &ServedVersion,
        request: &Arc<KindRequest>,
        selection: &Selection,
    ) -> Result<KindAnswer<OpenList>, Failure> {
        let scope = &self.options.scope;
        let resources = scope.selected(request.kind, served, selection);
        let all_namespaces = served.namespaced && resources.iter().any(|resource| resource.namespace.is_none());
        let forbidden = match self.first_pages(cluster, connection, request, resources).await {
            Err(failure) if failure.class == Class::Forbidden && all_namespaces => failure,
            opened => return opened.map(|parts| KindAnswer::Ready { parts, allowed_namespaces: None }),
        };
        let mut resources = scope.allowed(connection, request.kind, served).await?;
        if resources.is_empty() {
            return Err(forbidden);
        }
        resources.iter_mut().for_each(|resource| resource.select(selection));
        let namespaces = resources.iter().filter_map(|resource| resource.namespace.clone()).collect();
        let parts = self.first_pages(cluster, connection, request, resources).await?;
        Ok(KindAnswer::Ready { parts, allowed_namespaces: Some(namespaces) })
    }

    async fn first_pages(
        &self,
        cluster: &Arc<Connector>,
        connection: &Connection,
        request: &Arc<KindRequest>,
        resources: Vec<Resource>,
    ) -> Result<Vec<OpenList>, Failure> {
        let first_page = |resource: Resource| async move {
            let progress = Arc::new(ListProgress {
                cluster: Arc::clone(cluster),
                resource: resource.clone(),
                objects: AtomicU64::new(0),
                complete: AtomicBool::new(false),
                failure: Mutex::default(),
            });
            self.progress.lock().push(Arc::clone(&progress));
            let mut pages = Pages::with_attempts(connection.client.clone(), resource, false, ATTEMPTS);
            let first = pages.next().await.inspect_err(|failure| progress.set_failure(failure))?;
            Ok(OpenList { pages, first, progress, request: Arc::clone(request) })
        };
        try_join_all(resources.into_iter().map(first_page)).await
    }

    /// Reads the rest of a list in the background, until all readers of the stream are dropped.
    fn stream(&self, list: OpenList, deadline: Instant) -> SegmentStream {
        let (writer, stream) = SegmentStream::new(list.request.kind);
        let OpenList { pages, first, progress, request } = list;
        let redact = !self.options.show_secrets;
        let decoder = PageDecoder::new(&self.kinds, &request, &progress.cluster.context.name, redact);
        let timeout = self.options.sync_timeout;
        tokio::spawn(async move {
            let listed = tokio::select! {
                () = writer.closed() => return,
                listed = tokio::time::timeout_at(deadline, read_pages(&writer, pages, first, decoder, &progress)) => listed,
            };
            let result = listed.unwrap_or_else(|_| Err(timed_out(timeout, &progress)));
            progress.complete.store(result.is_ok(), Ordering::Relaxed);
            writer.end(result.map_err(|failure| {
                progress.set_failure(&failure);
                SourceError::Incomplete(vec![unavailable(&progress.cluster, request.kind, failure)])
            }));
        });
        stream
    }
}

/// Reads all pages of a list.
async fn read_pages(
    writer: &SegmentStreamWriter,
    mut pages: Pages,
    mut first: Option<PageText>,
    mut decoder: PageDecoder,
    progress: &ListProgress,
) -> Result<Vec<Warning>, Failure> {
    loop {
        let page = match first.take() {
            Some(page) => Ok(Some(page)),
            None => pages.next().await,
        };
        match page {
            Ok(Some(page)) => {
                // Decoding would block other tasks.
                let work = tokio::task::spawn_blocking(move || {
                    let segment = decoder.decode(&page);
                    (decoder, segment)
                });
                let segment;
                (decoder, segment) = work.await.map_err(|error| Failure::new(Class::Unreadable, error.to_string()))?;
                if let Some(segment) = segment {
                    progress.objects.fetch_add(u64::try_from(segment.columns.rows).unwrap_or(0), Ordering::Relaxed);
                    writer.push(segment);
                }
            }
            Ok(None) => return Ok(decoder.into_warnings()),
            // The remaining pages would be of another version. Unless a reader has read a page, start again with a single
            // page, which cannot expire.
            Err(failure) if failure.class == Class::Expired && !pages.is_single_page() && writer.restart() => {
                progress.objects.store(0, Ordering::Relaxed);
                decoder.restart();
                pages = pages.restart_as_single_page();
            }
            Err(failure) if failure.class == Class::Expired => {
                let message = format!("the list expired before its end ({}); try again", failure.message);
                return Err(Failure { message, ..failure });
            }
            Err(failure) => return Err(failure),
        }
    }
}

fn timed_out(timeout: Duration, progress: &ListProgress) -> Failure {
    let objects = progress.objects.load(Ordering::Relaxed);
    let seconds = timeout.as_secs();
    let message = format!(
        "the list timed out after {seconds} s with {objects} objects; increase --sync-timeout, or select fewer objects"
    );
    Failure::new(Class::Unreachable, message)
}

impl ListProgress {
    fn set_failure(&self, failure: &Failure) {
        *self.failure.lock() = Some(failure.message.clone());
    }

    fn status(&self) -> WatchStatus {
        let error = self.failure.lock().clone();
        let state = match &error {
            Some(_) => WatchState::Failing,
            None if self.complete.load(Ordering::Relaxed) => WatchState::Synced,
            None => WatchState::Listing,
        };
        WatchStatus {
            cluster: Arc::clone(&self.cluster.context.name),
            group: self.resource.group.clone(),
            version: self.resource.version.clone(),
            resource: self.resource.plural.clone(),
            namespace: self.resource.namespace.clone(),
            state,
            objects: self.objects.load(Ordering::Relaxed),
            bytes: 0,
            events: 0,
            last_event: None,
            lag_ms: 0.0,
            resource_version: String::new(),
            relists: 0,
            warnings: 0,
            error,
        }
    }
}

#[async_trait]
impl Source for OneShotSource {
    fn clusters(&self) -> Vec<Arc<str>> {
        self.inner.clusters.iter().map(|cluster| Arc::clone(&cluster.context.name)).collect()
    }

    fn is_local(&self) -> bool {
        false
    }

    fn discovered(&self) -> Arc<DiscoveredKinds> {
        self.inner.kinds.registry().current()
    }

    async fn discover(&self, scope: &DiscoveryScope) -> Vec<Missing> {
        let Inner { clusters, kinds, .. } = &*self.inner;
        let (registry, definitions) = (kinds.registry(), kinds.definitions());
        let mut requests = Vec::new();
        for cluster in clusters {
            requests.push((Arc::clone(cluster), discovery::discover(cluster, definitions, registry, scope).boxed()));
        }
        discovery::join_all(requests).await
    }

    async fn snapshot(&self, request: &Request) -> Result<Snapshot, SourceError> {
        let inner = &self.inner;
        inner.progress.lock().clear();
        let deadline = Instant::now() + inner.options.sync_timeout;
        let kinds: Vec<Arc<KindRequest>> = request.kinds.iter().cloned().map(Arc::new).collect();
        let requests: Vec<(&Arc<Connector>, &Arc<KindRequest>)> = kinds
            .iter()
            .flat_map(|request| {
                let clusters = inner.clusters.iter().filter(|cluster| request.includes(&cluster.context.name));
                clusters.map(move |cluster| (cluster, request))
            })
            .collect();
        let open = |(cluster, request)| async move {
            let timed_out = |_| {
                let seconds = inner.options.sync_timeout.as_secs();
                Failure::new(Class::Unreachable, format!("no response within {seconds} s"))
            };
            tokio::time::timeout_at(deadline, inner.open(cluster, request)).await.map_err(timed_out)?
        };
        let answers = join_all(requests.iter().copied().map(open)).await;
        let requested: Vec<KindInCluster<'_>> =
            requests.iter().map(|(cluster, request)| (*cluster, request.kind)).collect();
        let (mut snapshot, lists) = combine(request, &requested, answers)?;
        let streams: Vec<SegmentStream> = lists.into_iter().map(|list| inner.stream(list, deadline)).collect();
        if !request.partial {
            snapshot.streams = streams;
            return Ok(snapshot);
        }
        // Wait for the end of all lists, since a list that fails must be left out completely.
        let ends = join_all(streams.iter().cloned().map(|mut stream| async move { stream.end().await })).await;
        for (stream, end) in streams.into_iter().zip(ends) {
            match end {
                Ok(_) => snapshot.streams.push(stream),
                Err(SourceError::Incomplete(missing)) => snapshot.missing.extend(missing),
                Err(error) => return Err(error),
            }
        }
        Ok(snapshot)
    }

    fn status(&self) -> Status {
        Status {
            clusters: self.inner.clusters.iter().map(|cluster| cluster.status()).collect(),
            watches: self.inner.progress.lock().iter().map(|progress| progress.status()).collect(),
        }
    }
}
