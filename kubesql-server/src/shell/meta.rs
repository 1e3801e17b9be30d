//! Parsing of backslash commands.

use std::time::Duration;

use kubesql_runtime::sql::{ErrorKind, SqlError};

/// A backslash command.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Meta {
    /// `\d NAME`: the columns of a table, or the tables that match a pattern.
    Describe(String),
    /// Tables that match a pattern, or the common ones; the flag includes all.
    Tables(Option<String>, bool),
    Schemas(Option<String>),
    Functions(Option<String>),
    Clusters,
    /// Connects to other clusters or a server; an empty list shows the current ones.
    Connect(Vec<String>),
    /// An output setting; without a value, it is toggled.
    Pset(String, Option<String>),
    /// All output settings.
    ShowPset,
    /// The destination of results: a file, `|command`, or standard output.
    Output(Option<String>),
    Edit(Option<String>),
    Include(String),
    /// Repeats the statement.
    Watch(Repetition),
    /// Runs the statement, with options.
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

/// The interval and number of repetitions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Repetition {
    pub(super) wait: Duration,
    /// Number of repetitions; `None` repeats until Ctrl-C.
    pub(super) times: Option<u32>,
}

/// An entry of the help.
pub(super) struct HelpEntry {
    /// The command with its arguments: `\d NAME`.
    pub(super) usage: &'static str,
    pub(super) description: &'static str,
}

const fn entry(usage: &'static str, description: &'static str) -> HelpEntry {
    HelpEntry { usage, description }
}

/// All commands in groups, for the help.
pub(super) const GROUPS: &[(&str, &[HelpEntry])] = &[
    (
        "Statements",
        &[
            entry("\\g [FILE or |COMMAND]", "run the statement, like ;, and write its result to a file or program"),
            entry("\\gx [FILE or |COMMAND]", "the same with expanded output"),
            entry("\\watch [SECONDS] [c=TIMES]", "repeat the statement until Ctrl-C"),
            entry("\\e [FILE]", "edit the current or last statement in $VISUAL or $EDITOR"),
            entry("\\i FILE", "run the statements and commands of a file"),
            entry("\\p", "show the current or last statement"),
            entry("\\r", "clear the current statement"),
            entry("\\s [FILE]", "show the history, or write it to a file"),
        ],
    ),
    (
        "Tables and clusters",
        &[
            entry("\\d [NAME]", "list tables, or the columns of a table, including label keys"),
            entry("\\dt[+] [PATTERN]", "list tables that match a pattern (*container*, apps.*); + lists all tables"),
            entry("\\dn [PATTERN]", "list schemas"),
            entry("\\df [PATTERN]", "list functions"),
            entry("\\l", "list clusters and their state"),
            entry("\\c [CONTEXT...]", "connect to other clusters (names or patterns), or to http://SERVER"),
            entry("\\conninfo", "show the current clusters or server"),
        ],
    ),
    (
        "Output",
        &[
            entry("\\x [on|off|auto]", "expanded output; auto: if a table is wider than the terminal"),
            entry("\\f FORMAT", "set the output format: table, json, ndjson, csv, yaml"),
            entry("\\o [FILE or |COMMAND]", "write results to a file or program; without argument, to the terminal"),
            entry("\\t [on|off]", "show rows only, without header and footer"),
            entry("\\timing [on|off]", "show the duration of statements"),
            entry("\\pset [NAME [VALUE]]", "output settings: format, expanded, null, pager, columns, ..."),
            entry("\\warnings", "show all warnings of the last statement"),
        ],
    ),
    (
        "Other",
        &[
            entry("\\set [NAME [VALUE]]", "set a variable; statements refer to it as :NAME, :'NAME' or :\"NAME\""),
            entry("\\unset NAME", "unset a variable"),
            entry("\\echo TEXT", "print a text"),
            entry("\\! [COMMAND]", "run a command in the system's shell"),
            entry("\\cd [FOLDER]", "change the working directory"),
            entry("\\h [SUBJECT]", "help on SQL: select, columns, labels, times, resources, ..."),
            entry("\\?", "show this help"),
            entry("\\q", "quit (also Ctrl-D, exit, quit)"),
        ],
    ),
];

