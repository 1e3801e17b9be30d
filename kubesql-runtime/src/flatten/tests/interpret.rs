//! Compares generated code, the interpreter and the oracle on random and malformed objects, and tests projections.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::random::Random;
use super::sample::{EITHER, Either, RECURSIVE, SAMPLE, Sample};
use super::{assert_aligned, assert_same, assert_same_data, both, oracle};
use crate::flatten::parse::MAX_DEPTH;
use crate::flatten::{CompiledFlattener, FieldMask, Flattener, Interpreter, SyntaxError};
use crate::schema::Shape;

#[test]
fn random_objects_match_the_oracle() {
    let mut random = Random(7);
    let mut typed = CompiledFlattener::<Sample>::default();
    let mut interpreter = Interpreter::new(&SAMPLE, &FieldMask::All);
    // The builders are reused, with batches of all sizes.
    for batch in 0..150 {
        let objects: Vec<Value> = (0..random.below(60)).map(|_| random.object(&SAMPLE)).collect();
        let mut misfits = 0;
        for object in &objects {
            let text = if batch % 3 == 0 { format!("{object:#}\n") } else { object.to_string() };
            typed.push(&text).expect("JSON");
            interpreter.push(&text).expect("JSON");
        }
        let (typed, interpreted) = (typed.finish(), interpreter.finish());
        assert_aligned(&typed.columns);
        assert_same(&typed.columns, &interpreted.columns, "sample");
        for (row, object) in objects.iter().enumerate() {
            let expected = oracle::expect(&SAMPLE, object, &mut misfits);
            assert_eq!(oracle::values(&SAMPLE, &typed.columns, row), expected, "batch {batch}, row {row}: {object}");
        }
        assert_eq!((typed.mismatch_count, interpreted.mismatch_count), (misfits, misfits), "batch {batch}");
        assert_eq!(typed.mismatches, interpreted.mismatches);
    }
}

#[test]
fn projections_equal_the_same_columns_of_all() {
    let mut random = Random(11);
    for _ in 0..200 {
        let objects: Vec<String> = (0..20).map(|_| random.object(&SAMPLE).to_string()).collect();
        let mut mask = FieldMask::none();
        for _ in 0..random.below(4) {
            let field = random.below(SAMPLE.fields.len());
            let mut path = vec![u16::try_from(field).expect("a field")];
            if let Shape::Object(def) | Shape::List(def) = SAMPLE.fields[field].shape
                && random.below(2) == 0
            {
                path.push(u16::try_from(random.below(def.fields.len())).expect("a field"));
            }
            mask.add(&path);
        }
        let mut all = Interpreter::new(&SAMPLE, &FieldMask::All);
        let mut some = Interpreter::new(&SAMPLE, &mask);
        for object in &objects {
            all.push(object).expect("JSON");
            some.push(object).expect("JSON");
        }
        let (all, some) = (all.finish().columns, some.finish().columns);
        assert_aligned(&some);
        assert_projected(&all, &some, &mask);
    }
}

/// Panics unless `some` has exactly the columns in `mask`.
fn assert_projected(all: &super::ColumnGroup, some: &super::ColumnGroup, mask: &FieldMask) {
    use super::ColumnData;
    let FieldMask::Fields(fields) = mask else { return assert_same(all, some, "all") };
    for (number, (all, some)) in (0u16..).zip(all.columns.iter().zip(&some.columns)) {
        match (fields.get(&number), all, some) {
            (None, _, some) => assert!(some.is_none()),
            (Some(FieldMask::All), Some(all), Some(some)) => assert_same_data(all, some, "column"),
            (Some(mask), Some(ColumnData::Object(all)), Some(ColumnData::Object(some))) => {
                assert_projected(all, some, mask)
            }
            (Some(mask), Some(ColumnData::List(all)), Some(ColumnData::List(some))) => {
                assert_eq!(all.offsets, some.offsets);
                assert_projected(&all.items, &some.items, mask);
            }
            (Some(FieldMask::All), all, some) => assert_eq!(all.is_none(), some.is_none()),
            // None of the selected fields in it has a value.
            (Some(FieldMask::Fields(_)), _, some) => assert!(some.is_none()),
        }
    }
}

/// A value is in the column of its field, or in the one for other shapes. An object with other fields is in both.
#[test]
fn values_of_other_shapes_have_columns_of_their_own() {
    let json = |value: &Value| Value::from(value.to_string());
    let (text, number) = (json!("a"), json!(7));
    let (texts, ports, empty) = (json!(["a", "b"]), json!([{"size": 1}]), json!([]));
    let (map, deep, port, more) =
        (json!({"a": "b"}), json!({"a": {"b": 1}}), json!({"size": 1}), json!({"size": 1, "x": 2}));
    let cases = [
        ("list", &ports, ports.clone(), Value::Null),
        ("list", &empty, Value::Null, Value::Null),
        ("list", &texts, Value::Null, json(&texts)),
        ("list", &map, Value::Null, json(&map)),
        ("map", &map, map.clone(), Value::Null),
        ("map", &deep, Value::Null, json(&deep)),
        ("map", &ports, Value::Null, json(&ports)),
        ("object", &port, port.clone(), Value::Null),
        ("object", &more, port.clone(), json(&more)),
        ("object", &text, Value::Null, json(&text)),
        ("text", &text, text.clone(), Value::Null),
        ("text", &number, Value::Null, json(&number)),
        ("text", &Value::Null, Value::Null, Value::Null),
        ("texts", &texts, texts.clone(), Value::Null),
        ("texts", &ports, Value::Null, json(&ports)),
    ];
    for (field, value, in_field, in_other) in cases {
        let text = json!({"before": 1, field: value, "text_json": "no field of objects", "after": [{}]}).to_string();
        let mut expected = json!({field: in_field, format!("{field}_json"): in_other});
        expected.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
        let mut compiled = CompiledFlattener::<Either>::default();
        let mut interpreter = Interpreter::new(&EITHER, &FieldMask::All);
        for rows in [&mut compiled as &mut dyn Flattener, &mut interpreter] {
            rows.push(&text).expect("JSON");
            let flattened = rows.finish();
            assert_eq!(oracle::values(&EITHER, &flattened.columns, 0), expected, "{text}");
            assert_eq!(flattened.mismatch_count, 0, "{text}");
        }
        // One of the two columns.
        let (number, def) = EITHER.field(field).expect("a field");
        for number in [number, def.other.expect("another field")] {
            let mut mask = FieldMask::none();
            mask.add(&[number]);
            let mut rows = Interpreter::new(&EITHER, &mask);
            rows.push(&text).expect("JSON");
            let name = EITHER.fields[usize::from(number)].json;
            let mut expected = expected.clone();
            expected.as_object_mut().expect("an object").retain(|of, _| of == name);
            assert_eq!(oracle::values(&EITHER, &rows.finish().columns, 0), expected, "{name} of {text}");
        }
    }
}

