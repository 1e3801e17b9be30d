//! Combines several sources into one, for example files and clusters.

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::join_all;

use crate::schema::DiscoveredKinds;
use crate::store::{DiscoveryScope, Missing, Request, Snapshot, Source, SourceError, Status};

/// Several sources that are queried together.
#[derive(Debug)]
pub struct UnionSource {
    sources: Vec<Arc<dyn Source>>,
}

impl UnionSource {
    /// Combines sources. A single source is returned as it is.
    #[must_use]
    pub fn combine(mut sources: Vec<Arc<dyn Source>>) -> Arc<dyn Source> {
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
impl Source for UnionSource {
    fn clusters(&self) -> Vec<Arc<str>> {
        self.sources.iter().flat_map(|source| source.clusters()).collect()
    }

    async fn snapshot(&self, request: &Request) -> Result<Snapshot, SourceError> {
        let answers = join_all(self.sources.iter().map(|source| source.snapshot(request))).await;
        let mut all = Snapshot::default();
        for answer in answers {
            let Snapshot { segments, streams, warnings, missing } = answer?;
            all.segments.extend(segments);
            all.streams.extend(streams);
            all.warnings.extend(warnings);
            all.missing.extend(missing);
        }
        Ok(all)
    }

    fn discovered(&self) -> Arc<DiscoveredKinds> {
        // All sources of a server share one registry.
        let newest = self.sources.iter().map(|source| source.discovered()).max_by_key(|kinds| kinds.generation);
        newest.unwrap_or_default()
    }

    async fn discover(&self, scope: &DiscoveryScope) -> Vec<Missing> {
        join_all(self.sources.iter().map(|source| source.discover(scope))).await.concat()
    }

    fn is_local(&self) -> bool {
        self.sources.iter().all(|source| source.is_local())
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
