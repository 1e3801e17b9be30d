//! The watches of the scripted server.

use std::io::{Error, ErrorKind, Result};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::AsyncReadExt;

use super::http::{Pipe, Request, status};
use super::world::Event;
use super::{Fault, Kind, Shared, lock};

/// The time between two bookmarks.
const BOOKMARKS: Duration = Duration::from_millis(200);

/// A client that watches.
struct Watcher<'a, 'b> {
    shared: &'a Shared,
    kind: Kind,
    namespace: Option<&'a str>,
    pipe: &'a mut Pipe<'b>,
    /// The version that was sent last.
    version: u64,
    /// Whether initial objects are still to be sent.
    initial: bool,
}

pub(super) async fn watch(
    shared: &Shared,
    request: &Request,
    kind: Kind,
    namespace: Option<&str>,
    pipe: &mut Pipe<'_>,
) -> Result<()> {
    let trouble = &shared.trouble;
    let initial = request.query.get("sendInitialEvents").is_some_and(|value| value == "true");
    if initial && trouble.strikes(Fault::NoStreaming) {
        let message = "ListOptions.meta.k8s.io \"\" is invalid: sendInitialEvents: Forbidden";
        return pipe.answer(422, "", &status(422, "Invalid", message)).await;
    }
    let asked = request.number("resourceVersion").unwrap_or(0);
    let (version, oldest) = {
        let world = lock(&shared.world);
        (world.version, world.oldest)
    };
    if !initial && (asked < oldest || trouble.is_due(Fault::Gone)) {
        let gone = status(410, "Expired", &format!("too old resource version: {asked} ({oldest})"));
        // Most servers report this in a line of the watch.
        if trouble.next_of(Fault::Gone, Fault::GoneEvent) {
            return pipe.answer(410, "", &gone).await;
        }
        pipe.begin().await?;
        pipe.piece(format!("{{\"type\":\"ERROR\",\"object\":{gone}}}\n").as_bytes()).await?;
        return pipe.end().await;
    }
    if !initial && asked > version && trouble.next_of(Fault::TooLarge, Fault::Future) {
        let message = format!("Too large resource version: {asked}, current: {version}");
        let mut body: serde_json::Value =
            serde_json::from_str(&status(504, "Timeout", &message)).expect("what was written");
        body["details"] = json!({"retryAfterSeconds": 1,
            "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]});
        return pipe.answer(504, "Retry-After: 1\r\n", &body.to_string()).await;
    }
    let mut watcher = Watcher { shared, kind, namespace, pipe, version: asked, initial };
    watcher.pipe.begin().await?;
    if initial {
        watcher.initial().await?;
    }
    if lock(&shared.manners).ends_watches {
        return watcher.pipe.end().await;
    }
    let lasts = Duration::from_secs(request.number("timeoutSeconds").unwrap_or(300));
    watcher.follow(lasts).await
}

fn line(change: &str, object: &str) -> Vec<u8> {
    format!("{{\"type\":\"{change}\",\"object\":{object}}}\n").into_bytes()
}

impl Watcher<'_, '_> {
    /// Sends all objects, changes in between, and the bookmark at their end.
    async fn initial(&mut self) -> Result<()> {
        let trouble = &self.shared.trouble;
        let (version, objects) = lock(&self.shared.world).list(self.kind, self.namespace);
        self.version = version;
        let broken = trouble.strikes(Fault::InitialBroken).then(|| trouble.below(objects.len() + 1));
        for (at, object) in objects.iter().enumerate() {
            if broken == Some(at) {
                return if trouble.below(2) == 0 { self.pipe.end().await } else { Err(aborted()) };
            }
            self.send(&line("ADDED", object)).await?;
        }
        if !trouble.is_calm() {
            for _ in 0..trouble.below(8) {
                tokio::time::sleep(Duration::from_millis(3)).await;
                self.events().await?;
            }
        }
        self.bookmark(true).await?;
        self.initial = false;
        Ok(())
    }

    /// Sends changes until the watch ends.
    async fn follow(&mut self, lasts: Duration) -> Result<()> {
        let trouble = &self.shared.trouble;
        let bookmarks = !trouble.strikes(Fault::NoBookmarks);
        if trouble.strikes(Fault::EndsAtOnce) {
            return self.pipe.end().await;
        }
        let lasts = if trouble.is_calm() {
            lasts
        } else {
            Duration::from_millis(200) * u32::try_from(1 + trouble.below(20)).expect("small")
        };
        let end = Instant::now() + lasts;
        let mut changed = self.shared.changed.subscribe();
        let mut marked = Instant::now();
        loop {
            changed.borrow_and_update();
            if !self.events().await? {
                return self.pipe.end().await;
            }
            if bookmarks && marked.elapsed() > BOOKMARKS {
                marked = Instant::now();
                self.bookmark(false).await?;
            }
            if Instant::now() >= end {
                return self.pipe.end().await;
            }
            let mut byte = [0];
            tokio::select! {
                _ = changed.changed() => {}
                () = tokio::time::sleep(BOOKMARKS) => {}
                // The client may be gone.
                _ = self.pipe.stream.read(&mut byte) => return Err(aborted()),
            }
        }
    }

    /// Sends the changes since the last version; returns whether there can be more.
    async fn events(&mut self) -> Result<bool> {
        let trouble = &self.shared.trouble;
        // A client that is ahead of the server gets nothing, as from real servers.
        let (events, current) = {
            let world = lock(&self.shared.world);
            if self.version > world.version {
                return Ok(true);
            }
            (world.since(self.version, self.kind, self.namespace), world.version)
        };
        let Some(events) = events else {
            trouble.count(Fault::GoneEvent);
            let gone = status(410, "Expired", "too old resource version");
            self.send(&line("ERROR", &gone)).await?;
            return Ok(false);
        };
        for event in events {
            self.event(&event).await?;
            if trouble.strikes(Fault::GoneEvent) {
                self.send(&line("ERROR", &status(410, "Gone", "too old resource version"))).await?;
                return Ok(false);
            }
            if trouble.strikes(Fault::ErrorEvent) {
                self.send(&line("ERROR", &status(500, "InternalError", "etcd is not well"))).await?;
                return Ok(false);
            }
        }
        self.version = current;
        Ok(true)
    }

    async fn event(&mut self, event: &Event) -> Result<()> {
        let trouble = &self.shared.trouble;
        let text = line(event.change, &event.text);
        if self.initial {
            trouble.count(Fault::DuringInitial);
            if event.change == "DELETED" {
                trouble.count(Fault::DeletedDuringInitial);
            }
        }
        if event.text.len() > 1_000_000 {
            trouble.count(Fault::Large);
        }
        if trouble.strikes(Fault::CutWatch) {
            // From nothing of the line to nearly all of it.
            self.pipe.cut = Some(trouble.below(text.len() + 8));
        }
        if trouble.strikes(Fault::Truncated) {
            self.pipe.piece(&text[..trouble.below(text.len())]).await?;
            self.pipe.end().await?;
            return Err(aborted());
        }
        self.send(&text).await?;
        if trouble.strikes(Fault::Repeated) {
            self.send(&text).await?;
        }
        if !self.initial && trouble.strikes(Fault::Old) {
            let at = trouble.below(200);
            let old = lock(&self.shared.world).old(at, event.version, self.kind, self.namespace);
            if let Some((old, gone)) = old {
                if gone {
                    trouble.count(Fault::OldOfDeleted);
                }
                self.send(&line(old.change, &old.text)).await?;
            }
        }
        Ok(())
    }

    async fn bookmark(&mut self, ends_initial: bool) -> Result<()> {
        let mut object = json!({"kind": self.kind.name(), "apiVersion": "v1",
            "metadata": {"resourceVersion": self.version.to_string(), "creationTimestamp": null}});
        if ends_initial {
            object["metadata"]["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        // A client that is ahead of the server gets no bookmarks either.
        if !ends_initial && self.version > lock(&self.shared.world).version {
            return Ok(());
        }
        self.send(&line("BOOKMARK", &object.to_string())).await
    }

    /// Sends a line, in one piece or in many.
    async fn send(&mut self, line: &[u8]) -> Result<()> {
        if !self.shared.trouble.strikes(Fault::Split) {
            return self.pipe.piece(line).await;
        }
        let size = 1 + self.shared.trouble.below(line.len() / 4 + 1).max(line.len() / 50);
        for piece in line.chunks(size) {
            self.pipe.piece(piece).await?;
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}

fn aborted() -> Error {
    Error::from(ErrorKind::ConnectionAborted)
}
