//! Tests of discovery from files with definitions of custom resources.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::super::{FileOptions, FileSource, Kinds};
use super::kinds;
use crate::flatten::tests::{oracle, random::Random};
use crate::flatten::{FieldMask, Flattener, Interpreter};
use crate::generated::KINDS;
use crate::schema::{DiscoveredKinds, KindDef, Shape, Table, TypeDef};
use crate::store::{DiscoveryScope, Source};

/// No compiled kinds but CustomResourceDefinition.
fn definitions_only() -> Kinds {
    let definitions = KINDS.iter().copied().filter(|kind| kind.kind == "CustomResourceDefinition");
    Kinds::new(definitions, |_| None)
}

async fn discover(paths: Vec<(String, PathBuf)>, kinds: Kinds) -> std::sync::Arc<DiscoveredKinds> {
    let files = FileSource::new(paths, kinds, FileOptions::default()).expect("files");
    assert_eq!(files.discover(&DiscoveryScope::All).await.len(), 0);
    files.discovered()
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
async fn discovered_kinds_equal_compiled_kinds() {
    let discovered = discover(vec![("c".to_owned(), schemas())], definitions_only()).await;
    let mut seen = 0;
    for kind in KINDS.iter().filter(|kind| kind.custom.is_some()) {
        let other = discovered
            .find(kind.group, kind.plural)
            .unwrap_or_else(|| panic!("{} was not discovered", kind.plural))
            .kind;
        same_type(kind.root, other.root, kind.kind);
        assert_eq!(kind.versions, other.versions, "{}", kind.kind);
        assert_eq!(kind.custom, other.custom, "{}", kind.kind);
        seen += 1;
        if kind.group == "metrics.k8s.io" {
            // `names.toml` has names for these tables.
            continue;
        }
        let tables = |kind: &'static KindDef| kind.tables.iter().map(|table| table.name).collect::<Vec<_>>();
        assert_eq!(tables(kind), tables(other), "{}", kind.kind);
        for (one, two) in kind.tables.iter().zip(other.tables) {
            let columns = |kind, def| {
                let columns = Table::new(kind, def).columns.into_iter();
                columns.map(|column| (column.name, column.values, column.path)).collect::<Vec<_>>()
            };
            assert_eq!(columns(kind, one), columns(other, two), "{}", one.name);
        }
    }
    assert!(seen >= 26, "only {seen} custom resources are compiled in");
    // The definitions add nothing to the compiled kinds.
    assert_eq!(discover(vec![("c".to_owned(), schemas())], kinds()).await.kinds.len(), 0);
}

/// More definitions than a compressed block has. Every seventh is not established.
#[tokio::test]
async fn many_definitions_are_discovered() {
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
    let discovered = discover(vec![("c".to_owned(), path)], definitions_only()).await;
    for number in 0..MANY {
        let found = discovered.find("example.com", &format!("many{number}"));
        assert_eq!(found.is_some(), !is_pending(number), "{number}");
        let Some((_, spec)) = found.and_then(|found| found.kind.root.field("spec")) else { continue };
        let Shape::Object(spec) = spec.shape else { panic!("many{number} has no spec") };
        assert!(spec.field(&format!("field{number}")).is_some(), "{number}");
    }
}

/// Samples that an unoptimized build reads quickly. `KUBESQL_ALL_CRDS=1` reads all.
const FEW: [&str; 7] = [
    "autoscaler",
    "config-connector",
    "external-snapshotter",
    "flux",
    "k8s-docs",
    "karpenter",
    "open-cluster-management",
];

/// Compares random objects of every sample's kind with the oracle.
#[tokio::test]
#[ignore = "needs KUBESQL_SAMPLES; .ci/run runs it"]
async fn samples_are_discovered_and_read() {
    let samples = std::env::var("KUBESQL_SAMPLES").expect("KUBESQL_SAMPLES is set");
    let folders = std::fs::read_dir(Path::new(&samples).join("crds")).expect("samples");
    // Folders have definitions with the same name: each folder is a cluster.
    let paths = folders.map(|folder| folder.expect("a folder").path());
    let all = std::env::var_os("KUBESQL_ALL_CRDS").is_some();
    let paths = paths.filter(|path| all || FEW.iter().any(|few| path.ends_with(few)));
    let paths = paths.map(|path| (path.file_name().expect("a name").to_string_lossy().into_owned(), path)).collect();
    let discovered = discover(paths, definitions_only()).await;
    assert!(discovered.kinds.len() >= if all { 97 } else { 30 }, "{}", discovered.kinds.len());
    let mut random = Random(42);
    let mut leaves = 0;
    for kind in discovered.kinds.iter().map(|discovered| discovered.kind) {
        let mut tables = BTreeSet::new();
        for def in kind.tables {
            assert!(tables.insert(def.name), "{} twice", def.name);
            let table = Table::new(kind, def);
            let names: BTreeSet<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
            assert_eq!(names.len(), table.columns.len(), "{}", def.name);
            leaves += names.len();
        }
        let objects: Vec<Value> = (0..3).map(|_| random.object(kind.root)).collect();
        let mut rows = Interpreter::new(kind.root, &FieldMask::All);
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
