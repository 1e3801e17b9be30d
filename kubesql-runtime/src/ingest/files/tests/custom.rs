//! Definitions of custom resources among files: their kinds are learnt, and are what the generator compiles in.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::super::{Files, Kinds, Options};
use super::kinds;
use crate::flatten::tests::{oracle, random::Random};
use crate::flatten::{Interpreter, Rows, Want};
use crate::generated::KINDS;
use crate::schema::{KindDef, Learnt, Shape, Table, TypeDef};
use crate::store::{Source, Wanted};

/// Knows nothing but definitions.
fn nothing() -> Kinds {
    let definitions = KINDS.iter().copied().filter(|kind| kind.kind == "CustomResourceDefinition");
    Kinds::new(definitions, |_| None)
}

async fn learn(paths: Vec<(String, PathBuf)>, kinds: Kinds) -> std::sync::Arc<Learnt> {
    let files = Files::new(paths, kinds, Options::default()).expect("files");
    assert_eq!(files.learn(&Wanted::All).await.len(), 0);
    files.learnt()
}

fn schemas() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas/crds")
}

fn same_type(one: &'static TypeDef, other: &'static TypeDef, at: &str) {
    let names = |def: &TypeDef| def.fields.iter().map(|field| field.json).collect::<Vec<_>>();
    assert_eq!(names(one), names(other), "{at}");
    for (one, other) in one.fields.iter().zip(other.fields) {
        let at = format!("{at}.{}", one.json);
        match (one.shape, other.shape) {
            (Shape::Object(one), Shape::Object(other)) | (Shape::List(one), Shape::List(other)) => {
                same_type(one, other, &at);
            }
            (one, other) => assert_eq!(format!("{one:?}"), format!("{other:?}"), "{at}"),
        }
    }
}

#[tokio::test]
async fn what_is_learnt_is_what_is_compiled_in() {
    let learnt = learn(vec![("c".to_owned(), schemas())], nothing()).await;
    let mut seen = 0;
    for kind in KINDS.iter().filter(|kind| kind.custom.is_some()) {
        let other =
            learnt.find(kind.group, kind.plural).unwrap_or_else(|| panic!("{} is not learnt", kind.plural)).kind;
        same_type(kind.root, other.root, kind.kind);
        assert_eq!(kind.versions, other.versions, "{}", kind.kind);
        assert_eq!(kind.custom, other.custom, "{}", kind.kind);
        seen += 1;
        if kind.group == "metrics.k8s.io" {
            // People chose what their tables are called.
            continue;
        }
        let tables = |kind: &'static KindDef| kind.tables.iter().map(|table| table.name).collect::<Vec<_>>();
        assert_eq!(tables(kind), tables(other), "{}", kind.kind);
        for (one, two) in kind.tables.iter().zip(other.tables) {
            let columns = |kind, def| {
                let columns = Table::of(kind, def).columns.into_iter();
                columns.map(|column| (column.name, column.values, column.path)).collect::<Vec<_>>()
            };
            assert_eq!(columns(kind, one), columns(other, two), "{}", one.name);
        }
    }
    assert!(seen >= 26, "only {seen} custom resources are compiled in");
    // Nothing more is to be learnt of them where they are compiled in.
    assert_eq!(learn(vec![("c".to_owned(), schemas())], kinds()).await.kinds.len(), 0);
}

/// More than are compressed together, of which each seventh is not taken yet.
#[tokio::test]
async fn each_of_many_definitions_is_learnt_for_what_it_is() {
    const MANY: usize = 200;
    let is_pending = |number: usize| number.is_multiple_of(7);
    let folder = tempfile::tempdir().expect("a folder");
    let definition = |number: usize| {
        let properties = serde_json::json!({ "spec": { "type": "object", "properties": {
            format!("field{number}"): { "type": "string" },
        } } });
        serde_json::json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": { "name": format!("many{number}.example.com") },
            "spec": {
                "group": "example.com",
                "names": { "plural": format!("many{number}"), "kind": format!("Many{number}") },
                "scope": "Namespaced",
                "versions": [{ "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema": {
                    "type": "object", "properties": properties,
                } } }],
            },
            "status": { "conditions": [
                { "type": "Established", "status": if is_pending(number) { "False" } else { "True" } },
            ] },
        })
    };
    let all: Vec<String> = (0..MANY).map(|number| definition(number).to_string()).collect();
    let path = folder.path().join("many.json");
    std::fs::write(&path, all.join("\n")).expect("written");
    let learnt = learn(vec![("c".to_owned(), path)], nothing()).await;
    for number in 0..MANY {
        let found = learnt.find("example.com", &format!("many{number}"));
        assert_eq!(found.is_some(), !is_pending(number), "{number}");
        let Some((_, spec)) = found.and_then(|found| found.kind.root.field("spec")) else { continue };
        let Shape::Object(spec) = spec.shape else { panic!("many{number} has no spec") };
        assert!(spec.field(&format!("field{number}")).is_some(), "{number}");
    }
}

/// The samples that are read without an optimiser in a moment; `KUBESQL_ALL_CRDS=1` takes all.
const FEW: [&str; 7] = [
    "autoscaler",
    "config-connector",
    "external-snapshotter",
    "flux",
    "k8s-docs",
    "karpenter",
    "open-cluster-management",
];

/// Made objects of every sample's kind are read leaf by leaf as an independent reader reads them.
#[tokio::test]
#[ignore = "needs KUBESQL_SAMPLES; .ci/run runs it"]
async fn samples_are_learnt_and_read() {
    let samples = std::env::var("KUBESQL_SAMPLES").expect("KUBESQL_SAMPLES is set");
    let folders = std::fs::read_dir(Path::new(&samples).join("crds")).expect("samples");
    // Folders have some of one name: each is a cluster of its own.
    let paths = folders.map(|folder| folder.expect("a folder").path());
    let all = std::env::var_os("KUBESQL_ALL_CRDS").is_some();
    let paths = paths.filter(|path| all || FEW.iter().any(|few| path.ends_with(few)));
    let paths = paths.map(|path| (path.file_name().expect("a name").to_string_lossy().into_owned(), path)).collect();
    let learnt = learn(paths, nothing()).await;
    assert!(learnt.kinds.len() >= if all { 97 } else { 30 }, "{}", learnt.kinds.len());
    let mut random = Random(42);
    let mut leaves = 0;
    for kind in learnt.kinds.iter().map(|learnt| learnt.kind) {
        let mut tables = BTreeSet::new();
        for def in kind.tables {
            assert!(tables.insert(def.name), "{} twice", def.name);
            let table = Table::of(kind, def);
            let names: BTreeSet<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
            assert_eq!(names.len(), table.columns.len(), "{}", def.name);
            leaves += names.len();
        }
        let objects: Vec<Value> = (0..3).map(|_| random.object(kind.root)).collect();
        let mut rows = Interpreter::new(kind.root, &Want::All);
        objects.iter().for_each(|object| rows.push(&object.to_string()).expect("JSON"));
        let flattened = rows.finish();
        let mut misfits = 0;
        for (row, object) in objects.iter().enumerate() {
            let expected = oracle::expect(kind.root, object, &mut misfits);
            assert_eq!(oracle::values(kind.root, &flattened.columns, row), expected, "{} {row}", kind.kind);
        }
        assert_eq!(flattened.mismatch_count, misfits, "{}", kind.kind);
    }
    assert!(leaves > if all { 20_000 } else { 2_000 }, "only {leaves} columns");
}
