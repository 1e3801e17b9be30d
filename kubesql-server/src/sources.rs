//! Opens the sources that the command line names: clusters, files, the demo cluster.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kubesql_demo::Demo;
use kubesql_runtime::generated;
use kubesql_runtime::ingest::{
    Context, FileOptions, FileSource, Kinds, NamespaceScope, OneShotOptions, OneShotSource, UnionSource, WatchOptions,
    WatchSource,
};
use kubesql_runtime::sql::{Engine, Memory};
use kubesql_runtime::store::Source;
use tokio::runtime::Runtime;

use crate::args::SourceArgs;
use crate::failure::Failure;

/// Opened sources.
pub(crate) struct Opened {
    /// Tables over the sources.
    pub(crate) engine: Arc<Engine>,
    pub(crate) source: Arc<dyn Source>,
    /// Dropping it stops the demo cluster.
    _demo: Option<Demo>,
}

impl SourceArgs {
    /// Whether no source is given.
    pub(crate) fn is_empty(&self) -> bool {
        self.files.is_empty() && !self.names_clusters() && !self.demo
    }

    /// Whether contexts or kubeconfigs are given.
    fn names_clusters(&self) -> bool {
        !(self.contexts.is_empty() && self.kubeconfigs.is_empty())
    }

    /// Whether standard input is a source.
    pub(crate) fn read_stdin(&self) -> bool {
        self.paths().iter().any(|(_, path)| path == Path::new("-"))
    }

    /// The paths with the names of their clusters.
    fn paths(&self) -> Vec<(String, PathBuf)> {
        self.files.iter().map(|file| parse_file_argument(file, &self.cluster_name)).collect()
    }

    /// Opens the compiled tables without any objects.
    pub(crate) fn open_none() -> Result<Opened, Failure> {
        Self::default().open_contexts(Vec::new(), None, None)
    }

    /// Opens the sources; clusters are listed for each statement. The default source is the cluster that kubectl uses.
    pub(crate) fn open(&self, runtime: &Runtime) -> Result<Opened, Failure> {
        self.open_with(runtime, None)
    }

    /// Opens the sources; clusters are watched. The default source is the cluster that kubectl uses.
    pub(crate) fn open_watched(&self, runtime: &Runtime, watching: &WatchConfig) -> Result<Opened, Failure> {
        self.open_with(runtime, Some(watching))
    }

    fn open_with(&self, runtime: &Runtime, watching: Option<&WatchConfig>) -> Result<Opened, Failure> {
        let mut contexts = if self.names_clusters() || (self.is_empty() && Context::has_kubeconfig()) {
            self.chosen_contexts()?
        } else if !self.is_empty() {
            Vec::new()
        } else if Context::is_in_cluster() {
            vec![Context::in_cluster("in-cluster")]
        } else {
            return Err(Failure::NoSource);
        };
        if !self.demo {
            return self.open_contexts(contexts, None, watching);
        }
        let started = runtime.block_on(Demo::start(kubesql_demo::Options::default()));
        let started = started.map_err(|error| {
            Failure::usage(
                format!("could not start the demo cluster: {error}"),
                "choose another source with --context or --file",
            )
        })?;
        contexts.push(Context::from_text("demo", &started.kubeconfig()));
        self.open_contexts(contexts, Some(started), watching)
    }

    /// The names of all contexts in the kubeconfigs; empty if there is no kubeconfig.
    pub(crate) fn known_contexts(&self) -> Vec<String> {
        let all = Context::from_kubeconfig(&self.kubeconfigs, &["*".to_owned()]).unwrap_or_default();
        all.iter().map(|context| context.name.to_string()).collect()
    }

    fn chosen_contexts(&self) -> Result<Vec<Context>, Failure> {
        Ok(Context::from_kubeconfig(&self.kubeconfigs, &self.contexts)?)
    }

    fn open_contexts(
        &self,
        contexts: Vec<Context>,
        demo: Option<Demo>,
        watching: Option<&WatchConfig>,
    ) -> Result<Opened, Failure> {
        let kinds = Kinds::new(generated::KINDS.iter().copied(), generated::flattener);
        let mut sources: Vec<Arc<dyn Source>> = Vec::new();
        if !self.files.is_empty() || contexts.is_empty() {
            let options = FileOptions { show_secrets: self.show_secrets };
            sources.push(Arc::new(FileSource::new(self.paths(), kinds.clone(), options)?));
        }
        if !contexts.is_empty() {
            let scope = NamespaceScope {
                namespaces: self.namespaces.iter().cloned().collect(),
                exclude: self.excluded_namespaces.iter().cloned().collect(),
            };
            let sync_timeout = Duration::from_secs(self.sync_timeout);
            let show_secrets = self.show_secrets;
            sources.push(match watching {
                None => {
                    Arc::new(OneShotSource::new(contexts, kinds, OneShotOptions { scope, sync_timeout, show_secrets }))
                }
                Some(&WatchConfig { idle, memory, .. }) => {
                    let options = WatchOptions { scope, idle, sync_timeout, memory, show_secrets };
                    Arc::new(WatchSource::new(contexts, kinds, options))
                }
            });
        }
        let source = UnionSource::combine(sources);
        let memory = watching.map(|watching| watching.statement_memory.clone()).unwrap_or_default();
        let engine = Engine::with_memory(generated::KINDS, Arc::clone(&source), &memory)?;
        Ok(Opened { engine, source, _demo: demo })
    }
}

/// How clusters are watched.
#[derive(Debug)]
pub(crate) struct WatchConfig {
    /// A kind without queries for this time is dropped.
    pub(crate) idle: Duration,
    /// No further kind is watched when the objects take this many bytes.
    pub(crate) memory: Option<u64>,
    /// Memory limits of statements.
    pub(crate) statement_memory: Memory,
}

/// Parses `NAME=PATH`; without a name, the cluster is `default`. An existing path is never split.
fn parse_file_argument(file: &OsString, default: &str) -> (String, PathBuf) {
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
    fn parses_file_arguments() {
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
            assert_eq!(parse_file_argument(&given.into(), "local"), (cluster.to_owned(), path.into()), "{given}");
        }
    }
}
