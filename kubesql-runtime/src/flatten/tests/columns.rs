//! Tests of columns: padding, dictionaries, and unusual values of every shape.

use arrow::datatypes::DataType;
use serde_json::{Value, json};

use super::sample::SAMPLE;
use super::{assert_aligned, assert_same, both, oracle};
use crate::flatten::group::ColumnData;
use crate::flatten::mismatch::MAX_REPORTED;

/// The value of one field of an object, and the number of values that did not fit.
fn read(field: &str) -> (Value, u64) {
    let object = format!("{{{field}}}");
    let [typed, interpreted] = both(&[&object]);
    assert!(typed.dead.is_empty(), "{object}");
    assert_same(&typed.columns, &interpreted.columns, &object);
    assert_aligned(&typed.columns);
    assert_eq!(typed.mismatches, interpreted.mismatches, "{object}");
    (oracle::values(&SAMPLE, &typed.columns, 0), typed.mismatch_count)
}

#[test]
fn values_of_every_shape() {
    let table = [
        (r#""text":"a""#, json!({"text": "a"})),
        (r#""text":"""#, json!({"text": ""})),
        (r#""text":null"#, json!({})),
        (r#""bool":true"#, json!({"bool": true})),
        (r#""bools":[true,null,false]"#, json!({"bools": [true, null, false]})),
        (r#""float":1e-3"#, json!({"float": 0.001})),
        (r#""float":3"#, json!({"float": 3.0})),
        (r#""floats":[]"#, json!({"floats": []})),
        (r#""int32":-2147483648"#, json!({"int32": -2_147_483_648})),
        (r#""int32":30.0"#, json!({"int32": 30})),
        (r#""int64":9223372036854775807"#, json!({"int64": i64::MAX})),
        (r#""int64":-9223372036854775808"#, json!({"int64": i64::MIN})),
        (r#""int64":3e1"#, json!({"int64": 30})),
        (r#""int64":-0"#, json!({"int64": 0})),
        (r#""intOrString":80"#, json!({"intOrString": "80"})),
        (r#""intOrString":"http""#, json!({"intOrString": "http"})),
        (r#""json":{"a":[1, 2]}"#, json!({"json": r#"{"a":[1, 2]}"#})),
        ("\"json\":{\n \"a b\" : \"c\\\" d\"\n}", json!({"json": r#"{"a b":"c\" d"}"#})),
        (r#""json":"text""#, json!({"json": "\"text\""})),
        (r#""jsons":[1,null,{"a":1}]"#, json!({"jsons": ["1", null, r#"{"a":1}"#]})),
        (r#""jsonMap":{"a":[1],"b":null}"#, json!({"jsonMap": {"a": "[1]", "b": null}})),
        (
            r#""map":{"a":"b","n":1.50,"t":true,"x":null}"#,
            json!({"map": {"a": "b", "n": "1.50", "t": "true", "x": null}}),
        ),
        (r#""map":{}"#, json!({"map": {}})),
        (r#""quantity":"1500m""#, json!({"quantity": 1.5})),
        (r#""quantity":2"#, json!({"quantity": 2.0})),
        (r#""quantities":{"cpu":"100m","pods":110}"#, json!({"quantities": {"cpu": "100m", "pods": "110"}})),
        (r#""texts":["a","a longer text than fits","a"]"#, json!({"texts": ["a", "a longer text than fits", "a"]})),
        (r#""time":"1970-01-01T00:00:01Z""#, json!({"time": 1_000_000})),
        (r#""times":["1970-01-01T00:00:01Z"]"#, json!({"times": [1_000_000]})),
        (r#""item":{}"#, json!({})),
        (r#""item":{"name":"a","unknown":{"deep":[[]]}}"#, json!({"item": {"name": "a"}})),
        (r#""items":[]"#, json!({})),
        (r#""items":[{},null,{"name":"a"}]"#, json!({"items": [{}, {}, {"name": "a"}]})),
        (r#""items":[{"ports":[{"port":1},{"size":2}]}]"#, json!({"items": [{"ports": [{"port": "1"}, {"size": 2}]}]})),
        (r#""\u0074ext" : "a""#, json!({"text": "a"})),
    ];
    for (field, expected) in table {
        assert_eq!(read(field), (expected, 0), "{field}");
    }
}

#[test]
fn mismatches_are_null_and_counted() {
    let table = [
        (r#""text":1"#, json!({}), 1),
        (r#""text":{}"#, json!({}), 1),
        (r#""texts":"a""#, json!({}), 1),
        (r#""texts":["a",1,["b"],"c"]"#, json!({"texts": ["a", null, null, "c"]}), 2),
        (r#""bool":"true""#, json!({}), 1),
        (r#""bool":1"#, json!({}), 1),
        (r#""float":"1""#, json!({}), 1),
        (r#""float":1e400"#, json!({}), 1),
        (r#""int32":2147483648"#, json!({}), 1),
        (r#""int32":1.5"#, json!({}), 1),
        (r#""int64":9223372036854775808"#, json!({}), 1),
        (r#""int64":1e999999999"#, json!({}), 1),
        (r#""int64":"1""#, json!({}), 1),
        (r#""intOrString":true"#, json!({}), 1),
        (r#""item":[]"#, json!({}), 1),
        (r#""item":"a""#, json!({}), 1),
        (r#""items":{}"#, json!({}), 1),
        (r#""items":[1,"a",[],{"name":1},{"name":"b"}]"#, json!({"items": [{}, {}, {}, {}, {"name": "b"}]}), 4),
        (r#""map":[]"#, json!({}), 1),
        (r#""map":{"a":[1],"b":{},"c":"d"}"#, json!({"map": {"a": null, "b": null, "c": "d"}}), 2),
        (r#""quantity":"1.1.M""#, json!({}), 1),
        (r#""quantity":true"#, json!({}), 1),
        (
            r#""quantities":{"a":"x","b":"x","c":true,"d":"1"}"#,
            json!({"quantities": {"a": "x", "b": "x", "c": null, "d": "1"}}),
            3,
        ),
        (r#""time":"yesterday""#, json!({}), 1),
        (r#""time":1589245323"#, json!({}), 1),
        (r#""times":["2020-02-30T00:00:00Z",null]"#, json!({"times": [null, null]}), 1),
    ];
    for (field, expected, misfits) in table {
        assert_eq!(read(field), (expected, misfits), "{field}");
    }
}

#[test]
fn first_value_of_a_duplicate_field_wins() {
    let table = [
        (r#""text":"a","text":"b""#, json!({"text": "a"})),
        (r#""text":null,"text":"b""#, json!({"text": "b"})),
        (r#""int64":1,"int64":2"#, json!({"int64": 1})),
        (r#""bool":true,"bool":false"#, json!({"bool": true})),
        (r#""texts":["a"],"texts":["b","c"]"#, json!({"texts": ["a"]})),
        (r#""map":{"a":"1","b":"2","a":"3"},"map":{"c":"4"}"#, json!({"map": {"a": "1", "b": "2"}})),
        (r#""quantities":{"a":"1","a":"2","b":"3"}"#, json!({"quantities": {"a": "1", "b": "3"}})),
        (r#""item":{"name":"a"},"item":{"name":"b","numbers":[1]}"#, json!({"item": {"name": "a"}})),
        (r#""items":[{"name":"a"}],"items":[{"name":"b"},{}]"#, json!({"items": [{"name": "a"}]})),
        (r#""jsonMap":{"a":1,"a":[2]}"#, json!({"jsonMap": {"a": "1"}})),
    ];
    for (field, expected) in table {
        assert_eq!(read(field), (expected, 0), "{field}");
    }
}

#[test]
fn absent_values_are_padded() {
    let objects = [
        "{}",
        r#"{"text":"a","int64":1,"bool":true,"items":[{"name":"x"},{}],"map":{"k":"v"},"texts":["t"]}"#,
        "{}",
        r#"{"text":"b","item":{"name":"y"}}"#,
        r#"{"int64":2,"bool":false,"items":[{"name":"z"}],"map":{},"texts":[]}"#,
        "{}",
    ];
    let [typed, interpreted] = both(&objects);
    assert_aligned(&typed.columns);
    assert_same(&typed.columns, &interpreted.columns, "sample");
    let expected = [
        json!({}),
        json!({"text": "a", "int64": 1, "bool": true, "items": [{"name": "x"}, {}], "map": {"k": "v"}, "texts": ["t"]}),
        json!({}),
        json!({"text": "b", "item": {"name": "y"}}),
        json!({"int64": 2, "bool": false, "items": [{"name": "z"}], "map": {}, "texts": []}),
        json!({}),
    ];
    for (row, expected) in expected.iter().enumerate() {
        assert_eq!(&oracle::values(&SAMPLE, &typed.columns, row), expected, "row {row}");
    }
    let number = |json| SAMPLE.fields.iter().position(|field| field.json == json).expect("a field");
    assert!(typed.columns.columns[number("time")].is_none(), "a column without values");
}

#[test]
fn dictionary_keys_have_the_narrowest_type() {
    let widths = [
        (1, DataType::UInt8),
        (256, DataType::UInt8),
        (257, DataType::UInt16),
        (65_536, DataType::UInt16),
        (65_537, DataType::UInt32),
    ];
    for (distinct, width) in widths {
        // Each value occurs twice, so that the column is not classified as identifiers.
        let mut objects: Vec<String> = (0..distinct * 2).map(|n| format!(r#"{{"text":"value {}"}}"#, n / 2)).collect();
        objects.push("{}".to_owned());
        objects.extend((0..distinct).step_by(7).map(|n| format!(r#"{{"text":"value {n}"}}"#)));
        let objects: Vec<&str> = objects.iter().map(String::as_str).collect();
        let [typed, interpreted] = both(&objects);
        assert_same(&typed.columns, &interpreted.columns, "sample");
        let text = SAMPLE.fields.iter().position(|field| field.json == "text").expect("a field");
        let Some(ColumnData::Leaf(array)) = &typed.columns.columns[text] else { panic!("no text") };
        assert_eq!(array.data_type(), &DataType::Dictionary(Box::new(width), Box::new(DataType::Utf8)));
        for (row, object) in objects.iter().enumerate() {
            let object: Value = serde_json::from_str(object).expect("JSON");
            assert_eq!(oracle::leaf(array, row), object.get("text").cloned().unwrap_or_default(), "row {row}");
        }
    }
}

#[test]
fn repeated_identifiers_are_correct() {
    let mut objects: Vec<String> = (0..5000).map(|n| format!(r#"{{"text":"id {n}"}}"#)).collect();
    objects.extend_from_within(..100);
    let objects: Vec<&str> = objects.iter().map(String::as_str).collect();
    let [typed, interpreted] = both(&objects);
    assert_same(&typed.columns, &interpreted.columns, "sample");
    let text = SAMPLE.fields.iter().position(|field| field.json == "text").expect("a field");
    let Some(ColumnData::Leaf(array)) = &typed.columns.columns[text] else { panic!("no text") };
    for (row, object) in objects.iter().enumerate() {
        let object: Value = serde_json::from_str(object).expect("JSON");
        assert_eq!(oracle::leaf(array, row), object["text"], "row {row}");
    }
}

#[test]
fn mismatches_have_paths() {
    let objects = [
        r#"{"text":"fine"}"#,
        r#"{"items":[{},{"ports":[{},{"size":"big"}],"name":["secret"]}], "quantities" : {"a b":"10x"},"time":"soon"}"#,
    ];
    let [typed, interpreted] = both(&objects);
    let described: Vec<String> = typed.mismatches.iter().map(ToString::to_string).collect();
    let expected = [
        "items[1].ports[1].size: expected a 32-bit integer, found text \"big\"",
        "items[1].name: expected text, found a list",
        "quantities.a b: expected a quantity, found text \"10x\"",
        "time: expected an RFC 3339 time, found text \"soon\"",
    ];
    assert_eq!(described, expected);
    assert!(typed.mismatches.iter().all(|mismatch| mismatch.row == 1));
    assert_eq!(typed.mismatches, interpreted.mismatches);

    let many = vec![r#"{"text":7}"#; 100];
    let [typed, _] = both(&many);
    assert_eq!((typed.mismatch_count, typed.mismatches.len()), (100, MAX_REPORTED));
}
