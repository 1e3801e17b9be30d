//! Watches: changes after a revision, or all objects followed by changes.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures::stream;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::{Instant, Interval, interval_at, sleep_until};

use super::query::Query;
use super::render::Renderer;
use super::status::{ApiError, ApiResult, text_response};
use crate::cluster::Cluster;
use crate::selector::Selection;
use crate::store::{Change, Event, Iter};

/// Approximate size of a chunk in bytes.
const CHUNK: usize = 256 << 10;

/// Duration of a watch without a timeout.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(45 * 60);

/// Handles a watch request.
pub(crate) fn watch(
    cluster: &Arc<Cluster>,
    renderer: Renderer,
    prefix: String,
    query: &Query,
    selection: Selection,
) -> ApiResult {
    let of = renderer.resource().collection;
    if query.send_initial_events.is_some() && query.revision_match != "NotOlderThan" {
        let why =
            "resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
        return Err(ApiError::new(422, "Invalid", format!("ListOptions.meta.k8s.io \"\" is invalid: {why}")));
    }
    if query.send_initial_events.is_none() && !query.revision_match.is_empty() {
        let why = "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
        return Err(ApiError::new(422, "Invalid", format!("ListOptions.meta.k8s.io \"\" is invalid: {why}")));
    }
    if query.send_initial_events == Some(true) && !query.bookmarks {
        let why = "sendInitialEvents: Forbidden: sendInitialEvents requires setting allowWatchBookmarks";
        return Err(ApiError::new(422, "Invalid", format!("ListOptions.meta.k8s.io \"\" is invalid: {why}")));
    }
    // Subscribes before the snapshot, so that no change in between is missed.
    let changed = cluster.store.changes(of);
    let snapshot = cluster.store.snapshot(of);
    let given = query.revision.unwrap_or(0);
    if given > snapshot.revision {
        return Err(ApiError::too_large(given, snapshot.revision));
    }
    let sends_initial = query.send_initial_events.unwrap_or(given == 0);
    // Without initial events, a missing revision or `0` starts with the next change.
    let starts_now = sends_initial || given == 0;
    let watching = Watching {
        initial: sends_initial.then(|| snapshot.objects.all(&prefix)),
        marks_initial: query.send_initial_events == Some(true),
        through: if starts_now { snapshot.revision } else { given },
        deadline: Instant::now()
            + query.timeout_seconds.map_or(DEFAULT_TIMEOUT, Duration::from_secs).min(DEFAULT_TIMEOUT),
        bookmarks: query.bookmarks.then(|| {
            let period = cluster.options.bookmark_every;
            interval_at(Instant::now() + period, period)
        }),
        closing: cluster.closing.clone(),
        cluster: cluster.clone(),
        renderer,
        prefix,
        selection,
        changed,
        is_over: false,
    };
    let lines = stream::unfold(watching, |mut watching| async {
        let text = watching.next().await?;
        Some((Ok::<_, Infallible>(Bytes::from(text)), watching))
    });
    Ok(text_response("application/json", Body::from_stream(lines)))
}

struct Watching {
    cluster: Arc<Cluster>,
    renderer: Renderer,
    /// Prefix of the watched keys.
    prefix: String,
    selection: Selection,
    /// Initial objects that are not sent yet.
    initial: Option<Iter>,
    /// Whether a bookmark marks the end of the initial objects.
    marks_initial: bool,
    /// All changes up to this revision were sent.
    through: u64,
    changed: watch::Receiver<u64>,
    bookmarks: Option<Interval>,
    deadline: Instant,
    closing: watch::Receiver<bool>,
    is_over: bool,
}

