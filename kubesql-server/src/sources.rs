//! From the arguments to the objects: which files belong to which cluster.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kubesql_runtime::generated;
use kubesql_runtime::ingest::{Files, Kinds, Options};
use kubesql_runtime::sql::Engine;

use crate::args::SourceArgs;
use crate::failure::Failure;

impl SourceArgs {
    /// Whether there is any source.
    pub(crate) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Whether standard input is a source.
    pub(crate) fn read_stdin(&self) -> bool {
        self.paths().iter().any(|(_, path)| path == Path::new("-"))
    }

    /// Each path with the name of its cluster.
    fn paths(&self) -> Vec<(String, PathBuf)> {
        self.files.iter().map(|file| named(file, &self.cluster)).collect()
    }

    /// Tables over the sources; empty ones where there is none.
    pub(crate) fn engine(&self) -> Result<Arc<Engine>, Failure> {
        let kinds = Kinds::new(generated::KINDS.iter().copied(), generated::rows);
        let files = Files::new(self.paths(), kinds, Options { show_secrets: self.show_secrets })?;
        Ok(Engine::new(generated::KINDS, Arc::new(files))?)
    }

    /// Tables over the sources, of which there must be one.
    pub(crate) fn engine_with_source(&self) -> Result<Arc<Engine>, Failure> {
        if self.is_empty() {
            return Err(Failure::usage(
                "no source of objects is given",
                "add --file PATH: a file or folder of manifests, or what `kubectl get -o json` wrote; --file - reads standard input",
            ));
        }
        self.engine()
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
