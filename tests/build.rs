//! Looks for the tools that some tests need. Where one is missing, those tests are ignored, and say why.
//!
//! A test names what it needs: `#[cfg_attr(not(has_psql), ignore = "needs psql")]`. The harness of Rust's standard
//! library decides what is ignored when tests are compiled, and has no way to do so while they run.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// Programs that are looked for on the `PATH`.
const PROGRAMS: &[&str] = &["curl", "kubectl", "less", "psql", "python3", "tmux"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for variable in ["PATH", "HOME", "KUBESQL_APISERVER", "KUBESQL_CLIENTS", "KUBESQL_SAMPLES"] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    // `cargo xtask apiserver --build` and `cargo xtask clients` leave a file there when they are done: a folder can be
    // watched while it is empty, whereas cargo runs this again and again for a file that does not exist.
    let done = target().join("test-tools");
    fs::create_dir_all(&done).expect("a folder in the target directory");
    watch(&done);
    for program in PROGRAMS {
        found(program, on_path(program).is_some());
    }
    found("apiserver", is_file(&apiserver()));
    // The API server starts the programs in its own folder.
    let controllers = apiserver().with_file_name(format!("kubesql-controllers{}", env::consts::EXE_SUFFIX));
    found("controllers", is_file(&apiserver()) && is_file(&controllers));
    let clients = clients();
    found("python_clients", is_file(&clients.join("python/installed.txt")));
    let java = on_path("java").is_some();
    found("java_clients", java && has_jars(&clients.join("jars")));
    found("trino_server", java && is_file(&clients.join("trino/installed.xml")));
    let postgres = postgres(&clients);
    found("postgres", postgres.is_some());
    if let Some(folder) = postgres {
        println!("cargo::rustc-env=KUBESQL_POSTGRES_BIN={}", folder.display());
    }
    found("samples", env::var_os("KUBESQL_SAMPLES").is_some_and(|folder| !folder.is_empty()));
}

/// Sets `has_NAME` for the tests where the tool is there.
fn found(name: &str, is_there: bool) {
    println!("cargo::rustc-check-cfg=cfg(has_{name})");
    if is_there {
        println!("cargo::rustc-cfg=has_{name}");
    }
}

fn watch(path: &Path) {
    println!("cargo::rerun-if-changed={}", path.display());
}

/// Whether a file is there; if it goes, this runs again.
fn is_file(path: &Path) -> bool {
    let is_there = path.is_file();
    if is_there {
        watch(path);
    }
    is_there
}

fn on_path(program: &str) -> Option<PathBuf> {
    let name = format!("{program}{}", env::consts::EXE_SUFFIX);
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(&name)).find(|path| is_file(path))
}

/// Cargo's target directory: this runs with `<target>/<profile>/build/<package>/out`.
fn target() -> PathBuf {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    out.ancestors().nth(4).expect("a folder deep in the target directory").to_owned()
}

/// Where `cargo xtask apiserver --build` puts the API server.
fn apiserver() -> PathBuf {
    match env::var_os("KUBESQL_APISERVER").filter(|path| !path.is_empty()) {
        Some(path) => path.into(),
        None => target().join("apiserver").join(format!("kubesql-apiserver{}", env::consts::EXE_SUFFIX)),
    }
}

/// Where `cargo xtask clients` puts SQL clients.
fn clients() -> PathBuf {
    match env::var_os("KUBESQL_CLIENTS") {
        Some(folder) => folder.into(),
        None => env::home_dir().unwrap_or_default().join(".cache/kubesql/clients"),
    }
}

/// The folder of a PostgreSQL server of version 15 or newer: that of a package of Debian, or the one that
/// `cargo xtask clients` installs.
fn postgres(clients: &Path) -> Option<PathBuf> {
    let packaged = (15..30).rev().map(|version| PathBuf::from(format!("/usr/lib/postgresql/{version}/bin")));
    let installed = clients.join("postgres/bin");
    packaged.chain([installed]).find(|folder| is_file(&folder.join("initdb")))
}

/// Whether all archives of `clients/jars.txt` are there, each under the name that it has in its repository.
fn has_jars(folder: &Path) -> bool {
    println!("cargo::rerun-if-changed=clients/jars.txt");
    let list = fs::read_to_string("clients/jars.txt").expect("clients/jars.txt");
    let lines = list.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split(':').collect::<Vec<_>>()).all(|parts| {
        let [_, name, version, packaging, classifier @ ..] = &parts[..] else { return false };
        let classifier: String = classifier.iter().map(|classifier| format!("-{classifier}")).collect();
        is_file(&folder.join(format!("{name}-{version}{classifier}.{packaging}")))
    })
}
