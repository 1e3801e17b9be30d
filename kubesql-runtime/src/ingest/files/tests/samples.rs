//! Tests with sample files, if they are available: every object is read or reported.

use std::path::Path;

use serde_json::Value;

use super::super::FileOptions;
use super::read;

/// The number of objects, or of values in their place, counted independently.
fn count(document: &Value) -> u64 {
    let length = |list: &Vec<Value>| u64::try_from(list.len()).expect("few");
    match document {
        Value::Null => 0,
        Value::Array(items) => length(items),
        Value::Object(fields) => {
            let kind = fields.get("kind").and_then(Value::as_str).unwrap_or_default();
            match (fields.get("items"), fields.get("rows")) {
                (Some(Value::Array(items)), _) if kind.is_empty() || kind.ends_with("List") => length(items),
                (Some(Value::Null), _) if kind.ends_with("List") => 0,
                (_, Some(Value::Array(rows))) if kind == "Table" => length(rows),
                _ => 1,
            }
        }
        _ => 1,
    }
}

fn expected(path: &Path) -> u64 {
    let text = std::fs::read_to_string(path).expect("a readable sample");
    if path.extension().is_some_and(|ending| ending == "json") {
        let documents = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
        return documents.map(|document| document.map_or(1, |document| count(&document))).sum();
    }
    // The samples have `---` only between documents.
    let parts = format!("\n{text}").replace("\n---", "\n\u{1}");
    parts
        .split('\u{1}')
        .filter(|part| part.lines().any(|line| !line.trim().is_empty() && !line.trim().starts_with('#')))
        .map(|part| {
            let mut json = super::super::yaml::YamlToJson::new(part);
            match json.next() {
                Ok(document) => count(
                    &serde_json::from_str(document.map_or("null", |converted| converted.document))
                        .expect("JSON of YAML"),
                ),
                Err(_) => 1,
            }
        })
        .sum()
}

#[test]
#[ignore = "needs KUBESQL_SAMPLES; .ci/run runs it"]
#[expect(clippy::print_stderr, reason = "the count is useful when the test is run by hand")]
fn all_objects_of_the_samples_are_read_or_reported() {
    let samples = std::env::var_os("KUBESQL_SAMPLES").expect("KUBESQL_SAMPLES is set");
    let mut total = 0;
    for entry in walkdir::WalkDir::new(Path::new(&samples).join("objects")).sort_by_file_name() {
        let entry = entry.expect("a readable folder");
        let path = entry.path();
        if !path.extension().is_some_and(|ending| ending == "json" || ending == "yaml") {
            continue;
        }
        let expected = expected(path);
        let (taken, left) = match read(path.to_owned(), FileOptions::default()) {
            Ok(snapshot) => {
                let taken = u64::try_from(super::names(&snapshot).len()).expect("few");
                let left = snapshot
                    .warnings
                    .iter()
                    .filter(|warning| !warning.message.ends_with("(became NULL)"))
                    .map(|warning| warning.count)
                    .sum();
                (taken, left)
            }
            Err(error) => {
                eprintln!("{error}");
                (0, 1)
            }
        };
        assert_eq!(taken + left, expected, "{}: {taken} read, {left} skipped", path.display());
        total += taken;
    }
    eprintln!("{total} objects");
    assert!(total > 0, "no samples");
}
