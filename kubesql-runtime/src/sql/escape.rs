//! `LIKE x ESCAPE ('!')`, of which the parser knows `ESCAPE '!'` only.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan};

/// The statement without the parentheses, all else as it is written; none where it has none.
pub(super) fn bare(sql: &str, tokens: &[TokenWithSpan]) -> Option<String> {
    let mut dropped = Vec::new();
    let open: Vec<_> = tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).collect();
    for window in open.windows(4) {
        let [word, opens, value, closes] = window else { continue };
        if matches!(&word.token, Token::Word(word) if word.keyword == Keyword::ESCAPE)
            && opens.token == Token::LParen
            && matches!(value.token, Token::SingleQuotedString(_) | Token::Placeholder(_))
            && closes.token == Token::RParen
        {
            dropped.extend([opens.span.start, closes.span.start]);
        }
    }
    if dropped.is_empty() {
        return None;
    }
    let mut at = Location { line: 1, column: 1 };
    let blank = |c: char| {
        let here = at;
        at = if c == '\n' {
            Location { line: at.line + 1, column: 1 }
        } else {
            Location { column: at.column + 1, ..at }
        };
        if matches!(c, '(' | ')') && dropped.contains(&here) { ' ' } else { c }
    };
    Some(sql.chars().map(blank).collect())
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
    use datafusion::sql::sqlparser::tokenizer::Tokenizer;

    #[test]
    fn parentheses_are_taken_off_where_there_are_some() {
        for (sql, expect) in [
            ("select 'ä' like x escape ( '!' ) or y", Some("select 'ä' like x escape   '!'   or y")),
            ("a like $1 ESCAPE ($2)", Some("a like $1 ESCAPE  $2 ")),
            // Nothing else is touched: a quote in a text stays doubled.
            (
                "'it''s\n(' = \"a\"\"b\"\nor x like E'\\'' escape ('''')",
                Some("'it''s\n(' = \"a\"\"b\"\nor x like E'\\'' escape  '''' "),
            ),
            ("a like b escape '!'", None),
            ("select escape('!')", Some("select escape '!' ")),
            ("select 'escape (''!'')', (escape)", None),
        ] {
            let tokens = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize_with_location().expect("tokens");
            assert_eq!(super::bare(sql, &tokens).as_deref(), expect, "{sql}");
        }
    }
}
