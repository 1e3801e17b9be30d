//! Files that import each other in a circle, and the order of the modules of `sql`.
//!
//! A file depends on the file that defines what it names: a re-export is looked through, and makes the file that it
//! stands in depend on nothing. Neither does declaring a module (`mod x;`), nor what a module uses of those around it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::source::{Mention, Origin, code, is_test, mentions, module, shown, sources, words};
use crate::support::root;

/// The modules in `kubesql-runtime/src` that answer SQL, in order. A module may use modules of its own line and of the
/// lines above. Files of `sql/upstream` may be used by any module. They have no place in the order, but must not be
/// part of a circle.
const SQL_ORDER: &[&[&str]] = &[
    &["sql/error", "sql/memory", "sql/suggest", "sql/types"],
    &["sql/parse"],
    &["sql/rewrite"],
    &["sql/functions"],
    &["sql/scan"],
    &["sql/catalog"],
    &["postgres", "system"],
    &["sql/plan"],
    &["sql/session"],
];

#[test]
fn no_files_import_each_other_in_a_circle() {
    let mut circles = Vec::new();
    for tree in trees() {
        circles.extend(tree.circles());
    }
    let report: Vec<String> = circles.iter().map(Circle::to_string).collect();
    assert!(report.is_empty(), "files import each other in a circle:\n\n{}", report.join("\n"));
}

#[test]
fn modules_of_sql_use_only_those_before_them() {
    let runtime = "kubesql-runtime/src/";
    let module = |file: &str| -> Option<String> {
        let mut parts = file.strip_prefix(runtime)?.split('/');
        let first = parts.next()?;
        let module = if first == "sql" { format!("sql/{}", parts.next()?) } else { first.to_owned() };
        Some(module.strip_suffix(".rs").unwrap_or(&module).to_owned())
    };
    let rank = |module: &str| SQL_ORDER.iter().position(|beside| beside.contains(&module));
    let is_sql = |module: &String| module.starts_with("sql/") || ["postgres", "system"].contains(&module.as_str());
    let tree =
        trees().into_iter().find(|tree| tree.edges.keys().any(|file| file.starts_with(runtime))).expect("the runtime");
    let mut broken = BTreeSet::new();
    for (file, uses) in &tree.edges {
        let Some(from) = module(file).filter(is_sql) else { continue };
        if ["sql/mod", "sql/upstream"].contains(&from.as_str()) {
            continue;
        }
        let Some(own) = rank(&from) else {
            broken.insert(format!("{from} is not in the order"));
            continue;
        };
        for (used, names) in uses {
            if let Some(of) = module(used).filter(is_sql)
                && let Some(other) = rank(&of)
                && other > own
            {
                broken.insert(format!("{file} uses {used}, which comes after it ({})", listed(names)));
            }
        }
    }
    let broken: Vec<String> = broken.into_iter().collect();
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

/// The files of a target, and what they name of each other.
struct Tree {
    /// Files that a file uses, each with the names that it uses of it.
    edges: BTreeMap<String, BTreeMap<String, BTreeSet<String>>>,
}

/// Files each of which needs all others.
struct Circle {
    files: Vec<String>,
    edges: Vec<(String, String, String)>,
}

impl std::fmt::Display for Circle {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(to, "{} files: {}", self.files.len(), self.files.join(", "))?;
        for (from, used, names) in &self.edges {
            writeln!(to, "  {from} -> {used}: {names}")?;
        }
        Ok(())
    }
}

fn listed(names: &BTreeSet<String>) -> String {
    names.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// The targets of the workspace: the folder of each, and the file that is its root.
fn trees() -> Vec<Tree> {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).expect("the workspace's manifest");
    let (_, members) = manifest.split_once("members = [").expect("members");
    let (members, _) = members.split_once(']').expect("members");
    let mut trees = Vec::new();
    for member in members.split('"').skip(1).step_by(2) {
        let folder = root().join(member).join("src");
        if member != "tests" {
            trees.push(Tree::read(&folder, &sources(&folder)));
        }
    }
    let integration = root().join("tests/it");
    let mut files = sources(&integration);
    files.push(root().join("tests/it.rs"));
    trees.push(Tree::read(&integration, &files));
    let bench = root().join("tests/bench");
    trees.push(Tree::read(&bench, &sources(&bench)));
    trees
}

/// A file, read.
struct File {
    name: String,
    module: Vec<String>,
    mentions: Vec<Mention>,
    words: Vec<(usize, String)>,
}

impl File {
    /// Whether an item of this name is defined here.
    fn defines(&self, item: &str) -> bool {
        let keywords = ["struct", "enum", "union", "trait", "fn", "type", "const", "static", "mod", "macro_rules"];
        self.words.windows(2).any(|pair| keywords.contains(&pair[0].1.as_str()) && pair[1].1 == item)
            || self.words.windows(3).any(|three| three[0].1 == "macro_rules" && three[2].1 == item)
    }

    /// Whether a `use` declaration brings in this name.
    fn imports(&self, item: &str) -> bool {
        self.mentions
            .iter()
            .any(|mention| matches!(&mention.origin, Origin::Use { name, .. } if name == item || name == "*"))
    }

    /// Whether a name is used beside the declaration that brings it in.
    fn uses(&self, name: &str) -> bool {
        self.words.iter().filter(|(_, word)| word == name).count() > 1
    }
}

