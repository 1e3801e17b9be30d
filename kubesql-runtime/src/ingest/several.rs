//! Several sources as one: files beside clusters.

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::join_all;

use crate::schema::Learnt;
use crate::store::{Missing, Request, Snapshot, Source, SourceError, Status, Wanted};

/// Sources that are asked together.
#[derive(Debug)]
pub struct Several {
    sources: Vec<Arc<dyn Source>>,
}

impl Several {
    /// All of these as one source; the only one as it is.
    #[must_use]
    pub fn source(mut sources: Vec<Arc<dyn Source>>) -> Arc<dyn Source> {
        match sources.pop() {
            Some(only) if sources.is_empty() => only,
            last => {
                sources.extend(last);
                Arc::new(Self { sources })
            }
        }
    }
}

#[async_trait]
impl Source for Several {
    fn clusters(&self) -> Vec<Arc<str>> {
        self.sources.iter().flat_map(|source| source.clusters()).collect()
    }

    async fn snapshot(&self, request: &Request) -> Result<Snapshot, SourceError> {
        let answers = join_all(self.sources.iter().map(|source| source.snapshot(request))).await;
        let mut all = Snapshot::default();
        for answer in answers {
            let Snapshot { segments, feeds, warnings, missing } = answer?;
            all.segments.extend(segments);
            all.feeds.extend(feeds);
            all.warnings.extend(warnings);
            all.missing.extend(missing);
        }
        Ok(all)
    }

    fn learnt(&self) -> Arc<Learnt> {
        // All of one server learn together.
        let newest = self.sources.iter().map(|source| source.learnt()).max_by_key(|learnt| learnt.generation);
        newest.unwrap_or_default()
    }

    async fn learn(&self, wanted: &Wanted) -> Vec<Missing> {
        join_all(self.sources.iter().map(|source| source.learn(wanted))).await.concat()
    }

    fn status(&self) -> Status {
        let mut all = Status::default();
        for Status { clusters, watches } in self.sources.iter().map(|source| source.status()) {
            all.clusters.extend(clusters);
            all.watches.extend(watches);
        }
        all
    }
}
