//! SQL clients that are not ours: those that `cargo xtask clients` installs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::support::{root, skipped};

fn folder() -> PathBuf {
    match std::env::var_os("KUBESQL_CLIENTS") {
        Some(folder) => folder.into(),
        None => std::env::home_dir().expect("a home directory").join(".cache/kubesql/clients"),
    }
}

/// A program of the Python environment (`python`, `pgcli`), to be run in the checkout.
///
/// None, and said aloud, where it is not installed.
pub(crate) fn python(program: &str) -> Option<Command> {
    let path = folder().join(if cfg!(windows) { "python/Scripts" } else { "python/bin" }).join(program);
    present(&path).then(|| {
        let mut command = Command::new(path);
        command.current_dir(root());
        command
    })
}

/// Java with these archives of `tests/clients/jars.txt` on its class path, each named by how its file's name begins,
/// to be run in the checkout. A single source file may follow: `java Client.java`.
///
/// None, and said aloud, where Java or one of them is not installed.
pub(crate) fn java(jars: &[&str]) -> Option<Command> {
    java_with(jars, &[])
}

/// As [`java`], with the Trino server of `tests/clients/trino.xml` and Trino's driver.
pub(crate) fn trino_server() -> Option<Command> {
    let server = folder().join("trino");
    // Written when all else is there.
    if !present(&server.join("installed.xml")) {
        return None;
    }
    java_with(&["trino-jdbc"], &[server.join("*")])
}

fn java_with(jars: &[&str], more: &[PathBuf]) -> Option<Command> {
    static JAVA: OnceLock<bool> = OnceLock::new();
    if !JAVA.get_or_init(|| Command::new("java").arg("-version").output().is_ok_and(|ran| ran.status.success())) {
        skipped("TESTS OF SQL CLIENTS IN JAVA: JAVA DOES NOT RUN");
        return None;
    }
    let mut path = Vec::new();
    for jar in jars {
        path.push(archive(jar)?);
    }
    path.extend_from_slice(more);
    let path: OsString = std::env::join_paths(path).expect("no separators in paths");
    let mut command = Command::new("java");
    command.current_dir(root()).arg("-cp").arg(path);
    Some(command)
}

/// The archive whose file's name begins like this; none, and said aloud, where it is not installed.
pub(crate) fn archive(name: &str) -> Option<PathBuf> {
    let folder = folder().join("jars");
    let files = std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|file| file.path());
    let found = files.filter(|path| path.file_name().is_some_and(|of| of.to_string_lossy().starts_with(name))).max();
    if found.is_none() {
        present(&folder.join(name));
    }
    found
}

fn present(path: &Path) -> bool {
    let there = path.exists();
    if !there {
        skipped(&format!("A TEST OF AN SQL CLIENT: {} IS MISSING (cargo xtask clients)", path.display()));
    }
    there
}
