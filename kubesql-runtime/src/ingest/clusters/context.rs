//! Clusters by their configuration: contexts of kubeconfigs, or the service account of a pod.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::Arc;

use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};

use super::failure::{Class, Failure};
use crate::store::SourceError;

/// A cluster, and how to connect to it. It is not contacted before a query needs it.
#[derive(Debug, Clone)]
pub struct Context {
    /// The cluster's name, the value of the column `cluster`.
    pub name: Arc<str>,
    origin: Origin,
}

#[derive(Debug, Clone)]
enum Origin {
    /// A context of these files; of the files that kubectl reads, if there are none.
    Kubeconfig { files: Arc<[PathBuf]>, context: String },
    /// The text of a kubeconfig.
    Text { text: Arc<str> },
    /// The service account of the pod in which this process runs.
    InCluster,
}

impl Context {
    /// The contexts of kubeconfigs that match one of the patterns (`*`, `?`); without patterns, the current context.
    /// Without files, reads the files in `KUBECONFIG`, or `~/.kube/config`.
    ///
    /// # Errors
    /// A kubeconfig cannot be read, or a pattern matches no context.
    pub fn from_kubeconfig(files: &[PathBuf], patterns: &[String]) -> Result<Vec<Self>, SourceError> {
        let kubeconfig = read(files)?;
        let place = place(files);
        let files: Arc<[PathBuf]> = files.into();
        let names: Vec<&str> = kubeconfig.contexts.iter().map(|context| context.name.as_str()).collect();
        let make = |name: &str| Self {
            name: name.into(),
            origin: Origin::Kubeconfig { files: Arc::clone(&files), context: name.to_owned() },
        };
        if patterns.is_empty() {
            let Some(current) = kubeconfig.current_context.as_deref().filter(|current| !current.is_empty()) else {
                let message = format!("no current context is set; choose one with --context: {}", names.join(", "));
                return Err(SourceError::Unreadable { place, message });
            };
            return Ok(vec![make(current)]);
        }
        let mut chosen: Vec<Self> = Vec::new();
        for pattern in patterns {
            let before = chosen.len();
            let mut known = false;
            for name in names.iter().filter(|name| matches(pattern, name)) {
                known = true;
                if !chosen.iter().any(|context| *context.name == **name) {
                    chosen.push(make(name));
                }
            }
            if chosen.len() == before && !known {
                let message = if names.is_empty() {
                    format!("no context matches \"{pattern}\": there are no contexts")
                } else {
                    format!("no context matches \"{pattern}\"; available contexts: {}", names.join(", "))
                };
                return Err(SourceError::Unreadable { place, message });
            }
        }
        Ok(chosen)
    }

    /// The current context of a kubeconfig in `kubeconfig`, as the cluster `name`.
    #[must_use]
    pub fn from_text(name: &str, kubeconfig: &str) -> Self {
        Self { name: name.into(), origin: Origin::Text { text: kubeconfig.into() } }
    }

    /// The cluster of the pod in which this process runs, as the cluster `name`.
    #[must_use]
    pub fn in_cluster(name: &str) -> Self {
        Self { name: name.into(), origin: Origin::InCluster }
    }

    /// The kubectl command for the same cluster, for hints.
    pub(super) fn kubectl(&self) -> String {
        match &self.origin {
            Origin::Kubeconfig { files, context } => {
                let file = match &**files {
                    [file] => format!(" --kubeconfig {}", file.display()),
                    _ => String::new(),
                };
                format!("kubectl{file} --context {context}")
            }
            Origin::Text { .. } | Origin::InCluster => "kubectl".to_owned(),
        }
    }

    /// Whether this process runs in a pod.
    #[must_use]
    pub fn is_in_cluster() -> bool {
        std::env::var_os("KUBERNETES_SERVICE_HOST").is_some()
    }

    /// Whether kubectl would find a kubeconfig.
    #[must_use]
    pub fn has_kubeconfig() -> bool {
        match std::env::var_os("KUBECONFIG") {
            Some(paths) if !paths.is_empty() => true,
            _ => home().is_some_and(|home| home.join(".kube/config").exists()),
        }
    }

    /// The client configuration. It is read each time, since credentials may have changed.
    pub(super) async fn config(&self) -> Result<Config, Failure> {
        let refused =
            |error: &dyn std::fmt::Display| Failure::new(Class::Unauthorized, format!("invalid kubeconfig: {error}"));
        let (kubeconfig, context) = match &self.origin {
            Origin::InCluster => return Config::incluster().map_err(|error| refused(&error)),
            Origin::Text { text } => (Kubeconfig::from_yaml(text).map_err(|error| refused(&error))?, None),
            Origin::Kubeconfig { files, context } => {
                (read(files).map_err(|error| refused(&error))?, Some(context.clone()))
            }
        };
        let options = KubeConfigOptions { context, ..KubeConfigOptions::default() };
        Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|error| refused(&error))
    }
}

