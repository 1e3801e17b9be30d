//! `LIKE x ESCAPE ('!')`, of which the parser knows `ESCAPE '!'` only.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::Token;

/// The statement without the parentheses; none where it has none.
pub(super) fn bare(tokens: &[Token]) -> Option<String> {
    let open = tokens.iter().enumerate().filter(|(_, token)| !matches!(token, Token::Whitespace(_)));
    let mut dropped = Vec::new();
    let mut last: [Option<(usize, &Token)>; 3] = [None; 3];
    for (at, token) in open {
        if let [Some((_, Token::Word(word))), Some((opens, Token::LParen)), Some((_, value))] = last
            && word.keyword == Keyword::ESCAPE
            && matches!(value, Token::SingleQuotedString(_) | Token::Placeholder(_))
            && *token == Token::RParen
        {
            dropped.extend([opens, at]);
        }
        last = [last[1], last[2], Some((at, token))];
    }
    let kept = |(at, token): (usize, &Token)| if dropped.contains(&at) { " ".to_owned() } else { token.to_string() };
    (!dropped.is_empty()).then(|| tokens.iter().enumerate().map(kept).collect())
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
            ("a like b escape '!'", None),
            ("select escape('!')", Some("select escape '!' ")),
            ("select 'escape (''!'')', (escape)", None),
        ] {
            let tokens = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize().expect("tokens");
            assert_eq!(super::bare(&tokens).as_deref(), expect, "{sql}");
        }
    }
}
