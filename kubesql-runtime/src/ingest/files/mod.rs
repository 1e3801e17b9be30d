//! Objects in files: manifests, saved lists, standard input.
//!
//! Every snapshot reads the files again, in one pass for all kinds that are asked for. What cannot be
//! read is told in warnings, and all else is there; a file that cannot be opened, or of which nothing
//! could be read, is an error.

mod guess;
mod json;
mod kinds;
mod paths;
mod run;
mod slot;
mod stream;
mod take;
#[cfg(test)]
mod tests;
mod text;
pub(super) mod trouble;
mod window;
mod yaml;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;

pub use kinds::Kinds;
use paths::Named;
use trouble::Troubles;

use crate::flatten::Want;
use crate::ingest::definitions;
use crate::learn::Definitions;
use crate::schema::Learnt;
use crate::store::{KindRequest, Missing, Request, Selection, Snapshot, Source, SourceError, Wanted};

/// How files are read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Gives the values of Secrets instead of `<redacted>`.
    pub show_secrets: bool,
}

/// Files, folders and standard input as clusters.
#[derive(Debug, Clone)]
pub struct Files {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// Clusters with what is theirs, in the order in which they were named.
    clusters: Vec<(Arc<str>, Vec<Named>)>,
    kinds: Kinds,
    options: Options,
    sizes: stream::Sizes,
}

impl Files {
    /// Files and folders, each with the name of the cluster that its objects are of; `-` is standard
    /// input. Several paths may be of one cluster.
    ///
    /// Files and folders are read when a snapshot is asked for. Standard input and pipes are read
    /// here, whole, since that can be done only once.
    pub fn new(
        paths: impl IntoIterator<Item = (String, PathBuf)>,
        kinds: Kinds,
        options: Options,
    ) -> Result<Self, SourceError> {
        let mut clusters: Vec<(Arc<str>, Vec<Named>)> = Vec::new();
        for (cluster, path) in paths {
            let named = Named::new(&path)?;
            match clusters.iter_mut().find(|(name, _)| **name == *cluster) {
                Some((_, all)) => all.push(named),
                None => clusters.push((cluster.into(), vec![named])),
            }
        }
        Ok(Self { inner: Arc::new(Inner { clusters, kinds, options, sizes: stream::Sizes::default() }) })
    }
}

impl Inner {
    fn snapshot(&self, request: &Request) -> Result<Snapshot, SourceError> {
        let mut snapshot = Snapshot::default();
        let mut kinds = Troubles::default();
        let known = self.kinds.with_learnt();
        for (cluster, all) in &self.clusters {
            for named in all {
                let task = take::Task {
                    kinds: &known,
                    request,
                    show_secrets: self.options.show_secrets,
                    cluster,
                    sizes: self.sizes,
                };
                let mut output = run::run(&task, &named.inputs()?)?;
                if output.read == 0 {
                    return Err(SourceError::Unreadable {
                        place: named.name(),
                        message: output.broken.unwrap_or_else(|| "holds no Kubernetes object: it is empty".to_owned()),
                    });
                }
                snapshot.segments.extend(output.segments.into_iter().map(Arc::new));
                kinds.merge(output.troubles.take_kinds(), 0, 0);
                snapshot.warnings.extend(output.troubles.warnings());
            }
        }
        snapshot.warnings = trouble::alternate(snapshot.warnings, kinds.warnings());
        Ok(snapshot)
    }
}

impl Inner {
    /// Looks for definitions of custom resources among the objects.
    fn learn(&self) -> Result<(), SourceError> {
        let Some(kind) = self.kinds.definitions() else { return Ok(()) };
        let (want, clusters, selection) = (Want::nothing(), None, Selection::default());
        let kinds = vec![KindRequest { kind, want, objects: true, clusters, selection }];
        let snapshot = self.snapshot(&Request { kinds, ..Request::default() })?;
        for (cluster, _) in &self.clusters {
            let segments = snapshot.segments.iter().filter(|segment| segment.cluster == *cluster);
            let mut found = Definitions::new();
            segments.for_each(|segment| definitions::all(segment, &mut found));
            self.kinds.learning().replace(cluster, found);
        }
        Ok(())
    }
}

#[async_trait]
impl Source for Files {
    fn clusters(&self) -> Vec<Arc<str>> {
        self.inner.clusters.iter().map(|(name, _)| name.clone()).collect()
    }

    fn learnt(&self) -> Arc<Learnt> {
        self.inner.kinds.learning().current()
    }

    async fn learn(&self, _: &Wanted) -> Vec<Missing> {
        let inner = self.inner.clone();
        // What cannot be read fails the statement, and is told there.
        _ = tokio::task::spawn_blocking(move || inner.learn()).await;
        Vec::new()
    }

    async fn snapshot(&self, request: &Request) -> Result<Snapshot, SourceError> {
        let (inner, request) = (self.inner.clone(), request.clone());
        match tokio::task::spawn_blocking(move || inner.snapshot(&request)).await {
            Ok(snapshot) => snapshot,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(error) => Err(SourceError::Unreadable { place: "files".to_owned(), message: error.to_string() }),
            },
        }
    }
}
