//! Answers that code of other people's making gives, too: Python's standard library over the same files.

use std::path::PathBuf;
use std::process::Command;

use crate::support::{DEMO, binary, root, skipped};

/// Runs one of the scripts; its last line counts what agreed.
pub(crate) fn python(script: &str, args: &[PathBuf]) {
    let mut command = Command::new("python3");
    command.arg(root().join("tests/oracle").join(script)).arg(binary()).args(args).env("PYTHONDONTWRITEBYTECODE", "1");
    match command.output() {
        Ok(output) => {
            let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert!(output.status.success(), "{script}:\n{out}{err}");
        }
        Err(error) if std::env::var_os("CI").is_some() => panic!("python3 does not run: {error}"),
        Err(error) => skipped(&format!("{script}: PYTHON3 DOES NOT RUN: {error}")),
    }
}

fn samples() -> Option<PathBuf> {
    let folder = std::env::var_os("KUBESQL_SAMPLES").map(PathBuf::from);
    if folder.is_none() {
        skipped("THE ORACLE OVER REAL OBJECTS: KUBESQL_SAMPLES IS NOT SET");
    }
    folder
}

#[test]
fn made_up_objects_answer_alike() {
    // The small cluster, and objects that are hard to read right.
    python("questions.py", &[root().join(DEMO)]);
    python("questions.py", &[root().join("tests/fixtures/hard")]);
}

#[test]
fn real_objects_answer_alike() {
    let Some(samples) = samples() else { return };
    python("questions.py", &[samples.join("objects/real")]);
    python("questions.py", &[samples.join("objects/every-field-v1.35")]);
}

#[test]
fn every_leaf_is_in_some_column() {
    let Some(samples) = samples() else { return };
    python("every_field.py", &[root().join("schemas/tables.tsv"), samples.join("objects/every-field-v1.35")]);
}

/// Objects made from the definitions that are compiled in, and from hard ones that are learnt.
#[test]
fn every_leaf_of_custom_resources_is_in_its_column() {
    let hard = root().join("kubesql-codegen/goldens/custom-crds.json");
    let [vpa, gateways, snapshots] =
        ["verticalpodautoscalers.autoscaling", "gateways.gateway.networking", "volumesnapshots.snapshot.storage"]
            .map(|name| root().join(format!("schemas/crds/{name}.k8s.io.json")));
    python("custom.py", &[hard, vpa, gateways, snapshots]);
}
