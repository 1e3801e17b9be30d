//! Errors of statements as they are shown: the message, the line with a mark at the place, and what to do.

use std::fmt::Write;

use kubesql_runtime::sql::{ErrorKind, SqlError};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::lexer::{Token, tokens};

/// The error with the place in the statement where it was found, as far as that is known; `width` is the terminal's.
pub(super) fn explained(error: &SqlError, sql: &str, width: usize) -> String {
    let (message, place) = match stated(&error.message) {
        Some((message, line, column)) => (message, offset(sql, line, column)),
        None => (error.message.as_str(), found(error, sql)),
    };
    let mut text = format!("error: {message}");
    if let Some(place) = place {
        text.push_str(&marked(sql, place, width));
    }
    if let Some(hint) = &error.hint {
        _ = write!(text, "\nhint: {hint}");
    }
    text
}

/// Takes `... at Line: 1, Column: 8` apart.
fn stated(message: &str) -> Option<(&str, usize, usize)> {
    let (message, place) = message.rsplit_once(" at Line: ")?;
    let (line, column) = place.split_once(", Column: ")?;
    Some((message, line.parse().ok()?, column.trim_end_matches('.').parse().ok()?))
}

/// The bytes before a line and column, both counted from 1, columns in characters.
fn offset(sql: &str, line: usize, column: usize) -> Option<usize> {
    let start = match line.checked_sub(1)? {
        0 => 0,
        line => sql.match_indices('\n').nth(line - 1)?.0 + 1,
    };
    let rest = &sql[start..];
    let column = column.saturating_sub(1);
    Some(start + rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at))
}

/// Where the name stands that an error speaks of, or the end of what ends too early.
fn found(error: &SqlError, sql: &str) -> Option<usize> {
    if error.kind == ErrorKind::Syntax && error.message.ends_with("found: EOF") {
        return Some(sql.trim_end().len());
    }
    let message = &error.message;
    let name = match message.split('"').nth(1) {
        Some(name) => name,
        None => {
            let rest = message.strip_prefix("function ").or_else(|| message.strip_prefix("there is no "))?;
            rest.split(['(', ' ']).next()?
        }
    };
    let all = tokens(sql);
    let matching: Vec<&Token<'_>> = all.iter().filter(|token| token.matters()).collect();
    let whole = matching.iter().position(|token| token.name().as_deref() == Some(name));
    // `p.nam` is three tokens.
    let parts: Vec<&str> = name.split('.').collect();
    let is_path = |at: usize| {
        parts.iter().enumerate().all(|(number, part)| {
            let token = matching.get(at + 2 * number);
            let dot = number == 0 || matching.get(at + 2 * number - 1).is_some_and(|token| token.is_symbol("."));
            dot && token.and_then(|token| token.name()).as_deref() == Some(*part)
        })
    };
    let place = whole.or_else(|| (parts.len() > 1).then(|| (0..matching.len()).find(|at| is_path(*at)))?);
    Some(matching[place?].start)
}

/// The line of a place, as much of it as the terminal has room for, and a mark below.
fn marked(sql: &str, place: usize, width: usize) -> String {
    let begin = sql[..place].rfind('\n').map_or(0, |at| at + 1);
    let number = sql[..place].matches('\n').count() + 1;
    let line = sql[begin..].lines().next().unwrap_or_default().trim_end();
    let label = format!("LINE {number}: ");
    let room = width.saturating_sub(label.len() + 1).max(20);
    let line: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let at = (place - begin).min(line.len());
    let before = line.get(..at).unwrap_or_default();
    // The place is kept in the middle where the line is cut.
    let mut from = 0;
    while before[from..].width() > room.saturating_sub(15).max(room / 2) {
        from += before[from..].chars().next().map_or(1, char::len_utf8);
    }
    let (dots, cut) = if from > 0 { ("...", &line[from..]) } else { ("", line.as_str()) };
    let mut shown = String::new();
    let mut used = dots.len();
    for c in cut.chars() {
        used += c.width().unwrap_or(0);
        if used > room.saturating_sub(3) && cut.width() + dots.len() > room {
            shown.push_str("...");
            break;
        }
        shown.push(c);
    }
    let indent = label.len() + dots.len() + before[from..].width();
    format!("\n{label}{dots}{shown}\n{:indent$}^", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_stands_at_the_place() {
        let error = |kind, message: &str| SqlError::new(kind, message);
        let cases = [
            (
                error(ErrorKind::Syntax, "Expected: x, found: selec at Line: 1, Column: 1"),
                "selec 1",
                "error: Expected: x, found: selec\nLINE 1: selec 1\n        ^",
            ),
            (
                error(ErrorKind::UnknownColumn, "column \"nam\" does not exist").hint("did you mean name?"),
                "select 1,\n  nam\nfrom pods",
                "error: column \"nam\" does not exist\nLINE 2:   nam\n          ^\nhint: did you mean name?",
            ),
            (
                error(ErrorKind::UnknownColumn, "column \"p.nam\" does not exist"),
                "select p.nam from pods p",
                "error: column \"p.nam\" does not exist\nLINE 1: select p.nam from pods p\n               ^",
            ),
            (
                error(ErrorKind::UnknownColumn, "column \"label.app\" does not exist"),
                "select '世界', \"label.app\" from pods",
                "error: column \"label.app\" does not exist\nLINE 1: select '世界', \"label.app\" from pods\n                       ^",
            ),
            (
                error(ErrorKind::Syntax, "Expected: an expression, found: EOF"),
                "select 1 +",
                "error: Expected: an expression, found: EOF\nLINE 1: select 1 +\n                  ^",
            ),
            (
                error(ErrorKind::Invalid, "function foo does not exist"),
                "select foo(1)",
                "error: function foo does not exist\nLINE 1: select foo(1)\n               ^",
            ),
            (error(ErrorKind::Invalid, "Divide by zero error"), "select 1/0", "error: Divide by zero error"),
        ];
        for (error, sql, expect) in cases {
            assert_eq!(explained(&error, sql, 80), expect);
        }
    }

    #[test]
    fn long_lines_are_cut_around_the_place() {
        let sql = format!("select {} wrong, {} from pods", "a, ".repeat(60), "b, ".repeat(60));
        let error = SqlError::new(ErrorKind::UnknownColumn, "column \"wrong\" does not exist");
        let shown = explained(&error, &sql, 60);
        let lines: Vec<&str> = shown.lines().collect();
        assert!(lines.iter().all(|line| line.width() <= 60), "{shown}");
        let mark = lines[2].find('^').expect("a mark");
        assert_eq!(&lines[1][mark..mark + 5], "wrong", "{shown}");
    }
}
