//! An SQL tokenizer with byte offsets that accepts any text.
//!
//! It wraps sqlparser's tokenizer, so splitting and highlighting agree with the parser. This module does not interpret
//! statements.

use std::ops::Range;

use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::tokenizer::{Location, Token as Lexeme, TokenWithSpan, Tokenizer, Whitespace};

/// The dialect of statements of all protocols.
const DIALECT: PostgreSqlDialect = PostgreSqlDialect {};

/// The kind of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// A keyword, or an identifier without quotes.
    Word,
    /// `"name"`.
    QuotedIdentifier,
    /// `'text'`, also with a prefix: `E'text'`, `X'00'`.
    String,
    /// `$$text$$`, `$tag$text$tag$`.
    DollarString,
    /// `1`, `1.5e-3`, `0xff`.
    Number,
    /// `$1`, `$name`, `?`.
    Placeholder,
    /// One character of anything else. Operators of several characters are several tokens.
    Symbol,
    /// `-- text` without the end of the line, or `/* text */`.
    Comment,
    /// A run of white space.
    Whitespace,
}

/// A piece of a text. Concatenated, the tokens of a text are the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    /// Its kind.
    pub kind: TokenKind,
    /// Its text, with quotes and comment marks.
    pub text: &'a str,
    /// The byte offset of its first character.
    pub start: usize,
    /// False if the text ends inside this string, quoted identifier or comment. Only the last token can be
    /// unterminated.
    pub terminated: bool,
}

impl Token<'_> {
    /// Returns the byte offset after its last character.
    #[must_use]
    pub fn end(&self) -> usize {
        self.start + self.text.len()
    }

    /// Returns its byte range in the text.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.start..self.end()
    }

    /// Returns whether it is this unquoted word, ignoring case.
    #[must_use]
    pub fn is_keyword(&self, word: &str) -> bool {
        self.kind == TokenKind::Word && self.text.eq_ignore_ascii_case(word)
    }

    /// Returns whether it is this character.
    #[must_use]
    pub fn is_symbol(&self, symbol: char) -> bool {
        self.kind == TokenKind::Symbol && self.text.starts_with(symbol)
    }

    /// Returns whether it is white space or a comment.
    #[must_use]
    pub fn is_trivia(&self) -> bool {
        matches!(self.kind, TokenKind::Whitespace | TokenKind::Comment)
    }

    /// Returns the name of an identifier, folded to lower case unless it is quoted.
    #[must_use]
    pub fn identifier(&self) -> Option<String> {
        match self.kind {
            TokenKind::Word => Some(self.text.to_lowercase()),
            TokenKind::QuotedIdentifier => {
                let inner = self.text.strip_prefix('"').unwrap_or(self.text);
                let inner = if self.terminated { inner.strip_suffix('"').unwrap_or(inner) } else { inner };
                Some(inner.replace("\"\"", "\""))
            }
            _ => None,
        }
    }

    /// Returns the value of a string, without quotes and escapes; `None` if it is not terminated.
    #[must_use]
    pub fn string_value(&self) -> Option<String> {
        if !self.terminated || !matches!(self.kind, TokenKind::String | TokenKind::DollarString) {
            return None;
        }
        match Tokenizer::new(&DIALECT, self.text).tokenize().ok()?.pop()? {
            Lexeme::DollarQuotedString(string) => Some(string.value),
            Lexeme::SingleQuotedString(value)
            | Lexeme::EscapedStringLiteral(value)
            | Lexeme::UnicodeStringLiteral(value)
            | Lexeme::NationalStringLiteral(value)
            | Lexeme::HexStringLiteral(value)
            | Lexeme::SingleQuotedByteStringLiteral(value)
            | Lexeme::DoubleQuotedByteStringLiteral(value) => Some(value),
            _ => None,
        }
    }
}

/// Splits a text into tokens in linear time. Text that the parser rejects becomes tokens too.
#[must_use]
pub fn tokenize(sql: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut start = 0;
    while start < sql.len() {
        let mut lexemes = Vec::new();
        let tokenized = Tokenizer::new(&DIALECT, &sql[start..]).tokenize_with_location_into_buf(&mut lexemes);
        let mut end = start;
        for (lexeme, range) in with_byte_ranges(&sql[start..], lexemes) {
            end = start + range.end;
            push_tokens(&mut tokens, &lexeme, &sql[start + range.start..end], start + range.start);
        }
        let rest = &sql[end..];
        if tokenized.is_ok() || rest.is_empty() {
            break;
        }
        if let Some(kind) = unterminated_kind(rest) {
            tokens.push(Token { kind, text: rest, start: end, terminated: false });
            break;
        }
        // Some other error, like `)._`: the next character becomes a token, and tokenizing resumes after it.
        let len = rest.chars().next().map_or(1, char::len_utf8);
        tokens.push(Token { kind: TokenKind::Symbol, text: &rest[..len], start: end, terminated: true });
        start = end + len;
    }
    tokens
}

