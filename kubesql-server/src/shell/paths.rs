//! Paths of the shell's files.

use std::path::PathBuf;

/// The history file; none if KUBESQL_HISTORY is empty or there is no home directory.
pub(super) fn history() -> Option<PathBuf> {
    match std::env::var_os("KUBESQL_HISTORY") {
        Some(path) if path.is_empty() => None,
        Some(path) => Some(path.into()),
        None => Some(base("XDG_STATE_HOME", ".local/state")?.join("kubesql/history")),
    }
}

/// The start file of an interactive shell, if it exists.
pub(super) fn start_file() -> Option<PathBuf> {
    Some(base("XDG_CONFIG_HOME", ".config")?.join("kubesql/shellrc")).filter(|path| path.is_file())
}

fn base(variable: &str, default: &str) -> Option<PathBuf> {
    // The XDG specification says that relative paths are ignored.
    let set = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    set.or_else(|| Some(std::env::home_dir()?.join(default)))
}

/// A path for a text in an editor, unique to this process.
pub(super) fn draft(number: usize) -> PathBuf {
    std::env::temp_dir().join(format!("kubesql-{}-{number}.sql", std::process::id()))
}
