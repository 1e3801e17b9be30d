//! `TABLE pods`, short for `SELECT * FROM pods`.
//!
//! sqlparser 0.62.0 passes over the two tokens after the name, and over the quotes of the name, so
//! `TABLE pods LIMIT 1` returns all rows. DataFusion 55.2.0 does not plan the command. Not reported upstream:
//! <https://github.com/apache/datafusion-sqlparser-rs/blob/v0.62.0/src/parser/mod.rs> (`parse_as_table`).

use std::mem;

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Whitespace};

/// Replaces `TABLE` by `SELECT * FROM` where a query can start. The tokens have the position of the word.
pub(crate) fn expand_table_commands(tokens: &mut Vec<TokenWithSpan>) {
    let mut previous: Option<Token> = None;
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if matches!(token.token, Token::Whitespace(_)) {
            continue;
        }
        let starts_query = match &previous {
            None | Some(Token::LParen | Token::RParen) => true,
            Some(Token::Word(word)) => {
                word.quote_style.is_none()
                    && matches!(
                        word.keyword,
                        Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT | Keyword::ALL | Keyword::DISTINCT
                    )
            }
            _ => false,
        };
        let next = tokens[at + 1..].iter().find(|token| !matches!(token.token, Token::Whitespace(_)));
        let is_name = next.is_some_and(|next| matches!(next.token, Token::Word(_)));
        if starts_query && is_name && is_keyword(&token.token, Keyword::TABLE) {
            found.push(at);
        }
        previous = Some(token.token.clone());
    }
    if found.is_empty() {
        return;
    }
    for (at, token) in mem::take(tokens).into_iter().enumerate() {
        if !found.contains(&at) {
            tokens.push(token);
            continue;
        }
        let span = token.span;
        let space = || Token::Whitespace(Whitespace::Space);
        let query = [Token::make_keyword("SELECT"), space(), Token::Mul, space(), Token::make_keyword("FROM")];
        tokens.extend(query.into_iter().map(|token| TokenWithSpan { token, span }));
    }
}

fn is_keyword(token: &Token, keyword: Keyword) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none() && word.keyword == keyword)
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
    use datafusion::sql::sqlparser::parser::Parser;
    use datafusion::sql::sqlparser::tokenizer::Tokenizer;

    use super::*;

    #[test]
    fn expands_table_commands() {
        for (sql, expected) in [
            ("table pods limit 1", "SELECT * FROM pods limit 1"),
            ("with x as (table pods) table x", "with x as (SELECT * FROM pods) SELECT * FROM x"),
            ("select 1 union all table \"P\"", "select 1 union all SELECT * FROM \"P\""),
            ("select \"table\" from x", "select \"table\" from x"),
            ("show table x", "show table x"),
        ] {
            let mut tokens = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize_with_location().expect(sql);
            expand_table_commands(&mut tokens);
            let text: String = tokens.iter().map(|token| token.token.to_string()).collect();
            assert_eq!(text, expected, "{sql}");
        }
    }

    #[test]
    fn upstream_passes_over_limit() {
        let parsed = Parser::parse_sql(&PostgreSqlDialect {}, "select 1 union all table pods limit 1");
        let text = parsed.expect("a statement")[0].to_string();
        assert!(!text.contains("LIMIT"), "fixed upstream: plan SetExpr::Table instead: {text}");
    }
}
