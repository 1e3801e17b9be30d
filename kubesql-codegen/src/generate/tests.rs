//! Small documents in, whole output compared: one golden file for each set of rules.
//!
//! `UPDATE_GOLDENS=1 cargo test -p kubesql-codegen` rewrites them; read the diff.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::*;

/// Runs the generator over `goldens/<input>.json` and compares all it wrote with `goldens/<name>.golden`.
fn golden(name: &str, inputs: &[&str]) -> Output {
    golden_of(name, inputs, Vec::new())
}

fn golden_of(name: &str, inputs: &[&str], crds: Vec<Input>) -> Output {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("goldens");
    let releases =
        inputs.iter().map(|input| fs::read_to_string(folder.join(format!("{input}.json"))).unwrap()).collect();
    let output = generate(&Inputs { releases, crds, ..Inputs::default() }).unwrap();
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

fn hard_definitions() -> Input {
    Input { name: "custom-crds.json".to_owned(), text: include_str!("../../goldens/custom-crds.json").to_owned() }
}

#[test]
fn custom_resources_however_hard_become_tables() {
    golden_of("custom", &["shapes"], vec![hard_definitions()]);
}

/// What is imported says the same as what it was imported from, in a fixed form and without prose.
#[test]
fn imported_definitions_are_structure_alone() {
    let written = crds(&hard_definitions()).unwrap();
    let document = written[0].document();
    for word in ["Prose", "nullable", "maxLength", "pattern", "required", "anyOf", "v1alpha1"] {
        assert!(!document.contains(word), "{word}");
    }
    for crd in written {
        let again = crds(&Input { name: "again".to_owned(), text: crd.document() }).unwrap();
        assert_eq!(again, [crd]);
    }
}

/// A new version of a definition renames nothing.
#[test]
fn a_new_version_of_a_definition_only_adds() {
    let release = include_str!("../../goldens/shapes.json").to_owned();
    let run = |fields: &[(&str, &str)], lock: String| {
        let of = |section: &str| {
            let fields = fields.iter().filter(|(of, _)| *of == section);
            let fields: serde_json::Map<_, _> =
                fields.map(|(_, name)| ((*name).to_owned(), serde_json::json!({"type": "string"}))).collect();
            serde_json::json!({"type": "object", "properties": fields})
        };
        let schema = serde_json::json!({"type": "object", "properties": {"spec": of("spec"), "status": of("status")}});
        let printed = serde_json::json!([{"name": "State", "type": "string", "jsonPath": ".status.phase"}]);
        let crd = serde_json::json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "spec": {"group": "a.example", "names": {"kind": "A", "plural": "as"}, "scope": "Cluster",
                "versions": [{"name": "v1", "additionalPrinterColumns": printed, "schema": {"openAPIV3Schema": schema}}]}});
        let crds = vec![Input { name: "a".to_owned(), text: crd.to_string() }];
        generate(&Inputs { releases: vec![release.clone()], crds, lock, ..Inputs::default() }).unwrap()
    };
    let names = |output: &Output| -> BTreeMap<String, String> {
        let lines = output.files[LISTING].lines().map(|line| line.split('\t').collect::<Vec<_>>());
        let own = lines.filter(|parts| parts[1] == "as" && !parts[4].is_empty());
        own.map(|parts| (parts[4].to_owned(), parts[2].to_owned())).collect()
    };
    let old = [("status", "phase"), ("status", "count"), ("spec", "size")];
    let first = run(&old, String::new());
    let more = [&old[..], &[("status", "state"), ("spec", "count")]].concat();
    let second = run(&more, first.files[LOCK].clone());
    let (before, after) = (names(&first), names(&second));
    assert_eq!(before[".status.phase"], "state");
    for (path, name) in &before {
        assert_eq!(after.get(path), Some(name), "{path}");
    }
    assert_eq!((after["status.state"].as_str(), after["spec.count"].as_str()), ("status.state", "spec.count"));
    // Without the lock, a field goes before what is printed, and another field before it.
    assert_eq!(names(&run(&more, String::new()))["status.state"], "state");
}
