//! Error messages with the line of the statement and a mark at the position of the error.

use std::fmt::Write;

use kubesql_runtime::sql::SqlError;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Formats an error, with a line of the statement if the error has a position. `width` is the terminal's, in columns.
pub(crate) fn format_error(error: &SqlError, sql: &str, width: usize) -> String {
    let mut text = format!("error: {}", error.message);
    text.push_str(&marked_line(error, sql, width).unwrap_or_default());
    if let Some(hint) = &error.hint {
        _ = write!(text, "\nhint: {hint}");
    }
    text
}

/// A line break, the line of the error shortened to the width, and a mark below; `None` if the error has no position.
pub(crate) fn marked_line(error: &SqlError, sql: &str, width: usize) -> Option<String> {
    let offset = sql.char_indices().nth(error.position?.saturating_sub(1)).map_or(sql.len(), |(offset, _)| offset);
    // An error at the end of the input is shown after the last word.
    let offset = offset.min(sql.trim_end().len());
    let begin = sql[..offset].rfind('\n').map_or(0, |at| at + 1);
    let number = sql[..offset].matches('\n').count() + 1;
    let line = sql[begin..].lines().next().unwrap_or_default().trim_end();
    let label = format!("LINE {number}: ");
    let available = width.saturating_sub(label.len() + 1).max(20);
    let line: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let at = (offset - begin).min(line.len());
    let before = line.get(..at).unwrap_or_default();
    // A long line is shortened on both sides of the mark.
    let mut from = 0;
    while before[from..].width() > available.saturating_sub(15).max(available / 2) {
        from += before[from..].chars().next().map_or(1, char::len_utf8);
    }
    let (dots, cut) = if from > 0 { ("...", &line[from..]) } else { ("", line.as_str()) };
    let mut shown = String::new();
    let mut used = dots.len();
    for c in cut.chars() {
        used += c.width().unwrap_or(0);
        if used > available.saturating_sub(3) && cut.width() + dots.len() > available {
            shown.push_str("...");
            break;
        }
        shown.push(c);
    }
    let indent = label.len() + dots.len() + before[from..].width();
    Some(format!("\n{label}{dots}{shown}\n{:indent$}^", ""))
}

#[cfg(test)]
mod tests {
    use kubesql_runtime::sql::ErrorKind;

    use super::*;

    fn error(message: &str, position: Option<usize>) -> SqlError {
        let mut error = SqlError::new(ErrorKind::UnknownColumn, message);
        error.position = position;
        error
    }

    #[test]
    fn marks_the_position() {
        let cases = [
            (error("wrong", Some(1)), "selec 1", "error: wrong\nLINE 1: selec 1\n        ^"),
            (
                error("wrong", Some(13)).hint("did you mean name?"),
                "select 1,\n  nam\nfrom pods",
                "error: wrong\nLINE 2:   nam\n          ^\nhint: did you mean name?",
            ),
            (
                error("wrong", Some(14)),
                "select '世界', \"label.app\" from pods",
                "error: wrong\nLINE 1: select '世界', \"label.app\" from pods\n                       ^",
            ),
            (error("wrong", Some(99)), "select 1 + \n", "error: wrong\nLINE 1: select 1 +\n                  ^"),
            (error("divide by zero", None), "select 1/0", "error: divide by zero"),
        ];
        for (error, sql, expected) in cases {
            assert_eq!(format_error(&error, sql, 80), expected);
        }
    }

    #[test]
    fn shortens_long_lines_around_the_position() {
        let sql = format!("select {} wrong, {} from pods", "a, ".repeat(60), "b, ".repeat(60));
        let position = sql.find("wrong").map(|offset| offset + 1);
        let shown = format_error(&error("column \"wrong\" does not exist", position), &sql, 60);
        let lines: Vec<&str> = shown.lines().collect();
        assert!(lines.iter().all(|line| line.width() <= 60), "{shown}");
        let mark = lines[2].find('^').expect("a mark");
        assert_eq!(&lines[1][mark..mark + 5], "wrong", "{shown}");
    }
}