/// The names of all commands, for completion and suggestions.
pub(super) const NAMES: &[&str] = &[
    "!", "?", "c", "cd", "conninfo", "d", "df", "dn", "dt", "dt+", "e", "echo", "f", "g", "gx", "h", "i", "l", "o",
    "p", "pset", "q", "r", "s", "set", "t", "timing", "unset", "warnings", "watch", "x",
];

/// Parses a command line that begins with a backslash.
pub(super) fn parse(line: &str) -> Result<Meta, SqlError> {
    let line = line.trim().trim_start_matches('\\');
    let (name, rest) = if let Some(rest) = line.strip_prefix(['!', '?']) {
        (&line[..line.len() - rest.len()], rest)
    } else {
        line.split_once(char::is_whitespace).unwrap_or((line, ""))
    };
    // A command may end with a semicolon, as in psql.
    let rest = rest.trim();
    let name = name.trim_end_matches(';');
    let plain = rest.trim_end_matches(';').trim_end();
    let words = words(plain)?;
    let first = || words.first().cloned();
    let needed = |what: &str| first().ok_or_else(|| invalid(format!("\\{name} takes {what}")));
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
        other => return Err(unknown_command(other)),
    })
}

fn invalid(message: impl Into<String>) -> SqlError {
    SqlError::new(ErrorKind::Syntax, message).hint("\\? shows the syntax of commands")
}

fn unknown_command(name: &str) -> SqlError {
    let near = NAMES
        .iter()
        .find(|known| known.len() > 2 && name.len() > 2 && known.starts_with(&name[..name.floor_char_boundary(3)]));
    let error = SqlError::new(ErrorKind::Syntax, format!("invalid command \\{name}"));
    match near {
        Some(near) => error.hint(format!("did you mean \\{near}? \\? lists all commands")),
        None => error.hint("\\? lists all commands"),
    }
}

/// The name of a file, or `|` and a command with quotes of its own.
fn target(plain: &str, words: &[String]) -> Option<String> {
    if plain.starts_with('|') { Some(plain.to_owned()) } else { words.first().cloned() }
}

/// `\watch`, `\watch 5`, `\watch i=5 c=3`.
fn every(words: &[String]) -> Result<Repetition, SqlError> {
    let mut every = Repetition { wait: Duration::from_secs(2), times: None };
    for word in words {
        let (name, value) = word.split_once('=').unwrap_or(("i", word));
        let bad = || invalid(format!("invalid argument of \\watch: {word}"));
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

/// Splits at white space; single quotes keep words together.
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
                        None => return Err(invalid(format!("unterminated quote in {text}"))),
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
    fn parses_commands() {
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
            ("\\watch", Meta::Watch(Repetition { wait: Duration::from_secs(2), times: None })),
            ("\\watch 0.5 c=3", Meta::Watch(Repetition { wait: Duration::from_millis(500), times: Some(3) })),
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
    fn reports_invalid_commands_with_hints() {
        for (line, message, hint) in [
            ("\\nosuch", "invalid command \\nosuch", "\\?"),
            ("\\timings", "invalid command \\timings", "\\timing"),
            ("\\i", "\\i takes a file", "\\?"),
            ("\\watch soon", "invalid argument of \\watch: soon", "\\?"),
            ("\\watch -1", "invalid argument of \\watch: -1", "\\?"),
            ("\\o 'a", "unterminated quote", "\\?"),
        ] {
            let error = parse(line).unwrap_err();
            assert!(error.message.contains(message), "{line}: {error}");
            assert!(error.hint.as_deref().is_some_and(|has| has.contains(hint)), "{line}: {:?}", error.hint);
        }
    }

    #[test]
    fn help_and_names_match_the_parser() {
        for entry in GROUPS.iter().flat_map(|(_, group)| *group) {
            let name = entry.usage.split([' ', '[']).next().expect("a name").trim_start_matches('\\');
            assert!(NAMES.contains(&name), "{name}");
            let line = entry.usage.replace(['[', ']'], "").replace("SECONDS c=TIMES", "3 c=2");
            assert!(parse(&line).is_ok(), "{line}");
        }
        for name in NAMES {
            let alone = parse(&format!("\\{name}"));
            assert!(alone.is_ok() || alone.is_err_and(|error| error.message.contains("takes")), "{name}");
        }
    }
}
