//! The objects of the demo cluster, their revisions, and the changes that watches read.

mod history;
mod sorted;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::watch;

use history::History;
pub(crate) use history::{Change, Event};
pub(crate) use sorted::{Entry, Iter, Owner, Sorted};

/// Maximum number of events that a watch gets at once.
const BATCH: usize = 256;

/// Limits of the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Number of changes of a collection from which watches can resume.
    pub(crate) history_events: usize,
    /// Time after which continue tokens expire.
    pub(crate) page_age: Duration,
    /// Number of revisions after which continue tokens expire.
    pub(crate) page_revisions: u64,
}

/// Identifies a collection, which holds the objects of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Collection(usize);

/// The objects of one collection at one revision.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    /// The cluster's revision.
    pub(crate) revision: u64,
    /// The objects.
    pub(crate) objects: Sorted,
}

/// The next changes for a watch.
#[derive(Debug)]
pub(crate) struct Batch {
    /// Changes in order.
    pub(crate) events: Vec<Event>,
    /// All changes up to this revision are included.
    pub(crate) through: u64,
}

/// The store.
#[derive(Debug)]
pub(crate) struct Store {
    inner: Mutex<Inner>,
    limits: Limits,
}

#[derive(Debug)]
struct Inner {
    revision: u64,
    collections: Vec<Objects>,
    /// Snapshots of lists that have further pages.
    pages: VecDeque<Page>,
}

#[derive(Debug)]
struct Objects {
    objects: Sorted,
    history: History,
    bytes: usize,
    changed: watch::Sender<u64>,
}

#[derive(Debug)]
struct Page {
    of: Collection,
    since: Instant,
    snapshot: Snapshot,
}

impl Store {
    /// An empty store; its first write gets the next revision.
    pub(crate) fn new(revision: u64, limits: Limits) -> Self {
        Self { inner: Mutex::new(Inner { revision, collections: Vec::new(), pages: VecDeque::new() }), limits }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an empty collection.
    pub(crate) fn add_collection(&self) -> Collection {
        let mut inner = self.lock();
        let history = History::new(inner.revision, self.limits.history_events);
        let changed = watch::Sender::new(inner.revision);
        inner.collections.push(Objects { objects: Sorted::default(), history, bytes: 0, changed });
        Collection(inner.collections.len() - 1)
    }

    /// Locks the store for writing. What the writer reads stays valid until it is dropped.
    pub(crate) fn write(&self) -> Writer<'_> {
        Writer { inner: self.lock(), touched: Vec::new() }
    }

    /// The current objects of a collection.
    pub(crate) fn snapshot(&self, of: Collection) -> Snapshot {
        let inner = self.lock();
        Snapshot { revision: inner.revision, objects: inner.collections[of.0].objects.clone() }
    }

    /// The cluster's revision.
    pub(crate) fn revision(&self) -> u64 {
        self.lock().revision
    }

    /// Keeps a snapshot for further pages.
    pub(crate) fn keep_pages(&self, of: Collection, snapshot: Snapshot) {
        let mut inner = self.lock();
        self.expire(&mut inner);
        if !inner.pages.iter().any(|page| page.of == of && page.snapshot.revision == snapshot.revision) {
            inner.pages.push_back(Page { of, since: Instant::now(), snapshot });
        }
    }

    /// The snapshot of an earlier page, unless it has expired.
    pub(crate) fn pages(&self, of: Collection, revision: u64) -> Option<Snapshot> {
        let mut inner = self.lock();
        self.expire(&mut inner);
        let page = inner.pages.iter().find(|page| page.of == of && page.snapshot.revision == revision)?;
        Some(page.snapshot.clone())
    }

    /// Drops expired snapshots.
    pub(crate) fn expire_pages(&self) {
        self.expire(&mut self.lock());
    }

    fn expire(&self, inner: &mut Inner) {
        let (now, revision) = (Instant::now(), inner.revision);
        let Limits { page_age, page_revisions, .. } = self.limits;
        inner.pages.retain(|page| {
            now.duration_since(page.since) <= page_age
                && revision.saturating_sub(page.snapshot.revision) <= page_revisions
        });
    }

    /// The changes of a collection after a revision; `None` if some of them were dropped.
    pub(crate) fn after(&self, of: Collection, revision: u64) -> Option<Batch> {
        let inner = self.lock();
        let events = inner.collections[of.0].history.after(revision, BATCH)?;
        let last = events.last().map_or(revision, |event| event.revision);
        let through = if events.len() < BATCH { inner.revision.max(revision) } else { last };
        Some(Batch { events, through })
    }

    /// Notifies about changes of a collection.
    pub(crate) fn changes(&self, of: Collection) -> watch::Receiver<u64> {
        self.lock().collections[of.0].changed.subscribe()
    }

    /// Drops the history of the initial contents: watches start with the existing objects.
    pub(crate) fn forget_history(&self) {
        let mut inner = self.lock();
        let revision = inner.revision;
        inner.collections.iter_mut().for_each(|objects| objects.history.forget(revision));
    }
}

