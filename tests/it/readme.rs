//! Every command in a `console` block of README.md and docs/*.md is run, and prints what the document shows.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::Command;

use super::document_files::{compare, documents, updating};
use super::support::{binary, root};

#[test]
fn commands_print_what_the_readme_shows() {
    let count = check("README.md");
    assert!(count >= 10, "README.md shows {count} commands only");
}

#[test]
fn commands_print_what_the_documentation_shows() {
    let counts = documents("docs").into_iter().map(|document| check(&document));
    assert!(counts.sum::<usize>() >= 10);
}

/// Runs the commands of a document, and compares or rewrites what they print; how many there are.
fn check(document: &str) -> usize {
    let _guard = updating();
    let path = root().join(document);
    let text = std::fs::read_to_string(&path).expect("a document");
    let (mut is, mut count) = (String::new(), 0);
    let mut lines = text.lines().peekable();
    let mut shown = false;
    while let Some(line) = lines.next() {
        _ = writeln!(is, "{line}");
        match line {
            "```console" => shown = true,
            "```" => shown = false,
            _ => {}
        }
        let Some(mut command) = line.strip_prefix("$ ").filter(|_| shown).map(str::to_owned) else { continue };
        while goes_on(&command) {
            let more = lines.next().expect("the rest of the command");
            _ = writeln!(is, "{more}");
            command.push('\n');
            command.push_str(more);
        }
        while lines.next_if(|line| !line.starts_with("$ ") && *line != "```").is_some() {}
        is.push_str(&printed(&command));
        count += 1;
    }
    compare(document, &is, &text);
    count
}

/// Whether a shell would wait for another line: within quotes, or after a backslash.
fn goes_on(command: &str) -> bool {
    let mut open = None;
    let mut chars = command.chars();
    while let Some(c) = chars.next() {
        match (c, open) {
            ('\\', None | Some('"')) if chars.next().is_none() => return true,
            ('"' | '\'', None) => open = Some(c),
            (c, Some(quote)) if c == quote => open = None,
            _ => {}
        }
    }
    open.is_some()
}

/// What a shell prints, without spaces at the ends of lines.
fn printed(command: &str) -> String {
    let folder = binary().parent().expect("a folder").to_owned();
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let path =
        std::env::join_paths([folder].into_iter().chain(std::env::split_paths(&paths)).collect::<Vec<PathBuf>>());
    let output = Command::new("sh")
        .current_dir(root())
        .env("PATH", path.expect("a search path"))
        // Help texts are as wide as the terminal otherwise.
        .env_remove("COLUMNS")
        .args(["-c", &format!("{command} 2>&1")])
        .output()
        .expect("sh runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}
