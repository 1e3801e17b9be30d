//! Clusters listed anew for each query: no more than it needs is read, and rows are there as pages come.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::{join_all, try_join_all};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::answers::{Answer, Asked, gather, missing};
use super::connection::{Connection, Connector, Served};
use super::context::Context;
use super::decode::Decoder;
use super::failure::{Class, Failure};
use super::learn;
use super::list::{Pages, Text};
use super::request::Resource;
use super::scope::Scope;
use crate::ingest::files::Kinds;
use crate::schema::Learnt;
use crate::store::{
    Feed, FeedWriter, KindRequest, Missing, Request, Selection, Snapshot, Source, SourceError, Status, Wanted, Warning,
    WatchState, WatchStatus,
};

/// How often a page is asked for where the server has too much to do.
const ATTEMPTS: u32 = 5;

/// How clusters are listed.
#[derive(Debug, Clone)]
pub struct ListOptions {
    /// Which namespaces.
    pub scope: Scope,
    /// How long it may take until all objects of a kind are there.
    pub patience: Duration,
    /// Gives the values of Secrets instead of `<redacted>`.
    pub show_secrets: bool,
}

impl Default for ListOptions {
    fn default() -> Self {
        Self { scope: Scope::default(), patience: Duration::from_secs(300), show_secrets: false }
    }
}

/// Clusters that are listed for each query.
#[derive(Debug, Clone)]
pub struct Lists {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    clusters: Vec<Arc<Connector>>,
    kinds: Kinds,
    options: ListOptions,
    /// Those of the last query.
    progress: Mutex<Vec<Arc<Progress>>>,
}

/// How far a list is.
#[derive(Debug)]
struct Progress {
    cluster: Arc<Connector>,
    resource: Resource,
    objects: AtomicU64,
    complete: AtomicBool,
    failure: Mutex<Option<String>>,
}

/// A list whose first page is there.
struct Opened {
    pages: Pages,
    first: Option<Text>,
    progress: Arc<Progress>,
    wanted: Arc<KindRequest>,
}

impl Lists {
    /// Lists these clusters. Nothing is asked of them before a query does.
    #[must_use]
    pub fn new(contexts: Vec<Context>, kinds: Kinds, options: ListOptions) -> Self {
        let clusters = contexts.into_iter().map(|context| Arc::new(Connector::new(context))).collect();
        Self { inner: Arc::new(Inner { clusters, kinds, options, progress: Mutex::default() }) }
    }
}

impl Inner {
    /// What a cluster has of a kind, when it has begun to answer.
    async fn open(&self, cluster: &Arc<Connector>, wanted: &Arc<KindRequest>) -> Result<Answer<Opened>, Failure> {
        let (connection, served) = cluster.served(wanted.kind).await?;
        let Some(served) = served else { return Ok(Answer::NotServed) };
        let mut opened = self.open_selected(cluster, &connection, &served, wanted, &wanted.selection).await;
        if opened.as_ref().is_err_and(|failure| failure.class == Class::Refused) {
            // It may not know a selector. All objects will do as well.
            let selection = Selection { namespaces: wanted.selection.namespaces.clone(), ..Selection::default() };
            if selection != wanted.selection {
                opened = self.open_selected(cluster, &connection, &served, wanted, &selection).await;
            }
        }
        if opened.as_ref().is_err_and(|failure| matches!(failure.class, Class::Unauthorized | Class::Certificate)) {
            // The kubeconfig may have others by the next query.
            cluster.renew(&connection);
        }
        opened
    }

    /// A selection of a kind's objects; where the account may not list all namespaces, in those that it may.
    async fn open_selected(
        &self,
        cluster: &Arc<Connector>,
        connection: &Connection,
        served: &Served,
        wanted: &Arc<KindRequest>,
        selection: &Selection,
    ) -> Result<Answer<Opened>, Failure> {
        let scope = &self.options.scope;
        let resources = scope.selected(wanted.kind, served, selection);
        let may_be_confined = served.namespaced && resources.iter().any(|resource| resource.namespace.is_none());
        let forbidden = match self.first_pages(cluster, connection, wanted, resources).await {
            Err(failure) if failure.class == Class::Forbidden && may_be_confined => failure,
            opened => return opened.map(|parts| Answer::Ready { parts, confined: None }),
        };
        let mut resources = scope.allowed(connection, wanted.kind, served).await?;
        if resources.is_empty() {
            return Err(forbidden);
        }
        resources.iter_mut().for_each(|resource| resource.select(selection));
        let confined = resources.iter().filter_map(|resource| resource.namespace.clone()).collect();
        let parts = self.first_pages(cluster, connection, wanted, resources).await?;
        Ok(Answer::Ready { parts, confined: Some(confined) })
    }

    async fn first_pages(
        &self,
        cluster: &Arc<Connector>,
        connection: &Connection,
        wanted: &Arc<KindRequest>,
        resources: Vec<Resource>,
    ) -> Result<Vec<Opened>, Failure> {
        let first_page = |resource: Resource| async move {
            let progress = Arc::new(Progress {
                cluster: Arc::clone(cluster),
                resource: resource.clone(),
                objects: AtomicU64::new(0),
                complete: AtomicBool::new(false),
                failure: Mutex::default(),
            });
            self.progress.lock().push(Arc::clone(&progress));
            let mut pages = Pages::patiently(connection.client.clone(), resource, false, ATTEMPTS);
            let first = pages.next().await.inspect_err(|failure| progress.failed(failure))?;
            Ok(Opened { pages, first, progress, wanted: Arc::clone(wanted) })
        };
        try_join_all(resources.into_iter().map(first_page)).await
    }

