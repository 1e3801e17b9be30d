//! Fuzz target: flattens any text. There must be no panic, JSON objects must be accepted, and columns and values must be
//! correct.
#![allow(unreachable_pub, missing_docs, reason = "also used by the fuzz targets")]

use serde_json::{Value, json};

use super::oracle;
use super::sample::{RECURSIVE, SAMPLE, Sample};
use crate::flatten::{
    ColumnData, ColumnGroup, CompiledFlattener, FieldMask, Flattened, Flattener, Interpreter, RawObjectsBuilder,
    read_head,
};

const GOOD: &str = r#"{"text":"good","items":[{"name":"x","ports":[{"size":1}]}],"map":{"a":"b"},"texts":["t"]}"#;

/// Runs the target on an input: a byte that selects fields, and a text.
pub fn run(data: &[u8]) {
    let Some((choice, data)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut mask = FieldMask::none();
    for bit in 0..8 {
        if choice >> bit & 1 == 1 {
            mask.add(&[bit * 2 + 1]);
        }
    }
    let parsed = serde_json::from_str::<Value>(text).ok().filter(Value::is_object);
    let mut all: [Box<dyn Flattener>; 2] =
        [Box::<CompiledFlattener<Sample>>::default(), Box::new(Interpreter::new(&SAMPLE, &FieldMask::All))];
    for rows in &mut all {
        for _ in 0..2 {
            let (accepted, flattened) = push(rows.as_mut(), text);
            assert!(accepted || parsed.is_none(), "a JSON object was rejected");
            for row in [0, 2] {
                let good = serde_json::from_str(GOOD).expect("JSON");
                assert_eq!(oracle::values(&SAMPLE, &flattened.columns, row), oracle::expect(&SAMPLE, &good, &mut 0));
            }
        }
    }
    for (def, mask) in [(&SAMPLE, &mask), (&RECURSIVE, &FieldMask::All), (&RECURSIVE, &mask)] {
        let (accepted, _) = push(&mut Interpreter::new(def, mask), text);
        assert!(accepted || parsed.is_none(), "a JSON object was rejected");
    }
    let head = read_head(text);
    let mut objects = RawObjectsBuilder::default();
    let kept = objects.push(text);
    if let Some(value) = parsed {
        assert!(head.is_ok() && kept.is_ok());
        if has_only_doubles(&value) {
            compare(&value);
        }
    }
    assert_eq!(objects.finish().read(0..1).len(), 1);
}

/// Pushes a text between two valid objects.
fn push(rows: &mut dyn Flattener, text: &str) -> (bool, Flattened) {
    rows.push(GOOD).expect("JSON");
    let accepted = rows.push(text).is_ok();
    rows.push(GOOD).expect("JSON");
    let flattened = rows.finish();
    assert_eq!(flattened.columns.rows, 3);
    assert_eq!(flattened.dead, if accepted { vec![] } else { vec![1] });
    assert_aligned(&flattened.columns);
    (accepted, flattened)
}

/// Panics unless all columns have the right length.
fn assert_aligned(group: &ColumnGroup) {
    for data in group.columns.iter().flatten() {
        match data {
            ColumnData::Leaf(array) => assert_eq!(array.len(), group.rows),
            ColumnData::Object(inner) => {
                assert_eq!(inner.rows, group.rows);
                assert_aligned(inner);
            }
            ColumnData::List(list) => {
                assert!(list.offsets.len() == group.rows + 1 && list.offsets.is_sorted());
                assert_eq!(list.offsets.last().and_then(|end| usize::try_from(*end).ok()), Some(list.items.rows));
                assert_aligned(&list.items);
            }
            ColumnData::Map(map) => {
                assert!(map.offsets.len() == group.rows + 1 && map.offsets.is_sorted());
                assert_eq!(map.offsets.last().and_then(|end| usize::try_from(*end).ok()), Some(map.keys.len()));
                assert_eq!(map.keys.len(), map.values.len());
            }
        }
    }
}

/// Whether doubles represent all numbers in a value.
fn has_only_doubles(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_i64() || number.as_f64().is_some_and(|number| number.abs() < 9e15),
        Value::Array(items) => items.iter().all(has_only_doubles),
        Value::Object(fields) => fields.values().all(has_only_doubles),
        _ => true,
    }
}

/// Compares an object with the oracle. The object is serialized again, so that it has no duplicate keys.
fn compare(value: &Value) {
    for text in [value.to_string(), format!("{value:#}")] {
        let mut rows = Interpreter::new(&SAMPLE, &FieldMask::All);
        rows.push("{}").expect("JSON");
        rows.push(&text).expect("JSON");
        let flattened = rows.finish();
        let mut misfits = 0;
        assert_eq!(oracle::values(&SAMPLE, &flattened.columns, 0), json!({}));
        assert_eq!(oracle::values(&SAMPLE, &flattened.columns, 1), oracle::expect(&SAMPLE, value, &mut misfits));
        assert_eq!(flattened.mismatch_count, misfits);
    }
}
