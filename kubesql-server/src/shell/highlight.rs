//! Syntax highlighting of the input.

use nu_ansi_term::{Color, Style};
use reedline::{Highlighter, StyledText};

use super::input::word_command;
use super::lexer::{Kind, Token, tokenize};
use super::words::{TYPES, is_keyword};

/// Highlights keywords, strings, numbers, identifiers, comments and commands.
pub(super) struct SyntaxHighlighter;

impl Highlighter for SyntaxHighlighter {
    fn highlight(&self, line: &str, cursor: usize) -> StyledText {
        let mut styled = StyledText::new();
        for (style, text) in coloured(line, Some(cursor)) {
            styled.push((style, text.to_owned()));
        }
        styled
    }
}

/// A statement with ANSI colours.
pub(super) fn with_colours(sql: &str) -> String {
    coloured(sql, None).into_iter().map(|(style, text)| style.paint(text).to_string()).collect()
}

/// The tokens with their styles. The bracket at the cursor and its counterpart are emphasized.
fn coloured(line: &str, cursor: Option<usize>) -> Vec<(Style, &str)> {
    if word_command(line).is_some() {
        return vec![(Style::new().fg(Color::Magenta), line)];
    }
    let all = tokenize(line);
    let pair = cursor.and_then(|cursor| pair(&all, cursor));
    let styled = all.iter().enumerate().map(|(at, token)| {
        let style = style(&all, at);
        (if pair.is_some_and(|(a, b)| a == at || b == at) { style.bold().underline() } else { style }, token.text)
    });
    styled.collect()
}

fn style(all: &[Token<'_>], at: usize) -> Style {
    let token = all[at];
    let plain = Style::new();
    match token.kind {
        Kind::Comment => plain.fg(Color::DarkGray),
        Kind::String => plain.fg(Color::Green),
        Kind::QuotedIdentifier => plain.fg(Color::Cyan),
        Kind::Number => plain.fg(Color::Magenta),
        Kind::Variable | Kind::Placeholder => plain.fg(Color::Yellow),
        Kind::Meta => plain.fg(Color::Magenta),
        Kind::Word => {
            let calls =
                all[at + 1..].iter().find(|next| next.kind != Kind::Whitespace).is_some_and(|next| next.is_symbol('('));
            let is_part = at > 0 && all[at - 1].is_symbol('.');
            if is_part {
                plain
            } else if is_keyword(token.text) {
                plain.fg(Color::Blue).bold()
            } else if calls {
                plain.fg(Color::Yellow)
            } else if at > 0 && all[at - 1].is_symbol(':') && TYPES.iter().any(|name| token.is_keyword(name)) {
                plain.fg(Color::Blue)
            } else {
                plain
            }
        }
        Kind::Whitespace | Kind::Semicolon | Kind::Symbol => plain,
    }
}

/// The bracket before or after the cursor, and its counterpart.
fn pair(all: &[Token<'_>], cursor: usize) -> Option<(usize, usize)> {
    let bracket = |token: &Token<'_>| token.kind == Kind::Symbol && matches!(token.text, "(" | ")" | "[" | "]");
    let beside = all.iter().position(|token| bracket(token) && token.end() == cursor);
    let beside = beside.or_else(|| all.iter().position(|token| bracket(token) && token.start == cursor))?;
    let opens = |token: &Token<'_>| matches!(token.text, "(" | "[");
    let mut depth = 0_usize;
    let forward = opens(&all[beside]);
    let others: Vec<usize> = if forward { (beside..all.len()).collect() } else { (0..=beside).rev().collect() };
    for at in others {
        if bracket(&all[at]) {
            if opens(&all[at]) == forward {
                depth += 1;
            } else {
                depth -= 1;
                if depth == 0 {
                    return Some((beside, at));
                }
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colours(line: &str) -> Vec<(&str, Option<Color>)> {
        let all = coloured(line, None);
        assert_eq!(all.iter().map(|(_, text)| *text).collect::<String>(), line);
        all.into_iter()
            .filter(|(_, text)| !text.trim().is_empty())
            .map(|(style, text)| (text, style.foreground))
            .collect()
    }

    #[test]
    fn highlights_tokens() {
        assert_eq!(
            colours("SELECT count(x), 'a' -- b"),
            [
                ("SELECT", Some(Color::Blue)),
                ("count", Some(Color::Yellow)),
                ("(", None),
                ("x", None),
                (")", None),
                (",", None),
                ("'a'", Some(Color::Green)),
                ("-- b", Some(Color::DarkGray)),
            ]
        );
        assert_eq!(
            colours("t.first, \"labels.app"),
            [("t", None), (".", None), ("first", None), (",", None), ("\"labels.app", Some(Color::Cyan))]
        );
        assert_eq!(colours("\\d pods"), [("\\d pods", Some(Color::Magenta))]);
        assert_eq!(colours("help"), [("help", Some(Color::Magenta))]);
    }

    #[test]
    fn finds_matching_brackets() {
        let all = tokenize("((a)(b))");
        for (cursor, expect) in [(1, Some((0, 7))), (8, Some((7, 0))), (4, Some((3, 1))), (0, Some((0, 7)))] {
            assert_eq!(pair(&all, cursor), expect, "{cursor}");
        }
        assert_eq!(pair(&tokenize("(a"), 1), None);
    }
}
