//! Following a kind: everything is listed once, then changes come by a watch; what breaks is begun again.
//!
//! This is the work of `kube_runtime`'s watcher, done on the bytes of pages and lines. Beside saving most of the time,
//! it takes a deletion among the first objects of a streaming list for one, and lists anew after an event that it
//! cannot read, where the watcher would go on without it.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::Rng;
use tokio::task::JoinHandle;

use super::backoff::Backoff;
use super::connection::{Connection, Connector};
use super::failure::{Class, Failure};
use super::list::Pages;
use super::page::{Line, Meta, Page};
use super::request::{Answer, Resource, fetch, get};
use super::watch::Watch;
use crate::ingest::secrets;
use crate::schema::KindDef;
use crate::store::mirror::{Done, Key, Writer};

/// Changes are shown to readers no more often than this.
const PACE: Duration = Duration::from_millis(5);

/// The longest that a server may be silent before and between the objects that are there at first.
const INITIAL: Duration = Duration::from_secs(20);

/// A watch that broke off sooner than this is not begun again at once.
const SHORT: Duration = Duration::from_secs(1);

/// After so many watches in a row that ended at once without an event, nobody can say that changes are followed.
const DOUBTFUL: u32 = 3;

/// After so many errors in a row that came as events, all is listed anew.
const ERRORS: u32 = 3;

/// The longest that a server which sends bookmarks, about one a minute, may be silent.
const BOOKMARKED: Duration = Duration::from_secs(130);

/// Keeps a mirror as a server has its objects, until it is dropped.
pub(super) struct Follower {
    pub(super) connector: Arc<Connector>,
    /// Whether the server can be asked for changes; otherwise it is asked for everything again and again.
    pub(super) watchable: bool,
    pub(super) kind: &'static KindDef,
    pub(super) watch: Arc<Watch>,
    pub(super) writer: Writer,
    pub(super) show_secrets: bool,
}

/// What a follower knows from one attempt to the next.
struct Session {
    follower: Follower,
    resource: Resource,
    /// The version from which a watch can go on; `None` where all must be listed.
    resume: Option<String>,
    /// Whether pages expired before all of them were read: then all is asked for at once.
    at_once: bool,
    merging: Option<JoinHandle<Done>>,
    published: Instant,
    /// When the oldest change that readers do not see yet arrived.
    waiting: Option<Instant>,
    redacted: String,
    /// Watches in a row that ended at once without an event.
    short: u32,
    /// Errors in a row that came as events.
    errors: u32,
    /// Version of the last event, where versions are numbers: those that are not newer were seen before.
    position: Option<u64>,
}

impl Follower {
    /// Follows without end.
    pub(super) async fn run(self) {
        let mut session = Session {
            resource: self.watch.resource.clone(),
            follower: self,
            resume: None,
            at_once: false,
            merging: None,
            published: Instant::now(),
            waiting: None,
            redacted: String::new(),
            short: 0,
            errors: 0,
            position: None,
        };
        let mut backoff = Backoff::default();
        let mut unreadable = false;
        loop {
            let begun = Instant::now();
            let before = session.resume.clone();
            let result = session.attempt().await;
            if session.resume != before || begun.elapsed() > SHORT {
                backoff.reset();
                unreadable = false;
                session.short = 0;
            }
            let asked = match result {
                // Servers end watches after a while.
                Ok(()) if begun.elapsed() > SHORT => continue,
                Ok(()) => {
                    session.short += 1;
                    if session.short >= DOUBTFUL {
                        let message = "the server ends watches as soon as they begin";
                        session.follower.watch.failed(Failure::new(Class::Unreachable, message));
                    }
                    None
                }
                Err(failure) => {
                    match failure.class {
                        Class::Expired | Class::NotServed | Class::Refused => session.resume = None,
                        // Once more from where it was, and if that does not help, from the start.
                        Class::Unreadable if std::mem::replace(&mut unreadable, true) => session.resume = None,
                        _ => {}
                    }
                    let asked = failure.retry_after;
                    if failure.class != Class::Expired {
                        session.follower.watch.failed(failure);
                    }
                    asked
                }
            };
            let pause = backoff.next(asked);
            tokio::time::sleep(pause.firm).await;
            // Who waits for the objects is not made to wait for the rest as well.
            tokio::select! {
                () = tokio::time::sleep(pause.polite) => {}
                () = session.follower.watch.wanted() => {}
            }
        }
    }
}

impl Session {
    /// One attempt: lists where needed, and watches until that ends.
    async fn attempt(&mut self) -> Result<(), Failure> {
        let connection = self.follower.connector.get().await?;
        let result = self.attempt_on(&connection).await;
        if result.as_ref().is_err_and(|failure| matches!(failure.class, Class::Unauthorized | Class::Certificate)) {
            // The kubeconfig may have others by now.
            self.follower.connector.renew(&connection);
        }
        result
    }

