//! The tokens of a statement, as far as is needed to recognize the statements that only Presto has.

use std::ops::Range;

use kubesql_runtime::sql::tokens::{Token, TokenKind, tokenize};

/// A statement and its tokens, without white space, comments and trailing semicolons.
pub(super) struct StatementTokens<'a> {
    sql: &'a str,
    tokens: Vec<Token<'a>>,
}

impl<'a> StatementTokens<'a> {
    pub(super) fn new(sql: &'a str) -> Self {
        let mut tokens: Vec<Token> = tokenize(sql).into_iter().filter(|token| !token.is_trivia()).collect();
        while tokens.last().is_some_and(|token| token.is_symbol(';')) {
            tokens.pop();
        }
        Self { sql, tokens }
    }

    /// The number of tokens.
    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether the token at this index is a keyword.
    pub(super) fn is_keyword(&self, at: usize, keyword: &str) -> bool {
        self.tokens.get(at).is_some_and(|token| token.is_keyword(keyword))
    }

    /// Whether keywords follow each other from this index on.
    pub(super) fn are_keywords(&self, at: usize, keywords: &[&str]) -> bool {
        keywords.iter().enumerate().all(|(offset, keyword)| self.is_keyword(at + offset, keyword))
    }

    /// Whether the token at this index is a symbol.
    pub(super) fn is_symbol(&self, at: usize, symbol: char) -> bool {
        self.tokens.get(at).is_some_and(|token| token.is_symbol(symbol))
    }

    /// The value of the string at this index.
    pub(super) fn string(&self, at: usize) -> Option<String> {
        self.tokens.get(at)?.string_value()
    }

    /// The name at this index, which consists of one part or of several with dots between, and the index after it.
    pub(super) fn name(&self, mut at: usize) -> Option<(Vec<String>, usize)> {
        let mut name = Vec::new();
        loop {
            name.push(self.tokens.get(at)?.identifier()?);
            if !self.is_symbol(at + 1, '.') {
                return Some((name, at + 1));
            }
            at += 2;
        }
    }

    /// The statement from this index on.
    pub(super) fn text_from(&self, at: usize) -> &'a str {
        self.text(at..self.tokens.len())
    }

    /// The expressions from this index on, which are separated by commas.
    pub(super) fn expressions(&self, from: usize) -> Vec<&'a str> {
        let (mut expressions, mut start, mut depth) = (Vec::new(), from, 0_usize);
        for (at, token) in self.tokens.iter().enumerate().skip(from) {
            if token.is_symbol('(') || token.is_symbol('[') {
                depth += 1;
            } else if token.is_symbol(')') || token.is_symbol(']') {
                depth = depth.saturating_sub(1);
            } else if token.is_symbol(',') && depth == 0 {
                expressions.push(self.text(start..at));
                start = at + 1;
            }
        }
        expressions.push(self.text(start..self.tokens.len()));
        expressions.retain(|expression| !expression.is_empty());
        expressions
    }

    /// Whether the statement consists of a single token, or begins with a word.
    pub(super) fn is_self_contained(&self) -> bool {
        self.tokens.len() == 1 || self.tokens.first().is_some_and(|token| token.kind == TokenKind::Word)
    }

    fn text(&self, range: Range<usize>) -> &'a str {
        match self.tokens.get(range).unwrap_or_default() {
            [] => "",
            [only] => only.text,
            [first, .., last] => &self.sql[first.start..last.end()],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_parts_of_a_statement() {
        let tokens = StatementTokens::new("EXECUTE  s /* ? */ USING 1, 'a,''b', ARRAY[1, 2], f(x, '?') -- end\n ;");
        assert!(tokens.are_keywords(0, &["execute", "s", "using"]) && !tokens.is_keyword(99, "x"));
        assert_eq!(tokens.expressions(3), ["1", "'a,''b'", "ARRAY[1, 2]", "f(x, '?')"]);
        assert_eq!(tokens.string(5).as_deref(), Some("a,'b"));
        assert_eq!(tokens.text_from(5), "'a,''b', ARRAY[1, 2], f(x, '?')");
        let name = StatementTokens::new("Kubesql.\"networking.k8s.io\".x y").name(0);
        assert_eq!(name, Some((vec!["kubesql".into(), "networking.k8s.io".into(), "x".into()], 5)));
        assert_eq!(StatementTokens::new("show tables").name(7), None);
        for odd in ["'", "\"", "'a''", "/*", "--", "é'", "?'?", ""] {
            let tokens = StatementTokens::new(odd);
            assert_eq!((tokens.string(0), tokens.text_from(99)), (None, ""), "{odd}");
        }
    }
}
