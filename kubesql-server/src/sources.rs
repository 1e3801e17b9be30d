//! From the arguments to the objects: which clusters are asked, and which files belong to which cluster.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kubesql_demo::Demo;
use kubesql_runtime::generated;
use kubesql_runtime::ingest::{Context, Files, Kinds, ListOptions, Lists, Live, LiveOptions, Options, Scope, Several};
use kubesql_runtime::sql::{Engine, Memory};
use kubesql_runtime::store::Source;
use tokio::runtime::Runtime;

use crate::args::SourceArgs;
use crate::failure::Failure;

/// Sources that can be asked.
pub(crate) struct Opened {
    /// Tables over them.
    pub(crate) engine: Arc<Engine>,
    pub(crate) source: Arc<dyn Source>,
    /// Runs as long as it may be asked.
    _demo: Option<Demo>,
}

impl SourceArgs {
    /// Whether there is any source.
    pub(crate) fn is_empty(&self) -> bool {
        self.files.is_empty() && !self.names_clusters() && !self.demo
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
        self.files.iter().map(|file| named(file, &self.cluster_name)).collect()
    }

    /// The compiled tables without any objects.
    pub(crate) fn open_none() -> Result<Opened, Failure> {
        Self::default().open_contexts(Vec::new(), None, None)
    }

    /// Opens the sources; clusters are listed for each statement. Without any source, it is kubectl's cluster.
    pub(crate) fn open(&self, runtime: &Runtime) -> Result<Opened, Failure> {
        self.open_with(runtime, None)
    }

    /// Opens the sources; clusters are watched. Without any source, it is kubectl's cluster.
    pub(crate) fn open_live(&self, runtime: &Runtime, following: &Following) -> Result<Opened, Failure> {
        self.open_with(runtime, Some(following))
    }

    fn open_with(&self, runtime: &Runtime, following: Option<&Following>) -> Result<Opened, Failure> {
        let mut contexts = if self.names_clusters() || (self.is_empty() && Context::has_kubeconfig()) {
            self.chosen()?
        } else if !self.is_empty() {
            Vec::new()
        } else if Context::is_in_cluster() {
            vec![Context::in_cluster("in-cluster")]
        } else {
            return Err(Failure::NoSource);
        };
        if !self.demo {
            return self.open_contexts(contexts, None, following);
        }
        let started = runtime.block_on(Demo::start(kubesql_demo::Options::default()));
        let started = started.map_err(|error| {
            Failure::usage(
                format!("could not start the demo cluster: {error}"),
                "choose another source with --context or --file",
            )
        })?;
        contexts.push(Context::of_text("demo", &started.kubeconfig()));
        self.open_contexts(contexts, Some(started), following)
    }

    /// The names of all contexts that could be asked; nothing where there is no kubeconfig.
    pub(crate) fn known_contexts(&self) -> Vec<String> {
        let all = Context::of_kubeconfig(&self.kubeconfigs, &["*".to_owned()]).unwrap_or_default();
        all.iter().map(|context| context.name.to_string()).collect()
    }

    fn chosen(&self) -> Result<Vec<Context>, Failure> {
        Ok(Context::of_kubeconfig(&self.kubeconfigs, &self.contexts)?)
    }

    fn open_contexts(
        &self,
        contexts: Vec<Context>,
        demo: Option<Demo>,
        following: Option<&Following>,
    ) -> Result<Opened, Failure> {
        let kinds = Kinds::new(generated::KINDS.iter().copied(), generated::rows);
        let mut sources: Vec<Arc<dyn Source>> = Vec::new();
        if !self.files.is_empty() || contexts.is_empty() {
            let options = Options { show_secrets: self.show_secrets };
            sources.push(Arc::new(Files::new(self.paths(), kinds.clone(), options)?));
        }
        if !contexts.is_empty() {
            let scope = Scope {
                namespaces: self.namespaces.iter().cloned().collect(),
                exclude: self.excluded_namespaces.iter().cloned().collect(),
            };
            let patience = Duration::from_secs(self.sync_timeout);
            let show_secrets = self.show_secrets;
            sources.push(match following {
                None => Arc::new(Lists::new(contexts, kinds, ListOptions { scope, patience, show_secrets })),
                Some(&Following { idle, memory, .. }) => {
                    let options = LiveOptions { scope, idle, patience, memory, show_secrets };
                    Arc::new(Live::new(contexts, kinds, options))
                }
            });
        }
        let source = Several::source(sources);
        let memory = following.map(|following| following.statements.clone()).unwrap_or_default();
        let engine = Engine::with_memory(generated::KINDS, Arc::clone(&source), &memory)?;
        Ok(Opened { engine, source, _demo: demo })
    }
}

/// How clusters are followed.
#[derive(Debug)]
pub(crate) struct Following {
    /// A kind that nobody has asked for this long is dropped.
    pub(crate) idle: Duration,
    /// Bytes of objects beyond which no further kind is followed.
    pub(crate) memory: Option<u64>,
    /// What statements may hold.
    pub(crate) statements: Memory,
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
