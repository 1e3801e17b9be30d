//! The commands of the shell, which begin with a backslash: what can be said. Does nothing.

use std::time::Duration;

use kubesql_runtime::sql::{ErrorKind, SqlError};

/// A command and its arguments.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Meta {
    /// `\d NAME`: a table's columns, or the tables of a pattern.
    Describe(String),
    /// Tables: of a pattern, or those that are listed; all of them.
    Tables(Option<String>, bool),
    Schemas(Option<String>),
    Functions(Option<String>),
    Clusters,
    /// Other clusters, or a server; nothing tells of the current ones.
    Connect(Vec<String>),
    /// A setting of the output; without a value it is changed over.
    Pset(String, Option<String>),
    /// All settings of the output.
    ShowPset,
    /// Where answers go: a file, `|command`, or the terminal again.
    Output(Option<String>),
    Edit(Option<String>),
    Include(String),
    /// Runs the statement again and again.
    Watch(Every),
    /// Runs the statement: upright, and to a file or `|command`.
    Go {
        expanded: bool,
        to: Option<String>,
    },
    Set(Option<(String, String)>),
    Unset(String),
    Echo(String),
    Shell(String),
    Directory(String),
    Print,
    Reset,
    History(Option<String>),
    Warnings,
    Quit,
    Help,
    SqlHelp(String),
}

/// How often a statement is run again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Every {
    pub(super) wait: Duration,
    /// How many times; `None` until it is stopped.
    pub(super) times: Option<u32>,
}

/// A command as the help tells it.
pub(super) struct Told {
    /// With arguments: `\d NAME`.
    pub(super) usage: &'static str,
    pub(super) what: &'static str,
}

const fn told(usage: &'static str, what: &'static str) -> Told {
    Told { usage, what }
}

/// What there is, by what it is for.
pub(super) const GROUPS: &[(&str, &[Told])] = &[
    (
        "Statements",
        &[
            told("\\g [FILE or |COMMAND]", "run the statement (as ;), its answer to a file or program"),
            told("\\gx [FILE or |COMMAND]", "the same, a line a column"),
            told("\\watch [SECONDS] [c=TIMES]", "run it again and again, until Ctrl-C"),
            told("\\e [FILE]", "edit the statement, or the last one, in $VISUAL or $EDITOR"),
            told("\\i FILE", "run the statements and commands of a file"),
            told("\\p", "show the statement, or the last one"),
            told("\\r", "forget the statement"),
            told("\\s [FILE]", "show the history, or write it to a file"),
        ],
    ),
    (
        "What there is",
        &[
            told("\\d [NAME]", "the tables, or the columns of one, those of the data's labels and other keys too"),
            told("\\dt[+] [PATTERN]", "the tables; of a pattern (*container*, apps.*), or with + all, also deep ones"),
            told("\\dn [PATTERN]", "the schemas"),
            told("\\df [PATTERN]", "the functions"),
            told("\\l", "the clusters, and how they are"),
            told("\\c [CONTEXT...]", "follow other clusters (names or patterns), or http://SERVER"),
            told("\\conninfo", "where the tables come from"),
        ],
    ),
    (
        "Answers",
        &[
            told("\\x [on|off|auto]", "a line a column; auto: where a table is wider than the terminal"),
            told("\\f FORMAT", "table, json, ndjson, csv, yaml"),
            told("\\o [FILE or |COMMAND]", "send answers there; alone, to the terminal again"),
            told("\\t [on|off]", "rows only, without header and footer"),
            told("\\timing [on|off]", "tell how long statements take"),
            told("\\pset [NAME [VALUE]]", "settings of the output: format, expanded, null, pager, columns, ..."),
            told("\\warnings", "all warnings of the last statement"),
        ],
    ),
    (
        "Other",
        &[
            told("\\set [NAME [VALUE]]", "a variable: :NAME, :'NAME' and :\"NAME\" in statements are its value"),
            told("\\unset NAME", "forget a variable"),
            told("\\echo TEXT", "print a text"),
            told("\\! [COMMAND]", "run a command of the system's shell"),
            told("\\cd [FOLDER]", "change the working directory"),
            told("\\h [SUBJECT]", "help with SQL here: select, columns, labels, times, resources, ..."),
            told("\\?", "this list"),
            told("\\q", "leave (also Ctrl-D, exit, quit)"),
        ],
    ),
];

