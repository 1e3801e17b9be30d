//! Small documents in, whole output compared: one golden file for each set of rules.
//!
//! `UPDATE_GOLDENS=1 cargo test -p kubesql-codegen` rewrites them; read the diff.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::*;

/// Runs the generator over `goldens/<input>.json` and compares all it wrote with `goldens/<name>.golden`.
fn golden(name: &str, inputs: &[&str]) -> Output {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("goldens");
    let releases =
        inputs.iter().map(|input| fs::read_to_string(folder.join(format!("{input}.json"))).unwrap()).collect();
    let output = generate(&Inputs { releases, ..Inputs::default() }).unwrap();
    let mut text = String::new();
    for (path, content) in &output.files {
        writeln!(text, "==> {path}\n{content}").unwrap();
    }
    let file = folder.join(format!("{name}.golden"));
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        fs::write(&file, &text).unwrap();
    }
    let expect = fs::read_to_string(&file).unwrap_or_default();
    if let Some((line, (new, old))) = text.lines().zip(expect.lines()).enumerate().find(|(_, (new, old))| new != old) {
        panic!(
            "{name}.golden:{}: expected `{old}`, generated `{new}`; if that is meant, run with UPDATE_GOLDENS=1",
            line + 1
        );
    }
    assert_eq!(text.lines().count(), expect.lines().count(), "{name}.golden is longer or shorter");
    output
}

#[test]
fn every_shape_has_its_builder_and_definition() {
    golden("shapes", &["shapes"]);
}

#[test]
fn lists_templates_and_statuses_become_tables() {
    golden("lists", &["lists"]);
}

#[test]
fn recursion_ends_in_json() {
    golden("recursion", &["recursion"]);
}

#[test]
fn releases_are_united() {
    golden("union", &["union-1", "union-2"]);
}

/// A release that nobody has seen before: names of the first stay, what is new is added.
#[test]
fn a_new_release_only_adds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("goldens");
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let first = generate(&Inputs { releases: vec![read("union-1.json")], ..Inputs::default() }).unwrap();
    let lock = first.files[LOCK].clone();
    let both = vec![read("union-1.json"), read("union-2.json")];
    let second = generate(&Inputs { releases: both, lock, ..Inputs::default() }).unwrap();
    let key = |line: &str| {
        let parts: Vec<String> = line.split('\t').map(str::to_owned).collect();
        (parts[1].clone(), parts[2].clone(), parts[4].clone())
    };
    let after: Vec<_> = second.files[LISTING].lines().skip(1).map(key).collect();
    for line in first.files[LISTING].lines().skip(1).map(key).filter(|(table, ..)| table == "olds") {
        assert!(after.contains(&line), "{line:?} is gone or renamed");
    }
    let olds = |column: &str, path: &str| ("olds".to_owned(), column.to_owned(), path.to_owned());
    assert!(after.contains(&olds("replicas", "status.replicas")), "given in the first release");
    assert!(after.contains(&olds("spec.replicas", "spec.replicas")), "new, and so with its first word");
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let once = golden("lists", &["lists"]);
    let inputs = Inputs {
        releases: vec![include_str!("../../goldens/lists.json").to_owned()],
        lock: once.files[LOCK].clone(),
        ..Inputs::default()
    };
    assert_eq!(generate(&inputs).unwrap().files, once.files, "with the lock of the first run, too");
}
