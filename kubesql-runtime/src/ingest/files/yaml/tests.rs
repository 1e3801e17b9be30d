//! Tests of the conversion against the JSON that kubectl produces.

use super::convert::YamlToJson;
use super::documents::split;

fn json(text: &str) -> Result<String, String> {
    let mut converter = YamlToJson::new(text);
    let document = converter.next().map(|document| document.unwrap_or("(none)").to_owned());
    document.map_err(|error| format!("{}: {}", error.line, error.message))
}

#[test]
fn scalars_are_resolved_as_by_kubectl() {
    let table = [
        ("yes", "true"),
        ("Off", "false"),
        ("y", "true"),
        ("nO", "\"nO\""),
        ("True", "true"),
        ("TRue", "\"TRue\""),
        ("~", "null"),
        ("", "null"),
        ("Null", "null"),
        ("nil", "\"nil\""),
        ("0", "0"),
        ("-0", "-0"),
        ("+7", "7"),
        ("0644", "420"),
        ("0o17", "15"),
        ("0x1F", "31"),
        ("-0x10", "-16"),
        ("0b101", "5"),
        ("08", "8"),
        ("1_000", "1000"),
        ("9223372036854775808", "9223372036854775808"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("1.50", "1.50"),
        (".5", "0.5"),
        ("5.", "5"),
        ("1e3", "1e3"),
        ("-1.5E-3", "-1.5e-3"),
        ("007.5", "7.5"),
        ("1e999", "\"1e999\""),
        (".inf", "\".inf\""),
        ("=", "\"=\""),
        ("1:30", "\"1:30\""),
        ("2020-01-02", "\"2020-01-02\""),
        ("2020-01-02T03:04:05Z", "\"2020-01-02T03:04:05Z\""),
        ("1.2.3", "\"1.2.3\""),
        ("0x", "\"0x\""),
        ("0xZZ", "\"0xZZ\""),
        ("-", "[null]"),
        ("12Mi", "\"12Mi\""),
        ("\"yes\"", "\"yes\""),
        ("'1'", "\"1\""),
        ("!!str 1", "\"1\""),
        ("!!int \"1\"", "\"1\""),
        ("|\n  1\n", "\"1\\n\""),
        ("1e-3m", "\"1e-3m\""),
    ];
    for (text, expected) in table {
        let got = if text == "-" { json("a:\n-") } else { json(&format!("a: {text}")) };
        assert_eq!(got, Ok(format!("{{\"a\":{expected}}}")), "{text}");
    }
}

#[test]
fn collections_become_json() {
    let table = [
        ("- 1\n- [a, {b: c}]\n- {}\n- []\n", r#"[1,["a",{"b":"c"}],{},[]]"#),
        ("1: a\n0x10: b\ntrue: c\n'': d\n? e\n: f\n", r#"{"1":"a","16":"b","true":"c","":"d","e":"f"}"#),
        ("a: >-\n  b\n  c\nd: |\n  e\n   \"f\"\n", r#"{"a":"b c","d":"e\n \"f\"\n"}"#),
        ("a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  c: 3\n", r#"{"a":{"b":1,"c":2},"d":{"c":3,"b":1}}"#),
        (
            "a: &x {b: 1}\nc: &y {b: 2, d: 4}\ne:\n  <<: [*x, *y]\n",
            r#"{"a":{"b":1},"c":{"b":2,"d":4},"e":{"b":1,"d":4}}"#,
        ),
        ("d:\n  c: 3\n  <<: {c: 4, e: {f: 1}}\n  g: 5\n", r#"{"d":{"c":3,"g":5,"e":{"f":1}}}"#),
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
