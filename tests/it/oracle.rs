//! Answers compared with independent code: Python's standard library over the same files.

use std::path::PathBuf;
use std::process::Command;

use crate::apiserver::ApiServer;
use crate::support::{DEMO, binary, root};

/// Runs one of the scripts in `tests/oracle`.
pub(crate) fn python(script: &str, args: &[PathBuf]) {
    let mut command = Command::new("python3");
    command.arg(root().join("tests/oracle").join(script)).arg(binary()).args(args).env("PYTHONDONTWRITEBYTECODE", "1");
    let output = command.output().expect("python3 runs");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{script}:\n{out}{err}");
}

fn samples() -> PathBuf {
    std::env::var_os("KUBESQL_SAMPLES").expect("KUBESQL_SAMPLES is set").into()
}

#[test]
#[cfg_attr(not(has_python3), ignore = "needs python3")]
fn fixtures_answer_as_python_does() {
    // The demo objects, and objects that are hard to read.
    python("questions.py", &[root().join(DEMO)]);
    python("questions.py", &[root().join("tests/fixtures/hard")]);
}

#[test]
#[cfg_attr(not(all(has_python3, has_samples)), ignore = "needs python3 and KUBESQL_SAMPLES")]
fn samples_answer_as_python_does() {
    let samples = samples();
    python("questions.py", &[samples.join("objects/real")]);
    python("questions.py", &[samples.join("objects/every-field-v1.35")]);
}

#[test]
#[cfg_attr(not(all(has_python3, has_samples)), ignore = "needs python3 and KUBESQL_SAMPLES")]
fn every_leaf_of_samples_is_in_some_column() {
    let samples = samples();
    python("every_field.py", &[root().join("schemas/tables.tsv"), samples.join("objects/every-field-v1.35")]);
}

/// What `kubectl get` prints, for objects that reach the branches of the server's printers.
#[test]
#[cfg_attr(
    not(all(has_python3, has_apiserver, has_kubectl)),
    ignore = "needs python3, cargo xtask apiserver --build, and kubectl"
)]
fn printed_columns_are_those_of_the_server() {
    python("kubectl.py", &[ApiServer::shared().kubeconfig.clone()]);
}

/// Objects generated from the compiled definitions, and from unusual ones that are read at run time.
#[test]
#[cfg_attr(not(has_python3), ignore = "needs python3")]
fn every_leaf_of_custom_resources_is_in_its_column() {
    let hard = root().join("kubesql-codegen/goldens/custom-crds.json");
    let [vpa, gateways, snapshots] =
        ["verticalpodautoscalers.autoscaling", "gateways.gateway.networking", "volumesnapshots.snapshot.storage"]
            .map(|name| root().join(format!("schemas/crds/{name}.k8s.io.json")));
    python("custom.py", &[hard, vpa, gateways, snapshots]);
}
