//! Reads Rust source as text: its words, and the paths in them. Text is enough for paths, and needs no build.

use std::path::{Path, PathBuf};

use crate::support::root;

/// A path of several words in a file, or a name that a `use` declaration brings in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mention {
    pub(super) line: usize,
    /// From the crate's root where the path is relative: `crate::sql::Engine`.
    pub(super) path: Vec<String>,
    pub(super) origin: Origin,
}

/// Where a path stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// In a `use` declaration, under the name that it gets, and whether that is visible outside of the module.
    Use { name: String, is_public: bool },
    /// In other code.
    Code,
}

impl Mention {
    pub(super) fn text(&self) -> String {
        self.path.join("::")
    }
}

/// All paths of several words in a module's file; `super`, `self` and groups are resolved.
pub(super) fn mentions(module: &[String], text: &str) -> Vec<Mention> {
    let words = words(text);
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let starts = is_name(&words[at].1) || words[at].1 == "::";
        let is_use = words[at].1 == "use";
        if is_use || starts && words.get(at + 1).is_some_and(|next| next.1 == "::") {
            let from = found.len();
            let is_public = at > 0 && matches!(words[at - 1].1.as_str(), "pub" | ")");
            at = tree(&words, if is_use { at + 1 } else { at }, &mut Vec::new(), &mut found).max(at + 1);
            for mention in &mut found[from..] {
                match &mut mention.origin {
                    Origin::Use { is_public: public, .. } if is_use => *public = is_public,
                    origin => *origin = Origin::Code,
                }
            }
        } else {
            at += 1;
        }
    }
    found.into_iter().map(|mention| Mention { path: resolved(module, &mention.path), ..mention }).collect()
}

/// Takes a path or a group of paths apart, and returns where it ends.
fn tree(words: &[(usize, String)], mut at: usize, prefix: &mut Vec<String>, to: &mut Vec<Mention>) -> usize {
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
        let mut name = prefix.last().cloned().unwrap_or_default();
        if name == "self" {
            name = prefix.iter().rev().nth(1).cloned().unwrap_or_default();
        }
        if let (Some("as"), Some((_, alias))) = (words.get(at).map(|word| word.1.as_str()), words.get(at + 1)) {
            name.clone_from(alias);
            // In other code, `as` is a cast.
            at += 2;
        }
        to.push(Mention { line, path: prefix.clone(), origin: Origin::Use { name, is_public: false } });
    }
    prefix.truncate(depth);
    at
}

/// A path from the crate's root, where it is relative.
fn resolved(module: &[String], path: &[String]) -> Vec<String> {
    let supers = path.iter().take_while(|word| *word == "super").count();
    let mut full: Vec<String> = Vec::new();
    if supers > 0 || path[0] == "self" {
        full.push("crate".to_owned());
        full.extend(module[..module.len().saturating_sub(supers)].iter().cloned());
    }
    full.extend(path.iter().skip(supers.max(usize::from(path[0] == "self"))).cloned());
    if full.len() > 1 && full.last().is_some_and(|last| last == "self") {
        full.pop();
    }
    full
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Names, `::` and other signs, with their lines; without comments, texts and characters.
pub(super) fn words(text: &str) -> Vec<(usize, String)> {
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
pub(super) fn module(file: &str) -> Vec<String> {
    let inside = file.split_once("/src/").map_or(file, |(_, inside)| inside);
    let inside = inside.strip_suffix(".rs").unwrap_or(inside);
    inside.split('/').filter(|part| !matches!(*part, "mod" | "lib" | "main")).map(str::to_owned).collect()
}

/// A file's path from the checkout.
pub(super) fn shown(file: &Path) -> String {
    file.strip_prefix(root()).unwrap_or(file).to_string_lossy().into_owned()
}

/// Whether a file has tests only: those may look at anything.
pub(super) fn is_test(name: &str) -> bool {
    name.contains("/tests/") || name.ends_with("/tests.rs")
}

/// A file's text, without the module of tests at its end.
pub(super) fn code(file: &Path) -> String {
    let text = std::fs::read_to_string(file).expect("UTF-8");
    text.split_once("#[cfg(test)]\nmod tests {").map_or(text.clone(), |(code, _)| code.to_owned())
}

/// All Rust files below a folder, those of builds left out.
pub(super) fn sources(folder: &Path) -> Vec<PathBuf> {
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

#[test]
fn finds_paths_however_they_are_written() {
    let text = "\
//! use datafusion::nothing;
use crate::{flatten::Group, sql::{self, Engine as E}};
pub(super) use super::super::store::*; // crate::ingest
use kube
    ::Client;
fn f(s: &str) { datafusion::x(s, \"kube::y\"); super::g(); ::syn::z(); Self::h() }
";
    let found = mentions(&["a", "b", "c"].map(str::to_owned), text);
    let shown: Vec<(usize, String)> = found.iter().map(|mention| (mention.line, mention.text())).collect();
    let expect = [
        (2, "crate::flatten::Group"),
        (2, "crate::sql"),
        (2, "crate::sql::Engine"),
        (3, "crate::a::store::*"),
        (4, "kube::Client"),
        (6, "datafusion::x"),
        (6, "crate::a::b::g"),
        (6, "syn::z"),
        (6, "Self::h"),
    ];
    assert_eq!(shown, expect.map(|(line, path)| (line, path.to_owned())));
    let origins: Vec<Origin> = found.into_iter().map(|mention| mention.origin).collect();
    let imported = |name: &str, is_public| Origin::Use { name: name.to_owned(), is_public };
    let expect = [
        imported("Group", false),
        imported("sql", false),
        imported("E", false),
        imported("*", true),
        imported("Client", false),
    ];
    assert_eq!(origins[..5], expect);
    assert!(origins[5..].iter().all(|origin| *origin == Origin::Code));
}