    /// Reads the rest of a list in the background, as long as somebody reads what comes.
    fn feed(&self, opened: Opened, until: Instant) -> Feed {
        let (writer, feed) = Feed::new(opened.wanted.kind);
        let Opened { pages, first, progress, wanted } = opened;
        let redact = !self.options.show_secrets;
        let decoder = Decoder::new(&self.kinds, &wanted, &progress.cluster.context.name, redact);
        let patience = self.options.patience;
        tokio::spawn(async move {
            let listed = tokio::select! {
                () = writer.unread() => return,
                listed = tokio::time::timeout_at(until, list(&writer, pages, first, decoder, &progress)) => listed,
            };
            let result = listed.unwrap_or_else(|_| Err(late(patience, &progress)));
            progress.complete.store(result.is_ok(), Ordering::Relaxed);
            writer.end(result.map_err(|failure| {
                progress.failed(&failure);
                SourceError::Incomplete(vec![missing(&progress.cluster, wanted.kind, failure)])
            }));
        });
        feed
    }
}

/// Reads a list to its end.
async fn list(
    writer: &FeedWriter,
    mut pages: Pages,
    mut first: Option<Text>,
    mut decoder: Decoder,
    progress: &Progress,
) -> Result<Vec<Warning>, Failure> {
    loop {
        let page = match first.take() {
            Some(page) => Ok(Some(page)),
            None => pages.next().await,
        };
        match page {
            Ok(Some(page)) => {
                // Not on a thread that other answers wait for.
                let work = tokio::task::spawn_blocking(move || {
                    let segment = decoder.segment(&page);
                    (decoder, segment)
                });
                let segment;
                (decoder, segment) = work.await.map_err(|error| Failure::new(Class::Unreadable, error.to_string()))?;
                if let Some(segment) = segment {
                    progress.objects.fetch_add(u64::try_from(segment.columns.rows).unwrap_or(0), Ordering::Relaxed);
                    writer.push(segment);
                }
            }
            Ok(None) => return Ok(decoder.warnings()),
            // The rest would be of another state. As long as nobody has seen the beginning, all is listed anew, at once.
            Err(failure) if failure.class == Class::Expired && !pages.is_at_once() && writer.restart() => {
                progress.objects.store(0, Ordering::Relaxed);
                decoder.restart();
                pages = pages.again_at_once();
            }
            Err(failure) if failure.class == Class::Expired => {
                let message = format!("the list expired before its end; try again ({})", failure.message);
                return Err(Failure { message, ..failure });
            }
            Err(failure) => return Err(failure),
        }
    }
}

fn late(patience: Duration, progress: &Progress) -> Failure {
    let so_far = progress.objects.load(Ordering::Relaxed);
    let seconds = patience.as_secs();
    let message =
        format!("not all objects are there after {seconds} s ({so_far} so far); allow more time, or ask for less");
    Failure::new(Class::Unreachable, message)
}

impl Progress {
    fn failed(&self, failure: &Failure) {
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
impl Source for Lists {
    fn clusters(&self) -> Vec<Arc<str>> {
        self.inner.clusters.iter().map(|cluster| Arc::clone(&cluster.context.name)).collect()
    }

    fn learnt(&self) -> Arc<Learnt> {
        self.inner.kinds.learning().current()
    }

    async fn learn(&self, wanted: &Wanted) -> Vec<Missing> {
        let Inner { clusters, kinds, .. } = &*self.inner;
        let (learning, definitions) = (kinds.learning(), kinds.definitions());
        let mut learning_from = Vec::new();
        for cluster in clusters {
            learning_from.push((Arc::clone(cluster), learn::once(cluster, definitions, learning, wanted).boxed()));
        }
        learn::each(learning_from).await
    }

    async fn snapshot(&self, request: &Request) -> Result<Snapshot, SourceError> {
        let inner = &self.inner;
        inner.progress.lock().clear();
        let until = Instant::now() + inner.options.patience;
        let kinds: Vec<Arc<KindRequest>> = request.kinds.iter().cloned().map(Arc::new).collect();
        let asked: Vec<(&Arc<Connector>, &Arc<KindRequest>)> = kinds
            .iter()
            .flat_map(|wanted| {
                let clusters = inner.clusters.iter().filter(|cluster| wanted.asks(&cluster.context.name));
                clusters.map(move |cluster| (cluster, wanted))
            })
            .collect();
        let open = |(cluster, wanted)| async move {
            let silent = |_| {
                let seconds = inner.options.patience.as_secs();
                Failure::new(Class::Unreachable, format!("no answer for {seconds} s"))
            };
            tokio::time::timeout_at(until, inner.open(cluster, wanted)).await.map_err(silent)?
        };
        let answers = join_all(asked.iter().copied().map(open)).await;
        let of: Vec<Asked<'_>> = asked.iter().map(|(cluster, wanted)| (*cluster, wanted.kind)).collect();
        let (mut snapshot, opened) = gather(request, &of, answers)?;
        let feeds: Vec<Feed> = opened.into_iter().map(|opened| inner.feed(opened, until)).collect();
        if !request.partial {
            snapshot.feeds = feeds;
            return Ok(snapshot);
        }
        // Who may be left out must have failed before anybody sees a part of it.
        let ends = join_all(feeds.iter().cloned().map(|mut feed| async move { feed.end().await })).await;
        for (feed, end) in feeds.into_iter().zip(ends) {
            match end {
                Ok(_) => snapshot.feeds.push(feed),
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
