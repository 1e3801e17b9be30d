//! Keeps a live table up to date: lists all objects once, then applies the events of a watch. Restarts after failures.
//!
//! This replaces `kube_runtime`'s watcher, for two reasons of correctness and one of speed (seen in kube-runtime 5.0.0):
//!
//! - The watcher ignores a DELETED event among the initial objects of a streaming list, which it declares impossible
//!   (<https://github.com/kube-rs/kube/pull/1499>). API servers do send such events; the object would never disappear.
//! - The watcher continues after an event that it cannot parse, so that a change would be lost. The follower lists again.
//! - Parsing the text of pages and events directly costs a third of deserializing objects.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rand::Rng;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::backoff::Backoff;
use super::connection::{Connection, Connector};
use super::failure::{Class, Failure};
use super::list::Pages;
use super::page::{ObjectMeta, Page, WatchEvent};
use super::request::{Resource, Response, fetch, get};
use super::watch::Watch;
use crate::ingest::secrets;
use crate::schema::KindDef;
use crate::store::live_table::{FinishedMerge, Key, Writer};

/// The minimal interval between two publications.
const PUBLISH_INTERVAL: Duration = Duration::from_millis(5);

/// The time limit between initial objects of a streaming list.
const INITIAL_TIMEOUT: Duration = Duration::from_secs(20);

/// A watch that ends sooner than this is not restarted at once.
const SHORT_WATCH: Duration = Duration::from_secs(1);

/// After this many consecutive short watches without an event, the watch counts as failing.
const MAX_SHORT_WATCHES: u32 = 3;

/// After this many consecutive error events, all objects are listed again.
const MAX_ERROR_EVENTS: u32 = 3;

/// The time limit between events of a server that sends bookmarks, which arrive about every minute.
const BOOKMARK_TIMEOUT: Duration = Duration::from_secs(130);

/// Keeps the live table of a resource up to date, until it is dropped.
pub(super) struct Follower {
    pub(super) connector: Arc<Connector>,
    /// Whether the resource supports watches. Otherwise it is listed periodically.
    pub(super) watchable: bool,
    pub(super) kind: &'static KindDef,
    pub(super) watch: Arc<Watch>,
    pub(super) writer: Writer,
    pub(super) show_secrets: bool,
}

/// The state of a follower between attempts.
struct Session {
    follower: Follower,
    resource: Resource,
    /// The resource version from which a watch can resume; `None` if all objects must be listed.
    resume_from: Option<String>,
    /// Whether the next list uses a single page, because the last one expired between pages.
    single_page: bool,
    merge: Option<JoinHandle<FinishedMerge>>,
    last_publication: Instant,
    /// The arrival of the oldest unpublished change.
    unpublished_since: Option<Instant>,
    redacted: String,
    /// Consecutive short watches without an event.
    short_watches: u32,
    /// Consecutive error events.
    error_events: u32,
    /// The resource version of the last event, if versions are numbers. Events that are not newer are repetitions.
    position: Option<u64>,
}

impl Follower {
    /// Runs until it is cancelled.
    pub(super) async fn run(self) {
        let mut session = Session {
            resource: self.watch.resource.clone(),
            follower: self,
            resume_from: None,
            single_page: false,
            merge: None,
            last_publication: Instant::now(),
            unpublished_since: None,
            redacted: String::new(),
            short_watches: 0,
            error_events: 0,
            position: None,
        };
        let mut backoff = Backoff::default();
        let mut unreadable = false;
        loop {
            let started = Instant::now();
            let before = session.resume_from.clone();
            let result = session.attempt().await;
            if session.resume_from != before || started.elapsed() > SHORT_WATCH {
                backoff.reset();
                unreadable = false;
                session.short_watches = 0;
            }
            let retry_after = match result {
                // Servers end watches regularly.
                Ok(()) if started.elapsed() > SHORT_WATCH => continue,
                Ok(()) => {
                    session.short_watches += 1;
                    if session.short_watches >= MAX_SHORT_WATCHES {
                        let message = "the server closes watches immediately";
                        session.follower.watch.failed(Failure::new(Class::Unreachable, message));
                    }
                    None
                }
                Err(failure) => {
                    match failure.class {
                        Class::Expired | Class::NotServed | Class::Rejected => session.resume_from = None,
                        // Resume once; if that fails again, list all objects.
                        Class::Unreadable if std::mem::replace(&mut unreadable, true) => session.resume_from = None,
                        _ => {}
                    }
                    let retry_after = failure.retry_after;
                    if failure.class != Class::Expired {
                        session.follower.watch.failed(failure);
                    }
                    retry_after
                }
            };
            let delay = backoff.next(retry_after);
            tokio::time::sleep(delay.required).await;
            // A waiting query cuts the rest short.
            tokio::select! {
                () = tokio::time::sleep(delay.optional) => {}
                () = session.follower.watch.retry_requested() => {}
            }
        }
    }
}

