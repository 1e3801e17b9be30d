//! Shell input: where statements end, which quotes and brackets are open, and values of variables.

use std::collections::BTreeMap;

use super::lexer::{Kind, Token, tokenize};

/// The variables set by `\set`.
pub(super) type Variables = BTreeMap<String, String>;

/// A part of the input.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Text of a statement.
    Text(String),
    /// A semicolon: the statement is complete.
    End,
    /// A backslash command.
    Meta(String),
}

/// Why the input continues in the next line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Open {
    /// It is complete.
    No,
    /// The statement has no semicolon.
    Statement,
    /// A bracket is open.
    Bracket,
    /// A string is open.
    Text,
    /// A quoted identifier is open.
    Quoted,
    /// A comment is open.
    Comment,
}

impl Open {
    /// The character that psql shows in its prompt.
    pub(super) fn mark(self) -> char {
        match self {
            Self::No | Self::Statement => '-',
            Self::Bracket => '(',
            Self::Text => '\'',
            Self::Quoted => '"',
            Self::Comment => '*',
        }
    }
}

/// Words that are commands if nothing else is typed, as in psql.
pub(super) fn word_command(input: &str) -> Option<&'static str> {
    let word = input.trim().trim_end_matches(';').trim_end();
    match word.to_ascii_lowercase().as_str() {
        "help" => Some("\\?"),
        "exit" | "quit" => Some("\\q"),
        _ => None,
    }
}

/// Whether the input is complete. A backslash command at its end completes a statement.
pub(super) fn open(input: &str) -> Open {
    if word_command(input).is_some() {
        return Open::No;
    }
    let tokens = tokenize(input);
    if let Some(token) = tokens.last().filter(|token| !token.terminated) {
        return match token.kind {
            Kind::QuotedIdentifier => Open::Quoted,
            Kind::Comment => Open::Comment,
            _ => Open::Text,
        };
    }
    let Some(last) = tokens.iter().rev().find(|token| !token.is_trivia()) else { return Open::No };
    if matches!(last.kind, Kind::Semicolon | Kind::Meta) {
        return Open::No;
    }
    if depth(&tokens) > 0 { Open::Bracket } else { Open::Statement }
}

/// Number of open brackets in the last statement.
fn depth(tokens: &[Token<'_>]) -> usize {
    let start = tokens.iter().rposition(|token| token.kind == Kind::Semicolon).map_or(0, |at| at + 1);
    tokens[start..].iter().fold(0, |depth, token| match token.text {
        "(" if token.kind == Kind::Symbol => depth + 1,
        ")" if token.kind == Kind::Symbol => depth.saturating_sub(1),
        _ => depth,
    })
}

/// Splits the input into statements and commands.
pub(super) fn pieces(input: &str) -> Vec<Piece> {
    if let Some(command) = word_command(input) {
        return vec![Piece::Meta(command.to_owned())];
    }
    let mut found = Vec::new();
    let mut text = String::new();
    let flush = |text: &mut String, found: &mut Vec<Piece>| {
        if !text.is_empty() {
            found.push(Piece::Text(std::mem::take(text)));
        }
    };
    for token in tokenize(input) {
        match token.kind {
            Kind::Semicolon => {
                flush(&mut text, &mut found);
                found.push(Piece::End);
            }
            Kind::Meta => {
                flush(&mut text, &mut found);
                found.push(Piece::Meta(token.text.trim_end().to_owned()));
            }
            _ => text.push_str(token.text),
        }
    }
    flush(&mut text, &mut found);
    found
}

/// Replaces variables by their values.
pub(super) fn substitute_variables(text: &str, variables: &Variables) -> String {
    let token = |token: &Token<'_>| match token.kind {
        Kind::Variable => variable_value(token.text, variables),
        _ => token.text.to_owned(),
    };
    tokenize(text).iter().map(token).collect()
}

/// The value of a variable, or its text if it is not set.
fn variable_value(written: &str, variables: &Variables) -> String {
    let inner = &written[1..];
    let quote = inner.chars().next().filter(|c| matches!(c, '\'' | '"'));
    let name = inner.trim_matches(|c| Some(c) == quote);
    match (variables.get(name), quote) {
        (None, _) => written.to_owned(),
        (Some(value), None) => value.clone(),
        (Some(value), Some(quote)) => {
            let quote = quote.to_string();
            format!("{quote}{}{quote}", value.replace(&quote, &quote.repeat(2)))
        }
    }
}

/// Whether the text contains more than white space and comments.
pub(super) fn has_statement(text: &str) -> bool {
    tokenize(text).iter().any(|token| !token.is_trivia())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognizes_complete_input() {
        for (input, expect) in [
            ("", Open::No),
            ("  \n", Open::No),
            ("-- a", Open::No),
            ("select 1", Open::Statement),
            ("select 1;", Open::No),
            ("select 1; -- done", Open::No),
            ("select 1; select 2", Open::Statement),
            ("select ';", Open::Text),
            ("select (1;", Open::No),
            ("select (1", Open::Bracket),
            ("select (1); select (2)", Open::Statement),
            ("select \"a", Open::Quoted),
            ("select 1 /* a", Open::Comment),
            ("\\d pods", Open::No),
            ("select 1\n\\gx", Open::No),
            ("select 1 \\g", Open::No),
            ("help", Open::No),
            ("QUIT;", Open::No),
            ("help me", Open::Statement),
            ("select $$;\n", Open::Text),
        ] {
            assert_eq!(open(input), expect, "{input}");
        }
    }

    #[test]
    fn splits_statements_and_commands() {
        let text = |text: &str| Piece::Text(text.to_owned());
        let meta = |text: &str| Piece::Meta(text.to_owned());
        assert_eq!(pieces("select ';'; select 2 ;"), [text("select ';'"), Piece::End, text(" select 2 "), Piece::End]);
        assert_eq!(
            pieces("select 1\n\\gx out.csv \nselect 2"),
            [text("select 1\n"), meta("\\gx out.csv"), text("\nselect 2")]
        );
        assert_eq!(pieces(" exit "), [meta("\\q")]);
    }

    #[test]
    fn substitutes_variables_outside_of_quotes() {
        let variables = Variables::from([("n".to_owned(), "it's".to_owned()), ("t".to_owned(), "pods".to_owned())]);
        for (input, expect) in [
            ("select * from :t", "select * from pods"),
            ("select :'n', :\"t\"", "select 'it''s', \"pods\""),
            ("select ':t', :unknown, x::t", "select ':t', :unknown, x::t"),
        ] {
            assert_eq!(substitute_variables(input, &variables), expect, "{input}");
        }
    }
}
