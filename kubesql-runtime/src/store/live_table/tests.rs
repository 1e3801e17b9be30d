//! Checks a live table against a map through random changes, relists and merges.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::AsArray;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::{Key, TableConfig, Version, Writer};
use crate::generated;
use crate::schema::KindDef;
use crate::store::PublishLock;

fn pods() -> &'static KindDef {
    generated::KINDS.iter().find(|kind| kind.plural == "pods").expect("pods")
}

fn writer(segment_rows: usize) -> Writer {
    let new_flattener = || generated::flattener(pods()).expect("a generated flattener of pods");
    let config =
        TableConfig { cluster: "here".into(), kind: pods(), new_flattener: Arc::new(new_flattener), segment_rows };
    Writer::new(config, PublishLock::default())
}

fn pod(name: &str, node: u64) -> String {
    format!(r#"{{"metadata":{{"name":"{name}","namespace":"n"}},"spec":{{"nodeName":"node-{node}"}}}}"#)
}

/// The text of each live row by the object's name. Panics if a name has two rows.
fn rows(version: &Version) -> BTreeMap<String, String> {
    let mut rows = BTreeMap::new();
    for segment in &version.segments {
        let texts = segment.objects.as_ref().expect("texts").read(0..segment.columns.rows);
        for row in 0..segment.columns.rows {
            if segment.alive.as_ref().is_none_or(|alive| alive.value(row)) {
                let text = texts.as_string_view().value(row).to_owned();
                let object: serde_json::Value = serde_json::from_str(&text).expect("an object");
                let name = object["metadata"]["name"].as_str().expect("a name").to_owned();
                assert_eq!(rows.insert(name.clone(), text), None, "two rows of {name}");
            }
        }
    }
    assert_eq!(rows.len(), version.objects);
    rows
}

#[test]
fn readers_see_changes_after_publish() {
    let mut writer = writer(100);
    let table = Arc::clone(writer.table());
    writer.upsert(&pod("a", 1)).expect("a pod");
    assert!(rows(&table.latest()).is_empty());
    writer.publish();
    let before = table.latest();
    writer.upsert(&pod("a", 2)).expect("a pod");
    writer.upsert(&pod("b", 3)).expect("a pod");
    writer.delete(Key::new("n", "b"));
    writer.upsert(&pod("c", 4)).expect("a pod");
    writer.publish();
    let expected = BTreeMap::from([("a".to_owned(), pod("a", 2)), ("c".to_owned(), pod("c", 4))]);
    assert_eq!(rows(&table.latest()), expected);
    assert_eq!(rows(&before), BTreeMap::from([("a".to_owned(), pod("a", 1))]), "an old version does not change");
}

#[test]
fn relists_are_atomic() {
    let mut writer = writer(2);
    let table = Arc::clone(writer.table());
    for name in ["a", "b", "c"] {
        writer.upsert(&pod(name, 1)).expect("a pod");
    }
    writer.publish();
    let old = rows(&table.latest());
    writer.begin_list();
    for name in ["c", "d", "e", "f"] {
        writer.upsert(&pod(name, 2)).expect("a pod");
    }
    assert_eq!(rows(&table.latest()), old);
    writer.abandon_list();
    writer.publish();
    assert_eq!(rows(&table.latest()), old, "a failed list leaves no rows");
    writer.begin_list();
    writer.upsert(&pod("c", 2)).expect("a pod");
    writer.end_list();
    assert_eq!(rows(&table.latest()), BTreeMap::from([("c".to_owned(), pod("c", 2))]));
}

#[test]
fn malformed_objects_change_nothing() {
    let mut writer = writer(10);
    writer.upsert(&pod("a", 1)).expect("a pod");
    for bad in ["", "[]", r#"{"metadata":{"name":"a""#, r#"{"metadata":{"name":"a"}} x"#] {
        assert!(writer.upsert(bad).is_err(), "{bad}");
    }
    writer.publish();
    assert_eq!(rows(&writer.table().latest()), BTreeMap::from([("a".to_owned(), pod("a", 1))]));
    assert_eq!(writer.decode_errors().count, 4);
}

#[test]
fn random_changes_and_merges_match_a_map() {
    for seed in 0..8 {
        let mut random = StdRng::seed_from_u64(seed);
        let mut writer = writer(64);
        let table = Arc::clone(writer.table());
        let mut expected = BTreeMap::new();
        let mut pending = None;
        for step in 0..3000 {
            match random.random_range(0..100) {
                0..60 => {
                    let (name, node) = (format!("p{}", random.random_range(0..300)), random.random());
                    writer.upsert(&pod(&name, node)).expect("a pod");
                    expected.insert(name.clone(), pod(&name, node));
                }
                60..80 => {
                    let name = format!("p{}", random.random_range(0..300));
                    writer.delete(Key::new("n", &name));
                    expected.remove(&name);
                }
                80..85 => pending = pending.or_else(|| writer.start_merge()),
                85..90 => {
                    if let Some(merge) = pending.take() {
                        writer.finish_merge(merge.run());
                    }
                }
                90 if random.random_range(0..10) == 0 => {
                    writer.begin_list();
                    expected.retain(|_, _| random.random_bool(0.7));
                    for object in expected.values() {
                        writer.upsert(object).expect("a pod");
                    }
                    writer.end_list();
                }
                _ => {
                    writer.publish();
                    assert_eq!(rows(&table.latest()), expected, "seed {seed}, step {step}");
                    let segments = table.latest().segments.len();
                    assert!(segments < 100, "{segments} segments of {} objects", expected.len());
                }
            }
        }
    }
}

#[test]
fn managed_fields_are_dropped_from_lists_and_changes() {
    let object = |fields: &str| format!(r#"{{"kind":"Pod","metadata":{{"name":"a",{fields}"uid":"u"}},"spec":{{}}}}"#);
    let long = object(r#""managedFields":[{"manager":"m","fieldsV1":{"f:spec":{}}}],"#);
    let mut writer = writer(100);
    let table = Arc::clone(writer.table());
    writer.begin_list();
    writer.upsert(&long).expect("a pod");
    writer.end_list();
    let expected = BTreeMap::from([("a".to_owned(), object(""))]);
    assert_eq!(rows(&table.latest()), expected);
    writer.upsert(&long).expect("a pod");
    assert!(
        writer.upsert(&long.replace("\"spec\":{}", "\"spec\":{")).is_err(),
        "malformed text after them is detected"
    );
    writer.publish();
    assert_eq!(rows(&table.latest()), expected);
}
