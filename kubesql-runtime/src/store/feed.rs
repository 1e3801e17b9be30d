//! Segments that are still to come: one writes them, and whoever reads sees each of them once, in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

use super::{Missing, Segment, SourceError, Warning};
use crate::schema::KindDef;

/// The segments of one list as they come. Clones read on by themselves; once all are dropped, the writer may stop.
#[derive(Debug, Clone)]
pub struct Feed {
    kind: &'static KindDef,
    state: watch::Receiver<State>,
}

/// The end that segments are put in at.
#[derive(Debug)]
pub struct FeedWriter {
    state: watch::Sender<State>,
}

#[derive(Debug, Default)]
struct State {
    segments: Vec<Arc<Segment>>,
    /// Whether anybody has taken a segment.
    read: AtomicBool,
    end: Option<Result<Vec<Warning>, SourceError>>,
}

impl Feed {
    /// An empty feed of objects of a kind, and its writer.
    #[must_use]
    pub fn new(kind: &'static KindDef) -> (FeedWriter, Self) {
        let (sender, state) = watch::channel(State::default());
        (FeedWriter { state: sender }, Self { kind, state })
    }

    /// What its objects are.
    #[must_use]
    pub fn kind(&self) -> &'static KindDef {
        self.kind
    }

    /// The segment of this number, from 0, as soon as it is there; `None` when there are no more.
    ///
    /// # Errors
    /// Where the list could not be completed: what was read of it is not all.
    pub async fn get(&mut self, number: usize) -> Result<Option<Arc<Segment>>, SourceError> {
        let there = self.state.wait_for(|state| state.segments.len() > number || state.end.is_some()).await;
        let Ok(state) = there else { return Err(broken_off(self.kind)) };
        match (state.segments.get(number), &state.end) {
            // What has failed is told at once, not after what was there before.
            (_, Some(Err(error))) => Err(error.clone()),
            (Some(segment), _) => {
                state.read.store(true, Ordering::Relaxed);
                Ok(Some(Arc::clone(segment)))
            }
            (None, _) => Ok(None),
        }
    }

    /// Waits for the end, and gives what was wrong with the objects.
    ///
    /// # Errors
    /// Where the list could not be completed.
    pub async fn end(&mut self) -> Result<Vec<Warning>, SourceError> {
        let there = self.state.wait_for(|state| state.end.is_some()).await;
        there.map_or(None, |state| state.end.clone()).unwrap_or_else(|| Err(broken_off(self.kind)))
    }
}

/// The writer is gone and has not said how it ended.
fn broken_off(kind: &KindDef) -> SourceError {
    let cause = "the list was broken off".to_owned();
    SourceError::Incomplete(vec![Missing { cluster: "".into(), kind: kind.plural.to_owned(), cause, hint: None }])
}

impl FeedWriter {
    /// Adds a segment.
    pub fn push(&self, segment: Segment) {
        self.state.send_modify(|state| state.segments.push(Arc::new(segment)));
    }

    /// Takes back what is there, which is possible as long as nobody has read any of it; whether it was.
    #[must_use]
    pub fn restart(&self) -> bool {
        // Readers note what they take while they hold the state, and so cannot come between.
        self.state.send_if_modified(|state| {
            let unread = !*state.read.get_mut();
            if unread {
                state.segments.clear();
            }
            unread
        })
    }

    /// There are no more segments: all is there, with what was wrong with it, or the list has failed.
    pub fn end(self, result: Result<Vec<Warning>, SourceError>) {
        self.state.send_modify(|state| state.end = Some(result));
    }

    /// Waits until nobody reads any more.
    pub async fn unread(&self) {
        self.state.closed().await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::{Feed, FeedWriter};
    use crate::generated::KINDS;
    use crate::schema::KindDef;
    use crate::store::{Segment, SourceError};

    fn pods() -> &'static KindDef {
        KINDS.iter().find(|kind| kind.plural == "pods" && kind.group.is_empty()).expect("pods")
    }

    fn segment(cluster: &str) -> Segment {
        Segment {
            cluster: cluster.into(),
            kind: pods(),
            columns: Arc::default(),
            alive: None,
            objects: None,
            derived: Arc::default(),
        }
    }

    async fn all(mut feed: Feed) -> Result<Vec<String>, SourceError> {
        let mut found = Vec::new();
        while let Some(segment) = feed.get(found.len()).await? {
            found.push(segment.cluster.to_string());
        }
        Ok(found)
    }

    async fn write(writer: FeedWriter, good: bool) {
        for name in ["a", "b", "c"] {
            writer.push(segment(name));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        if good {
            writer.end(Ok(Vec::new()));
        }
    }

    #[tokio::test]
    async fn all_readers_see_all_segments_once() {
        let (writer, feed) = Feed::new(pods());
        let late = feed.clone();
        let (found, also, ()) = tokio::join!(all(feed.clone()), all(feed), write(writer, true));
        let expect = ["a", "b", "c"];
        assert_eq!(found.expect("whole"), expect);
        assert_eq!(also.expect("whole"), expect);
        assert_eq!(all(late).await.expect("whole"), expect);
    }

    #[tokio::test]
    async fn a_list_without_its_end_is_an_error() {
        let (writer, feed) = Feed::new(pods());
        let (found, ()) = tokio::join!(all(feed.clone()), write(writer, false));
        assert!(found.is_err() && feed.clone().end().await.is_err());
    }

    #[tokio::test]
    async fn what_was_read_cannot_be_taken_back() {
        let (writer, mut feed) = Feed::new(pods());
        writer.push(segment("old"));
        assert!(writer.restart());
        writer.push(segment("new"));
        assert_eq!(&*feed.get(0).await.expect("good").expect("a segment").cluster, "new");
        assert!(!writer.restart());
        drop(feed);
        writer.unread().await;
    }
}
