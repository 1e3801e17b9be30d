//! From the arguments to the objects: which clusters are asked, and which files belong to which cluster.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kubesql_runtime::generated;
use kubesql_runtime::ingest::{Context, Files, Kinds, ListOptions, Lists, Options, Scope, Several};
use kubesql_runtime::sql::Engine;
use kubesql_runtime::store::Source;

use crate::args::SourceArgs;
use crate::failure::Failure;

const NO_SOURCE: &str = "add --context NAME for a cluster of your kubeconfig, or --file PATH for manifests and what \
    `kubectl get -o json` wrote; --file - reads standard input";

impl SourceArgs {
    /// Whether there is any source.
    pub(crate) fn is_empty(&self) -> bool {
        self.files.is_empty() && !self.names_clusters()
    }

    /// Whether clusters are asked for, the current one included.
    fn names_clusters(&self) -> bool {
        !(self.contexts.is_empty() && self.kubeconfigs.is_empty())
    }

    /// Whether standard input is a source.
    pub(crate) fn read_stdin(&self) -> bool {
        self.paths().iter().any(|(_, path)| path == Path::new("-"))
    }

    /// Each path with the name of its cluster.
    fn paths(&self) -> Vec<(String, PathBuf)> {
        self.files.iter().map(|file| named(file, &self.cluster)).collect()
    }

    /// Tables over the sources that are given; empty ones where there is none.
    pub(crate) fn engine(&self) -> Result<Arc<Engine>, Failure> {
        let contexts = if self.names_clusters() { self.chosen()? } else { Vec::new() };
        self.engine_of(contexts)
    }

    /// Tables over the sources; where none is given, over the cluster that kubectl would ask.
    pub(crate) fn engine_with_source(&self) -> Result<Arc<Engine>, Failure> {
        if !self.is_empty() {
            return self.engine();
        }
        let contexts = if Context::has_kubeconfig() {
            self.chosen()?
        } else if Context::is_in_cluster() {
            vec![Context::in_cluster("in-cluster")]
        } else {
            return Err(Failure::usage("no source of objects is given, and there is no kubeconfig", NO_SOURCE));
        };
        self.engine_of(contexts)
    }

    fn chosen(&self) -> Result<Vec<Context>, Failure> {
        Ok(Context::of_kubeconfig(&self.kubeconfigs, &self.contexts)?)
    }

    fn engine_of(&self, contexts: Vec<Context>) -> Result<Arc<Engine>, Failure> {
        let kinds = Kinds::new(generated::KINDS.iter().copied(), generated::rows);
        let mut sources: Vec<Arc<dyn Source>> = Vec::new();
        if !self.files.is_empty() || contexts.is_empty() {
            let options = Options { show_secrets: self.show_secrets };
            sources.push(Arc::new(Files::new(self.paths(), kinds.clone(), options)?));
        }
        if !contexts.is_empty() {
            let scope = Scope {
                namespaces: self.namespaces.iter().cloned().collect(),
                exclude: self.exclude.iter().cloned().collect(),
            };
            let patience = Duration::from_secs(self.sync_timeout);
            let options = ListOptions { scope, patience, show_secrets: self.show_secrets };
            sources.push(Arc::new(Lists::new(contexts, kinds, options)));
        }
        Ok(Engine::new(generated::KINDS, Several::source(sources))?)
    }
}

/// `NAME=PATH`, or a path of a cluster called `default`; what exists as a path is one.
fn named(file: &OsString, default: &str) -> (String, PathBuf) {
    let split = file.to_str().and_then(|text| text.split_once('='));
    match split {
        Some((name, path))
            if !name.is_empty() && !name.contains('/') && !path.is_empty() && !Path::new(file).exists() =>
        {
            (name.to_owned(), path.into())
        }
        _ => (default.to_owned(), file.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_clusters() {
        let cases = [
            ("pods.json", ("local", "pods.json")),
            ("prod=pods.json", ("prod", "pods.json")),
            ("prod=-", ("prod", "-")),
            ("prod=a=b.json", ("prod", "a=b.json")),
            ("./a=b.json", ("local", "./a=b.json")),
            ("=a", ("local", "=a")),
            ("a=", ("local", "a=")),
        ];
        for (given, (cluster, path)) in cases {
            assert_eq!(named(&given.into(), "local"), (cluster.to_owned(), path.into()), "{given}");
        }
    }
}
