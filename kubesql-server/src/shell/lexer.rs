//! Tokens of shell input: SQL, variables (`:name`) and commands that begin with a backslash.

use kubesql_runtime::sql::tokens::{self, TokenKind};

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Whitespace,
    Comment,
    /// A keyword, or an identifier without quotes.
    Word,
    QuotedIdentifier,
    /// A string in single quotes or between dollar signs.
    String,
    Number,
    /// `$1`, `?`.
    Placeholder,
    /// `:name`, `:'name'`, `:"name"`: the value of a variable, if it is set.
    Variable,
    Semicolon,
    /// One character of anything else.
    Symbol,
    /// A command of the shell: a backslash and the rest of the line.
    Meta,
}

/// A piece of the input. All tokens of an input together are the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    /// The byte offset of its first character.
    pub(super) start: usize,
    /// False if the input ends inside of this string, quoted identifier or comment.
    pub(super) terminated: bool,
}

impl Token<'_> {
    /// The byte offset after its last character.
    pub(super) fn end(&self) -> usize {
        self.start + self.text.len()
    }

    /// Whether it is this word, without quotes and in any case.
    pub(super) fn is_keyword(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word)
    }

    /// Whether it is this character.
    pub(super) fn is_symbol(&self, symbol: char) -> bool {
        self.kind == Kind::Symbol && self.text.starts_with(symbol)
    }

    /// Whether it is white space or a comment.
    pub(super) fn is_trivia(&self) -> bool {
        matches!(self.kind, Kind::Whitespace | Kind::Comment)
    }

    /// The name that it is, folded to lower case unless it is quoted.
    pub(super) fn identifier(&self) -> Option<String> {
        let kind = match self.kind {
            Kind::Word => TokenKind::Word,
            Kind::QuotedIdentifier => TokenKind::QuotedIdentifier,
            _ => return None,
        };
        tokens::Token { kind, text: self.text, start: self.start, terminated: self.terminated }.identifier()
    }
}

/// All tokens of an input.
pub(super) fn tokenize(input: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut start = 0;
    while let Some(next) = tokenize_from(input, start, &mut found) {
        start = next;
    }
    found
}

/// Appends the tokens from an offset on. Returns where to begin again if a command's line ends inside of an SQL token:
/// quotes in commands are no SQL.
fn tokenize_from<'a>(input: &'a str, start: usize, found: &mut Vec<Token<'a>>) -> Option<usize> {
    let rest = &input[start..];
    let all = tokens::tokenize(rest);
    let mut at = 0;
    while let Some(token) = all.get(at) {
        at += 1;
        let mut push = |kind, range: std::ops::Range<usize>, terminated| {
            found.push(Token { kind, text: &rest[range.clone()], start: start + range.start, terminated });
        };
        if token.is_symbol('\\') {
            let end = rest[token.start..].find('\n').map_or(rest.len(), |length| token.start + length);
            push(Kind::Meta, token.start..end, true);
            while all.get(at).is_some_and(|next| next.end() <= end) {
                at += 1;
            }
            match all.get(at) {
                Some(next) if next.start < end && next.kind == TokenKind::Whitespace => {
                    push(Kind::Whitespace, end..next.end(), true);
                    at += 1;
                }
                Some(next) if next.start < end => return Some(start + end),
                _ => {}
            }
            continue;
        }
        if token.is_symbol(':')
            && !rest[..token.start].ends_with(':')
            && let Some(name) = all.get(at).filter(|next| is_variable_name(next))
        {
            push(Kind::Variable, token.start..name.end(), true);
            at += 1;
            continue;
        }
        let kind = match token.kind {
            TokenKind::Word => Kind::Word,
            TokenKind::QuotedIdentifier => Kind::QuotedIdentifier,
            TokenKind::String | TokenKind::DollarString => Kind::String,
            TokenKind::Number => Kind::Number,
            TokenKind::Placeholder => Kind::Placeholder,
            TokenKind::Comment => Kind::Comment,
            TokenKind::Whitespace => Kind::Whitespace,
            TokenKind::Symbol if token.text == ";" => Kind::Semicolon,
            TokenKind::Symbol => Kind::Symbol,
        };
        push(kind, token.range(), token.terminated);
    }
    None
}

/// Whether this is a variable's name after a colon: `name`, `'name'` or `"name"`.
fn is_variable_name(token: &tokens::Token<'_>) -> bool {
    let name = match token.kind {
        TokenKind::Word => Some(token.text),
        TokenKind::String => token.text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')),
        TokenKind::QuotedIdentifier => token.text.strip_prefix('"').and_then(|text| text.strip_suffix('"')),
        _ => None,
    };
    token.terminated
        && name.is_some_and(|name| {
            name.starts_with(|c: char| c.is_alphabetic() || c == '_')
                && name.chars().all(|c| c.is_alphanumeric() || c == '_')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(input: &str) -> Vec<(Kind, &str)> {
        let all = tokenize(input);
        assert_eq!(all.iter().map(|token| token.text).collect::<std::string::String>(), input, "nothing is lost");
        all.iter().filter(|token| token.kind != Kind::Whitespace).map(|token| (token.kind, token.text)).collect()
    }

    #[test]
    fn tokenizes_sql_variables_and_commands() {
        use Kind::{Comment, Meta, Number, Placeholder, QuotedIdentifier, Semicolon, String, Symbol, Variable, Word};
        let cases: &[(&str, &[(Kind, &str)])] = &[
            ("select *;", &[(Word, "select"), (Symbol, "*"), (Semicolon, ";")]),
            ("'a;''b' \"c\"\"d\"", &[(String, "'a;''b'"), (QuotedIdentifier, "\"c\"\"d\"")]),
            ("$$a;b$$ $1", &[(String, "$$a;b$$"), (Placeholder, "$1")]),
            ("a -- b;\nc", &[(Word, "a"), (Comment, "-- b;"), (Word, "c")]),
            (
                "x::int :v :'v' :\"v\"",
                &[
                    (Word, "x"),
                    (Symbol, ":"),
                    (Symbol, ":"),
                    (Word, "int"),
                    (Variable, ":v"),
                    (Variable, ":'v'"),
                    (Variable, ":\"v\""),
                ],
            ),
            (":1 :'a b'", &[(Symbol, ":"), (Number, "1"), (Symbol, ":"), (String, "'a b'")]),
            ("select 1 \\gx out\nx", &[(Word, "select"), (Number, "1"), (Meta, "\\gx out"), (Word, "x")]),
            ("\\x \n\n\\o a -- b\nx", &[(Meta, "\\x "), (Meta, "\\o a -- b"), (Word, "x")]),
            ("\\echo it's\nx 'a'", &[(Meta, "\\echo it's"), (Word, "x"), (String, "'a'")]),
            ("\\echo /* a\nx", &[(Meta, "\\echo /* a"), (Word, "x")]),
        ];
        for (input, expected) in cases {
            assert_eq!(kinds(input), *expected, "{input}");
        }
    }

    #[test]
    fn marks_unterminated_tokens() {
        for (input, terminated) in
            [("'a", false), ("\"a", false), ("/* a", false), ("$$ a", false), ("'a'", true), ("e'\\'", false)]
        {
            assert_eq!(tokenize(input).last().map(|token| token.terminated), Some(terminated), "{input}");
        }
        assert_eq!(tokenize("\"Labels.App").last().and_then(Token::identifier), Some("Labels.App".to_owned()));
        assert_eq!(tokenize("Pods").last().and_then(Token::identifier), Some("pods".to_owned()));
    }
}
