//! Tests of the conversion against the JSON that kubectl produces.

use serde_json::Value;

use super::convert::YamlToJson;
use super::documents::split;
use super::kubectl::{DOCUMENTS, SCALARS};

fn json(text: &str) -> Result<String, String> {
    let mut converter = YamlToJson::new(text);
    let document = converter.next().map(|next| next.map_or("(none)", |converted| converted.document).to_owned());
    document.map_err(|error| format!("{}: {}", error.line, error.message))
}

#[test]
fn scalars_are_resolved_as_by_kubectl() {
    for (text, expected) in SCALARS {
        assert_eq!(json(&format!("a: {text}\n")), Ok(format!("{{\"a\":{expected}}}")), "{text}");
    }
    for text in [".inf", "-.INF", "+.inf", ".NaN"] {
        assert_eq!(json(&format!("a: {text}")), Ok(format!("{{\"a\":\"{text}\"}}")), "kubectl refuses {text}");
    }
}

#[test]
fn documents_are_read_as_by_kubectl() {
    for (text, expected) in DOCUMENTS {
        // The last of repeated keys counts, for the flatteners as for serde_json.
        let got: Value = serde_json::from_str(&json(text).expect(text)).expect("JSON");
        assert_eq!(got, serde_json::from_str::<Value>(expected).expect("JSON"), "{text}");
    }
}

#[test]
fn collections_become_json() {
    let table = [
        ("- 1\n- [a, {b: c}]\n- {}\n- []\n", r#"[1,["a",{"b":"c"}],{},[]]"#),
        ("a: >-\n  b\n  c\nd: |\n  e\n   \"f\"\n", r#"{"a":"b c","d":"e\n \"f\"\n"}"#),
        ("a: &x 1\nb: *x\nc: {*x : d}\n", r#"{"a":1,"b":1,"c":{"1":"d"}}"#),
        ("\"<<\": {a: 1}\n", r#"{"<<":{"a":1}}"#),
        ("a: \"\\x01\\u263A\\t\"\n", "{\"a\":\"\\u0001\u{263a}\\t\"}"),
    ];
    for (text, expected) in table {
        assert_eq!(json(text).as_deref(), Ok(expected), "{text}");
        if serde_json::from_str::<serde::de::IgnoredAny>(expected).is_err() {
            panic!("{expected} is not JSON");
        }
    }
}

#[test]
fn malformed_yaml_is_an_error() {
    for (text, expected) in [
        ("a: *b\n", "1: "),
        ("a: &x [*x]\n", "1: an alias refers to its enclosing value"),
        ("a: b: c\n", "1: "),
        ("a: 1\n\tb: 2\n", "1: "),
        ("{a: b}: c\n", "1: a key must not be"),
        ("<<: 1\n", "1: the value of a merge key"),
        ("a: 'b\n", ""),
        ("a: 1\nb: \0\n", "2: zero byte"),
    ] {
        let error = json(text).expect_err(text);
        assert!(error.starts_with(expected), "{text}: {error}");
    }
}

#[test]
fn lines_of_documents_and_items_are_known() {
    let mut converter =
        YamlToJson::new("# c\nkind: List\nitems:\n- a: 1\n  items: [1]\n-\n  b: 2\n- {}\nx: [1]\n---\n- 1\n\n- 2\n");
    for expected in [(2, vec![4, 7, 8]), (11, vec![11, 13])] {
        let converted = converter.next().expect("YAML").expect("a document");
        assert_eq!((converted.line, converted.item_lines.to_vec()), expected);
    }
}

#[test]
fn notes_of_helm_are_left_out() {
    let found: Vec<_> =
        split("MANIFEST:\n---\na: 1\nNOTES:\n1. Get the URL: [\n").into_iter().map(|part| part.text).collect();
    assert_eq!(found, ["MANIFEST:\n", "---\na: 1\n"]);
}

#[test]
fn streams_are_split_into_documents() {
    let text = "# first\na: |\n  ---\n  b\n---\n# nothing\n--- # c\nc: 1\n...\n%YAML 1.2\n---\r\nd: 1\n---e: 2\n";
    let found: Vec<_> = split(text).into_iter().map(|part| (part.text.into_owned(), part.line)).collect();
    assert_eq!(
        found,
        [
            ("# first\na: |\n  ---\n  b\n".to_owned(), 0),
            ("--- # c\nc: 1\n...\n%YAML 1.2\n".to_owned(), 6),
            ("---\r\nd: 1\n---e: 2\n".to_owned(), 10),
        ]
    );
}
