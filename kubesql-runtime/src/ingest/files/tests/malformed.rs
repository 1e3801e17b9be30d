//! Tests of malformed input.

use super::super::FileOptions;
use super::{folder, names, read, read_file, read_files, warnings};

const A: &str = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}}"#;
const B: &str = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"b"}}"#;

#[test]
fn objects_around_malformed_parts_are_read() {
    let cut = &B[..40];
    let table: Vec<(&str, Vec<u8>, &[&str], &str)> = vec![
        (
            "cut.json",
            format!(r#"{{"kind":"List","items":[{A},{cut}"#).into_bytes(),
            &["Pod /a"],
            "cut.json: item 2 | malformed JSON at byte 82, line 1: unterminated object or list; the file may be truncated; \
                everything before it was read",
        ),
        (
            "item.json",
            format!(r#"{{"kind":"List","items":[{A},{{"apiVersion":"v1","kind":"Pod","spec":{{nul}}}},{B}]}}"#)
                .into_bytes(),
            &["Pod /a", "Pod /b"],
            "item.json: item 2 | skipped a malformed object: expected a key at byte 40",
        ),
        (
            "lines.ndjson",
            format!("{A}\n{cut}\n{B}\n").into_bytes(),
            &["Pod /a", "Pod /b"],
            "lines.ndjson: document 2 | ",
        ),
        (
            "docs.yaml",
            format!(
                "a: [\n---\n{A}\n--- # next\nb: *gone\n---\n---\nkind: Pod\napiVersion: v1\nmetadata:\n  name: b\n"
            )
            .into_bytes(),
            &["Pod /a", "Pod /b"],
            "docs.yaml | skipped a malformed YAML document: line 2: ",
        ),
        (
            "latin1.json",
            [A.as_bytes(), b"\n", B.replace("\"b\"", "\"b\u{1}\"").replace('\u{1}', "?").as_bytes()]
                .concat()
                .iter()
                .map(|byte| if *byte == b'?' { 0xE9 } else { *byte })
                .collect(),
            &["Pod /a", "Pod /b\u{fffd}"],
            "latin1.json | invalid UTF-8 at byte 110, line 2; invalid bytes were read as U+FFFD",
        ),
    ];
    for (name, bytes, rows, expected) in table {
        let snapshot = read_file(name, &bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(names(&snapshot), rows, "{name}");
        let warnings = warnings(&snapshot);
        assert!(warnings.iter().any(|warning| warning.starts_with(expected)), "{name}: {warnings:#?}");
    }
}

#[test]
fn input_without_objects_is_an_error() {
    let table: &[(&str, &[u8], &str)] = &[
        ("empty.json", b"", "contains no Kubernetes object: it is empty"),
        ("blank.yaml", b"\xEF\xBB\xBF# nothing\n---\n---\n", "contains no Kubernetes object: it is empty"),
        ("cut.json", b"{\"kind\":\"Po", "malformed JSON"),
        ("zero.yaml", b"kind: Pod\napiVersion: v1\nx: a\0b\n", "malformed YAML document: line 3: zero byte"),
        ("text.txt", b"NAME READY\na 1/1\n", "skipped a value that is not an object"),
    ];
    for (name, bytes, expected) in table {
        let error = read_file(name, bytes).expect_err(name).to_string();
        assert!(error.contains(expected) && error.contains(name), "{name}: {error}");
    }
    let error = read_files(&[("a.txt", b"x")]).expect_err("no file").to_string();
    assert!(error.contains("contains no file with the extension .json"), "{error}");
    let gone = folder(&[]).path().join("gone.json");
    let error = read(gone, FileOptions::default()).expect_err("no file").to_string();
    assert!(error.contains("gone.json: no such file or folder"), "{error}");
}

#[test]
fn other_encodings_are_read() {
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    let table = [
        ("bom.json", format!("\u{feff}{A}").into_bytes()),
        ("bom.yaml", "\u{feff}apiVersion: v1\r\nkind: Pod\r\nmetadata:\r\n  name: a\r\n".as_bytes().to_vec()),
        ("utf16le.json", utf16(A)),
        ("utf16be.json", A.encode_utf16().flat_map(u16::to_be_bytes).collect()),
        ("powershell.json", [vec![0xFF, 0xFE], utf16(A)].concat()),
    ];
    for (name, bytes) in table {
        let snapshot = read_file(name, &bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(names(&snapshot), ["Pod /a"], "{name}");
        assert_eq!(warnings(&snapshot), [""; 0], "{name}");
    }
}

#[test]
fn deeply_nested_objects_are_read() {
    let deep = format!("{}1{}", "{\"a\":[".repeat(100), "]}".repeat(100));
    let pod = format!(
        r#"{{"x":{deep},"apiVersion":"v1","kind":"Pod","metadata":{{"name":"a","name":"b","annotations":{{"d":"\u0000"}}}}}}"#
    );
    let snapshot = read_file("deep.json", pod.as_bytes()).expect("a pod");
    assert_eq!(names(&snapshot).len(), 1);
    let yaml = format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nx: {deep}\n");
    assert_eq!(names(&read_file("deep.yaml", yaml.as_bytes()).expect("a pod")), ["Pod /a"]);
    let deepest = format!("a: {}{}\n---\n{A}\n", "[".repeat(100_000), "]".repeat(100_000));
    let snapshot = read_file("deepest.yaml", deepest.as_bytes()).expect("a pod");
    assert_eq!(names(&snapshot), ["Pod /a"]);
}

#[test]
fn aliases_are_limited() {
    let mut bomb = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for level in 1..30 {
        let below = format!("*a{}", level - 1);
        bomb += &format!("a{level}: &a{level} [{}]\n", [below.as_str(); 9].join(", "));
    }
    let snapshot = read_file("bomb.yaml", format!("{bomb}---\n{A}\n").as_bytes()).expect("the other document");
    assert_eq!(names(&snapshot), ["Pod /a"]);
    assert!(warnings(&snapshot)[0].contains("aliases exceed"), "{:?}", warnings(&snapshot));
}

#[test]
fn unsupported_kinds_are_reported_once() {
    let unknown =
        |kind: &str| format!(r#"{{"apiVersion":"example.com/v1","kind":"{kind}","metadata":{{"name":"x"}}}}"#);
    let files: Vec<(String, String)> =
        (0..30).map(|at| (format!("{at:02}.json"), unknown(&format!("Kind{}", at % 12)))).collect();
    let mut files: Vec<(&str, &[u8])> = files.iter().map(|(name, text)| (name.as_str(), text.as_bytes())).collect();
    let wrong = br#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"priority":"high"}}"#;
    files.push(("pod.json", wrong));
    let warnings = warnings(&read_files(&files).expect("a snapshot"));
    assert_eq!(warnings.len(), 13, "{warnings:#?}");
    assert!(warnings[0].contains("expected"), "{warnings:#?}");
    assert!(
        warnings[1].starts_with("00.json") && warnings[1].contains("Kind0") && warnings[1].contains("3 objects"),
        "{warnings:#?}"
    );
}