    async fn attempt_on(&mut self, connection: &Arc<Connection>) -> Result<(), Failure> {
        if self.resume.is_none() {
            if !self.follower.watchable {
                return self.list_again(connection).await;
            }
            if connection.streams() && !self.at_once {
                match self.watch(connection, true).await {
                    Err(failure) if failure.class == Class::Refused && self.resume.is_none() => {
                        connection.does_not_stream()
                    }
                    other => return other,
                }
            }
            self.list(connection).await?;
        }
        self.watch(connection, false).await
    }

    /// What cannot be followed is listed, again and again.
    async fn list_again(&mut self, connection: &Arc<Connection>) -> Result<(), Failure> {
        /// What is measured, as `metrics.k8s.io` is, is measured about as often.
        const EVERY: Duration = Duration::from_secs(15);
        self.list(connection).await?;
        self.resume = None;
        tokio::time::sleep(EVERY).await;
        Ok(())
    }

    /// Lists everything, page by page.
    async fn list(&mut self, connection: &Connection) -> Result<(), Failure> {
        self.follower.writer.begin_list();
        self.follower.watch.listing();
        match self.pages(connection).await {
            Ok(version) => {
                self.at_once = false;
                self.listed(version);
                Ok(())
            }
            Err(failure) => {
                self.at_once = failure.class == Class::Expired;
                self.follower.writer.abandon_list();
                Err(failure)
            }
        }
    }

    async fn pages(&mut self, connection: &Connection) -> Result<String, Failure> {
        let mut pages = Pages::new(connection.client.clone(), self.resource.clone(), self.at_once);
        while let Some(page) = pages.next().await? {
            for object in page.objects() {
                self.put(&object);
            }
            self.follower.watch.progress(self.follower.writer.objects());
        }
        Ok(pages.into_version())
    }

    /// All objects of a list were read: they replace what was there.
    fn listed(&mut self, version: String) {
        self.follower.writer.end_list();
        self.position = version.parse().ok();
        self.resume = Some(version);
        self.published = Instant::now();
        self.waiting = None;
        self.follower.watch.listed(&self.follower.writer);
    }

    /// Watches until the server ends it; with `initial`, all objects come first.
    async fn watch(&mut self, connection: &Connection, initial: bool) -> Result<(), Failure> {
        let lasts = Duration::from_secs(rand::rng().random_range(240..300));
        let seconds = lasts.as_secs().to_string();
        let version = self.resume.clone().unwrap_or_default();
        let mut parameters =
            vec![("watch", "true"), ("allowWatchBookmarks", "true"), ("timeoutSeconds", seconds.as_str())];
        if initial {
            parameters.extend([("sendInitialEvents", "true"), ("resourceVersionMatch", "NotOlderThan")]);
        } else {
            parameters.push(("resourceVersion", version.as_str()));
        }
        let path = self.resource.path(&parameters);
        let mut answer = get(&connection.client, &path, lasts + Duration::from_secs(10)).await?;
        if initial {
            answer.patience = INITIAL;
            self.position = None;
            self.follower.writer.begin_list();
            self.follower.watch.listing();
        } else {
            if let Some(position) = self.position {
                check_history(connection, &self.resource, position).await?;
            }
            if self.short < DOUBTFUL {
                self.follower.watch.following();
            }
        }
        let mut stage = Stage { initial, lasts, bookmarked: false };
        let result = self.lines(answer, &mut stage).await;
        if stage.initial {
            self.follower.writer.abandon_list();
        } else {
            // What came before the end is good.
            self.publish();
        }
        match result {
            Ok(()) if stage.initial => Err(Failure::new(Class::Unreachable, "the list broke off before its end")),
            // A server that does not know streaming lists may have taken it for a watch of what is to come.
            Err(failure) if stage.initial && failure.class == Class::Silent => {
                Err(Failure { class: Class::Refused, ..failure })
            }
            other => other,
        }
    }

    /// Takes in lines until the end, and shows readers what they changed.
    async fn lines(&mut self, mut answer: Answer, stage: &mut Stage) -> Result<(), Failure> {
        let mut rest: Vec<u8> = Vec::new();
        let steady = tokio::time::Instant::now() + SHORT;
        loop {
            let due = self.published + PACE;
            tokio::select! {
                piece = answer.piece() => {
                    // A line without its end is not acknowledged, and so comes again.
                    let Some(piece) = piece? else { return Ok(()) };
                    self.piece(&mut rest, &piece, stage)?;
                    if !stage.initial {
                        answer.patience =
                            if stage.bookmarked { BOOKMARKED } else { stage.lasts + Duration::from_secs(10) };
                    }
                    if self.waiting.is_some() && Instant::now() >= due {
                        self.publish();
                    }
                }
                () = tokio::time::sleep_until(due.into()), if self.waiting.is_some() => self.publish(),
                () = tokio::time::sleep_until(steady), if self.short >= DOUBTFUL && !stage.initial => {
                    self.short = 0;
                    self.follower.watch.following();
                }
                done = async { self.merging.as_mut().expect("checked").await }, if self.merging.is_some() => {
                    self.merging = None;
                    if let Ok(done) = done {
                        self.follower.writer.merged(done);
                        self.publish();
                    }
                }
            }
        }
    }

