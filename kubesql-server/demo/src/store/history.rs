//! The latest changes of a collection, from which watches read; limited by number and bytes.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

/// Minimum number of bytes that a collection keeps.
const MIN_BYTES: usize = 16 << 20;

/// The kind of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// The object was created.
    Added,
    /// The object was updated.
    Modified,
    /// The object was deleted; the event holds its last state.
    Deleted,
}

/// A change of one object.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// The cluster's revision after the change.
    pub(crate) revision: u64,
    /// The object's key.
    pub(crate) key: Arc<str>,
    /// What happened.
    pub(crate) change: Change,
    /// The object after the change, serialized once for all watches.
    pub(crate) object: Bytes,
    /// The object before the change, to know whether it matched a selector.
    pub(crate) before: Option<Bytes>,
}

/// Changes in order.
#[derive(Debug)]
pub(crate) struct History {
    events: VecDeque<Event>,
    /// The revision of the newest dropped change.
    floor: u64,
    bytes: usize,
    max_events: usize,
}

impl History {
    /// An empty history that starts after a revision.
    pub(crate) fn new(floor: u64, max_events: usize) -> Self {
        Self { events: VecDeque::new(), floor, bytes: 0, max_events }
    }

    /// Adds a change and drops the oldest ones if there are too many for a collection of `stored` bytes.
    pub(crate) fn push(&mut self, event: Event, stored: usize) {
        self.bytes += weight(&event);
        self.events.push_back(event);
        // The limit is a share of the collection's size, so that memory grows with the cluster and not with time.
        let max_bytes = MIN_BYTES.max(stored / 3);
        while self.events.len() > self.max_events || self.bytes > max_bytes {
            let Some(oldest) = self.events.pop_front() else { break };
            self.bytes -= weight(&oldest);
            self.floor = oldest.revision;
        }
    }

    /// Drops all changes up to a revision.
    pub(crate) fn forget(&mut self, through: u64) {
        self.events.clear();
        (self.bytes, self.floor) = (0, through);
    }

    /// Up to `most` changes after a revision; `None` if some of them were dropped.
    pub(crate) fn after(&self, revision: u64, most: usize) -> Option<Vec<Event>> {
        if revision < self.floor {
            return None;
        }
        let from = self.events.partition_point(|event| event.revision <= revision);
        Some(self.events.range(from..).take(most).cloned().collect())
    }
}

fn weight(event: &Event) -> usize {
    event.object.len() + event.before.as_ref().map_or(0, Bytes::len) + 100
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(revision: u64, size: usize) -> Event {
        let object = Bytes::from(vec![b' '; size]);
        Event { revision, key: "a".into(), change: Change::Modified, object, before: None }
    }

    fn revisions(history: &History, after: u64) -> Option<Vec<u64>> {
        Some(history.after(after, 3)?.iter().map(|event| event.revision).collect())
    }

    #[test]
    fn drops_the_oldest_changes() {
        let mut history = History::new(10, 4);
        assert_eq!(revisions(&history, 10), Some(vec![]));
        assert_eq!(revisions(&history, 9), None);
        for revision in [12, 15, 16, 20] {
            history.push(event(revision, 10), 0);
        }
        assert_eq!(revisions(&history, 10), Some(vec![12, 15, 16]));
        assert_eq!(revisions(&history, 13), Some(vec![15, 16, 20]));
        assert_eq!(revisions(&history, 99), Some(vec![]));
        history.push(event(21, 10), 0);
        assert_eq!(revisions(&history, 11), None);
        assert_eq!(revisions(&history, 12), Some(vec![15, 16, 20]));
        // The limit in bytes applies as well.
        history.push(event(30, MIN_BYTES), 0);
        assert_eq!(revisions(&history, 29), None);
        history.push(event(31, MIN_BYTES), 6 * MIN_BYTES);
        assert_eq!(revisions(&history, 30), Some(vec![31]));
        history.forget(40);
        assert_eq!((revisions(&history, 39), revisions(&history, 40)), (None, Some(vec![])));
    }
}