fn home() -> Option<PathBuf> {
    std::env::var_os("HOME").or_else(|| std::env::var_os("USERPROFILE")).map(PathBuf::from)
}

fn place(files: &[PathBuf]) -> String {
    match files {
        [] => "kubeconfig".to_owned(),
        files => files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", "),
    }
}

fn read(files: &[PathBuf]) -> Result<Kubeconfig, SourceError> {
    let unreadable = |error: KubeconfigError| {
        if let KubeconfigError::ReadConfig(cause, path) = &error {
            let message = format!("could not read the kubeconfig: {cause}");
            return SourceError::Unreadable { place: path.display().to_string(), message };
        }
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        let mut message = error.to_string();
        if let Some(cause) = cause.filter(|cause| !message.contains(cause)) {
            message.push_str(": ");
            message.push_str(&cause);
        }
        SourceError::Unreadable { place: place(files), message }
    };
    let listed = if files.is_empty() { listed_in_environment() } else { Vec::new() };
    let files = if files.is_empty() { &listed } else { files };
    let Some((first, rest)) = files.split_first() else { return Kubeconfig::read().map_err(unreadable) };
    let first = Kubeconfig::read_from(first).map_err(unreadable)?;
    rest.iter()
        .try_fold(first, |all, file| all.merge(Kubeconfig::read_from(file).map_err(unreadable)?).map_err(unreadable))
}

/// The files that `KUBECONFIG` lists. Like kubectl, files that do not exist are passed over, unless none exists.
fn listed_in_environment() -> Vec<PathBuf> {
    existing(&std::env::var_os("KUBECONFIG").unwrap_or_default())
}

fn existing(paths: &OsStr) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::env::split_paths(paths).filter(|path| !path.as_os_str().is_empty()).collect();
    if files.iter().any(|file| file.exists()) {
        files.retain(|file| file.exists());
    }
    files
}

/// Whether a name matches a pattern with `*` and `?`.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut of) = (0, 0);
    // The position of the last star, and the end of the text that it matches.
    let mut star: Option<(usize, usize)> = None;
    while of < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, of));
                at += 1;
            }
            Some(letter) if *letter == '?' || *letter == name[of] => {
                at += 1;
                of += 1;
            }
            _ => match &mut star {
                Some((begin, reach)) => {
                    *reach += 1;
                    (at, of) = (*begin + 1, *reach);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|letter| *letter == '*')
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::io::Write;
    use std::path::PathBuf;

    use super::{Context, existing, matches};

    #[test]
    fn patterns_match() {
        let table = [
            ("prod", "prod", true),
            ("prod", "prod-1", false),
            ("prod*", "prod-1", true),
            ("*-eu-*", "prod-eu-1", true),
            ("*-eu-*", "prod-us-1", false),
            ("p?od", "prod", true),
            ("?", "", false),
            ("*", "", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
        ];
        for (pattern, name, expected) in table {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    fn file(contexts: &[&str], current: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        let contexts: String =
            contexts.iter().map(|name| format!("- {{name: {name}, context: {{cluster: c, user: u}}}}\n")).collect();
        write!(file, "apiVersion: v1\nkind: Config\ncurrent-context: '{current}'\ncontexts:\n{contexts}")
            .expect("written");
        file
    }

    #[test]
    fn contexts_of_several_files() {
        let files = [file(&["prod-1", "test"], "test"), file(&["prod-2"], "prod-2")];
        let paths: Vec<PathBuf> = files.iter().map(|file| file.path().to_owned()).collect();
        let names = |patterns: &[&str]| -> Result<Vec<String>, String> {
            let patterns: Vec<String> = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
            let contexts = Context::from_kubeconfig(&paths, &patterns).map_err(|error| error.to_string())?;
            Ok(contexts.iter().map(|context| context.name.to_string()).collect())
        };
        assert_eq!(names(&[]), Ok(vec!["test".to_owned()]));
        assert_eq!(names(&["prod-*", "*"]), Ok(vec!["prod-1".to_owned(), "prod-2".to_owned(), "test".to_owned()]));
        let missing = Context::from_kubeconfig(&[PathBuf::from("/nowhere/config")], &[]).expect_err("no such file");
        let said = "/nowhere/config: could not read the kubeconfig: No such file or directory (os error 2)";
        assert_eq!(missing.to_string(), said);
        let error = names(&["dev"]).expect_err("no such context");
        assert!(error.contains("no context matches \"dev\"; available contexts: prod-1, test, prod-2"), "{error}");
    }

    #[test]
    fn listed_files_that_do_not_exist_are_passed_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("config");
        std::fs::write(&file, "").expect("written");
        let gone = PathBuf::from("/nowhere/config");
        let list = |files: &[&PathBuf]| std::env::join_paths(files).expect("paths");
        assert_eq!(existing(&list(&[&gone, &file])), std::slice::from_ref(&file));
        assert_eq!(existing(&list(&[&gone])), [gone]);
        assert_eq!(existing(OsStr::new("")), Vec::<PathBuf>::new());
    }
}
