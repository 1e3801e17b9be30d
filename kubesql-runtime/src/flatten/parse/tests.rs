//! Tests of the parser.

use super::{Malformed, Parser};
use crate::flatten::mismatch::Expected;

/// Reads the only value of a text.
fn one<T>(json: &str, read: impl FnOnce(&mut Parser<'_>) -> Result<T, Malformed>) -> Result<(T, u64), Malformed> {
    let mut parser = Parser::new(json);
    let value = read(&mut parser)?;
    parser.end()?;
    Ok((value, parser.into_mismatches().take().0))
}

fn text(json: &str) -> Result<Option<String>, Malformed> {
    one(json, |parser| Ok(parser.text()?.map(str::to_owned))).map(|(text, _)| text)
}

#[test]
fn strings_are_decoded() {
    let table = [
        (r#""""#, ""),
        (r#""plain""#, "plain"),
        (r#"  "blank"  "#, "blank"),
        (r#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
        (r#""\u0041\u00e9\u20AC""#, "Aé€"),
        (r#""\ud83d\ude00""#, "😀"),
        (r#""\ud83d""#, "\u{fffd}"),
        (r#""\ude00\ud83d!""#, "\u{fffd}\u{fffd}!"),
        (r#""\ud83d\u0041""#, "\u{fffd}A"),
        (r#""\ud83d\ud83d\ude00""#, "\u{fffd}😀"),
        (r#""\ud83dx""#, "\u{fffd}x"),
        (r#""\u0000""#, "\0"),
        (r#""é😀""#, "é😀"),
        (r#""1234567\"9""#, "1234567\"9"),
        (
            r#""12345678901234567890123456789012345678901234567890\n""#,
            "12345678901234567890123456789012345678901234567890\n",
        ),
    ];
    for (json, expected) in table {
        assert_eq!(text(json).as_ref().map(Option::as_deref), Ok(Some(expected)), "{json}");
    }
    for length in 0..200 {
        let plain = "x".repeat(length);
        assert_eq!(text(&format!("\"{plain}\"")), Ok(Some(plain.clone())));
        assert_eq!(text(&format!("\"{plain}\\\"{plain}\"")), Ok(Some(format!("{plain}\"{plain}"))));
    }
}

#[test]
fn bad_strings_are_malformed() {
    for json in [
        r#"""#,
        r#""a"#,
        r#""\"#,
        r#""\""#,
        r#""\x""#,
        r#""\u12""#,
        r#""\u12g4""#,
        r#""\u+123""#,
        r#""\ud83d\u12""#,
        "\"a\\é\"",
    ] {
        assert!(text(json).is_err(), "{json}");
    }
}

#[test]
fn numbers_are_read() {
    let whole = |json| one(json, |parser| parser.int64());
    for (json, expected) in [
        ("0", Some(0)),
        ("-0", Some(0)),
        ("123456789012345678", Some(123_456_789_012_345_678)),
        ("1234567890123456789", Some(1_234_567_890_123_456_789)),
        ("-9223372036854775808", Some(i64::MIN)),
        ("1.0", Some(1)),
        ("1e2", Some(100)),
        ("1E+2", Some(100)),
        ("100e-2", Some(1)),
    ] {
        assert_eq!(whole(json), Ok((expected, 0)), "{json}");
    }
    for json in ["9223372036854775808", "1.5", "1e-1", "1e30", "\"1\"", "true", "[1]", "{\"a\":1}"] {
        assert_eq!(whole(json), Ok((None, 1)), "{json}");
    }
    assert_eq!(whole("null"), Ok((None, 0)));
    for json in ["", "-", "1.", "1e", "1e+", ".5", "+1", "1x", "--1", "1.2.3", "0x10", "NaN", "nul", "truth", "1 2"] {
        assert!(whole(json).is_err(), "{json}");
    }
    let float = |json| one(json, |parser| parser.float());
    assert_eq!(float("-1.5e-3"), Ok((Some(-0.0015), 0)));
    assert_eq!(float("9007199254740993"), Ok((Some(9_007_199_254_740_992.0), 0)));
    assert_eq!(float("1e999"), Ok((None, 1)));
}

#[test]
fn repeated_times_are_cached_correctly() {
    let zulu = "\"2020-05-12T01:02:03Z\"";
    let later = "\"2020-05-12T01:02:04Z\"";
    let table = [
        (zulu, Some(1_589_245_323_000_000)),
        (zulu, Some(1_589_245_323_000_000)),
        (later, Some(1_589_245_324_000_000)),
        ("\"2020-05-12T01:02:04\"", None),
        ("\"2020-05-12T01:02:04ZZ\"", None),
        (later, Some(1_589_245_324_000_000)),
        ("\"2020-05-12T01:02:04.5Z\"", Some(1_589_245_324_500_000)),
        ("null", None),
        ("\"2020-05-12T01:02:\\u0034Z\"", None),
        (later, Some(1_589_245_324_000_000)),
    ];
    let text = format!("[{}]", table.map(|(json, _)| json).join(","));
    let mut parser = Parser::new(&text);
    let mut elements = parser.array().expect("a list").expect("a list");
    for (json, expected) in table {
        assert_eq!((parser.element(&mut elements), parser.time()), (Ok(true), Ok(expected)), "{json}");
    }
    assert_eq!(parser.element(&mut elements), Ok(false));
    // At the end of the text.
    for _ in 0..2 {
        assert_eq!(one(zulu, |parser| parser.time()), Ok((Some(1_589_245_323_000_000), 0)));
    }
    assert!(one(&zulu[..21], |parser| parser.time()).is_err());
}

#[test]
fn every_type_of_value_is_skipped() {
    let long = format!(r#"{{"a":"{}","b":[{{}},"\\\"]}}"]}}"#, r#"\"}{][\\"#.repeat(50));
    let nested = format!("{}1{}", "[".repeat(3000), "]".repeat(3000));
    for json in [
        "1",
        "-1.5e3",
        "true",
        "false",
        "null",
        r#""a\"b""#,
        "{}",
        "[]",
        "[ ]",
        r#"{"a":{"b":[1,2,{}]}}"#,
        &long,
        &nested,
    ] {
        for blanks in 0..70 {
            let padded = format!("{0}{json}{0}", " ".repeat(blanks));
            assert_eq!(one(&padded, |parser| parser.skip()), Ok(((), 0)), "{padded}");
            let raw = one(&padded, |parser| Ok(parser.raw()?.map(str::to_owned)));
            assert_eq!(raw, Ok(((json != "null").then(|| json.to_owned()), 0)), "{padded}");
        }
        for cut in 0..json.len() {
            let is_number = json[..cut].parse::<f64>().is_ok();
            assert!(is_number || one(&json[..cut], |parser| parser.skip()).is_err(), "{}", &json[..cut]);
        }
    }
}

#[test]
fn skipping_validates_the_structure() {
    for json in ["[}", "{]", "[1", "{\"a\":[}", "[\"]", "]", "}", ",", ":", "x", "tru", "[[]", "\u{0}"] {
        assert!(one(json, |parser| parser.skip()).is_err(), "{json}");
    }
}

#[test]
fn raw_text_with_line_breaks_is_compacted() {
    let table = [
        ("{ \"a\" : 1 }", "{ \"a\" : 1 }"),
        ("{\n  \"a b\": [\n\t1,\r\n 2\n ],\n \"c\\\" \": \" \\\\\"\n}", r#"{"a b":[1,2],"c\" ":" \\"}"#),
        ("[\n]", "[]"),
        // Escapes that only HTML needs are decoded. Escapes of quotes, backslashes and control characters stay.
        (r#"["a \u0026\u0026 b \u003e c", "\\u0026 \u0000 \u0022"]"#, r#"["a && b > c","\\u0026 \u0000 \u0022"]"#),
    ];
    for (json, expected) in table {
        let raw = one(json, |parser| Ok(parser.raw()?.map(str::to_owned)));
        assert_eq!(raw, Ok((Some(expected.to_owned()), 0)));
    }
}

/// Reads all values of a document, and returns their number.
fn walk(parser: &mut Parser<'_>) -> Result<usize, Malformed> {
    let mut count = 1;
    match parser.peek() {
        b'{' => {
            let mut fields = parser.object()?.expect("an object");
            while parser.key(&mut fields)?.is_some() {
                count += walk(parser)?;
            }
        }
        b'[' => {
            let mut elements = parser.array()?.expect("a list");
            while parser.element(&mut elements)? {
                count += walk(parser)?;
            }
        }
        b'"' => count += parser.text()?.map_or(0, str::len),
        b't' | b'f' => count += usize::from(parser.bool()?.is_some()),
        b'n' => parser.skip()?,
        _ => count += usize::from(parser.float()?.is_some()),
    }
    Ok(count)
}

const DOCUMENT: &str =
    r#" {"a" : [1, -2.5e+3, true, false, null, "x\u00e9\n", {}, [], [[]], {"\"k\"":{"b":"é😀"}}], "c":"" } "#;

#[test]
fn truncated_documents_are_malformed() {
    assert!(one(DOCUMENT, walk).is_ok());
    let whole = DOCUMENT.trim_ascii_end();
    for cut in (0..whole.len()).filter(|cut| whole.is_char_boundary(*cut)) {
        let text = &whole[..cut];
        assert!(one(text, walk).is_err(), "{text}");
        assert!(one(text, |parser| parser.skip()).is_err(), "{text}");
        assert!(one(text, |parser| parser.raw().map(|_| ())).is_err(), "{text}");
    }
}

#[test]
fn corrupted_documents_do_not_panic() {
    for at in 0..DOCUMENT.len() {
        for byte in [b'"', b'\\', b'{', b'}', b'[', b']', b',', b':', b' ', b'0', b'e', b'-', b'n', b'x', 0] {
            let mut bytes = DOCUMENT.as_bytes().to_vec();
            bytes[at] = byte;
            let Ok(text) = std::str::from_utf8(&bytes) else { continue };
            let walked = one(text, walk);
            let valid = serde_json::from_str::<serde_json::Value>(text).is_ok();
            assert!(walked.is_ok() || !valid, "{text}");
            assert!(one(text, |parser| parser.skip()).is_ok() || !valid, "{text}");
        }
    }
}

#[test]
fn misplaced_commas_and_colons_are_malformed() {
    for json in [
        "[1,]",
        "[,1]",
        "[1 2]",
        "[,]",
        "{\"a\":1,}",
        "{,\"a\":1}",
        "{\"a\":1 \"b\":2}",
        "{\"a\"}",
        "{\"a\",1}",
        "{\"a\":}",
        "{1:2}",
        "{a:1}",
    ] {
        assert!(one(json, walk).is_err(), "{json}");
    }
}

#[test]
fn keys_of_any_length_match_serde() {
    let read = |json: &str| {
        let mut parser = Parser::new(json);
        let mut fields = parser.object().expect("JSON").expect("an object");
        let mut found = Vec::new();
        while let Some(key) = parser.key(&mut fields).expect(json).map(str::to_owned) {
            found.push((key, parser.text().expect(json).expect("text").to_owned()));
        }
        parser.end().expect(json);
        found
    };
    for length in 0..70 {
        let plain = "k".repeat(length);
        for key in [plain.clone(), format!("é{plain}"), format!("{plain}\\n"), format!("\\\"{plain}")] {
            for (before, colon, comma) in [("", ":", ","), (" ", ":", " , "), ("", " : ", ",\n")] {
                for value in ["", &"v".repeat(80)] {
                    let json = format!(r#"{{{before}"{key}"{colon}"{value}"{comma}"{key}2"{colon}"{value}"}}"#);
                    let Ok(serde_json::Value::Object(expected)) = serde_json::from_str(&json) else { continue };
                    let mut found = read(&json);
                    found.sort();
                    let expected: Vec<_> = expected
                        .into_iter()
                        .map(|(key, value)| (key, value.as_str().expect("text").to_owned()))
                        .collect();
                    assert_eq!(found, expected, "{json}");
                }
            }
        }
    }
}

#[test]
fn mismatches_have_positions() {
    let mut parser = Parser::new(r#"[ 1, "a", null, {} ]"#);
    let mut elements = parser.array().expect("JSON").expect("a list");
    let mut texts = 0;
    while parser.element(&mut elements).expect("JSON") {
        texts += usize::from(parser.text().expect("JSON").is_some());
    }
    let mut mismatches = parser.into_mismatches();
    mismatches.describe(r#"[ 1, "a", null, {} ]"#, 0, 3);
    let (count, described) = mismatches.take();
    assert_eq!((texts, count), (1, 2));
    let described: Vec<_> = described
        .iter()
        .map(|described| (described.row, described.path.as_str(), described.expected, described.found.as_str()))
        .collect();
    assert_eq!(described, [(3, "[0]", Expected::Text, "a number"), (3, "[3]", Expected::Text, "an object")]);
}
