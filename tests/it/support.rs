//! Runs the `kubesql` command, and finds files of the checkout.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The checkout.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the checkout")
}

/// The demo objects.
pub(crate) const DEMO: &str = "tests/fixtures/demo";

/// Cargo's target directory and the profile's folder in it: this binary is in `<target>/<profile>/deps`.
pub(crate) fn target() -> (&'static Path, &'static Path) {
    static TEST: OnceLock<PathBuf> = OnceLock::new();
    let test = TEST.get_or_init(|| std::env::current_exe().expect("this test's path"));
    let profile = test.parent().and_then(Path::parent).expect("target/<profile>/deps");
    (profile.parent().expect("the target directory"), profile)
}

/// The command, built from this source once for each run.
pub(crate) fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| build("kubesql"))
}

/// Builds one of the workspace's programs beside this binary. `--tests` gives its dependencies the features that they
/// have in tests, so that little is left to compile.
pub(crate) fn build(program: &str) -> PathBuf {
    let (target, profile) = target();
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root()).args(["build", "--quiet", "--workspace", "--tests", "--bin", program]);
    cargo.arg("--target-dir").arg(target);
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    // Variables that cargo sets for tests. Build scripts of dependencies would take them for a change and run again.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_CRATE_", "CARGO_BIN_"].iter().any(|begin| text.starts_with(begin)) {
            cargo.env_remove(&name);
        }
    }
    let status = cargo.status().expect("cargo runs");
    assert!(status.success(), "{program} does not build");
    profile.join(format!("{program}{}", std::env::consts::EXE_SUFFIX))
}

/// The outcome of a run of the command.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs the command in the checkout with nothing on standard input.
pub(crate) fn run(args: &[&str]) -> Ran {
    run_with(args, "")
}

/// Runs the command in the checkout with this text on standard input.
pub(crate) fn run_with(args: &[&str], input: &str) -> Ran {
    let mut child = Command::new(binary())
        .current_dir(root())
        // A folder without a kubeconfig, whoever runs the tests.
        .env("HOME", root().join("tests"))
        .env_remove("KUBECONFIG")
        .env_remove("KUBERNETES_SERVICE_HOST")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let mut stdin = child.stdin.take().expect("standard input");
    let input = input.to_owned();
    // In a thread, since the command may write before it has read everything.
    let writer = std::thread::spawn(move || match stdin.write_all(input.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => panic!("standard input: {error}"),
        _ => {}
    });
    let output = child.wait_with_output().expect("the command ends");
    writer.join().expect("the writer ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// The rows of one statement over some sources, as JSON.
pub(crate) fn rows(files: &[&str], sql: &str) -> Vec<serde_json::Value> {
    let mut args = vec!["query", "-o", "json"];
    args.extend(files.iter().flat_map(|file| ["--file", file]));
    args.push(sql);
    let ran = run(&args);
    assert_eq!(ran.code, Some(0), "{sql}\n{}", ran.err);
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{sql}: {error}\n{}", ran.out))
}

/// Starts the command, reads one line of its output and closes the pipe; returns its exit code and standard error.
pub(crate) fn read_one_line(args: &[&str]) -> (Option<i32>, String) {
    let mut child = Command::new(binary())
        .current_dir(root())
        // A folder without a kubeconfig, whoever runs the tests.
        .env("HOME", root().join("tests"))
        .env_remove("KUBECONFIG")
        .env_remove("KUBERNETES_SERVICE_HOST")
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let mut out = child.stdout.take().expect("standard output");
    let mut byte = [0];
    while out.read(&mut byte).expect("a byte") == 1 && byte != *b"\n" {}
    drop(out);
    let output = child.wait_with_output().expect("the command ends");
    (output.status.code(), String::from_utf8(output.stderr).expect("UTF-8"))
}