/// Splits a text into statements at its semicolons; statements that only contain comments are omitted.
///
/// A text that ends inside a string, a quoted identifier or a comment is one statement, for which the parser reports an
/// error.
#[must_use]
pub fn split_statements(sql: &str) -> Vec<String> {
    let tokens = tokenize(sql);
    if tokens.last().is_some_and(|token| !token.terminated) {
        return vec![sql.trim().to_owned()];
    }
    let mut statements = Vec::new();
    for part in tokens.split(|token| token.is_symbol(';')) {
        if let (Some(first), Some(last)) = (part.first(), part.last())
            && part.iter().any(|token| !token.is_trivia())
        {
            statements.push(sql[first.start..last.end()].trim().to_owned());
        }
    }
    statements
}

/// Adds byte ranges to sqlparser's tokens of a text.
///
/// Their spans are lines and columns in characters. Tokens are adjacent, so one pass over the text finds all ends.
pub(crate) fn with_byte_ranges(sql: &str, lexemes: Vec<TokenWithSpan>) -> impl Iterator<Item = (Lexeme, Range<usize>)> {
    let mut at = 0;
    let mut location = Location { line: 1, column: 1 };
    lexemes.into_iter().map(move |lexeme| {
        let start = at;
        while location != lexeme.span.end {
            let Some(c) = sql[at..].chars().next() else { break };
            at += c.len_utf8();
            location = match c {
                '\n' => Location { line: location.line + 1, column: 1 },
                _ => Location { column: location.column + 1, ..location },
            };
        }
        (lexeme.token, start..at)
    })
}

fn push_tokens<'a>(tokens: &mut Vec<Token<'a>>, lexeme: &Lexeme, text: &'a str, start: usize) {
    let kind = match lexeme {
        Lexeme::Word(word) if word.quote_style.is_none() => TokenKind::Word,
        Lexeme::Word(_) => TokenKind::QuotedIdentifier,
        Lexeme::Number(..) => TokenKind::Number,
        // `0xff`
        Lexeme::HexStringLiteral(_) if text.starts_with('0') => TokenKind::Number,
        Lexeme::DollarQuotedString(_) => TokenKind::DollarString,
        Lexeme::Placeholder(_) if text.len() > 1 => TokenKind::Placeholder,
        Lexeme::Whitespace(Whitespace::SingleLineComment { .. }) => {
            // The lexeme includes the end of the line, the comment does not.
            let comment = text.strip_suffix(['\n', '\r']).unwrap_or(text);
            tokens.push(Token { kind: TokenKind::Comment, text: comment, start, terminated: true });
            if comment.len() < text.len() {
                let start = start + comment.len();
                let text = &text[comment.len()..];
                tokens.push(Token { kind: TokenKind::Whitespace, text, start, terminated: true });
            }
            return;
        }
        Lexeme::Whitespace(Whitespace::MultiLineComment(_)) => TokenKind::Comment,
        Lexeme::Whitespace(_) => TokenKind::Whitespace,
        _ if text.ends_with(['\'', '"']) => TokenKind::String,
        _ => {
            for (at, c) in text.char_indices() {
                // JDBC clients write placeholders next to operators: `>=?` and `?||`.
                let kind = if c == '?' { TokenKind::Placeholder } else { TokenKind::Symbol };
                let text = &text[at..at + c.len_utf8()];
                tokens.push(Token { kind, text, start: start + at, terminated: true });
            }
            return;
        }
    };
    tokens.push(Token { kind, text, start, terminated: true });
}

