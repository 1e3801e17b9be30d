//! A stream of segments with one writer and any number of readers. Each reader sees every segment once, in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

use super::{Missing, Segment, SourceError, Warning};
use crate::schema::KindDef;

/// The segments of one list as they arrive. Clones read independently. When all are dropped, the writer may stop.
#[derive(Debug, Clone)]
pub struct SegmentStream {
    kind: &'static KindDef,
    state: watch::Receiver<State>,
}

/// The writer's end of a [`SegmentStream`].
#[derive(Debug)]
pub struct SegmentStreamWriter {
    state: watch::Sender<State>,
}

#[derive(Debug, Default)]
struct State {
    segments: Vec<Arc<Segment>>,
    /// Whether any reader has read a segment.
    read: AtomicBool,
    end: Option<Result<Vec<Warning>, SourceError>>,
}

impl SegmentStream {
    /// An empty stream of segments of a kind, and its writer.
    #[must_use]
    pub fn new(kind: &'static KindDef) -> (SegmentStreamWriter, Self) {
        let (sender, state) = watch::channel(State::default());
        (SegmentStreamWriter { state: sender }, Self { kind, state })
    }

    /// The kind of its objects.
    #[must_use]
    pub fn kind(&self) -> &'static KindDef {
        self.kind
    }

    /// Waits for the segment with this number, counted from 0; `None` after the last one.
    ///
    /// # Errors
    /// The list failed; the segments read so far are incomplete.
    pub async fn get(&mut self, number: usize) -> Result<Option<Arc<Segment>>, SourceError> {
        let state = self.state.wait_for(|state| state.segments.len() > number || state.end.is_some()).await;
        let Ok(state) = state else { return Err(interrupted(self.kind)) };
        match (state.segments.get(number), &state.end) {
            // A failure is reported at once, not after the segments that arrived before it.
            (_, Some(Err(error))) => Err(error.clone()),
            (Some(segment), _) => {
                state.read.store(true, Ordering::Relaxed);
                Ok(Some(Arc::clone(segment)))
            }
            (None, _) => Ok(None),
        }
    }

    /// Waits for the end of the list, and returns warnings about its objects.
    ///
    /// # Errors
    /// The list failed.
    pub async fn end(&mut self) -> Result<Vec<Warning>, SourceError> {
        let state = self.state.wait_for(|state| state.end.is_some()).await;
        state.map_or(None, |state| state.end.clone()).unwrap_or_else(|| Err(interrupted(self.kind)))
    }
}

/// The error if the writer was dropped without [`SegmentStreamWriter::end`].
fn interrupted(kind: &KindDef) -> SourceError {
    let cause = "the list was interrupted".to_owned();
    SourceError::Incomplete(vec![Missing { cluster: "".into(), kind: kind.plural.to_owned(), cause, hint: None }])
}

impl SegmentStreamWriter {
    /// Adds a segment.
    pub fn push(&self, segment: Segment) {
        self.state.send_modify(|state| state.segments.push(Arc::new(segment)));
    }

    /// Removes all segments, unless one was read already. Returns whether they were removed.
    #[must_use]
    pub fn restart(&self) -> bool {
        // Readers set `read` while they hold the state, so that none can read a segment in between.
        self.state.send_if_modified(|state| {
            let unread = !*state.read.get_mut();
            if unread {
                state.segments.clear();
            }
            unread
        })
    }

    /// Ends the stream: with warnings about the objects, or with the reason why the list failed.
    pub fn end(self, result: Result<Vec<Warning>, SourceError>) {
        self.state.send_modify(|state| state.end = Some(result));
    }

    /// Waits until all readers are dropped.
    pub async fn closed(&self) {
        self.state.closed().await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::{SegmentStream, SegmentStreamWriter};
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
            sources: None,
            derived: Arc::default(),
        }
    }

    async fn all(mut stream: SegmentStream) -> Result<Vec<String>, SourceError> {
        let mut found = Vec::new();
        while let Some(segment) = stream.get(found.len()).await? {
            found.push(segment.cluster.to_string());
        }
        Ok(found)
    }

    async fn write(writer: SegmentStreamWriter, good: bool) {
        for name in ["a", "b", "c"] {
            writer.push(segment(name));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        if good {
            writer.end(Ok(Vec::new()));
        }
    }

    #[tokio::test]
    async fn each_reader_sees_each_segment_once() {
        let (writer, stream) = SegmentStream::new(pods());
        let late = stream.clone();
        let (found, also, ()) = tokio::join!(all(stream.clone()), all(stream), write(writer, true));
        let expect = ["a", "b", "c"];
        assert_eq!(found.expect("whole"), expect);
        assert_eq!(also.expect("whole"), expect);
        assert_eq!(all(late).await.expect("whole"), expect);
    }

    #[tokio::test]
    async fn dropping_the_writer_early_is_an_error() {
        let (writer, stream) = SegmentStream::new(pods());
        let (found, ()) = tokio::join!(all(stream.clone()), write(writer, false));
        assert!(found.is_err() && stream.clone().end().await.is_err());
    }

    #[tokio::test]
    async fn restart_fails_after_a_read() {
        let (writer, mut stream) = SegmentStream::new(pods());
        writer.push(segment("old"));
        assert!(writer.restart());
        writer.push(segment("new"));
        assert_eq!(&*stream.get(0).await.expect("good").expect("a segment").cluster, "new");
        assert!(!writer.restart());
        drop(stream);
        writer.closed().await;
    }
}
