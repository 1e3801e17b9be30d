//! Tests of discovery in clusters with different definitions of a kind.

use std::sync::Arc;

use kubesql_codegen::spec::Crd;
use serde_json::{Value, json};

use super::{Definition, KindRegistry};
use crate::generated::KINDS;
use crate::schema::{KindDef, Scalar, Table, Values};

fn definition(version: &str, group: &str, plural: &str, versions: &[(&str, Value)]) -> (String, Definition) {
    let versions: Vec<Value> = versions
        .iter()
        .map(|(name, schema)| json!({"name": name, "served": true, "schema": {"openAPIV3Schema": schema}}))
        .collect();
    let object = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{group}")},
        "spec": {"group": group, "scope": "Namespaced", "names": {"kind": "Thing", "plural": plural}, "versions": versions},
    });
    let crd = Arc::new(Crd::from_object("test", &object).expect("a definition"));
    (crd.name(), Definition { version: version.to_owned(), from_openapi: false, inferred: false, crd })
}

fn things(version: &str, spec: Value) -> (String, Definition) {
    let schema = json!({"type": "object", "properties": {"spec": {"type": "object", "properties": spec}}});
    definition(version, "toys.example", "things", &[("v1", schema)])
}

fn registry() -> KindRegistry {
    KindRegistry::new(KINDS.to_vec())
}

fn discovered(registry: &KindRegistry) -> Vec<(&'static KindDef, Vec<String>)> {
    registry.current().kinds.iter().map(|discovered| (discovered.kind, discovered.notes.clone())).collect()
}

/// Name, type and path of the columns of a kind's own table that come from its spec.
fn columns(kind: &'static KindDef) -> Vec<(String, Values, String)> {
    let columns =
        Table::new(kind, &kind.tables[0]).columns.into_iter().filter(|column| column.path.starts_with("spec"));
    columns.map(|column| (column.name, column.values, column.path)).collect()
}

#[test]
fn definitions_of_several_clusters_are_merged() {
    let registry = registry();
    let text = json!({"type": "string"});
    let (name, first) = things("1", json!({"a": text, "b": {"type": "integer"}}));
    registry.set(&"one".into(), &name, Some(first));
    let (_, second) = things(
        "1",
        json!({"b": {"type": "string"}, "c": {"type": "array", "items": {"type": "object",
        "properties": {"x": text}}}}),
    );
    registry.set(&"two".into(), &name, Some(second));
    let [(kind, notes)] = &discovered(&registry)[..] else { panic!("one kind") };
    let column = |name: &str, scalar| (name.to_owned(), Values::Scalar(scalar), format!("spec.{name}"));
    assert_eq!(columns(kind), [column("a", Scalar::Text), column("b", Scalar::IntOrString)]);
    assert_eq!(notes, &["spec.b has conflicting types and is text"]);
    let tables: Vec<&str> = kind.tables.iter().map(|table| table.name).collect();
    assert_eq!(tables, ["things", "thing_ownerreferences", "thing_c"]);

    // The conflicting definition is removed and comes back: the kind gets the same static definition again.
    let both = *kind;
    let (_, second) = things("2", json!({"c": text}));
    registry.set(&"two".into(), &name, Some(second));
    let [(alone, notes)] = &discovered(&registry)[..] else { panic!("one kind") };
    assert_eq!(columns(alone)[1], ("b".to_owned(), Values::Scalar(Scalar::Int64), "spec.b".to_owned()));
    assert!(notes.is_empty() && !std::ptr::eq(*alone, both));
    let (_, second) = things(
        "3",
        json!({"b": text, "c": {"type": "array", "items": {"type": "object",
        "properties": {"x": text}}}}),
    );
    let generation = registry.current().generation;
    registry.set(&"two".into(), &name, Some(second.clone()));
    assert!(std::ptr::eq(discovered(&registry)[0].0, both), "equal definitions are interned once");
    assert_eq!(registry.current().generation, generation + 1);
    registry.set(&"two".into(), &name, Some(Definition { version: "4".to_owned(), ..second }));
    assert_eq!(registry.current().generation, generation + 1, "the kind did not change");

    registry.replace(&"one".into(), [].into());
    registry.replace(&"two".into(), [].into());
    assert!(discovered(&registry).is_empty());
}