/// All commands by their names, for completion and for what is misspelt.
pub(super) const NAMES: &[&str] = &[
    "!", "?", "c", "cd", "conninfo", "d", "df", "dn", "dt", "dt+", "e", "echo", "f", "g", "gx", "h", "i", "l", "o",
    "p", "pset", "q", "r", "s", "set", "t", "timing", "unset", "warnings", "watch", "x",
];

/// Understands a command, which begins with a backslash.
pub(super) fn parse(line: &str) -> Result<Meta, SqlError> {
    let line = line.trim().trim_start_matches('\\');
    let (name, rest) = if let Some(rest) = line.strip_prefix(['!', '?']) {
        (&line[..line.len() - rest.len()], rest)
    } else {
        line.split_once(char::is_whitespace).unwrap_or((line, ""))
    };
    // As in psql, a command may end like a statement.
    let rest = rest.trim();
    let name = name.trim_end_matches(';');
    let plain = rest.trim_end_matches(';').trim_end();
    let words = words(plain)?;
    let first = || words.first().cloned();
    let needed = |what: &str| first().ok_or_else(|| wrong(format!("\\{name} takes {what}")));
    let switch = |setting: &str| Meta::Pset(setting.to_owned(), first());
    Ok(match name {
        "d" | "d+" => match first() {
            Some(name) => Meta::Describe(name),
            None => Meta::Tables(None, name == "d+"),
        },
        "dt" | "dv" | "dt+" | "dS" | "dtS" => Meta::Tables(first(), name.ends_with(['+', 'S'])),
        "dn" | "dn+" => Meta::Schemas(first()),
        "df" | "df+" => Meta::Functions(first()),
        "l" | "l+" | "list" | "clusters" => Meta::Clusters,
        "c" | "connect" => Meta::Connect(words),
        "conninfo" => Meta::Connect(Vec::new()),
        "x" => switch("expanded"),
        "timing" => switch("timing"),
        "t" => switch("tuples_only"),
        "f" | "format" => Meta::Pset("format".to_owned(), Some(needed("a format: table, json, ndjson, csv, yaml")?)),
        "pset" => match (first(), words.get(1)) {
            (None, _) => Meta::ShowPset,
            (Some(name), value) => Meta::Pset(name, value.cloned()),
        },
        "o" | "out" => Meta::Output(target(plain, &words)),
        "e" | "edit" => Meta::Edit(first()),
        "i" | "include" | "ir" => Meta::Include(needed("a file: \\i report.sql")?),
        "watch" => Meta::Watch(every(&words)?),
        "g" | "gx" => Meta::Go { expanded: name == "gx", to: target(plain, &words) },
        "set" => Meta::Set(words.split_first().map(|(name, values)| (name.clone(), values.concat()))),
        "unset" => Meta::Unset(needed("a variable's name")?),
        "echo" => Meta::Echo(words.join(" ")),
        "!" => Meta::Shell(rest.to_owned()),
        "cd" => Meta::Directory(first().unwrap_or_default()),
        "p" | "print" => Meta::Print,
        "r" | "reset" => Meta::Reset,
        "s" => Meta::History(first()),
        "warnings" => Meta::Warnings,
        "q" | "quit" | "exit" => Meta::Quit,
        "?" | "help" => Meta::Help,
        "h" => Meta::SqlHelp(plain.to_owned()),
        other => return Err(unknown(other)),
    })
}

fn wrong(message: impl Into<String>) -> SqlError {
    SqlError::new(ErrorKind::Syntax, message).hint("\\? tells how commands are written")
}

fn unknown(name: &str) -> SqlError {
    let near = NAMES
        .iter()
        .find(|known| known.len() > 2 && name.len() > 2 && known.starts_with(&name[..name.floor_char_boundary(3)]));
    let error = SqlError::new(ErrorKind::Syntax, format!("there is no command \\{name}"));
    match near {
        Some(near) => error.hint(format!("did you mean \\{near}? \\? lists all")),
        None => error.hint("\\? lists them"),
    }
}

/// A file's name, or `|` and a whole command with its own quotes.
fn target(plain: &str, words: &[String]) -> Option<String> {
    if plain.starts_with('|') { Some(plain.to_owned()) } else { words.first().cloned() }
}

/// `\watch`, `\watch 5`, `\watch i=5 c=3`.
fn every(words: &[String]) -> Result<Every, SqlError> {
    let mut every = Every { wait: Duration::from_secs(2), times: None };
    for word in words {
        let (name, value) = word.split_once('=').unwrap_or(("i", word));
        let bad = || wrong(format!("\\watch takes seconds and c=TIMES, not {word}"));
        match name {
            "i" | "interval" => {
                let seconds: f64 = value.parse().map_err(|_| bad())?;
                every.wait = Duration::try_from_secs_f64(seconds).map_err(|_| bad())?;
            }
            "c" | "count" => every.times = Some(value.parse().ok().filter(|times| *times > 0).ok_or_else(bad)?),
            _ => return Err(bad()),
        }
    }
    Ok(every)
}