impl Tree {
    fn read(folder: &Path, paths: &[PathBuf]) -> Self {
        let mut files: BTreeMap<Vec<String>, File> = BTreeMap::new();
        for path in paths {
            let (name, text) = (shown(path), code(path));
            if is_test(name.strip_prefix("tests/").unwrap_or(&name)) || text.starts_with("// @generated") {
                continue;
            }
            let inside = path
                .strip_prefix(folder)
                .map_or_else(|_| String::from("main.rs"), |inside| inside.to_string_lossy().into_owned());
            let module = module(&inside);
            let file = File { name, mentions: mentions(&module, &text), words: words(&text), module: module.clone() };
            files.insert(module, file);
        }
        let mut edges = BTreeMap::new();
        for file in files.values() {
            let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            for (used, name) in dependencies(&files, file) {
                if !file.module.starts_with(&used.module) {
                    uses.entry(used.name.clone()).or_default().insert(name);
                }
            }
            edges.insert(file.name.clone(), uses);
        }
        Self { edges }
    }

    fn circles(&self) -> Vec<Circle> {
        let reached: BTreeMap<&String, BTreeSet<&String>> =
            self.edges.keys().map(|from| (from, self.reached(from))).collect();
        let mut seen = BTreeSet::new();
        let mut circles = Vec::new();
        for (from, to) in &reached {
            let files: Vec<String> = to
                .iter()
                .filter(|file| reached.get(*file).is_some_and(|back| back.contains(from)))
                .map(|file| (*file).clone())
                .collect();
            if files.len() < 2 || !seen.insert(files.clone()) {
                continue;
            }
            let inside =
                files.iter().flat_map(|from| self.edges[from].iter().map(move |(used, names)| (from, used, names)));
            let edges = inside
                .filter(|(_, used, _)| files.contains(used))
                .map(|(from, used, names)| (from.clone(), used.clone(), listed(names)))
                .collect();
            circles.push(Circle { files, edges });
        }
        circles
    }

    /// All files that a file needs, directly or not.
    fn reached(&self, from: &str) -> BTreeSet<&String> {
        let mut found = BTreeSet::new();
        let mut open = vec![from.to_owned()];
        while let Some(next) = open.pop() {
            for used in self.edges.get(&next).into_iter().flat_map(BTreeMap::keys) {
                if found.insert(used) {
                    open.push(used.clone());
                }
            }
        }
        found
    }
}

/// The files that define what a file names, with the names.
fn dependencies<'f>(files: &'f BTreeMap<Vec<String>, File>, file: &File) -> Vec<(&'f File, String)> {
    // Modules that are imported as such: what is used of them counts, and not that they are imported.
    let mut modules: BTreeMap<&str, &[String]> = BTreeMap::new();
    for mention in &file.mentions {
        if let Origin::Use { name, .. } = &mention.origin
            && mention.path[0] == "crate"
            && files.contains_key(&mention.path[1..])
        {
            modules.insert(name, &mention.path);
        }
    }
    let mut found = Vec::new();
    for mention in &file.mentions {
        let first = mention.path[0].as_str();
        let path: Vec<String> = match first {
            "crate" => mention.path[1..].to_vec(),
            _ if files.contains_key(&child(&file.module, first)) => {
                file.module.iter().chain(&mention.path).cloned().collect()
            }
            _ => match modules.get(first) {
                Some(module) => module[1..].iter().chain(&mention.path[1..]).cloned().collect(),
                None => continue,
            },
        };
        if let Origin::Use { name, is_public } = &mention.origin
            && (files.contains_key(&path) || *is_public && !file.uses(name))
        {
            continue;
        }
        found.extend(definitions(files, &path, 0));
    }
    found
}

fn child(module: &[String], name: &str) -> Vec<String> {
    module.iter().cloned().chain([name.to_owned()]).collect()
}

/// The files that define what a path from the crate's root names: several for `*`.
fn definitions<'f>(files: &'f BTreeMap<Vec<String>, File>, path: &[String], depth: usize) -> Vec<(&'f File, String)> {
    let Some(count) = (0..=path.len()).rev().find(|count| files.contains_key(&path[..*count])) else {
        return Vec::new();
    };
    let file = &files[&path[..count]];
    // A module by itself: its visibility, or a module that is used by other paths.
    let Some(item) = path.get(count) else { return Vec::new() };
    let here = vec![(file, item.clone())];
    if file.defines(item) || depth > 8 {
        return here;
    }
    // Not an item of this crate: code that the generator writes is quoted in its own.
    if count == 0 && !file.imports(item) {
        return Vec::new();
    }
    let absolute = |mention: &Mention| -> Option<Vec<String>> {
        match mention.path[0].as_str() {
            "crate" => Some(mention.path[1..].to_vec()),
            first => files
                .contains_key(&child(&file.module, first))
                .then(|| file.module.iter().chain(&mention.path).cloned().collect()),
        }
    };
    for mention in &file.mentions {
        let Origin::Use { name, .. } = &mention.origin else { continue };
        let Some(mut target) = absolute(mention) else { continue };
        if name == item {
            target.extend(path[count + 1..].iter().cloned());
            return definitions(files, &target, depth + 1);
        }
        if name == "*" {
            target.pop();
            if files.get(&target).is_some_and(|file| file.defines(item)) {
                target.extend(path[count..].iter().cloned());
                return definitions(files, &target, depth + 1);
            }
        }
    }
    here
}
