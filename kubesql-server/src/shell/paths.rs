//! The shell's own files: history and start file.

use std::path::PathBuf;

/// Where what was typed is kept; none where KUBESQL_HISTORY is empty or there is no home directory.
pub(super) fn history() -> Option<PathBuf> {
    match std::env::var_os("KUBESQL_HISTORY") {
        Some(path) if path.is_empty() => None,
        Some(path) => Some(path.into()),
        None => Some(base("XDG_STATE_HOME", ".local/state")?.join("kubesql/history")),
    }
}

/// The statements and commands that a shell at a terminal begins with.
pub(super) fn start_file() -> Option<PathBuf> {
    Some(base("XDG_CONFIG_HOME", ".config")?.join("kubesql/shellrc")).filter(|path| path.is_file())
}

fn base(variable: &str, default: &str) -> Option<PathBuf> {
    // The specification says that a path that is not absolute is to be ignored.
    let set = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    set.or_else(|| Some(std::env::home_dir()?.join(default)))
}

/// A file for what is edited, which nobody else uses.
pub(super) fn draft(number: usize) -> PathBuf {
    std::env::temp_dir().join(format!("kubesql-{}-{number}.sql", std::process::id()))
}