/// The newest version determines the shape of a field. Values of other shapes have a column of their own.
#[test]
fn shapes_differ_between_versions_and_clusters() {
    let text = json!({"type": "string"});
    let map = json!({"type": "object", "additionalProperties": text});
    let list = json!({"type": "array", "items": {"type": "object", "properties": {"name": text, "value": text}}});
    let of = |args: &Value| json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {"args": args}}}});
    let tables = |kind: &'static KindDef| kind.tables.iter().map(|table| table.name).collect::<Vec<_>>();
    let note = "spec.args has conflicting types: values of the other type are JSON";
    let other = ("args".to_owned(), Values::Scalar(Scalar::Json), "spec.args".to_owned());

    let registry = registry();
    let (name, both) = definition("1", "toys.example", "things", &[("v1beta1", of(&map)), ("v1beta2", of(&list))]);
    registry.set(&"one".into(), &name, Some(both));
    let [(kind, notes)] = &discovered(&registry)[..] else { panic!("one kind") };
    assert_eq!((columns(kind), &notes[..]), (vec![other.clone()], &[note.to_owned()][..]));
    assert_eq!(tables(kind), ["things", "thing_ownerreferences", "thing_args"]);

    // A cluster that has only the old version changes nothing, whichever was first.
    let (_, old) = definition("1", "toys.example", "things", &[("v1beta1", of(&map))]);
    registry.set(&"a".into(), &name, Some(old.clone()));
    assert!(std::ptr::eq(discovered(&registry)[0].0, *kind));
    registry.replace(&"one".into(), [].into());
    let [(alone, notes)] = &discovered(&registry)[..] else { panic!("one kind") };
    assert_eq!(
        columns(alone),
        [("args".to_owned(), Values::Map(crate::schema::MapValue::Text), "spec.args".to_owned())]
    );
    assert!(notes.is_empty());
    let (_, new) = definition("1", "toys.example", "things", &[("v1beta2", of(&list))]);
    registry.set(&"b".into(), &name, Some(new));
    let [(kind, notes)] = &discovered(&registry)[..] else { panic!("one kind") };
    assert_eq!((columns(kind), &notes[..]), (vec![other], &[note.to_owned()][..]));
    assert_eq!(tables(kind), ["things", "thing_ownerreferences", "thing_args"]);
}

#[test]
fn names_are_stable_at_run_time() {
    let registry = registry();
    let schema = |spec: Value, status: Value| {
        json!({"type": "object", "properties": {"spec": {"type": "object", "properties": spec},
            "status": {"type": "object", "properties": status}}})
    };
    let count = json!({"replicas": {"type": "integer"}});
    let first = [("v1", schema(json!({}), count.clone()))];
    let (name, old) = definition("1", "toys.example", "things", &first);
    registry.set(&"c".into(), &name, Some(old));
    let (_, new) = definition("2", "toys.example", "things", &[("v1", schema(count.clone(), count))]);
    registry.set(&"c".into(), &name, Some(new));
    let kind = discovered(&registry)[0].0;
    let table = Table::new(kind, &kind.tables[0]);
    let named = |path: &str| table.columns.iter().find(|column| column.path == path).map(|column| &*column.name);
    assert_eq!(named("status.replicas"), Some("replicas"), "the name from before");
    assert_eq!(named("spec.replicas"), Some("spec.replicas"));
}

#[test]
fn versions_are_merged_by_stability() {
    let registry = registry();
    let schema = |field: &str| json!({"type": "object", "properties": {field: {"type": "string"}}});
    let versions = [("v1alpha1", schema("a")), ("v1", schema("b")), ("v1beta1", schema("c"))];
    let (name, of) = definition("1", "toys.example", "things", &versions);
    registry.set(&"c".into(), &name, Some(of));
    let kind = discovered(&registry)[0].0;
    assert_eq!(kind.versions, ["v1", "v1beta1", "v1alpha1"]);
    for field in ["a", "b", "c"] {
        assert!(kind.root.field(field).is_some(), "{field}");
    }
}

#[test]
fn compiled_kinds_are_extended_and_keep_their_names() {
    let compiled =
        KINDS.iter().find(|kind| kind.plural == "certificates" && kind.custom.is_some()).expect("compiled in");
    let registry = registry();
    let spec =
        |fields: Value| json!({"type": "object", "properties": {"spec": {"type": "object", "properties": fields}}});
    let (name, same) =
        definition("1", compiled.group, compiled.plural, &[("v1", spec(json!({"commonName": {"type": "string"}})))]);
    registry.set(&"c".into(), &name, Some(same));
    assert!(discovered(&registry).is_empty(), "the definition adds nothing");
    let fields =
        json!({"commonName": {"type": "string"}, "colour": {"type": "string"}, "conditions": {"type": "integer"}});
    let (_, more) = definition("2", compiled.group, compiled.plural, &[("v1", spec(fields))]);
    registry.set(&"c".into(), &name, Some(more));
    let [(kind, notes)] = &discovered(&registry)[..] else { panic!("one kind") };
    assert_eq!(notes, &[] as &[String]);
    let names = |kind: &'static KindDef| -> Vec<(String, Values)> {
        let tables = kind.tables.iter().map(|def| Table::new(kind, def));
        tables
            .flat_map(|table| {
                let front = table.def.name;
                table.columns.into_iter().map(move |column| (format!("{front}.{}", column.name), column.values))
            })
            .collect()
    };
    let (before, now) = (names(compiled), names(kind));
    let gone: Vec<_> = before.iter().filter(|name| !now.contains(name)).collect();
    assert!(gone.is_empty(), "{gone:?}");
    assert_eq!(now.len(), before.len() + 2);
    assert!(now.contains(&("certificates.colour".to_owned(), Values::Scalar(Scalar::Text))));
}

#[test]
fn built_in_kinds_are_not_discovered() {
    let registry = registry();
    let (name, of) = definition("1", "apps", "deployments", &[("v1", json!({"type": "object"}))]);
    registry.set(&"c".into(), &name, Some(of));
    assert!(discovered(&registry).is_empty());
}
