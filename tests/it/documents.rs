//! The documents hold together: links lead somewhere, ARCHITECTURE.md names what exists, generated pages are current.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::document_files::{compare, documents, updating};
use super::support::{DEMO, root, rows};

fn all_documents() -> Vec<String> {
    ["", "docs", ".github", ".github/ISSUE_TEMPLATE"].into_iter().flat_map(documents).collect()
}

fn read(document: &str) -> String {
    std::fs::read_to_string(root().join(document)).unwrap_or_else(|error| panic!("{document}: {error}"))
}

#[test]
fn links_lead_somewhere() {
    let mut dead = Vec::new();
    for document in all_documents() {
        for (line, target) in links(&read(&document)) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let from = Path::new(&document).parent().expect("a folder");
            let file = if path.is_empty() { PathBuf::from(&document) } else { from.join(path) };
            if !root().join(&file).exists() {
                dead.push(format!("{document}:{line}: {target}: there is no {}", file.display()));
            } else if !anchor.is_empty() && !anchors(&read(&file.to_string_lossy())).contains(anchor) {
                dead.push(format!("{document}:{line}: {target}: {} has no such heading", file.display()));
            }
        }
    }
    assert!(dead.is_empty(), "\n{}", dead.join("\n"));
}

/// The targets of a document's links and images, with their lines.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in prose(text) {
        for (_, rest) in line.match_indices("](").map(|(at, mark)| line.split_at(at + mark.len())) {
            let target = rest.split([')', ' ']).next().unwrap_or_default();
            found.push((number, target.to_owned()));
        }
    }
    found
}

/// The anchors of a document's headings, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    for (_, line) in prose(text) {
        let title = line.trim_start_matches('#');
        if title.len() == line.len() || !title.starts_with(' ') {
            continue;
        }
        let mut anchor: String = title
            .trim()
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
            .map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() })
            .collect();
        let times = (1..).find(|n| !anchors.contains(&numbered(&anchor, *n))).unwrap_or_default();
        anchor = numbered(&anchor, times);
        anchors.insert(anchor);
    }
    anchors
}

/// The anchor of the `n`th heading of this text.
fn numbered(anchor: &str, n: usize) -> String {
    if n == 1 { anchor.to_owned() } else { format!("{anchor}-{}", n - 1) }
}

/// The lines outside of fenced code, numbered from 1.
fn unfenced(text: &str) -> Vec<(usize, &str)> {
    let mut fenced = false;
    let mut lines = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            lines.push((number + 1, line));
        }
    }
    lines
}

/// The same without code in backticks, but for headings: their code is part of the anchor.
fn prose(text: &str) -> Vec<(usize, String)> {
    let plain = |line: &str| if line.starts_with('#') { line.replace('`', "") } else { without_code(line) };
    unfenced(text).into_iter().map(|(number, line)| (number, plain(line))).collect()
}

fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("``")
}

#[test]
fn links_and_anchors_are_found() {
    let text = "# A `b` & c\n[x](y.md#z) `[no](code)` ![i](p.svg)\n```\n[no](fence)\n```\n## Two\n## Two\n";
    assert_eq!(links(text), [(2, "y.md#z".to_owned()), (2, "p.svg".to_owned())]);
    assert_eq!(anchors(text), ["a-b--c", "two", "two-1"].map(str::to_owned).into());
}

#[test]
fn documents_for_developers_name_what_exists() {
    let sources = all_sources();
    let mut missing = Vec::new();
    for document in ["ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let text = read(document);
        for (number, line) in unfenced(&text) {
            for code in line.split('`').skip(1).step_by(2) {
                if is_path(code) && !root().join(code).exists() {
                    missing.push(format!("{document}:{number}: there is no {code}"));
                }
                // `Engine`, `Source::snapshot`, `SCAN_LIMIT`: what a reader would search for.
                let words: Vec<&str> = code.split("::").collect();
                let is_name = words.iter().all(|word| is_identifier(word))
                    && (words.len() > 1 || code.contains('_') || code.starts_with(char::is_uppercase));
                if is_name && !words.iter().all(|word| sources.contains(*word)) {
                    missing.push(format!("{document}:{number}: no source contains {code}"));
                }
            }
        }
    }
    assert!(missing.is_empty(), "\n{}", missing.join("\n"));
}

/// Whether a text looks like a path from the root of the checkout.
fn is_path(text: &str) -> bool {
    let first = text.split('/').next().unwrap_or_default();
    let folders =
        [".ci", ".github", "docs", "kubesql-codegen", "kubesql-runtime", "kubesql-server", "schemas", "tests", "xtask"];
    text.contains('/') && folders.contains(&first) && !text.contains([' ', '*', '<'])
}

