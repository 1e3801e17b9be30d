//! Golden tests: compare the whole output for small documents, with one golden file for each set of rules.
//!
//! `UPDATE_GOLDENS=1 cargo test -p kubesql-codegen` rewrites the golden files. Review the diff.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::*;

/// Runs the generator on `goldens/<input>.json`, and compares all output with `goldens/<name>.golden`.
fn golden(name: &str, inputs: &[&str]) -> Output {
    golden_with_crds(name, inputs, Vec::new())
}

fn golden_with_crds(name: &str, inputs: &[&str], crds: Vec<Input>) -> Output {
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
            "{name}.golden:{}: expected `{old}`, generated `{new}`; if this is intended, run with UPDATE_GOLDENS=1",
            line + 1
        );
    }
    assert_eq!(text.lines().count(), expect.lines().count(), "{name}.golden is longer or shorter");
    output
}

#[test]
fn shapes_have_builders_and_definitions() {
    golden("shapes", &["shapes"]);
}

#[test]
fn lists_templates_and_statuses_become_tables() {
    golden("lists", &["lists"]);
}

#[test]
fn recursive_types_end_in_json() {
    golden("recursion", &["recursion"]);
}

#[test]
fn releases_are_merged() {
    golden("union", &["union-1", "union-2"]);
}

/// A new release adds names, and keeps the names of the first release.
#[test]
fn new_releases_only_add_names() {
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
        assert!(after.contains(&line), "{line:?} was removed or renamed");
    }
    let olds = |column: &str, path: &str| ("olds".to_owned(), column.to_owned(), path.to_owned());
    assert!(after.contains(&olds("replicas", "status.replicas")), "named in the first release");
    assert!(after.contains(&olds("spec.replicas", "spec.replicas")), "new, and therefore with its section");
}

#[test]
fn output_is_deterministic() {
    let once = golden("lists", &["lists"]);
    let inputs = Inputs {
        releases: vec![include_str!("../../goldens/lists.json").to_owned()],
        lock: once.files[LOCK].clone(),
        ..Inputs::default()
    };
    assert_eq!(generate(&inputs).unwrap().files, once.files, "also with the lock of the first run");
}

fn difficult_definitions() -> Input {
    Input { name: "custom-crds.json".to_owned(), text: include_str!("../../goldens/custom-crds.json").to_owned() }
}

#[test]
fn difficult_custom_resources_become_tables() {
    golden_with_crds("custom", &["shapes"], vec![difficult_definitions()]);
}

/// Imported definitions are equivalent to the originals, in a canonical form without descriptions and validation.
#[test]
fn imported_definitions_have_only_structure() {
    let written = crds(&difficult_definitions()).unwrap();
    let document = written[0].document();
    for word in ["Prose", "nullable", "maxLength", "pattern", "required", "anyOf", "v1alpha1"] {
        assert!(!document.contains(word), "{word}");
    }
    for crd in written {
        let again = crds(&Input { name: "again".to_owned(), text: crd.document() }).unwrap();
        assert_eq!(again, [crd]);
    }
}

/// A new version of a definition does not rename columns.
#[test]
fn new_versions_of_definitions_only_add_names() {
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
    // Without the lock, fields take precedence over printer columns.
    assert_eq!(names(&run(&more, String::new()))["status.state"], "state");
}
