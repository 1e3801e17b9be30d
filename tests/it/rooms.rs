//! The rules of the house, read from the source: which room may use which, how files begin, how long they are.

use std::path::{Path, PathBuf};

use super::support::root;

/// Paths that must not be used below a folder (or in a file), and where else they may be.
struct Rule {
    folder: &'static str,
    never: &'static [&'static str],
    except: &'static [&'static str],
}

const fn rule(folder: &'static str, never: &'static [&'static str], except: &'static [&'static str]) -> Rule {
    Rule { folder, never, except }
}

const TOKENS: &[&str] = &["quote", "syn", "prettyplease", "proc_macro2"];
const DATAFUSION: &[&str] = &["datafusion", "datafusion_functions_json", "sqlparser"];
const OUTSIDE: &[&str] = &["std::fs", "std::net", "std::env", "std::process", "tokio", "reqwest", "hyper"];

const RULES: &[Rule] = &[
    // Only `sql` knows DataFusion, only `ingest` knows kube (and the chore that imports from servers).
    rule("kubesql-runtime/src", DATAFUSION, &["kubesql-runtime/src/sql"]),
    rule("kubesql-runtime/src", &["kube", "kube_runtime", "k8s_openapi"], &["kubesql-runtime/src/ingest"]),
    rule("kubesql-server/src", DATAFUSION, &[]),
    rule("kubesql-server/src", &["kube", "kube_runtime", "k8s_openapi"], &[]),
    // Protocols are rooms of their own, behind one door that knows none of them.
    rule("kubesql-server/src", &["pgwire", "arrow_pg", "postgres_types"], &["kubesql-server/src/pg"]),
    rule(
        "kubesql-server/src",
        &["tokio_rustls", "x509_parser"],
        &["kubesql-server/src/tls", "kubesql-server/src/listen", "kubesql-server/src/shell/backend/remote"],
    ),
    // Who may come in, and how, is known by rooms that know no protocol.
    rule("kubesql-server/src/auth", &["crate::pg", "crate::http", "crate::listen", "crate::tls", "crate::args"], &[]),
    rule("kubesql-server/src/tls", &["crate::pg", "crate::http", "crate::auth", "crate::query", "crate::args"], &[]),
    rule("kubesql-server/src/listen", &["crate::pg", "crate::http", "crate::query", "crate::args"], &[]),
    rule(
        "kubesql-server/src/query",
        &["crate::pg", "crate::http", "crate::flight", "crate::commands", "crate::args", "crate::output"],
        &[],
    ),
    rule("kubesql-server/src/pg", &["crate::commands", "crate::args", "crate::sources", "crate::http"], &[]),
    rule("kubesql-server/src/pg", &["crate::flight"], &[]),
    rule("kubesql-server/src", &["tonic", "arrow_flight", "prost"], &["kubesql-server/src/flight"]),
    rule("kubesql-server/src/flight", &["crate::pg", "crate::http", "crate::commands", "crate::args"], &[]),
    rule("kubesql-server/src/flight", &["crate::sources"], &[]),
    rule("kubesql-server/src/http", &["crate::flight"], &[]),
    rule("kubesql-server/src", &["axum", "utoipa", "utoipa_axum"], &["kubesql-server/src/http"]),
    rule("kubesql-server/src/http", &["crate::commands", "crate::args", "crate::sources", "crate::pg"], &[]),
    rule("kubesql-server/src/http/api", &["crate::http::presto"], &[]),
    rule("kubesql-server/src/http/presto", &["crate::http::api"], &[]),
    // Only the shell knows what lines are edited with and how a server is asked; it asks through the door, or over HTTP.
    rule("kubesql-server/src", &["reedline", "nu_ansi_term"], &["kubesql-server/src/shell"]),
    // The other one who speaks HTTP without axum has its connections in one file.
    rule(
        "kubesql-server/src",
        &["hyper", "hyper_util"],
        &["kubesql-server/src/shell", "kubesql-server/src/http/connect.rs"],
    ),
    rule("kubesql-server/src/shell", &["crate::pg", "crate::http", "crate::flight", "kubesql_demo", "axum"], &[]),
    rule("kubesql-server/src/query", &["crate::shell"], &[]),
    // The demo cluster is reached over HTTP, as any other.
    rule("kubesql-server/demo/src", &["kubesql_runtime", "kubesql_server", "arrow"], &[]),
    rule("xtask/src", &["kubesql_runtime", "kubesql_server"], &[]),
    rule("xtask/src", DATAFUSION, &[]),
    // The generator is a pure library; its model knows no tokens.
    rule("kubesql-codegen/src", &["kubesql_runtime", "kubesql_server", "xtask"], &[]),
    rule("kubesql-codegen/src", OUTSIDE, &[]),
    rule("kubesql-codegen/src", TOKENS, &["kubesql-codegen/src/emit"]),
    // The runtime's rooms: each uses those before it.
    rule("kubesql-runtime/src/value", &["crate::schema", "crate::flatten", "crate::generated"], &[]),
    rule("kubesql-runtime/src/value", &["crate::store", "crate::ingest", "crate::sql"], &[]),
    rule("kubesql-runtime/src/schema", &["crate::flatten", "crate::generated", "crate::store"], &[]),
    rule("kubesql-runtime/src/schema", &["crate::value", "crate::ingest", "crate::sql"], &[]),
    rule("kubesql-runtime/src/flatten", &["crate::store", "crate::ingest", "crate::sql"], &[]),
    rule("kubesql-runtime/src/learn", &["crate::store", "crate::ingest", "crate::sql"], &[]),
    rule("kubesql-runtime/src/store", &["crate::learn"], &[]),
    rule("kubesql-runtime/src/flatten", &["crate::learn"], &[]),
    rule("kubesql-runtime/src/schema", &["crate::learn"], &[]),
    rule("kubesql-runtime/src/sql", &["crate::learn"], &[]),
    rule("kubesql-runtime/src/store", &["crate::generated", "crate::ingest", "crate::sql"], &[]),
    rule("kubesql-runtime/src/generated", &["crate::store", "crate::ingest", "crate::sql"], &[]),
    rule("kubesql-runtime/src/ingest", &["crate::sql"], &[]),
    rule("kubesql-runtime/src/sql", &["crate::ingest"], &[]),
];

#[test]
fn no_room_uses_what_it_must_not_know() {
    let mut broken = Vec::new();
    for rule in RULES {
        let files = sources(&root().join(rule.folder));
        assert!(!files.is_empty(), "{} is gone: mend its rule", rule.folder);
        for file in files {
            let name = shown(&file);
            // Tests may look at anything: they hold rooms against each other.
            let is_test = name.contains("/tests/") || name.ends_with("/tests.rs");
            if is_test || rule.except.iter().any(|place| Path::new(&name).starts_with(place)) {
                continue;
            }
            let text = std::fs::read_to_string(&file).expect("UTF-8");
            let text = text.split_once("#[cfg(test)]\nmod tests {").map_or(text.as_str(), |(code, _)| code);
            for (line, path) in paths(&module(&name), text) {
                if let Some(never) = rule.never.iter().find(|never| is_below(&path, never)) {
                    broken.push(format!("{name}:{line}: {path}: {} must not know {never}", rule.folder));
                }
            }
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn files_say_their_duty_and_stay_short() {
    let mut broken = Vec::new();
    for folder in ["kubesql-codegen", "kubesql-runtime", "kubesql-server", "xtask", "tests"] {
        for file in sources(&root().join(folder)) {
            let (name, text) = (shown(&file), std::fs::read_to_string(&file).expect("UTF-8"));
            // What the generator writes is as long as it must be, and says who owns it.
            if text.starts_with("// @generated") || name.contains("/goldens/") {
                continue;
            }
            if !text.starts_with("//! ") {
                broken.push(format!("{name}:1: does not begin with `//!` and its duty"));
            }
            let lines = text.lines().count();
            if lines >= 500 {
                broken.push(format!("{name}:{lines}: is too long to know one's way in"));
            }
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn paths_are_found_however_they_are_written() {
    let text = "\
//! use datafusion::nothing;
use crate::{flatten::Group, sql::{self, Engine as E}};
use super::super::store::*; // crate::ingest
use kube
    ::Client;
fn f(s: &str) { datafusion::x(s, \"kube::y\"); super::g(); ::syn::z(); Self::h() }
";
    let found = paths(&["a", "b", "c"].map(str::to_owned), text);
    let expect = [
        (2, "crate::flatten::Group"),
        (2, "crate::sql::self"),
        (2, "crate::sql::Engine"),
        (3, "crate::a::store::*"),
        (4, "kube::Client"),
        (6, "datafusion::x"),
        (6, "crate::a::b::g"),
        (6, "syn::z"),
        (6, "Self::h"),
    ];
    assert_eq!(found, expect.map(|(line, path)| (line, path.to_owned())));
    assert!(is_below("crate::sql::Engine", "crate::sql") && !is_below("kube_runtime::x", "kube"));
}

/// Whether a path is this one or inside it.
fn is_below(path: &str, of: &str) -> bool {
    path.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// All paths of several words in a file, with their lines; `super` and groups resolved.
fn paths(module: &[String], text: &str) -> Vec<(usize, String)> {
    let words = words(text);
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let starts = is_name(&words[at].1) || words[at].1 == "::";
        if words[at].1 == "use" || starts && words.get(at + 1).is_some_and(|next| next.1 == "::") {
            let from = if words[at].1 == "use" { at + 1 } else { at };
            at = tree(&words, from, &mut Vec::new(), &mut found).max(at + 1);
        } else {
            at += 1;
        }
    }
    found.into_iter().map(|(line, path)| (line, resolved(module, &path))).collect()
}

/// Takes a path or a group of paths apart, and gives where it ends.
fn tree(
    words: &[(usize, String)],
    mut at: usize,
    prefix: &mut Vec<String>,
    to: &mut Vec<(usize, Vec<String>)>,
) -> usize {
    let (depth, line) = (prefix.len(), words.get(at).map_or(0, |word| word.0));
    let mut grouped = false;
    while let Some((_, word)) = words.get(at) {
        match word.as_str() {
            "::" => at += 1,
            "{" => {
                grouped = true;
                at += 1;
                while words.get(at).is_some_and(|word| word.1 != "}") {
                    at = tree(words, at, prefix, to).max(at + usize::from(words[at].1 == ","));
                    if words.get(at).is_some_and(|word| word.1 == "as") {
                        at += 2;
                    }
                    if words.get(at).is_some_and(|word| word.1 == ",") {
                        at += 1;
                    }
                }
                at += 1;
                break;
            }
            name if is_name(name) || name == "*" => {
                prefix.push(name.to_owned());
                at += 1;
                if words.get(at).is_none_or(|next| next.1 != "::") {
                    break;
                }
            }
            _ => break,
        }
    }
    if !grouped && prefix.len() > depth {
        to.push((line, prefix.clone()));
    }
    prefix.truncate(depth);
    at
}

/// From the crate's root, where the path is relative.
fn resolved(module: &[String], path: &[String]) -> String {
    let supers = path.iter().take_while(|word| *word == "super").count();
    let mut full: Vec<&str> = Vec::new();
    if supers > 0 || path[0] == "self" {
        full.push("crate");
        full.extend(module[..module.len().saturating_sub(supers)].iter().map(String::as_str));
    }
    full.extend(path.iter().skip(supers.max(usize::from(path[0] == "self"))).map(String::as_str));
    full.join("::")
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Names, `::` and other signs, with their lines; without comments, texts and characters.
fn words(text: &str) -> Vec<(usize, String)> {
    let mut words: Vec<(usize, String)> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let mut rest = line;
        while let Some(c) = rest.chars().next() {
            let long = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            let length = match c {
                '/' if rest.starts_with("//") => break,
                // A text: to its end on this line, which is enough since none of the rules' names spans lines.
                '"' => {
                    let mut before = ' ';
                    let end = rest[1..].find(|c| std::mem::replace(&mut before, c) != '\\' && c == '"');
                    rest = end.map_or("", |end| &rest[end + 2..]);
                    continue;
                }
                ':' if rest.starts_with("::") => 2,
                _ if long > 0 => long,
                _ => c.len_utf8(),
            };
            if !c.is_whitespace() {
                words.push((number + 1, rest[..length].to_owned()));
            }
            rest = &rest[length..];
        }
    }
    words
}

/// The modules from the crate's root to a file.
fn module(file: &str) -> Vec<String> {
    let inside = file.split_once("/src/").map_or(file, |(_, inside)| inside);
    let inside = inside.strip_suffix(".rs").unwrap_or(inside);
    inside.split('/').filter(|part| !matches!(*part, "mod" | "lib" | "main")).map(str::to_owned).collect()
}

fn shown(file: &Path) -> String {
    file.strip_prefix(root()).unwrap_or(file).to_string_lossy().into_owned()
}

/// All Rust files below a folder, those of builds left out.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let entries = std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.expect("an entry").path());
    let mut entries: Vec<PathBuf> = entries.collect();
    entries.sort();
    for entry in entries {
        if entry.is_dir() && !entry.ends_with("target") {
            found.extend(sources(&entry));
        } else if entry.extension().is_some_and(|ending| ending == "rs") {
            found.push(entry);
        }
    }
    found
}