/// Flags of other programs that the documents mention.
const FOREIGN_FLAGS: [&str; 5] = ["--add-opens", "--raw", "--locked", "--previous", "--help"];

#[test]
fn flags_in_the_documents_exist() {
    let _guard = updating();
    let page = read("docs/command-line.md");
    let (_, help) = page.split_once("## Help texts").expect("the help texts");
    let known: BTreeSet<&str> = flags(help).collect();
    let mut missing = Vec::new();
    let own = ["README.md", "SECURITY.md"].map(str::to_owned);
    for document in documents("docs").into_iter().chain(own) {
        let text = read(&document);
        for (number, line) in unfenced(&text) {
            for flag in line.split('`').skip(1).step_by(2).flat_map(flags) {
                if !known.contains(flag) && !FOREIGN_FLAGS.contains(&flag) {
                    missing.push(format!("{document}:{number}: no help text has {flag}"));
                }
            }
        }
    }
    assert!(missing.is_empty(), "\n{}", missing.join("\n"));
}

/// The words of a text that begin with two hyphens and a letter, without what follows.
fn flags(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| c.is_whitespace() || matches!(c, '=' | ',' | '`' | '[' | ']' | ')' | '('));
    words.filter(|word| word.strip_prefix("--").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase())))
}

fn is_identifier(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || c == '_') && !word.starts_with(char::is_numeric)
}

/// Every identifier of the Rust sources and of `.ci/run`.
fn all_sources() -> BTreeSet<String> {
    fn add(path: &Path, to: &mut BTreeSet<String>) {
        let text = std::fs::read_to_string(path).expect("UTF-8");
        let words = text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| is_identifier(word));
        to.extend(words.map(str::to_owned));
    }
    fn visit(folder: &Path, to: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() && !path.ends_with("target") {
                visit(&path, to);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                add(&path, to);
            }
        }
    }
    let mut found = BTreeSet::new();
    add(&root().join(".ci/run"), &mut found);
    for member in ["kubesql-codegen", "kubesql-runtime/src", "kubesql-server", "xtask", "tests"] {
        visit(&root().join(member), &mut found);
    }
    found
}

/// Descriptions are shown for kubesql's own functions only: the text of the others is DataFusion's.
#[test]
fn the_functions_page_is_current() {
    let _guard = updating();
    let page = "docs/functions.md";
    let shown = read(page);
    let (intro, _) = shown.split_once("<!-- generated -->\n").expect("the mark of the generated part");
    let own = own_source();
    let functions = rows(&[DEMO], "select name, kind, syntax, description from system.functions order by name, kind");
    let text = |row: &serde_json::Value, column: &str| row[column].as_str().unwrap_or_default().to_owned();
    let is_own = |row: &serde_json::Value| {
        let syntax = text(row, "syntax");
        !syntax.is_empty() && own.contains(&format!("\"{syntax}\""))
    };
    let mut is =
        format!("{intro}<!-- generated -->\n\n## kubesql's own functions\n\n| function | description |\n|---|---|\n");
    for row in functions.iter().filter(|row| is_own(row)) {
        let description = text(row, "description").split_whitespace().collect::<Vec<_>>().join(" ");
        _ = writeln!(is, "| `{}` | {} |", text(row, "syntax"), description.replace('|', "\\|"));
    }
    let kinds: BTreeSet<String> = functions.iter().map(|row| text(row, "kind")).collect();
    for kind in kinds {
        let names: Vec<String> = functions
            .iter()
            .filter(|row| text(row, "kind") == kind)
            .map(|row| format!("`{}`", text(row, "name")))
            .collect();
        _ = write!(is, "\n## All {kind} functions\n\n{}\n", wrapped(&names));
    }
    compare(page, &is, &shown);
}

/// The source of kubesql's own functions.
fn own_source() -> String {
    let folder = root().join("kubesql-runtime/src/sql/functions");
    let entries = |folder: &std::path::Path| -> Vec<_> {
        std::fs::read_dir(folder).expect("the functions").map(|entry| entry.expect("an entry").path()).collect()
    };
    let mut paths = entries(&folder);
    paths.extend(entries(&folder.join("json")));
    let files = paths.iter().filter(|path| path.is_file());
    files.map(|path| std::fs::read_to_string(path).expect("UTF-8")).collect()
}

/// Words with commas between them, in lines of at most 120 characters.
fn wrapped(words: &[String]) -> String {
    let mut text = String::new();
    let mut length = 0;
    for (at, word) in words.iter().enumerate() {
        let comma = if at + 1 < words.len() { "," } else { "" };
        if length > 0 && length + word.len() + 2 > 118 {
            text.push('\n');
            length = 0;
        } else if length > 0 {
            text.push(' ');
            length += 1;
        }
        _ = write!(text, "{word}{comma}");
        length += word.len() + comma.len();
    }
    text
}
