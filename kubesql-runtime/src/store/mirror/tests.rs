//! A mirror against a map of what it should hold, through random changes, relists and merges.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::AsArray;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::{Key, Layout, Version, Writer};
use crate::generated;
use crate::schema::KindDef;
use crate::store::Instants;

fn pods() -> &'static KindDef {
    generated::KINDS.iter().find(|kind| kind.plural == "pods").expect("pods")
}

fn writer(segment_rows: usize) -> Writer {
    let rows = || generated::rows(pods()).expect("generated rows of pods");
    let layout = Layout { cluster: "here".into(), kind: pods(), rows: Arc::new(rows), segment_rows };
    Writer::new(layout, Instants::default())
}

fn pod(name: &str, node: u64) -> String {
    format!(r#"{{"metadata":{{"name":"{name}","namespace":"n"}},"spec":{{"nodeName":"node-{node}"}}}}"#)
}

/// Every row that is alive: its object's text by its name. Fails where one name has two rows.
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
fn changes_are_seen_when_published() {
    let mut writer = writer(100);
    let mirror = Arc::clone(writer.mirror());
    writer.put(&pod("a", 1)).expect("a pod");
    assert!(rows(&mirror.latest()).is_empty());
    writer.publish();
    let before = mirror.latest();
    writer.put(&pod("a", 2)).expect("a pod");
    writer.put(&pod("b", 3)).expect("a pod");
    writer.delete(Key::new("n", "b"));
    writer.put(&pod("c", 4)).expect("a pod");
    writer.publish();
    let expected = BTreeMap::from([("a".to_owned(), pod("a", 2)), ("c".to_owned(), pod("c", 4))]);
    assert_eq!(rows(&mirror.latest()), expected);
    assert_eq!(rows(&before), BTreeMap::from([("a".to_owned(), pod("a", 1))]), "an old version stays what it was");
}

#[test]
fn a_list_is_seen_whole_or_not_at_all() {
    let mut writer = writer(2);
    let mirror = Arc::clone(writer.mirror());
    for name in ["a", "b", "c"] {
        writer.put(&pod(name, 1)).expect("a pod");
    }
    writer.publish();
    let old = rows(&mirror.latest());
    writer.begin_list();
    for name in ["c", "d", "e", "f"] {
        writer.put(&pod(name, 2)).expect("a pod");
    }
    assert_eq!(rows(&mirror.latest()), old);
    writer.abandon_list();
    writer.publish();
    assert_eq!(rows(&mirror.latest()), old, "a list that failed leaves nothing");
    writer.begin_list();
    writer.put(&pod("c", 2)).expect("a pod");
    writer.end_list();
    assert_eq!(rows(&mirror.latest()), BTreeMap::from([("c".to_owned(), pod("c", 2))]));
}

#[test]
fn what_is_no_object_changes_nothing() {
    let mut writer = writer(10);
    writer.put(&pod("a", 1)).expect("a pod");
    for bad in ["", "[]", r#"{"metadata":{"name":"a""#, r#"{"metadata":{"name":"a"}} x"#] {
        assert!(writer.put(bad).is_err(), "{bad}");
    }
    writer.publish();
    assert_eq!(rows(&writer.mirror().latest()), BTreeMap::from([("a".to_owned(), pod("a", 1))]));
    assert_eq!(writer.trouble().count, 4);
}

#[test]
fn random_changes_and_merges() {
    for seed in 0..8 {
        let mut random = StdRng::seed_from_u64(seed);
        let mut writer = writer(64);
        let mirror = Arc::clone(writer.mirror());
        let mut expected = BTreeMap::new();
        let mut merging = None;
        for step in 0..3000 {
            match random.random_range(0..100) {
                0..60 => {
                    let (name, node) = (format!("p{}", random.random_range(0..300)), random.random());
                    writer.put(&pod(&name, node)).expect("a pod");
                    expected.insert(name.clone(), pod(&name, node));
                }
                60..80 => {
                    let name = format!("p{}", random.random_range(0..300));
                    writer.delete(Key::new("n", &name));
                    expected.remove(&name);
                }
                80..85 => merging = merging.or_else(|| writer.merge()),
                85..90 => {
                    if let Some(merge) = merging.take() {
                        writer.merged(merge.run());
                    }
                }
                90 if random.random_range(0..10) == 0 => {
                    writer.begin_list();
                    expected.retain(|_, _| random.random_bool(0.7));
                    for object in expected.values() {
                        writer.put(object).expect("a pod");
                    }
                    writer.end_list();
                }
                _ => {
                    writer.publish();
                    assert_eq!(rows(&mirror.latest()), expected, "seed {seed}, step {step}");
                    let segments = mirror.latest().segments.len();
                    assert!(segments < 100, "{segments} segments of {} objects", expected.len());
                }
            }
        }
    }
}

#[test]
fn managed_fields_are_left_out_of_lists_and_changes() {
    let object = |fields: &str| format!(r#"{{"kind":"Pod","metadata":{{"name":"a",{fields}"uid":"u"}},"spec":{{}}}}"#);
    let long = object(r#""managedFields":[{"manager":"m","fieldsV1":{"f:spec":{}}}],"#);
    let mut writer = writer(100);
    let mirror = Arc::clone(writer.mirror());
    writer.begin_list();
    writer.put(&long).expect("a pod");
    writer.end_list();
    let expected = BTreeMap::from([("a".to_owned(), object(""))]);
    assert_eq!(rows(&mirror.latest()), expected);
    writer.put(&long).expect("a pod");
    assert!(writer.put(&long.replace("\"spec\":{}", "\"spec\":{")).is_err(), "what is malformed behind them is seen");
    writer.publish();
    assert_eq!(rows(&mirror.latest()), expected);
}