/// Words between spaces; quotes hold words together.
fn words(text: &str) -> Result<Vec<String>, SqlError> {
    let mut found = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_whitespace() => found.extend(word.take()),
            '\'' => {
                let to = word.get_or_insert_default();
                loop {
                    match chars.next() {
                        Some('\'') if chars.next_if_eq(&'\'').is_some() => to.push('\''),
                        Some('\'') => break,
                        Some(c) => to.push(c),
                        None => return Err(wrong(format!("a quote is open in {text}"))),
                    }
                }
            }
            c => word.get_or_insert_default().push(c),
        }
    }
    found.extend(word);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_understood() {
        let text = |text: &str| Some(text.to_owned());
        let pset = |name: &str, value: Option<&str>| Meta::Pset(name.to_owned(), value.map(str::to_owned));
        let cases = [
            ("\\d", Meta::Tables(None, false)),
            ("\\d pods;", Meta::Describe("pods".into())),
            ("\\d \"networking.k8s.io\".ingresses", Meta::Describe("\"networking.k8s.io\".ingresses".into())),
            ("\\dt+", Meta::Tables(None, true)),
            ("\\dt pod*", Meta::Tables(text("pod*"), false)),
            ("\\x", pset("expanded", None)),
            ("\\x auto", pset("expanded", Some("auto"))),
            ("\\timing on", pset("timing", Some("on"))),
            ("\\f csv", pset("format", Some("csv"))),
            ("\\pset null '(none)'", pset("null", Some("(none)"))),
            ("\\pset null ''", pset("null", Some(""))),
            ("\\pset", Meta::ShowPset),
            ("\\o", Meta::Output(None)),
            ("\\o 'a b.csv'", Meta::Output(text("a b.csv"))),
            ("\\g | sort -k 'x y'", Meta::Go { expanded: false, to: text("| sort -k 'x y'") }),
            ("\\gx", Meta::Go { expanded: true, to: None }),
            ("\\watch", Meta::Watch(Every { wait: Duration::from_secs(2), times: None })),
            ("\\watch 0.5 c=3", Meta::Watch(Every { wait: Duration::from_millis(500), times: Some(3) })),
            ("\\set a 'x y' z", Meta::Set(Some(("a".into(), "x yz".into())))),
            ("\\set", Meta::Set(None)),
            ("\\!ls -l;", Meta::Shell("ls -l;".into())),
            ("\\! ls", Meta::Shell("ls".into())),
            ("\\?", Meta::Help),
            ("\\c prod-* test", Meta::Connect(vec!["prod-*".into(), "test".into()])),
            ("\\q;", Meta::Quit),
        ];
        for (line, expect) in cases {
            assert_eq!(parse(line).unwrap_or_else(|error| panic!("{line}: {error}")), expect, "{line}");
        }
    }

    #[test]
    fn what_is_wrong_says_what_would_be_right() {
        for (line, message, hint) in [
            ("\\nosuch", "there is no command \\nosuch", "\\?"),
            ("\\timings", "there is no command \\timings", "\\timing"),
            ("\\i", "\\i takes a file", "\\?"),
            ("\\watch soon", "not soon", "\\?"),
            ("\\watch -1", "not -1", "\\?"),
            ("\\o 'a", "a quote is open", "\\?"),
        ] {
            let error = parse(line).unwrap_err();
            assert!(error.message.contains(message), "{line}: {error}");
            assert!(error.hint.as_deref().is_some_and(|has| has.contains(hint)), "{line}: {:?}", error.hint);
        }
    }

    #[test]
    fn every_command_of_the_help_is_there() {
        for told in GROUPS.iter().flat_map(|(_, group)| *group) {
            let name = told.usage.split([' ', '[']).next().expect("a name").trim_start_matches('\\');
            assert!(NAMES.contains(&name), "{name}");
            let line = told.usage.replace(['[', ']'], "").replace("SECONDS c=TIMES", "3 c=2");
            assert!(parse(&line).is_ok(), "{line}");
        }
        for name in NAMES {
            let alone = parse(&format!("\\{name}"));
            assert!(alone.is_ok() || alone.is_err_and(|error| error.message.contains("takes")), "{name}");
        }
    }
}
