//! Input that is broken: what can be read is there, and the rest is told.

use super::super::Options;
use super::{folder, names, of, of_file, read, warnings};

const A: &str = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}}"#;
const B: &str = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"b"}}"#;

#[test]
fn what_comes_before_and_after_broken_parts_is_there() {
    let cut = &B[..40];
    let table: Vec<(&str, Vec<u8>, &[&str], &str)> = vec![
        (
            "cut.json",
            format!(r#"{{"kind":"List","items":[{A},{cut}"#).into_bytes(),
            &["Pod /a"],
            "cut.json: item 2 | malformed JSON at byte 82, line 1: an object or list without an end; the file seems to be cut \
                off; what came before was read",
        ),
        (
            "item.json",
            format!(r#"{{"kind":"List","items":[{A},{{"apiVersion":"v1","kind":"Pod","spec":{{nul}}}},{B}]}}"#)
                .into_bytes(),
            &["Pod /a", "Pod /b"],
            "item.json: item 2 | malformed JSON (expected a key, at byte 40 of the object), left out",
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
            "docs.yaml | malformed YAML in line 2: ",
        ),
        (
            "latin1.json",
            [A.as_bytes(), b"\n", B.replace("\"b\"", "\"b\u{1}\"").replace('\u{1}', "?").as_bytes()]
                .concat()
                .iter()
                .map(|byte| if *byte == b'?' { 0xE9 } else { *byte })
                .collect(),
            &["Pod /a", "Pod /b\u{fffd}"],
            "latin1.json | not UTF-8 at byte 110, line 2: what is not was read as U+FFFD",
        ),
    ];
    for (name, bytes, rows, told) in table {
        let snapshot = of_file(name, &bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(names(&snapshot), rows, "{name}");
        let warnings = warnings(&snapshot);
        assert!(warnings.iter().any(|warning| warning.starts_with(told)), "{name}: {warnings:#?}");
    }
}

#[test]
fn what_gives_nothing_is_an_error() {
    let table: &[(&str, &[u8], &str)] = &[
        ("empty.json", b"", "holds no Kubernetes object: it is empty"),
        ("blank.yaml", b"\xEF\xBB\xBF# nothing\n---\n---\n", "holds no Kubernetes object: it is empty"),
        ("cut.json", b"{\"kind\":\"Po", "malformed JSON"),
        ("zero.yaml", b"kind: Pod\napiVersion: v1\nx: a\0b\n", "malformed YAML in line 3: a zero byte"),
        ("text.txt", b"NAME READY\na 1/1\n", "no Kubernetes object but a single value"),
    ];
    for (name, bytes, expected) in table {
        let error = of_file(name, bytes).expect_err(name).to_string();
        assert!(error.contains(expected) && error.contains(name), "{name}: {error}");
    }
    let error = of(&[("a.txt", b"x")]).expect_err("no file").to_string();
    assert!(error.contains("no file in it ends in .json"), "{error}");
    let gone = folder(&[]).path().join("gone.json");
    let error = read(gone, Options::default()).expect_err("no file").to_string();
    assert!(error.contains("gone.json: there is no such file or folder"), "{error}");
}

#[test]
fn encodings_of_other_systems_are_read() {
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    let table = [
        ("bom.json", format!("\u{feff}{A}").into_bytes()),
        ("bom.yaml", "\u{feff}apiVersion: v1\r\nkind: Pod\r\nmetadata:\r\n  name: a\r\n".as_bytes().to_vec()),
        ("powershell.json", [vec![0xFF, 0xFE], utf16(A)].concat()),
    ];
    for (name, bytes) in table {
        let snapshot = of_file(name, &bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(names(&snapshot), ["Pod /a"], "{name}");
        assert_eq!(warnings(&snapshot), [""; 0], "{name}");
    }
}

#[test]
fn deep_and_odd_objects_are_read() {
    let deep = format!("{}1{}", "{\"a\":[".repeat(100), "]}".repeat(100));
    let pod = format!(
        r#"{{"x":{deep},"apiVersion":"v1","kind":"Pod","metadata":{{"name":"a","name":"b","annotations":{{"d":"\u0000"}}}}}}"#
    );
    let snapshot = of_file("deep.json", pod.as_bytes()).expect("a pod");
    assert_eq!(names(&snapshot).len(), 1);
    let yaml = format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nx: {deep}\n");
    assert_eq!(names(&of_file("deep.yaml", yaml.as_bytes()).expect("a pod")), ["Pod /a"]);
    let deepest = format!("a: {}{}\n---\n{A}\n", "[".repeat(100_000), "]".repeat(100_000));
    let snapshot = of_file("deepest.yaml", deepest.as_bytes()).expect("a pod");
    assert_eq!(names(&snapshot), ["Pod /a"]);
}

#[test]
fn aliases_cannot_fill_the_memory() {
    let mut bomb = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for level in 1..30 {
        let below = format!("*a{}", level - 1);
        bomb += &format!("a{level}: &a{level} [{}]\n", [below.as_str(); 9].join(", "));
    }
    let snapshot = of_file("bomb.yaml", format!("{bomb}---\n{A}\n").as_bytes()).expect("the other document");
    assert_eq!(names(&snapshot), ["Pod /a"]);
    assert!(warnings(&snapshot)[0].contains("aliases that add more than"), "{:?}", warnings(&snapshot));
}

#[test]
fn kinds_without_a_table_are_told_once_and_hide_nothing() {
    let unknown =
        |kind: &str| format!(r#"{{"apiVersion":"example.com/v1","kind":"{kind}","metadata":{{"name":"x"}}}}"#);
    let files: Vec<(String, String)> =
        (0..30).map(|at| (format!("{at:02}.json"), unknown(&format!("Kind{}", at % 12)))).collect();
    let mut files: Vec<(&str, &[u8])> = files.iter().map(|(name, text)| (name.as_str(), text.as_bytes())).collect();
    let wrong = br#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"priority":"high"}}"#;
    files.push(("pod.json", wrong));
    let warnings = warnings(&of(&files).expect("a snapshot"));
    assert_eq!(warnings.len(), 13, "{warnings:#?}");
    assert!(warnings[0].contains("expected"), "{warnings:#?}");
    assert!(
        warnings[1].starts_with("00.json") && warnings[1].contains("Kind0") && warnings[1].contains("3 objects"),
        "{warnings:#?}"
    );
}