#[test]
fn lists_are_counted_without_their_fields() {
    let items = SAMPLE.fields.iter().position(|field| field.json == "items").expect("a field");
    let mask = FieldMask::Fields(BTreeMap::from([(u16::try_from(items).expect("a field"), FieldMask::none())]));
    let mut rows = Interpreter::new(&SAMPLE, &mask);
    rows.push(r#"{"items":[{"name":"a"},{}],"text":"b"}"#).expect("JSON");
    rows.push("{}").expect("JSON");
    let Some(super::ColumnData::List(list)) = &rows.finish().columns.columns[items] else { panic!("no list") };
    assert_eq!((&list.offsets[..], list.items.rows), (&[0, 2, 2][..], 2));
}

#[test]
fn malformed_objects_affect_no_other_rows() {
    let mut random = Random(5);
    let whole = random.object(&SAMPLE).to_string();
    let good = r#"{"text":"good","items":[{"name":"x","ports":[{"size":1}]}],"map":{"a":"b"},"texts":["t"]}"#;
    for cut in (0..whole.len()).filter(|cut| whole.is_char_boundary(*cut)) {
        let [typed, interpreted] = both(&[good, &whole[..cut], good]);
        assert_eq!(typed.dead, [1], "cut at {cut}");
        assert_eq!(interpreted.dead, [1], "cut at {cut}");
        assert_aligned(&typed.columns);
        assert_same(&typed.columns, &interpreted.columns, "sample");
        let expected = oracle::expect(&SAMPLE, &serde_json::from_str(good).expect("JSON"), &mut 0);
        for row in [0, 2] {
            assert_eq!(oracle::values(&SAMPLE, &typed.columns, row), expected, "row {row}, cut at {cut}");
        }
    }
}

#[test]
fn text_that_is_not_an_object_is_rejected() {
    for text in [
        "",
        " ",
        "null",
        "[]",
        "1",
        "\"{}\"",
        "{}{}",
        "{} x",
        "{,}",
        "{\"text\":\"a\",}",
        "{\"text\" \"a\"}",
        "{\"items\":[,]}",
    ] {
        let [typed, interpreted] = both(&[text]);
        assert_eq!((typed.dead, interpreted.dead), (vec![0], vec![0]), "{text}");
    }
}

#[test]
fn objects_are_read_from_within_a_text() {
    let list = r#"{"items":[{"text":"a","items":[{"name":7}]}, {"text":"b"}]}"#;
    let mut rows = Interpreter::new(&SAMPLE, &FieldMask::All);
    let mut parser = crate::flatten::Parser::new(list);
    let mut fields = parser.object().expect("JSON").expect("an object");
    assert_eq!(parser.key(&mut fields), Ok(Some("items")));
    let mut items = parser.array().expect("JSON").expect("a list");
    while parser.element(&mut items).expect("JSON") {
        let end = rows.push_at(list, parser.position()).expect("JSON");
        parser.seek(end);
    }
    assert_eq!(parser.key(&mut fields), Ok(None));
    let flattened = rows.finish();
    assert_eq!(flattened.columns.rows, 2);
    assert_eq!(oracle::values(&SAMPLE, &flattened.columns, 1), json!({"text": "b"}));
    assert_eq!(flattened.mismatches[0].path, "items[0].name");
}

#[test]
fn depth_of_read_values_is_limited() {
    let nested = |depth: usize| format!("{}{}{}", r#"{"more":"#.repeat(depth), r#"{"x":1}"#, "}".repeat(depth));
    let deepest = usize::try_from(MAX_DEPTH).expect("a depth");
    let mut rows = Interpreter::new(&RECURSIVE, &FieldMask::All);
    assert!(rows.push(&nested(deepest - 1)).is_ok());
    let error = rows.push(&nested(deepest)).expect_err("too deep");
    assert_eq!(error.error, SyntaxError::TooDeep);
    assert_eq!(rows.finish().dead, [1]);

    let skipped = format!(r#"{{"unknown":{}{},"text":"a"}}"#, "[".repeat(200_000), "]".repeat(200_000));
    let [typed, _] = both(&[&skipped]);
    assert_eq!(oracle::values(&SAMPLE, &typed.columns, 0), json!({"text": "a"}));
}