impl Watching {
    /// The next lines; `None` at the end. There is no queue for slow readers: a watch reads from the collection's
    /// history, and ends when the history has dropped its position.
    async fn next(&mut self) -> Option<Vec<u8>> {
        if self.is_over {
            return None;
        }
        let mut text = Vec::new();
        if let Some(mut initial) = self.initial.take() {
            let is_told = self.send_initial(&mut initial, &mut text);
            if !is_told {
                self.initial = Some(initial);
                return Some(text);
            }
            if self.marks_initial {
                line("BOOKMARK", &mut text, |to| {
                    to.extend_from_slice(self.renderer.bookmark(self.through, true).as_bytes());
                });
            }
            if !text.is_empty() {
                return Some(text);
            }
        }
        loop {
            self.changed.borrow_and_update();
            let Some(batch) = self.cluster.store.after(self.renderer.resource().collection, self.through) else {
                let refusal = ApiError::too_old(self.through, self.cluster.store.revision());
                line("ERROR", &mut text, |to| to.extend_from_slice(refusal.status().to_string().as_bytes()));
                self.is_over = true;
                return Some(text);
            };
            let is_idle = batch.events.is_empty();
            batch.events.iter().for_each(|event| self.send(event, &mut text));
            self.through = batch.through;
            if !text.is_empty() {
                return Some(text);
            }
            if is_idle {
                match self.wait().await {
                    Woken::Changed => {}
                    Woken::Bookmark => {
                        self.bookmark(&mut text);
                        return Some(text);
                    }
                    Woken::Over => {
                        self.is_over = true;
                        // A client that reconnects then starts from a recent revision.
                        self.bookmark(&mut text);
                        return Some(text).filter(|text| !text.is_empty());
                    }
                }
            }
        }
    }

    async fn wait(&mut self) -> Woken {
        let bookmarks = &mut self.bookmarks;
        let bookmark = async {
            match bookmarks {
                Some(interval) => _ = interval.tick().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            _ = self.closing.wait_for(|closing| *closing) => Woken::Over,
            () = sleep_until(self.deadline) => Woken::Over,
            changed = self.changed.changed() => if changed.is_ok() { Woken::Changed } else { Woken::Over },
            () = bookmark => Woken::Bookmark,
        }
    }

    /// Sends some initial objects; returns whether all were sent.
    fn send_initial(&self, initial: &mut Iter, to: &mut Vec<u8>) -> bool {
        // A limit, since searching takes long if few objects match.
        for _ in 0..2048 {
            if to.len() >= CHUNK {
                return false;
            }
            let Some(entry) = initial.next() else { return true };
            if self.selection.matches(&entry.key, &entry.bytes) {
                line("ADDED", to, |to| self.renderer.object(&entry.bytes, to));
            }
        }
        false
    }

    fn send(&self, event: &Event, to: &mut Vec<u8>) {
        if !event.key.starts_with(&self.prefix) {
            return;
        }
        let matches = |object: &Bytes| self.selection.matches(&event.key, object);
        let is_everything = self.selection.is_everything();
        let is_in = event.change != Change::Deleted && (is_everything || matches(&event.object));
        let was_in = event.before.as_ref().is_some_and(|before| is_everything || matches(before));
        match (was_in, is_in) {
            (false, false) => {}
            (false, true) => line("ADDED", to, |to| self.renderer.object(&event.object, to)),
            (true, true) => line("MODIFIED", to, |to| self.renderer.object(&event.object, to)),
            (true, false) if event.change == Change::Deleted => {
                line("DELETED", to, |to| self.renderer.object(&event.object, to));
            }
            // The object left the selection: its last selected state is sent, with the revision of the change.
            (true, false) => {
                let before = event.before.as_deref().unwrap_or_default();
                line("DELETED", to, |to| self.renderer.object(&at_revision(before, event.revision), to));
            }
        }
    }

    fn bookmark(&self, to: &mut Vec<u8>) {
        if self.bookmarks.is_some() {
            line("BOOKMARK", to, |to| to.extend_from_slice(self.renderer.bookmark(self.through, false).as_bytes()));
        }
    }
}

/// Why a watch was woken up.
enum Woken {
    Changed,
    Bookmark,
    Over,
}

fn line(kind: &str, to: &mut Vec<u8>, object: impl FnOnce(&mut Vec<u8>)) {
    to.extend_from_slice(br#"{"type":""#);
    to.extend_from_slice(kind.as_bytes());
    to.extend_from_slice(br#"","object":"#);
    object(to);
    to.extend_from_slice(b"}\n");
}

/// A copy of an object with another revision.
pub(crate) fn at_revision(object: &[u8], revision: u64) -> Vec<u8> {
    let mut object: Value = serde_json::from_slice(object).unwrap_or_default();
    object["metadata"]["resourceVersion"] = revision.to_string().into();
    object.to_string().into_bytes()
}