/// Writes objects. Watches are notified when it is dropped.
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    inner: MutexGuard<'a, Inner>,
    touched: Vec<Collection>,
}

impl Writer<'_> {
    /// The object with a key.
    pub(crate) fn get(&self, of: Collection, key: &str) -> Option<&Entry> {
        self.inner.collections[of.0].objects.get(key)
    }

    /// Writes an object; `make` returns its bytes for its new revision.
    pub(crate) fn put(&mut self, of: Collection, key: &str, owner: Owner, make: impl FnOnce(u64) -> Bytes) -> Bytes {
        let inner = &mut *self.inner;
        inner.revision += 1;
        let (revision, bytes) = (inner.revision, make(inner.revision));
        let objects = &mut inner.collections[of.0];
        let shared = objects.objects.get(key).map(|entry| entry.key.clone());
        let key: Arc<str> = shared.unwrap_or_else(|| key.into());
        let entry = Entry { key: key.clone(), bytes: bytes.clone(), owner };
        let before = objects.objects.insert(entry).map(|entry| entry.bytes);
        objects.bytes += bytes.len();
        objects.bytes -= before.as_ref().map_or(0, Bytes::len);
        let change = if before.is_some() { Change::Modified } else { Change::Added };
        let event = Event { revision, key, change, object: bytes.clone(), before };
        objects.history.push(event, objects.bytes);
        self.touch(of);
        bytes
    }

    /// Deletes an object; `make` returns its last state with the revision of the deletion.
    pub(crate) fn delete(&mut self, of: Collection, key: &str, make: impl FnOnce(&Entry, u64) -> Bytes) -> bool {
        let inner = &mut *self.inner;
        let Some(entry) = inner.collections[of.0].objects.remove(key) else { return false };
        inner.revision += 1;
        let (revision, object) = (inner.revision, make(&entry, inner.revision));
        let objects = &mut inner.collections[of.0];
        objects.bytes -= entry.bytes.len();
        let event = Event { revision, key: entry.key, change: Change::Deleted, object, before: Some(entry.bytes) };
        objects.history.push(event, objects.bytes);
        self.touch(of);
        true
    }

    fn touch(&mut self, of: Collection) {
        if self.touched.last() != Some(&of) && !self.touched.contains(&of) {
            self.touched.push(of);
        }
    }
}

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        for of in &self.touched {
            self.inner.collections[of.0].changed.send_replace(self.inner.revision);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(limits: Limits) -> (Store, Collection, Collection) {
        let store = Store::new(100, limits);
        let (a, b) = (store.add_collection(), store.add_collection());
        (store, a, b)
    }

    const LIMITS: Limits = Limits { history_events: 3, page_age: Duration::from_secs(60), page_revisions: 2 };

    fn put(store: &Store, of: Collection, key: &str) -> u64 {
        let mut revision = 0;
        store.write().put(of, key, Owner::Client, |given| {
            revision = given;
            Bytes::from(given.to_string())
        });
        revision
    }

    #[test]
    fn revisions_are_shared_by_collections() {
        let (store, a, b) = store(LIMITS);
        assert_eq!([put(&store, a, "x"), put(&store, b, "x"), put(&store, a, "x")], [101, 102, 103]);
        assert!(store.write().delete(b, "x", |entry, _| entry.bytes.clone()));
        assert!(!store.write().delete(b, "x", |entry, _| entry.bytes.clone()));
        assert_eq!(store.revision(), 104);
        let sent = |of, after| {
            let batch = store.after(of, after)?;
            let events: Vec<_> = batch.events.iter().map(|event| (event.revision, event.change)).collect();
            Some((events, batch.through))
        };
        assert_eq!(sent(a, 100), Some((vec![(101, Change::Added), (103, Change::Modified)], 104)));
        assert_eq!(sent(b, 102), Some((vec![(104, Change::Deleted)], 104)));
        put(&store, a, "y");
        put(&store, a, "z");
        assert_eq!(sent(a, 100), None);
        assert_eq!(sent(b, 100).map(|(_, through)| through), Some(106));
    }

    #[test]
    fn keeps_pages_until_they_expire() {
        let (store, a, b) = store(LIMITS);
        put(&store, a, "x");
        let first = store.snapshot(a);
        store.keep_pages(a, first.clone());
        put(&store, a, "y");
        put(&store, b, "y");
        let kept = store.pages(a, first.revision).expect("two revisions later");
        assert_eq!((kept.revision, kept.objects.len()), (101, 1));
        assert!(store.pages(b, first.revision).is_none());
        put(&store, b, "y");
        assert!(store.pages(a, first.revision).is_none());
    }

    #[test]
    fn notifies_watchers_of_the_collection() {
        let (store, a, b) = store(LIMITS);
        let (on_a, on_b) = (store.changes(a), store.changes(b));
        put(&store, a, "x");
        assert!(on_a.has_changed().expect("open") && !on_b.has_changed().expect("open"));
    }
}