/// Returns the kind of the unterminated token that starts here.
fn unterminated_kind(rest: &str) -> Option<TokenKind> {
    let mut chars = rest.chars();
    match (chars.next()?.to_ascii_lowercase(), chars.next(), chars.next()) {
        ('"', ..) => Some(TokenKind::QuotedIdentifier),
        ('\'', ..) | ('e' | 'n' | 'x', Some('\''), _) | ('b', Some('\'' | '"'), _) | ('u', Some('&'), Some('\'')) => {
            Some(TokenKind::String)
        }
        ('$', ..) => Some(TokenKind::DollarString),
        ('/', Some('*'), _) => Some(TokenKind::Comment),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rand::seq::IndexedRandom;
    use rand::{Rng, SeedableRng};

    use super::TokenKind::{Comment, DollarString, Number, Placeholder, QuotedIdentifier, String, Symbol, Word};
    use super::*;

    /// Returns all tokens except white space.
    fn kinds(sql: &str) -> Vec<(TokenKind, &str)> {
        let tokens = tokenize(sql);
        assert_eq!(tokens.iter().map(|token| token.text).collect::<std::string::String>(), sql);
        let kinds = tokens.iter().filter(|token| token.kind != TokenKind::Whitespace);
        kinds.map(|token| (token.kind, token.text)).collect()
    }

    #[test]
    fn tokenizes_every_kind() {
        let cases: &[(&str, &[(TokenKind, &str)])] = &[
            ("select *;", &[(Word, "select"), (Symbol, "*"), (Symbol, ";")]),
            ("'a;''b' \"c\"\"d\"", &[(String, "'a;''b'"), (QuotedIdentifier, "\"c\"\"d\"")]),
            (
                "e'a\\'b' x'00' u&'\\0061' n'a' b'1'",
                &[(String, "e'a\\'b'"), (String, "x'00'"), (String, "u&'\\0061'"), (String, "n'a'"), (String, "b'1'")],
            ),
            ("'a\\' b", &[(String, "'a\\'"), (Word, "b")]),
            (
                "$$a;b$$ $t$ $$ $t$ $1 $x $",
                &[
                    (DollarString, "$$a;b$$"),
                    (DollarString, "$t$ $$ $t$"),
                    (Placeholder, "$1"),
                    (Placeholder, "$x"),
                    (Symbol, "$"),
                ],
            ),
            (
                "1.5e-3 0xff .5 a.b",
                &[(Number, "1.5e-3"), (Number, "0xff"), (Number, ".5"), (Word, "a"), (Symbol, "."), (Word, "b")],
            ),
            ("a -- b;\nc", &[(Word, "a"), (Comment, "-- b;"), (Word, "c")]),
            ("/* a /* b */ ; */c", &[(Comment, "/* a /* b */ ; */"), (Word, "c")]),
            ("x::int", &[(Word, "x"), (Symbol, ":"), (Symbol, ":"), (Word, "int")]),
            ("a>=?", &[(Word, "a"), (Symbol, ">"), (Symbol, "="), (Placeholder, "?")]),
            ("?||'x'", &[(Placeholder, "?"), (Symbol, "|"), (Symbol, "|"), (String, "'x'")]),
            ("größe_1 世界", &[(Word, "größe_1"), (Word, "世界")]),
            // sqlparser's tokenizer rejects a period before an underscore here.
            ("(a)._b 'c", &[(Symbol, "("), (Word, "a"), (Symbol, ")"), (Symbol, "."), (Word, "_b"), (String, "'c")]),
            ("", &[]),
        ];
        for (sql, expected) in cases {
            assert_eq!(kinds(sql), *expected, "{sql}");
        }
    }

    #[test]
    fn marks_unterminated_tokens() {
        for (sql, kind) in [
            ("a 'b", String),
            ("e'\\'", String),
            ("u&'a", String),
            ("a \"b", QuotedIdentifier),
            ("/* a /* b */", Comment),
            ("$$ a $", DollarString),
            ("$a$ $b$", DollarString),
        ] {
            let last = *tokenize(sql).last().expect("a token");
            assert_eq!((last.kind, last.terminated, last.end()), (kind, false, sql.len()), "{sql}");
        }
        assert!(tokenize("'a' \"b\" /* c */ $$d$$ -- e").iter().all(|token| token.terminated));
    }

    #[test]
    fn reads_names_and_strings() {
        let value = |sql: &str| tokenize(sql)[0].string_value();
        assert_eq!(value("'it''s'").as_deref(), Some("it's"));
        assert_eq!(value("E'a\\n\\'b'").as_deref(), Some("a\n'b"));
        assert_eq!(value("$t$a'b$t$").as_deref(), Some("a'b"));
        assert_eq!((value("'open"), value("word")), (None, None));
        let name = |sql: &str| tokenize(sql)[0].identifier();
        assert_eq!(name("Pods").as_deref(), Some("pods"));
        assert_eq!(name("\"a\"\"B\"").as_deref(), Some("a\"B"));
        assert_eq!(name("\"Labels.App").as_deref(), Some("Labels.App"));
        assert_eq!(name("'text'"), None);
    }

    #[test]
    fn splits_statements_at_semicolons() {
        for (sql, expected) in [
            ("select 1; select 2", &["select 1", "select 2"][..]),
            ("select ';' ;; -- a; b\n", &["select ';'"]),
            (
                "/* ; */ select \"a;b\";\nselect 'ü;'; select $$;$$",
                &["/* ; */ select \"a;b\"", "select 'ü;'", "select $$;$$"],
            ),
            ("  ;\n; ", &[]),
            ("select 1; select 'open", &["select 1; select 'open"]),
        ] {
            assert_eq!(split_statements(sql), expected, "{sql}");
        }
    }

    #[test]
    fn preserves_random_texts() {
        let pieces = ["'", "\"", "$", "$$", "$a$", "/*", "*/", "--", "\n", "\r", ";", "._", "|&", "e", "u&", "\\", "é"];
        let pieces = pieces.iter().chain(&["1", "a", " ", "?", ".", "<", "@-", "0x", "b", "n'", "(", "世", "\u{a0}"]);
        let pieces: Vec<_> = pieces.collect();
        let mut random = rand::rngs::StdRng::seed_from_u64(7);
        for _ in 0..20_000 {
            let length = random.random_range(0..12);
            let sql: std::string::String =
                (0..length).map(|_| **pieces.choose(&mut random).expect("a piece")).collect();
            let tokens = tokenize(&sql);
            let mut end = 0;
            for (at, token) in tokens.iter().enumerate() {
                assert_eq!((token.start, &sql[token.range()]), (end, token.text), "{sql:?}");
                assert!(token.terminated || at + 1 == tokens.len(), "{sql:?}");
                end = token.end();
            }
            assert_eq!(end, sql.len(), "{sql:?}");
        }
    }
}