    /// Takes in the lines that end in this piece.
    fn piece(&mut self, rest: &mut Vec<u8>, piece: &Bytes, stage: &mut Stage) -> Result<(), Failure> {
        let Some(last) = memchr::memrchr(b'\n', piece) else {
            rest.extend_from_slice(piece);
            return Ok(());
        };
        let (whole, after) = piece.split_at(last + 1);
        let mut whole = whole;
        if !rest.is_empty() {
            let end = memchr::memchr(b'\n', whole).map_or(whole.len(), |at| at + 1);
            let (first, others) = whole.split_at(end);
            rest.extend_from_slice(first);
            let line = std::mem::take(rest);
            self.line(&line, stage)?;
            whole = others;
        }
        rest.extend_from_slice(after);
        let mut from = 0;
        for end in memchr::memchr_iter(b'\n', whole) {
            self.line(&whole[from..=end], stage)?;
            from = end + 1;
        }
        Ok(())
    }

    fn line(&mut self, line: &[u8], stage: &mut Stage) -> Result<(), Failure> {
        let line = match simdutf8::basic::from_utf8(line) {
            Ok(line) => Cow::Borrowed(line),
            Err(_) => String::from_utf8_lossy(line),
        };
        let line = line.trim_ascii();
        if line.is_empty() {
            return Ok(());
        }
        match Line::read(line)? {
            Line::Put(object) => self.event(&line[object], true, stage),
            Line::Delete(object) => self.event(&line[object], false, stage),
            Line::Bookmark { resource_version, initial } => {
                if stage.initial && initial {
                    stage.initial = false;
                    self.listed(resource_version);
                } else if !stage.initial {
                    stage.bookmarked = true;
                    self.errors = 0;
                    self.arrived_at(resource_version);
                }
                Ok(())
            }
            Line::Error(failure) => {
                self.errors += 1;
                if self.errors >= ERRORS {
                    self.errors = 0;
                    self.resume = None;
                }
                Err(failure)
            }
        }
    }

    fn event(&mut self, object: &str, put: bool, stage: &Stage) -> Result<(), Failure> {
        let meta = Meta::read(object)?;
        let number = meta.resource_version.parse::<u64>().ok();
        if let (Some(number), Some(position)) = (number, self.position)
            && number <= position
        {
            // It was there already: taking it in again could undo what came after it.
            return Ok(());
        }
        if put {
            self.put(object);
        } else {
            self.follower.writer.delete(Key::new(&meta.namespace, &meta.name));
        }
        if stage.initial {
            self.follower.watch.progress(self.follower.writer.objects());
            return Ok(());
        }
        if meta.resource_version.is_empty() {
            return Err(Failure::new(Class::Unreadable, format!("an event of {} without a version", meta.name)));
        }
        self.errors = 0;
        self.waiting.get_or_insert_with(Instant::now);
        self.follower.watch.event();
        self.arrived_at(meta.resource_version);
        Ok(())
    }

    /// The watch can go on from here.
    fn arrived_at(&mut self, version: String) {
        if let Ok(number) = version.parse() {
            if self.position.is_some_and(|position| number < position) {
                return;
            }
            self.position = Some(number);
        }
        self.resume = Some(version);
    }

    fn put(&mut self, object: &str) {
        let kind = self.follower.kind;
        if kind.plural == "secrets" && kind.group.is_empty() && !self.follower.show_secrets {
            self.redacted.clear();
            // What cannot be redacted is not shown: an empty text is no object, and counted as trouble.
            if secrets::redact(object, 0, &mut self.redacted).is_err() {
                self.redacted.clear();
            }
            _ = self.follower.writer.put(&self.redacted);
        } else {
            // The writer counts those that are malformed.
            _ = self.follower.writer.put(object);
        }
    }

    /// Shows readers what has changed.
    fn publish(&mut self) {
        let arrived = self.waiting.take();
        if arrived.is_none() && !self.follower.writer.is_dirty() && self.merging.is_some() {
            return;
        }
        self.follower.writer.publish();
        self.published = Instant::now();
        let version = self.resume.clone().unwrap_or_default();
        self.follower.watch.published(&self.follower.writer, version, arrived.map(|arrived| arrived.elapsed()));
        if self.merging.is_none() {
            self.merging = self.follower.writer.merge().map(|merge| tokio::task::spawn_blocking(move || merge.run()));
        }
    }
}

/// Whether the server still has the history that was followed up to a version. One that was restored from a backup may
/// be behind that: it then says nothing to those who watch, until it has got so far again.
async fn check_history(connection: &Connection, resource: &Resource, position: u64) -> Result<(), Failure> {
    let bytes = fetch(&connection.client, &resource.path(&[("limit", "1")])).await?;
    let version = Page::read(&String::from_utf8_lossy(&bytes))?.resource_version;
    match version.parse::<u64>() {
        Ok(version) if version < position => {
            let message = format!("the server is at version {version}, and was at {position} before");
            Err(Failure::new(Class::Expired, message))
        }
        _ => Ok(()),
    }
}

/// Where a watch is.
struct Stage {
    /// Whether the objects that were there at first are still coming.
    initial: bool,
    /// When the server is to end it.
    lasts: Duration,
    /// Whether the server sends bookmarks.
    bookmarked: bool,
}
