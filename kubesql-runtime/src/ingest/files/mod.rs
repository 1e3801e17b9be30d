//! A source of objects in files: manifests, saved lists, standard input.
//!
//! Every snapshot reads the files again, in one pass for all requested kinds. Malformed parts are skipped with a warning.
//! A file that cannot be opened, or that has no readable object, is an error.

mod archives;
mod collector;
mod context;
mod duplicates;
mod encoding;
mod envelope;
mod extensions;
mod inferred_kinds;
mod json;
mod kind_guess;
mod kinds;
mod lines;
mod parts;
mod paths;
mod read;
mod repeated_keys;
mod scan;
mod segment_builder;
#[cfg(test)]
mod tests;
mod unreadable;
mod window;
mod yaml;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;

use inferred_kinds::InferredKinds;
pub use kinds::Kinds;
use paths::InputPath;

use crate::discovery::Definitions;
use crate::flatten::FieldMask;
use crate::ingest::definitions;
use crate::ingest::diagnostics::{Diagnostics, interleave};
use crate::schema::DiscoveredKinds;
use crate::store::{DiscoveryScope, KindRequest, Missing, Request, Selection, Snapshot, Source, SourceError};

/// Options of a [`FileSource`].
#[derive(Debug, Clone, Copy, Default)]
pub struct FileOptions {
    /// Whether to show the values of Secrets instead of `<redacted>`.
    pub show_secrets: bool,
}

/// A source of files, folders and standard input.
#[derive(Debug, Clone)]
pub struct FileSource {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// The clusters and their inputs, in the order of the arguments.
    clusters: Vec<(Arc<str>, Vec<InputPath>)>,
    kinds: Kinds,
    options: FileOptions,
    sizes: context::Sizes,
}

impl FileSource {
    /// A source of files and folders, each with the name of the cluster of its objects. The path `-` is standard input.
    /// A cluster may have several paths.
    ///
    /// Files and folders are read for each snapshot. Standard input and pipes can be read only once, and are read into
    /// memory here.
    ///
    /// # Errors
    /// A path does not exist, or standard input or a pipe cannot be read.
    pub fn new(
        paths: impl IntoIterator<Item = (String, PathBuf)>,
        kinds: Kinds,
        options: FileOptions,
    ) -> Result<Self, SourceError> {
        let mut clusters: Vec<(Arc<str>, Vec<InputPath>)> = Vec::new();
        for (cluster, path) in paths {
            let named = InputPath::new(&path)?;
            match clusters.iter_mut().find(|(name, _)| **name == *cluster) {
                Some((_, all)) => all.push(named),
                None => clusters.push((cluster.into(), vec![named])),
            }
        }
        Ok(Self { inner: Arc::new(Inner { clusters, kinds, options, sizes: context::Sizes::default() }) })
    }
}

/// What a pass over all files found.
#[derive(Debug, Default)]
struct Pass {
    snapshot: Snapshot,
    /// The kinds without a definition, by cluster.
    inferred: Vec<(Arc<str>, InferredKinds)>,
}

impl Inner {
    fn snapshot(&self, request: &Request) -> Result<Snapshot, SourceError> {
        Ok(self.read(&self.kinds.with_discovered(), request, false)?.snapshot)
    }

    fn read(&self, kinds: &Kinds, request: &Request, infer: bool) -> Result<Pass, SourceError> {
        let mut pass = Pass::default();
        let snapshot = &mut pass.snapshot;
        let mut unsupported = Diagnostics::default();
        let mut others = HashMap::new();
        for (cluster, all) in &self.clusters {
            let mut segments = Vec::new();
            for named in all {
                let context = context::ReadContext {
                    kinds,
                    request,
                    show_secrets: self.options.show_secrets,
                    infer,
                    cluster,
                    sizes: self.sizes,
                };
                let mut output = read::read_inputs(&context, &named.inputs()?)?;
                if output.parsed == 0 {
                    return Err(SourceError::Unreadable {
                        place: named.name(),
                        message: output
                            .first_error
                            .unwrap_or_else(|| "contains no Kubernetes object: it is empty".to_owned()),
                    });
                }
                segments.extend(output.segments);
                unsupported.merge(output.diagnostics.take_unsupported_kinds(), 0, 0);
                snapshot.warnings.extend(output.diagnostics.into_warnings());
                for (number, count) in output.others {
                    *others.entry(number).or_default() += count;
                }
                pass.inferred.extend(output.inferred.map(|inferred| (Arc::clone(cluster), inferred)));
            }
            snapshot.warnings.extend(duplicates::drop_older(&mut segments));
            snapshot.segments.extend(segments.into_iter().map(Arc::new));
        }
        snapshot.warnings = interleave(std::mem::take(&mut snapshot.warnings), unsupported.into_warnings());
        let in_other_groups = kinds.in_other_groups(request, &snapshot.segments, &others);
        snapshot.warnings.splice(..0, in_other_groups);
        Ok(pass)
    }
}

impl Inner {
    /// Reads the definitions of custom resources among the objects, and infers those that are missing.
    fn discover(&self) -> Result<(), SourceError> {
        let Some(kind) = self.kinds.definitions() else { return Ok(()) };
        let (fields, clusters, selection) = (FieldMask::none(), None, Selection::default());
        let kinds = vec![KindRequest { kind, fields, objects: true, clusters, selection }];
        let pass = self.read(&self.kinds, &Request { kinds, ..Request::default() }, true)?;
        let registry = self.kinds.registry();
        let mut definitions: Vec<(&Arc<str>, Definitions)> = Vec::new();
        for (cluster, _) in &self.clusters {
            let segments = pass.snapshot.segments.iter().filter(|segment| segment.cluster == *cluster);
            let mut found = Definitions::new();
            segments.for_each(|segment| definitions::read_all(segment, &mut found));
            definitions.push((cluster, found));
        }
        let defines = |group: &str, kind: &str| {
            let mut all = definitions.iter().flat_map(|(_, found)| found.values());
            all.any(|definition| (&*definition.crd.group, &*definition.crd.kind) == (group, kind))
                || registry.is_defined(group, kind)
        };
        let mut inferred: HashMap<Arc<str>, InferredKinds> = HashMap::new();
        for (cluster, found) in pass.inferred {
            inferred.entry(cluster).or_default().merge(found);
        }
        let inferred: Vec<(Arc<str>, Definitions)> = inferred
            .into_iter()
            .map(|(cluster, found)| {
                let missing = found.definitions().filter(|(_, of)| !defines(&of.crd.group, &of.crd.kind));
                (cluster, missing.collect())
            })
            .collect();
        for (cluster, mut found) in definitions {
            let own = inferred.iter().filter(|(of, _)| of == cluster);
            found.extend(own.flat_map(|(_, definitions)| definitions.clone()));
            registry.replace(cluster, found);
        }
        Ok(())
    }
}

#[async_trait]
impl Source for FileSource {
    fn clusters(&self) -> Vec<Arc<str>> {
        self.inner.clusters.iter().map(|(name, _)| name.clone()).collect()
    }

    fn discovered(&self) -> Arc<DiscoveredKinds> {
        self.inner.kinds.registry().current()
    }

    async fn discover(&self, _: &DiscoveryScope) -> Vec<Missing> {
        let inner = self.inner.clone();
        // The snapshot of the statement reports errors.
        _ = tokio::task::spawn_blocking(move || inner.discover()).await;
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