impl Session {
    /// Lists all objects if needed, and watches until the watch ends.
    async fn attempt(&mut self) -> Result<(), Failure> {
        let connection = self.follower.connector.get().await?;
        let result = self.attempt_on(&connection).await;
        if result.as_ref().is_err_and(|failure| matches!(failure.class, Class::Unauthorized | Class::Certificate)) {
            // The kubeconfig may have new credentials.
            self.follower.connector.renew(&connection);
        }
        result
    }

    async fn attempt_on(&mut self, connection: &Arc<Connection>) -> Result<(), Failure> {
        if self.resume_from.is_none() {
            if !self.follower.watchable {
                return self.poll(connection).await;
            }
            if connection.has_streaming_lists() && !self.single_page {
                match self.watch(connection, true).await {
                    Err(failure) if failure.class == Class::Rejected && self.resume_from.is_none() => {
                        connection.disable_streaming_lists()
                    }
                    other => return other,
                }
            }
            self.list(connection).await?;
        }
        self.watch(connection, false).await
    }

    /// Lists a resource that does not support watches, and waits before the next list.
    async fn poll(&mut self, connection: &Arc<Connection>) -> Result<(), Failure> {
        /// About the interval at which `metrics.k8s.io` has new values.
        const POLL_INTERVAL: Duration = Duration::from_secs(15);
        self.list(connection).await?;
        self.resume_from = None;
        tokio::time::sleep(POLL_INTERVAL).await;
        Ok(())
    }

    /// Lists all objects in pages.
    async fn list(&mut self, connection: &Connection) -> Result<(), Failure> {
        self.follower.writer.begin_list();
        self.follower.watch.list_started();
        match self.read_pages(connection).await {
            Ok(version) => {
                self.single_page = false;
                self.complete_list(version);
                Ok(())
            }
            Err(failure) => {
                self.single_page = failure.class == Class::Expired;
                self.follower.writer.abandon_list();
                Err(failure)
            }
        }
    }

    async fn read_pages(&mut self, connection: &Connection) -> Result<String, Failure> {
        let mut pages = Pages::new(connection.client.clone(), self.resource.clone(), self.single_page);
        while let Some(page) = pages.next().await? {
            for object in page.objects() {
                self.upsert(&object);
            }
            self.follower.watch.set_listed(self.follower.writer.objects());
        }
        Ok(pages.into_resource_version())
    }

    /// Completes a list: its objects replace the old ones.
    fn complete_list(&mut self, version: String) {
        self.follower.writer.end_list();
        self.position = version.parse().ok();
        self.resume_from = Some(version);
        self.last_publication = Instant::now();
        self.unpublished_since = None;
        self.follower.watch.list_completed(&self.follower.writer);
    }

