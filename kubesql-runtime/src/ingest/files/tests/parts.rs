//! Tests that files read in parts have the same rows as files read as a whole.

use std::fmt::Write;

use super::super::{FileOptions, FileSource, context::Sizes};
use super::{everything, folder, kinds, names, objects, warnings};

/// The names, objects and warnings of a file read with these sizes.
fn read_with_sizes(name: &str, text: &str, sizes: Sizes) -> (Vec<String>, Vec<String>, Vec<String>) {
    let folder = folder(&[(name, text.as_bytes())]);
    let files =
        FileSource::new([("c".to_owned(), folder.path().join(name))], kinds(), FileOptions::default()).expect("a file");
    let mut inner = std::sync::Arc::into_inner(files.inner).expect("the only reference");
    inner.sizes = sizes;
    let snapshot = inner.snapshot(&everything()).unwrap_or_else(|error| panic!("{name}: {error}"));
    // Each part has the segments of all kinds.
    let mut names = names(&snapshot);
    for segment in &snapshot.segments {
        let sources = segment.sources.as_ref().expect("rows are from files");
        let line = |row| format!("{}: line {}", segment.kind.kind, sources.line(row).expect("a line"));
        let alive = |row: &usize| segment.alive.as_ref().is_none_or(|alive| alive.value(*row));
        names.extend((0..segment.columns.rows).filter(alive).map(line));
    }
    let mut objects = objects(&snapshot);
    names.sort();
    objects.sort();
    (names, objects, warnings(&snapshot))
}

/// Pods with text in them that looks like the start of an object, and objects of other kinds.
fn items(with_kind: bool) -> Vec<String> {
    let head = |kind: &str, version: &str| {
        if with_kind { format!(r#""apiVersion":"{version}","kind":"{kind}","#) } else { String::new() }
    };
    let mut items = Vec::new();
    for number in 0..80 {
        let (kind, version) = match number % 7 {
            3 if with_kind => ("Node", "v1"),
            5 if with_kind => ("Rollout", "argoproj.io/v1"),
            _ => ("Pod", "v1"),
        };
        let trap = r#"},{\"metadata\":{ },{\"apiVersion\":"#;
        let own = r#"[{},{"metadata":{"name":"x"}},{"apiVersion":"v1","kind":"Pod"}]"#;
        items.push(format!(
            r#"{{{}"metadata":{{"name":"p{number}","annotations":{{"a":"{trap}{}\n"}}}},"spec":{{"containers":[{{"name":"c"}}],"nodeName":"é{number}","volumes":{own}}}}}"#,
            head(kind, version),
            "y".repeat(number * 3 % 97),
        ));
    }
    items
}

fn texts() -> Vec<(&'static str, String)> {
    let typed = items(true);
    let untyped = items(false);
    let indented = |items: &[String]| {
        let mut text = "{\n  \"apiVersion\": \"v1\",\n  \"items\": [".to_owned();
        for (number, item) in items.iter().enumerate() {
            let _ =
                write!(text, "{}\n    {}", if number > 0 { "," } else { "" }, item.replace("\",\"", "\",\n      \""));
        }
        text + "\n  ],\n  \"kind\": \"List\"\n}\n"
    };
    vec![
        ("list.json", format!(r#"{{"kind":"List","apiVersion":"v1","items":[{}]}}"#, typed.join(","))),
        ("kubectl.json", indented(&typed)),
        ("typed.json", format!(r#"{{"kind":"PodList","apiVersion":"v1","items":[{}]}}"#, untyped.join(","))),
        (
            "same.json",
            format!(
                r#"{{"kind":"PodList","apiVersion":"v1","items":[{},{}]}}"#,
                untyped.join(","),
                untyped[1].replacen('{', r#"{"kind":"Pod","apiVersion":"v1","#, 1)
            ),
        ),
        (
            "mixed.json",
            format!(r#"{{"kind":"PodList","apiVersion":"v1","items":[{},{}]}}"#, untyped.join(","), typed.join(",")),
        ),
        ("kind-last.json", format!(r#"{{"items":[{}],"kind":"PodList","apiVersion":"v1"}}"#, untyped.join(","))),
        ("array.json", format!("\u{feff}[{}]", typed.join(" , "))),
        ("lines.ndjson", typed.join("\n")),
        ("untyped.ndjson", untyped.join("\r\n") + "\r\n"),
        (
            "lists.ndjson",
            format!(
                r#"{{"kind":"PodList","apiVersion":"v1","items":[{0}]}}{{"kind":"PodList","apiVersion":"v1","items":[{0}]}}"#,
                untyped.join(",")
            ),
        ),
        (
            "after.json",
            format!(r#"{{"kind":"PodList","apiVersion":"v1","items":[{}]}} {}"#, untyped.join(","), typed.join("\n")),
        ),
        ("cut.json", {
            let text = format!(r#"{{"kind":"List","apiVersion":"v1","items":[{}"#, typed.join(","));
            text[..text.len() - 30].to_owned()
        }),
        ("cut.ndjson", {
            let text = typed.join("\n");
            text[..text.len() - 30].to_owned()
        }),
        (
            "bad-item.json",
            format!(
                r#"{{"kind":"List","apiVersion":"v1","items":[{}]}}"#,
                typed.join(",").replacen("\"nodeName\":", "\"nodeName\"", 40)
            ),
        ),
        ("missing-comma.json", format!("[{}{}]", typed[..60].join(","), typed[60..].join(","))),
        ("no-object.json", format!("[{},null,7,{}]", typed[..60].join(","), typed[60..].join(","))),
    ]
}

#[test]
fn parts_have_the_rows_of_the_whole() {
    for (name, text) in texts() {
        let whole = read_with_sizes(name, &text, Sizes { large: u64::MAX, ..Sizes::default() });
        assert!(whole.0.len() >= 30, "{name}: {:?}", whole.2);
        for (part, window) in [(100, 64), (1000, 64), (3000, 700), (20_000, 4096), (1 << 20, 2000)] {
            let parts = read_with_sizes(name, &text, Sizes { large: 1, part, window });
            let case = format!("{name} in parts of {part}, windows of {window}");
            assert_eq!(parts.2, whole.2, "{case}");
            assert_eq!(parts.0, whole.0, "{case}");
            assert!(parts.1 == whole.1, "{case}");
        }
    }
}
