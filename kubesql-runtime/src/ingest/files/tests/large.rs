//! Large files, which are read in parts: the same rows as of the whole, whatever the parts.

use std::fmt::Write;

use super::super::{Files, Options, stream::Sizes};
use super::{everything, folder, kinds, names, objects, warnings};

/// Everything in a file, read in such pieces.
fn in_pieces(name: &str, text: &str, sizes: Sizes) -> (Vec<String>, Vec<String>, Vec<String>) {
    let folder = folder(&[(name, text.as_bytes())]);
    let files = Files::new([("c".to_owned(), folder.path().join(name))], kinds(), Options::default()).expect("a file");
    let mut inner = std::sync::Arc::into_inner(files.inner).expect("no one else has it");
    inner.sizes = sizes;
    let snapshot = inner.snapshot(&everything()).unwrap_or_else(|error| panic!("{name}: {error}"));
    // Kinds of a part are told one after another.
    let mut names = names(&snapshot);
    let mut objects = objects(&snapshot);
    names.sort();
    objects.sort();
    (names, objects, warnings(&snapshot))
}

/// Pods with things in them that look like the beginnings of others, among other kinds.
fn items(told: bool) -> Vec<String> {
    let head = |kind: &str, version: &str| {
        if told { format!(r#""apiVersion":"{version}","kind":"{kind}","#) } else { String::new() }
    };
    let mut items = Vec::new();
    for number in 0..80 {
        let (kind, version) = match number % 7 {
            3 if told => ("Node", "v1"),
            5 if told => ("Rollout", "argoproj.io/v1"),
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
    let told = items(true);
    let silent = items(false);
    let spread = |items: &[String]| {
        let mut text = "{\n  \"apiVersion\": \"v1\",\n  \"items\": [".to_owned();
        for (number, item) in items.iter().enumerate() {
            let _ =
                write!(text, "{}\n    {}", if number > 0 { "," } else { "" }, item.replace("\",\"", "\",\n      \""));
        }
        text + "\n  ],\n  \"kind\": \"List\"\n}\n"
    };
    vec![
        ("list.json", format!(r#"{{"kind":"List","apiVersion":"v1","items":[{}]}}"#, told.join(","))),
        ("kubectl.json", spread(&told)),
        ("typed.json", format!(r#"{{"kind":"PodList","apiVersion":"v1","items":[{}]}}"#, silent.join(","))),
        (
            "same.json",
            format!(
                r#"{{"kind":"PodList","apiVersion":"v1","items":[{},{}]}}"#,
                silent.join(","),
                silent[1].replacen('{', r#"{"kind":"Pod","apiVersion":"v1","#, 1)
            ),
        ),
        (
            "mixed.json",
            format!(r#"{{"kind":"PodList","apiVersion":"v1","items":[{},{}]}}"#, silent.join(","), told.join(",")),
        ),
        ("kind-last.json", format!(r#"{{"items":[{}],"kind":"PodList","apiVersion":"v1"}}"#, silent.join(","))),
        ("array.json", format!("\u{feff}[{}]", told.join(" , "))),
        ("lines.ndjson", told.join("\n")),
        ("silent.ndjson", silent.join("\r\n") + "\r\n"),
        (
            "lists.ndjson",
            format!(
                r#"{{"kind":"PodList","apiVersion":"v1","items":[{0}]}}{{"kind":"PodList","apiVersion":"v1","items":[{0}]}}"#,
                silent.join(",")
            ),
        ),
        (
            "after.json",
            format!(r#"{{"kind":"PodList","apiVersion":"v1","items":[{}]}} {}"#, silent.join(","), told.join("\n")),
        ),
        ("cut.json", {
            let text = format!(r#"{{"kind":"List","apiVersion":"v1","items":[{}"#, told.join(","));
            text[..text.len() - 30].to_owned()
        }),
        ("cut.ndjson", {
            let text = told.join("\n");
            text[..text.len() - 30].to_owned()
        }),
        (
            "bad-item.json",
            format!(
                r#"{{"kind":"List","apiVersion":"v1","items":[{}]}}"#,
                told.join(",").replacen("\"nodeName\":", "\"nodeName\"", 40)
            ),
        ),
        ("missing-comma.json", format!("[{}{}]", told[..60].join(","), told[60..].join(","))),
        ("no-object.json", format!("[{},null,7,{}]", told[..60].join(","), told[60..].join(","))),
    ]
}

#[test]
fn parts_give_what_the_whole_gives() {
    for (name, text) in texts() {
        let whole = in_pieces(name, &text, Sizes { large: u64::MAX, ..Sizes::default() });
        assert!(whole.0.len() >= 30, "{name}: {:?}", whole.2);
        for (part, window) in [(100, 64), (1000, 64), (3000, 700), (20_000, 4096), (1 << 20, 2000)] {
            let parts = in_pieces(name, &text, Sizes { large: 1, part, window });
            let case = format!("{name} in parts of {part}, windows of {window}");
            assert_eq!(parts.2, whole.2, "{case}");
            assert_eq!(parts.0, whole.0, "{case}");
            assert!(parts.1 == whole.1, "{case}");
        }
    }
}
