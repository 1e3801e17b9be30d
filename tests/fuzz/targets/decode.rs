//! Any text into rows: no panic, what JSON is must be taken, rows stay aligned, values are right.
#![no_main]

use kubesql_fuzz::flatten::{Data, Flattened, Group, Interpreter, ObjectsBuilder, Rows, Typed, Want, head};
use kubesql_fuzz::oracle;
use kubesql_fuzz::sample::{RECURSIVE, SAMPLE, Sample};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

const GOOD: &str = r#"{"text":"good","items":[{"name":"x","ports":[{"size":1}]}],"map":{"a":"b"},"texts":["t"]}"#;

fuzz_target!(|data: &[u8]| {
    let Some((choice, data)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut want = Want::nothing();
    for bit in 0..8 {
        if choice >> bit & 1 == 1 {
            want.add(&[bit * 2 + 1]);
        }
    }
    let parsed = serde_json::from_str::<Value>(text).ok().filter(Value::is_object);
    let mut all: [Box<dyn Rows>; 2] =
        [Box::<Typed<Sample>>::default(), Box::new(Interpreter::new(&SAMPLE, &Want::All))];
    for rows in &mut all {
        for _ in 0..2 {
            let (taken, flattened) = push(rows.as_mut(), text);
            assert!(taken || parsed.is_none(), "JSON was refused");
            for row in [0, 2] {
                let good = serde_json::from_str(GOOD).expect("JSON");
                assert_eq!(oracle::values(&SAMPLE, &flattened.columns, row), oracle::expect(&SAMPLE, &good, &mut 0));
            }
        }
    }
    for (def, want) in [(&SAMPLE, &want), (&RECURSIVE, &Want::All), (&RECURSIVE, &want)] {
        let (taken, _) = push(&mut Interpreter::new(def, want), text);
        assert!(taken || parsed.is_none(), "JSON was refused");
    }
    let first_look = head(text);
    let mut objects = ObjectsBuilder::default();
    let kept = objects.push(text);
    if let Some(value) = parsed {
        assert!(first_look.is_ok() && kept.is_ok());
        if tame(&value) {
            compare(&value);
        }
    }
    assert_eq!(objects.finish().read(0..1).len(), 1);
});

/// Pushes a text between two good ones.
fn push(rows: &mut dyn Rows, text: &str) -> (bool, Flattened) {
    rows.push(GOOD).expect("JSON");
    let taken = rows.push(text).is_ok();
    rows.push(GOOD).expect("JSON");
    let flattened = rows.finish();
    assert_eq!(flattened.columns.rows, 3);
    assert_eq!(flattened.dead, if taken { vec![] } else { vec![1] });
    aligned(&flattened.columns);
    (taken, flattened)
}

/// Fails unless all columns are as long as they should be.
fn aligned(group: &Group) {
    for data in group.columns.iter().flatten() {
        match data {
            Data::Leaf(array) => assert_eq!(array.len(), group.rows),
            Data::Group(inner) => {
                assert_eq!(inner.rows, group.rows);
                aligned(inner);
            }
            Data::List(list) => {
                assert!(list.offsets.len() == group.rows + 1 && list.offsets.is_sorted());
                assert_eq!(list.offsets.last().map(|end| *end as usize), Some(list.items.rows));
                aligned(&list.items);
            }
            Data::Map(map) => {
                assert!(map.offsets.len() == group.rows + 1 && map.offsets.is_sorted());
                assert_eq!(map.offsets.last().map(|end| *end as usize), Some(map.keys.len()));
                assert_eq!(map.keys.len(), map.values.len());
            }
        }
    }
}

/// Whether a double tells all about the numbers in it.
fn tame(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_i64() || number.as_f64().is_some_and(|number| number.abs() < 9e15),
        Value::Array(items) => items.iter().all(tame),
        Value::Object(fields) => fields.values().all(tame),
        _ => true,
    }
}

/// The same object written anew, so that no key is there twice.
fn compare(value: &Value) {
    for text in [value.to_string(), format!("{value:#}")] {
        let mut rows = Interpreter::new(&SAMPLE, &Want::All);
        rows.push("{}").expect("JSON");
        rows.push(&text).expect("JSON");
        let flattened = rows.finish();
        let mut misfits = 0;
        assert_eq!(oracle::values(&SAMPLE, &flattened.columns, 0), json!({}));
        assert_eq!(oracle::values(&SAMPLE, &flattened.columns, 1), oracle::expect(&SAMPLE, value, &mut misfits));
        assert_eq!(flattened.mismatch_count, misfits);
    }
}
