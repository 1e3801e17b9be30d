//! SQL text as tokens with their places: enough to colour it, to see where statements end, and to complete names.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Space,
    Comment,
    /// A keyword or a name without quotes.
    Word,
    /// A name in double quotes.
    Quoted,
    /// A text in single quotes or between dollars.
    Text,
    Number,
    /// `:name`, the value of a variable where there is one.
    Variable,
    Semicolon,
    /// One character of anything else.
    Symbol,
    /// A command of the shell: a backslash and the rest of the line.
    Meta,
}

/// A piece of the text; all of them together are the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    /// Bytes before it.
    pub(super) start: usize,
    /// Whether its quote or comment ends within the text.
    pub(super) closed: bool,
}

impl Token<'_> {
    /// The bytes up to its end.
    pub(super) fn end(&self) -> usize {
        self.start + self.text.len()
    }

    /// Whether it is this keyword, in any case.
    pub(super) fn is(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word)
    }

    /// Whether it is this character.
    pub(super) fn is_symbol(&self, symbol: &str) -> bool {
        self.kind == Kind::Symbol && self.text == symbol
    }

    /// Whether it says anything.
    pub(super) fn matters(&self) -> bool {
        !matches!(self.kind, Kind::Space | Kind::Comment)
    }

    /// The name that it is: folded to lower case unless it is in quotes.
    pub(super) fn name(&self) -> Option<String> {
        match self.kind {
            Kind::Word => Some(self.text.to_lowercase()),
            Kind::Quoted => {
                let inner = &self.text[1..];
                let inner = if self.closed { &inner[..inner.len() - 1] } else { inner };
                Some(inner.replace("\"\"", "\""))
            }
            _ => None,
        }
    }
}

/// All tokens of a text.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut found: Vec<Token<'_>> = Vec::new();
    let mut start = 0;
    while start < text.len() {
        let before = found.last().map_or(' ', |token| token.text.chars().next_back().unwrap_or(' '));
        let (kind, len, closed) = next(&text[start..], before);
        found.push(Token { kind, text: &text[start..start + len], start, closed });
        start += len;
    }
    found
}

/// The first token of a text that is not empty: its kind, its length, whether it is closed.
fn next(rest: &str, before: char) -> (Kind, usize, bool) {
    let mut chars = rest.chars();
    let first = chars.next().unwrap_or(' ');
    let second = chars.next();
    match first {
        c if c.is_whitespace() => (Kind::Space, span(rest, char::is_whitespace), true),
        '-' if second == Some('-') => (Kind::Comment, rest.find('\n').unwrap_or(rest.len()), true),
        '/' if second == Some('*') => comment(rest),
        '\\' => (Kind::Meta, rest.find('\n').unwrap_or(rest.len()), true),
        ';' => (Kind::Semicolon, 1, true),
        '"' => quoted(rest, Kind::Quoted, 0, '"', false),
        '\'' => quoted(rest, Kind::Text, 0, '\'', false),
        'e' | 'E' if second == Some('\'') => quoted(rest, Kind::Text, 1, '\'', true),
        '$' => dollars(rest).unwrap_or((Kind::Symbol, 1, true)),
        ':' if before != ':' => variable(rest).unwrap_or((Kind::Symbol, 1, true)),
        c if c.is_alphabetic() || c == '_' => {
            (Kind::Word, span(rest, |c| c.is_alphanumeric() || matches!(c, '_' | '$')), true)
        }
        c if c.is_ascii_digit() => (Kind::Number, number(rest), true),
        c => (Kind::Symbol, c.len_utf8(), true),
    }
}

fn span(text: &str, of: impl Fn(char) -> bool) -> usize {
    text.find(|c| !of(c)).unwrap_or(text.len())
}

/// A comment of several lines, which may hold others.
fn comment(rest: &str) -> (Kind, usize, bool) {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        let behind = &rest[at..];
        if behind.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if behind.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return (Kind::Comment, at, true);
            }
        } else {
            at += behind.chars().next().map_or(1, char::len_utf8);
        }
    }
    (Kind::Comment, rest.len(), false)
}

/// From a quote to the next that is not doubled; `from` is where the quote stands.
fn quoted(rest: &str, kind: Kind, from: usize, quote: char, escapes: bool) -> (Kind, usize, bool) {
    let mut chars = rest[from + 1..].char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\\' && escapes {
            chars.next();
        } else if c == quote {
            match chars.peek() {
                Some((_, next)) if *next == quote => _ = chars.next(),
                _ => return (kind, from + 1 + at + 1, true),
            }
        }
    }
    (kind, rest.len(), false)
}