    /// Watches until the server ends the watch. With `initial`, it is a streaming list: all objects are sent first.
    async fn watch(&mut self, connection: &Connection, initial: bool) -> Result<(), Failure> {
        let duration = Duration::from_secs(rand::rng().random_range(240..300));
        let seconds = duration.as_secs().to_string();
        let version = self.resume_from.clone().unwrap_or_default();
        let mut parameters =
            vec![("watch", "true"), ("allowWatchBookmarks", "true"), ("timeoutSeconds", seconds.as_str())];
        if initial {
            parameters.extend([("sendInitialEvents", "true"), ("resourceVersionMatch", "NotOlderThan")]);
        } else {
            parameters.push(("resourceVersion", version.as_str()));
        }
        let path = self.resource.path(&parameters);
        let mut response = get(&connection.client, &path, duration + Duration::from_secs(10)).await?;
        if initial {
            response.timeout = INITIAL_TIMEOUT;
            self.position = None;
            self.follower.writer.begin_list();
            self.follower.watch.list_started();
        } else {
            if let Some(position) = self.position {
                check_history(connection, &self.resource, position).await?;
            }
            if self.short_watches < MAX_SHORT_WATCHES {
                self.follower.watch.resumed();
            }
        }
        let mut state = WatchRequest { initial, duration, bookmarked: false };
        let result = self.read_events(response, &mut state).await;
        if state.initial {
            self.follower.writer.abandon_list();
        } else {
            // Publish the changes that arrived before the watch ended.
            self.publish();
        }
        match result {
            Ok(()) if state.initial => Err(Failure::new(Class::Unreachable, "the list ended early")),
            // A server without streaming lists may treat the request as a watch for future changes.
            Err(failure) if state.initial && failure.class == Class::TimedOut => {
                Err(Failure { class: Class::Rejected, ..failure })
            }
            other => other,
        }
    }

    /// Applies events until the watch ends, and publishes changes.
    async fn read_events(&mut self, mut response: Response, state: &mut WatchRequest) -> Result<(), Failure> {
        let mut rest: Vec<u8> = Vec::new();
        let steady = Instant::now() + SHORT_WATCH;
        loop {
            let due = self.last_publication + PUBLISH_INTERVAL;
            tokio::select! {
                chunk = response.chunk() => {
                    // A truncated line at the end is ignored. Its event is sent again when the watch resumes.
                    let Some(chunk) = chunk? else { return Ok(()) };
                    self.apply_chunk(&mut rest, &chunk, state)?;
                    if !state.initial {
                        response.timeout =
                            if state.bookmarked { BOOKMARK_TIMEOUT } else { state.duration + Duration::from_secs(10) };
                    }
                    if self.unpublished_since.is_some() && Instant::now() >= due {
                        self.publish();
                    }
                }
                () = tokio::time::sleep_until(due), if self.unpublished_since.is_some() => self.publish(),
                () = tokio::time::sleep_until(steady), if self.short_watches >= MAX_SHORT_WATCHES && !state.initial => {
                    self.short_watches = 0;
                    self.follower.watch.resumed();
                }
                merge = async { self.merge.as_mut().expect("checked by the branch's condition").await }, if self.merge.is_some() => {
                    self.merge = None;
                    if let Ok(merge) = merge {
                        self.follower.writer.finish_merge(merge);
                        self.publish();
                    }
                }
            }
        }
    }

    /// Applies the lines that end in a chunk. `rest` is the beginning of an incomplete line.
    fn apply_chunk(&mut self, rest: &mut Vec<u8>, chunk: &Bytes, state: &mut WatchRequest) -> Result<(), Failure> {
        let Some(last) = memchr::memrchr(b'\n', chunk) else {
            rest.extend_from_slice(chunk);
            return Ok(());
        };
        let (whole, after) = chunk.split_at(last + 1);
        let mut whole = whole;
        if !rest.is_empty() {
            let end = memchr::memchr(b'\n', whole).map_or(whole.len(), |at| at + 1);
            let (first, others) = whole.split_at(end);
            rest.extend_from_slice(first);
            let line = std::mem::take(rest);
            self.apply_line(&line, state)?;
            whole = others;
        }
        rest.extend_from_slice(after);
        let mut from = 0;
        for end in memchr::memchr_iter(b'\n', whole) {
            self.apply_line(&whole[from..=end], state)?;
            from = end + 1;
        }
        Ok(())
    }

