//! The SQL clients that `cargo xtask clients` installs.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use super::support::root;

fn folder() -> PathBuf {
    match std::env::var_os("KUBESQL_CLIENTS") {
        Some(folder) => folder.into(),
        None => std::env::home_dir().expect("a home directory").join(".cache/kubesql/clients"),
    }
}

/// A program of the Python environment (`python`, `pgcli`), to be run in the checkout.
pub(crate) fn python(program: &str) -> Command {
    let path = folder().join(if cfg!(windows) { "python/Scripts" } else { "python/bin" }).join(program);
    let mut command = Command::new(installed(path));
    command.current_dir(root());
    command
}

/// Java with these archives of `tests/clients/jars.txt` on its class path, each named by the beginning of its file's
/// name, to be run in the checkout. A single source file may follow: `java Client.java`.
pub(crate) fn java(jars: &[&str]) -> Command {
    java_with(jars, &[])
}

/// As [`java`], with the Trino server of `tests/clients/trino.xml` and Trino's driver.
pub(crate) fn trino_server() -> Command {
    let server = folder().join("trino");
    installed(server.join("installed.xml"));
    java_with(&["trino-jdbc"], &[server.join("*")])
}

fn java_with(jars: &[&str], more: &[PathBuf]) -> Command {
    let path = jars.iter().map(|jar| archive(jar)).chain(more.iter().cloned());
    let path: OsString = std::env::join_paths(path).expect("no separators in paths");
    let mut command = Command::new("java");
    command.current_dir(root()).arg("-cp").arg(path);
    command
}

/// The archive whose file name begins like this.
fn archive(name: &str) -> PathBuf {
    let folder = folder().join("jars");
    let files = std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|file| file.path());
    let found = files.filter(|path| path.file_name().is_some_and(|of| of.to_string_lossy().starts_with(name))).max();
    found.unwrap_or_else(|| installed(folder.join(name)))
}

fn installed(path: PathBuf) -> PathBuf {
    assert!(path.exists(), "{} is missing: run `cargo xtask clients`", path.display());
    path
}