/// `$$text$$` or `$tag$text$tag$`.
fn dollars(rest: &str) -> Option<(Kind, usize, bool)> {
    let tag = span(&rest[1..], |c| c.is_alphanumeric() || c == '_');
    let named = rest[1..].chars().next().is_some_and(|c| c.is_ascii_digit());
    let begin = rest.get(..tag + 2).filter(|begin| begin.ends_with('$') && !named)?;
    Some(match rest[begin.len()..].find(begin) {
        Some(at) => (Kind::Text, begin.len() + at + begin.len(), true),
        None => (Kind::Text, rest.len(), false),
    })
}

/// `:name`, `:'name'`, `:"name"`.
fn variable(rest: &str) -> Option<(Kind, usize, bool)> {
    let quote = rest[1..].chars().next().filter(|c| matches!(c, '\'' | '"'));
    let from = 1 + quote.map_or(0, char::len_utf8);
    let name = span(&rest[from..], |c| c.is_alphanumeric() || c == '_');
    let starts = rest[from..].chars().next().is_some_and(|c| c.is_alphabetic() || c == '_');
    match quote {
        _ if name == 0 || !starts => None,
        None => Some((Kind::Variable, from + name, true)),
        Some(quote) => rest[from + name..].starts_with(quote).then_some((Kind::Variable, from + name + 1, true)),
    }
}

/// `1`, `1.5`, `1e-3`.
fn number(rest: &str) -> usize {
    let digits = |from: usize| from + span(&rest[from..], |c| c.is_ascii_digit());
    let mut len = digits(0);
    if rest[len..].starts_with('.') && rest[len + 1..].starts_with(|c: char| c.is_ascii_digit()) {
        len = digits(len + 1);
    }
    if rest[len..].starts_with(['e', 'E']) {
        let sign = usize::from(rest[len + 1..].starts_with(['+', '-']));
        let with_exponent = digits(len + 1 + sign);
        if with_exponent > len + 1 + sign {
            len = with_exponent;
        }
    }
    len
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<(Kind, &str)> {
        let all = tokens(text);
        assert_eq!(all.iter().map(|token| token.text).collect::<String>(), text, "nothing is lost");
        all.iter().filter(|token| token.kind != Kind::Space).map(|token| (token.kind, token.text)).collect()
    }

    #[test]
    fn every_token_is_what_it_looks_like() {
        use Kind::{Comment, Meta, Number, Quoted, Semicolon, Symbol, Text, Variable, Word};
        let cases: &[(&str, &[(Kind, &str)])] = &[
            ("select *;", &[(Word, "select"), (Symbol, "*"), (Semicolon, ";")]),
            ("'a;''b' \"c\"\"d\"", &[(Text, "'a;''b'"), (Quoted, "\"c\"\"d\"")]),
            ("e'a\\'b' x", &[(Text, "e'a\\'b'"), (Word, "x")]),
            ("'a\\' b", &[(Text, "'a\\'"), (Word, "b")]),
            ("$$a;b$$ $t$ $$ $t$ $1", &[(Text, "$$a;b$$"), (Text, "$t$ $$ $t$"), (Symbol, "$"), (Number, "1")]),
            ("1.5e-3 2.x", &[(Number, "1.5e-3"), (Number, "2"), (Symbol, "."), (Word, "x")]),
            ("a -- b;\nc", &[(Word, "a"), (Comment, "-- b;"), (Word, "c")]),
            ("/* a /* b */ ; */c", &[(Comment, "/* a /* b */ ; */"), (Word, "c")]),
            (
                "x::int :v :'v'",
                &[(Word, "x"), (Symbol, ":"), (Symbol, ":"), (Word, "int"), (Variable, ":v"), (Variable, ":'v'")],
            ),
            ("select 1 \\gx out\nx", &[(Word, "select"), (Number, "1"), (Meta, "\\gx out"), (Word, "x")]),
            ("größe_1 世界", &[(Word, "größe_1"), (Word, "世界")]),
        ];
        for (text, expect) in cases {
            assert_eq!(kinds(text), *expect, "{text}");
        }
    }

    #[test]
    fn what_is_left_open_is_known() {
        for (text, closed) in
            [("'a", false), ("\"a", false), ("/* a", false), ("$$ a", false), ("'a'", true), ("e'\\'", false)]
        {
            assert_eq!(tokens(text).last().map(|token| token.closed), Some(closed), "{text}");
        }
        assert_eq!(tokens("\"Labels.App").last().and_then(Token::name), Some("Labels.App".to_owned()));
        assert_eq!(tokens("Pods").last().and_then(Token::name), Some("pods".to_owned()));
    }
}