    fn apply_line(&mut self, line: &[u8], state: &mut WatchRequest) -> Result<(), Failure> {
        let line = match simdutf8::basic::from_utf8(line) {
            Ok(line) => Cow::Borrowed(line),
            Err(_) => String::from_utf8_lossy(line),
        };
        let line = line.trim_ascii();
        if line.is_empty() {
            return Ok(());
        }
        match WatchEvent::parse(line)? {
            WatchEvent::Upsert(object) => self.apply_event(&line[object], true, state),
            WatchEvent::Delete(object) => self.apply_event(&line[object], false, state),
            WatchEvent::Bookmark { resource_version, initial } => {
                if state.initial && initial {
                    state.initial = false;
                    self.complete_list(resource_version);
                } else if !state.initial {
                    state.bookmarked = true;
                    self.error_events = 0;
                    self.advance(resource_version);
                }
                Ok(())
            }
            WatchEvent::Error(failure) => {
                self.error_events += 1;
                if self.error_events >= MAX_ERROR_EVENTS {
                    self.error_events = 0;
                    self.resume_from = None;
                }
                Err(failure)
            }
        }
    }

    fn apply_event(&mut self, object: &str, upsert: bool, state: &WatchRequest) -> Result<(), Failure> {
        let meta = ObjectMeta::parse(object)?;
        let number = meta.resource_version.parse::<u64>().ok();
        if let (Some(number), Some(position)) = (number, self.position)
            && number <= position
        {
            // A repeated event. Applying it again could undo later changes.
            return Ok(());
        }
        if upsert {
            self.upsert(object);
        } else {
            self.follower.writer.delete(Key::new(&meta.namespace, &meta.name));
        }
        if state.initial {
            self.follower.watch.set_listed(self.follower.writer.objects());
            return Ok(());
        }
        if meta.resource_version.is_empty() {
            return Err(Failure::new(
                Class::Unreadable,
                format!("the event of \"{}\" has no resource version", meta.name),
            ));
        }
        self.error_events = 0;
        self.unpublished_since.get_or_insert_with(Instant::now);
        self.follower.watch.event_received();
        self.advance(meta.resource_version);
        Ok(())
    }

    /// Sets the resource version from which the watch can resume.
    fn advance(&mut self, version: String) {
        if let Ok(number) = version.parse() {
            if self.position.is_some_and(|position| number < position) {
                return;
            }
            self.position = Some(number);
        }
        self.resume_from = Some(version);
    }

    fn upsert(&mut self, object: &str) {
        let redact = !self.follower.show_secrets && secrets::is_secret(self.follower.kind);
        let object = if redact { secrets::redact_or_clear(object, &mut self.redacted) } else { object };
        // The writer counts malformed objects.
        _ = self.follower.writer.upsert(object);
    }

    /// Publishes all changes, and starts a merge if one is worth doing.
    fn publish(&mut self) {
        let arrived = self.unpublished_since.take();
        if arrived.is_none() && !self.follower.writer.is_dirty() && self.merge.is_some() {
            return;
        }
        self.follower.writer.publish();
        self.last_publication = Instant::now();
        let version = self.resume_from.clone().unwrap_or_default();
        self.follower.watch.published(&self.follower.writer, version, arrived.map(|arrived| arrived.elapsed()));
        if self.merge.is_none() {
            self.merge =
                self.follower.writer.start_merge().map(|merge| tokio::task::spawn_blocking(move || merge.run()));
        }
    }
}

/// Checks that the server is not behind a resource version. A server that was restored from a backup may be: it then sends
/// no events until it reaches the version again.
async fn check_history(connection: &Connection, resource: &Resource, position: u64) -> Result<(), Failure> {
    let bytes = fetch(&connection.client, &resource.path(&[("limit", "1")])).await?;
    let version = Page::parse(&String::from_utf8_lossy(&bytes))?.resource_version;
    match version.parse::<u64>() {
        Ok(version) if version < position => {
            let message = format!("the server is at resource version {version}, but was at {position} before");
            Err(Failure::new(Class::Expired, message))
        }
        _ => Ok(()),
    }
}

/// The state of a watch request.
struct WatchRequest {
    /// Whether initial objects are still being sent.
    initial: bool,
    /// After this time, the server ends the watch.
    duration: Duration,
    /// Whether the server sends bookmarks.
    bookmarked: bool,
}
