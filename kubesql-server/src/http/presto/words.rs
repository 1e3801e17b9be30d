//! Statements as words: what is needed to know those that only Presto has. Whatever else there is goes to the engine.

use std::ops::Range;

/// A part of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Word,
    /// `"name"`
    Quoted,
    /// `'text'`
    Text,
    Number,
    Sign,
}

/// A part of a statement and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) sort: Sort,
    pub(super) at: Range<usize>,
}

/// A statement and its parts, without white space and comments.
#[derive(Debug, Clone)]
pub(super) struct Words<'a> {
    pub(super) sql: &'a str,
    pub(super) tokens: Vec<Token>,
}

impl<'a> Words<'a> {
    pub(super) fn of(sql: &'a str) -> Self {
        let mut tokens = Vec::new();
        let mut at = 0;
        while let Some(c) = sql[at..].chars().next() {
            let rest = &sql[at..];
            let (sort, length) = match c {
                c if c.is_whitespace() => (None, c.len_utf8()),
                '-' if rest.starts_with("--") => (None, rest.find('\n').unwrap_or(rest.len())),
                '/' if rest.starts_with("/*") => (None, rest.find("*/").map_or(rest.len(), |end| end + 2)),
                '\'' => (Some(Sort::Text), quoted(rest, '\'')),
                '"' => (Some(Sort::Quoted), quoted(rest, '"')),
                c if c.is_alphabetic() || c == '_' => {
                    (Some(Sort::Word), while_in(rest, |c| c.is_alphanumeric() || c == '_'))
                }
                c if c.is_ascii_digit() => {
                    (Some(Sort::Number), while_in(rest, |c| c.is_ascii_alphanumeric() || c == '.'))
                }
                c => (Some(Sort::Sign), c.len_utf8()),
            };
            if let Some(sort) = sort {
                tokens.push(Token { sort, at: at..at + length });
            }
            at += length;
        }
        // What ends a statement is no part of it.
        while tokens.last().is_some_and(|token| &sql[token.at.clone()] == ";") {
            tokens.pop();
        }
        Self { sql, tokens }
    }

    /// The text of a part; empty behind the end.
    pub(super) fn text(&self, at: usize) -> &'a str {
        self.tokens.get(at).map_or("", |token| &self.sql[token.at.clone()])
    }

    /// Whether there is this keyword.
    pub(super) fn is(&self, at: usize, word: &str) -> bool {
        self.tokens.get(at).is_some_and(|token| token.sort == Sort::Word) && self.text(at).eq_ignore_ascii_case(word)
    }

    /// Whether there are these keywords, one after another.
    pub(super) fn are(&self, at: usize, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(more, word)| self.is(at + more, word))
    }

    /// The value of a text in quotes.
    pub(super) fn string(&self, at: usize) -> Option<String> {
        let text = self.text(at);
        if self.tokens.get(at)?.sort != Sort::Text || text.len() < 2 {
            return None;
        }
        let inner = &text[1..text.len() - 1];
        // One that never ends may look as if it did.
        let ends = !inner.replace("''", "").contains('\'') && text.ends_with('\'');
        ends.then(|| inner.replace("''", "'"))
    }

    /// A name of one word or several with dots between, and where it ends.
    pub(super) fn name(&self, mut at: usize) -> Option<(Vec<String>, usize)> {
        let mut name = Vec::new();
        loop {
            let text = self.text(at);
            name.push(match self.tokens.get(at)?.sort {
                Sort::Word => text.to_lowercase(),
                Sort::Quoted if text.len() >= 2 => text[1..text.len() - 1].replace("\"\"", "\""),
                _ => return None,
            });
            if self.text(at + 1) != "." {
                return Some((name, at + 1));
            }
            at += 2;
        }
    }

    /// The statement from a part on, without what ends it.
    pub(super) fn from(&self, at: usize) -> &'a str {
        match (self.tokens.get(at), self.tokens.last()) {
            (Some(first), Some(last)) => &self.sql[first.at.start..last.at.end],
            _ => "",
        }
    }

    /// The expressions from a part on, which commas are between.
    pub(super) fn expressions(&self, from: usize) -> Vec<&'a str> {
        let (mut found, mut start, mut depth) = (Vec::new(), from, 0_usize);
        for at in from..=self.tokens.len() {
            match self.text(at) {
                "(" | "[" => depth += 1,
                ")" | "]" => depth = depth.saturating_sub(1),
                "," if depth > 0 => {}
                "," | "" if at > start => {
                    found.push(&self.sql[self.tokens[start].at.start..self.tokens[at - 1].at.end]);
                    start = at + 1;
                }
                _ => {}
            }
        }
        found
    }

    /// Where the parameters are.
    pub(super) fn parameters(&self) -> Vec<Range<usize>> {
        let is_parameter = |token: &&Token| token.sort == Sort::Sign && &self.sql[token.at.clone()] == "?";
        self.tokens.iter().filter(is_parameter).map(|token| token.at.clone()).collect()
    }

    /// The statement with something in the place of each of its parameters.
    pub(super) fn with(&self, mut value: impl FnMut(usize) -> String) -> String {
        let (mut sql, mut from) = (String::new(), 0);
        for (number, at) in self.parameters().into_iter().enumerate() {
            sql.push_str(&self.sql[from..at.start]);
            sql.push_str(&value(number));
            from = at.end;
        }
        sql.push_str(&self.sql[from..]);
        sql
    }
}

/// The length of what is in quotes at the start, the quotes included; doubled ones do not end it.
fn quoted(text: &str, quote: char) -> usize {
    let mut at = 1;
    while let Some(next) = text[at..].find(quote) {
        at += next + 1;
        if !text[at..].starts_with(quote) {
            return at;
        }
        at += 1;
    }
    text.len()
}

fn while_in(text: &str, is: impl Fn(char) -> bool) -> usize {
    text.find(|c| !is(c)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_fall_into_words() {
        let words = Words::of("EXECUTE  s /* ? */ USING 1, 'a,''b', ARRAY[1, 2], f(x, '?') -- end\n ;");
        assert!(words.is(0, "execute") && words.is(2, "using") && !words.is(9, "x"));
        assert_eq!(words.expressions(3), ["1", "'a,''b'", "ARRAY[1, 2]", "f(x, '?')"]);
        assert_eq!(words.string(5).as_deref(), Some("a,'b"));
        assert_eq!(words.from(0).chars().last(), Some(')'));
        let name = Words::of("Kubesql.\"networking.k8s.io\".x y").name(0);
        assert_eq!(name, Some((vec!["kubesql".into(), "networking.k8s.io".into(), "x".into()], 5)));
        assert_eq!(Words::of("show tables").name(7), None);
        let sql = Words::of("select ?, '?', \"?\", ? -- ?");
        assert_eq!(sql.with(|number| format!("${}", number + 1)), "select $1, '?', \"?\", $2 -- ?");
        for odd in ["'", "\"", "'a''", "/*", "--", "é'", "?'?", ""] {
            let words = Words::of(odd);
            assert_eq!(words.with(|_| "?".into()), odd);
            assert_eq!((words.string(0), words.text(99)), (None, ""), "{odd}");
        }
    }
}
