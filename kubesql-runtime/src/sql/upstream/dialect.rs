//! The precedence of `IS [NOT] DISTINCT FROM` and of the sign, `BETWEEN SYMMETRIC` and `ISNULL`.
//!
//! sqlparser 0.62.0 parses `a IS DISTINCT FROM b AND c` as `a IS DISTINCT FROM (b AND c)`. Fixed after 0.62 by
//! <https://github.com/apache/datafusion-sqlparser-rs/pull/2436>. Until the fix is released, this dialect parses the
//! operator. It also parses `- 2 ^ 2` as `(- 2) ^ 2`, and what sqlparser does not have: `BETWEEN SYMMETRIC` and `ISNULL`.
//! Otherwise it is PostgreSQL's dialect.

use std::any::TypeId;

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, UnaryOperator};
use datafusion::sql::sqlparser::dialect::{Dialect, PostgreSqlDialect, Precedence};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

/// The dialect of all statements.
pub(crate) const DIALECT: KubesqlDialect = KubesqlDialect(PostgreSqlDialect {});

/// PostgreSQL's dialect with the right precedence of `IS [NOT] DISTINCT FROM`.
#[derive(Debug)]
pub(crate) struct KubesqlDialect(PostgreSqlDialect);

/// Forwards methods that PostgreSQL's dialect overrides.
macro_rules! as_postgresql {
    ($($feature:ident),* $(,)?) => {
        $(fn $feature(&self) -> bool {
            self.0.$feature()
        })*
    };
}

impl Dialect for KubesqlDialect {
    fn parse_infix(&self, parser: &mut Parser<'_>, left: &Expr, precedence: u8) -> Option<Result<Expr, ParserError>> {
        if let Some(expr) = parse_between_symmetric(parser, left, precedence) {
            return Some(expr);
        }
        if is_word(parser, "isnull") {
            parser.next_token();
            return Some(Ok(Expr::IsNull(Box::new(left.clone()))));
        }
        let distinct = parser.parse_keywords(&[Keyword::IS, Keyword::DISTINCT, Keyword::FROM]);
        if !distinct && !parser.parse_keywords(&[Keyword::IS, Keyword::NOT, Keyword::DISTINCT, Keyword::FROM]) {
            return None;
        }
        let left = Box::new(left.clone());
        Some(parser.parse_subexpr(precedence).map(|right| {
            let right = Box::new(right);
            if distinct { Expr::IsDistinctFrom(left, right) } else { Expr::IsNotDistinctFrom(left, right) }
        }))
    }

    /// Parses a sign. It binds stronger than `^`: `- 2 ^ 2` is 4.
    fn parse_prefix(&self, parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
        if !parser.consume_token(&Token::Minus) {
            return None;
        }
        let operand = parser.parse_subexpr(self.0.prec_value(Precedence::Caret));
        Some(operand.map(|expr| Expr::UnaryOp { op: UnaryOperator::Minus, expr: Box::new(expr) }))
    }

    /// The parser identifies PostgreSQL's dialect by its type.
    fn dialect(&self) -> TypeId {
        self.0.dialect()
    }

    fn identifier_quote_style(&self, identifier: &str) -> Option<char> {
        self.0.identifier_quote_style(identifier)
    }

    fn is_delimited_identifier_start(&self, c: char) -> bool {
        self.0.is_delimited_identifier_start(c)
    }

    fn is_identifier_start(&self, c: char) -> bool {
        self.0.is_identifier_start(c)
    }

    fn is_identifier_part(&self, c: char) -> bool {
        self.0.is_identifier_part(c)
    }

    fn is_reserved_for_identifier(&self, keyword: Keyword) -> bool {
        self.0.is_reserved_for_identifier(keyword)
    }

    fn is_custom_operator_part(&self, c: char) -> bool {
        self.0.is_custom_operator_part(c)
    }

    fn get_next_precedence(&self, parser: &Parser<'_>) -> Option<Result<u8, ParserError>> {
        if is_word(parser, "isnull") {
            return Some(Ok(self.0.prec_value(Precedence::Is)));
        }
        self.0.get_next_precedence(parser)
    }

    fn prec_value(&self, precedence: Precedence) -> u8 {
        self.0.prec_value(precedence)
    }

    as_postgresql!(
        allow_extract_custom,
        allow_extract_single_quotes,
        supports_alter_column_type_using,
        supports_array_typedef_with_brackets,
        supports_bitwise_shift_operators,
        supports_comma_separated_trim,
        supports_comment_on,
        supports_comment_optimizer_hint,
        supports_create_index_with_clause,
        supports_create_table_like_parenthesized,
        supports_empty_projections,
        supports_explain_with_utility_options,
        supports_factorial_operator,
        supports_filter_during_aggregation,
        supports_geometric_types,
        supports_group_by_expr,
        supports_insert_table_alias,
        supports_interval_options,
        supports_listen_notify,
        supports_load_extension,
        supports_named_fn_args_with_colon_operator,
        supports_named_fn_args_with_expr_name,
        supports_nested_comments,
        supports_notnull_operator,
        supports_numeric_literal_underscores,
        supports_select_wildcard_with_alias,
        supports_set_names,
        supports_string_escape_constant,
        supports_unicode_string_literal,
        supports_xml_expressions,
    );
}

/// Whether the next token is this word, which is not one of the parser's keywords.
fn is_word(parser: &Parser<'_>, expected: &str) -> bool {
    match &parser.peek_token_ref().token {
        Token::Word(word) => word.quote_style.is_none() && word.value.eq_ignore_ascii_case(expected),
        _ => false,
    }
}

/// `x BETWEEN SYMMETRIC a AND b` is `x BETWEEN a AND b OR x BETWEEN b AND a`.
fn parse_between_symmetric(parser: &mut Parser<'_>, left: &Expr, precedence: u8) -> Option<Result<Expr, ParserError>> {
    let negated = parser.parse_keywords(&[Keyword::NOT, Keyword::BETWEEN, Keyword::SYMMETRIC]);
    if !negated && !parser.parse_keywords(&[Keyword::BETWEEN, Keyword::SYMMETRIC]) {
        return None;
    }
    let mut bounds = || {
        let low = parser.parse_subexpr(precedence)?;
        parser.expect_keyword(Keyword::AND)?;
        Ok((low, parser.parse_subexpr(precedence)?))
    };
    Some(bounds().map(|(low, high)| {
        let between = |low: &Expr, high: &Expr| {
            let [expr, low, high] = [left, low, high].map(|expr| Box::new(expr.clone()));
            Box::new(Expr::Between { expr, negated, low, high })
        };
        let op = if negated { BinaryOperator::And } else { BinaryOperator::Or };
        let either = Expr::BinaryOp { left: between(&low, &high), op, right: between(&high, &low) };
        Expr::Nested(Box::new(either))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parses an expression and removes its parentheses, so that trees can be compared.
    fn parsed(dialect: &dyn Dialect, sql: &str) -> Expr {
        fn strip(expr: Expr) -> Expr {
            let boxed = |expr: Box<Expr>| Box::new(strip(*expr));
            match expr {
                Expr::Nested(inner) => strip(*inner),
                Expr::BinaryOp { left, op, right } => Expr::BinaryOp { left: boxed(left), op, right: boxed(right) },
                Expr::UnaryOp { op, expr } => Expr::UnaryOp { op, expr: boxed(expr) },
                Expr::IsDistinctFrom(left, right) => Expr::IsDistinctFrom(boxed(left), boxed(right)),
                Expr::IsNotDistinctFrom(left, right) => Expr::IsNotDistinctFrom(boxed(left), boxed(right)),
                other => other,
            }
        }
        let mut parser = Parser::new(dialect).try_with_sql(sql).expect(sql);
        let expr = parser.parse_expr().expect(sql);
        assert_eq!(parser.peek_token_ref().token, datafusion::sql::sqlparser::tokenizer::Token::EOF, "{sql}");
        strip(expr)
    }

    #[test]
    fn parses_is_distinct_from_with_its_precedence() {
        for (sql, expected) in [
            ("a is distinct from b and c", "(a is distinct from b) and c"),
            ("a is distinct from b or c and d", "(a is distinct from b) or (c and d)"),
            ("a is distinct from b and c or d", "((a is distinct from b) and c) or d"),
            ("x = 1 and a is not distinct from b or c", "(x = 1 and (a is not distinct from b)) or c"),
            ("not a is distinct from b and c", "(not (a is distinct from b)) and c"),
            ("a is distinct from b + 1 and c", "(a is distinct from (b + 1)) and c"),
            ("a is distinct from b = c", "a is distinct from (b = c)"),
            (
                "a is distinct from b and c is distinct from d or e",
                "((a is distinct from b) and (c is distinct from d)) or e",
            ),
            ("a is distinct from (b and c)", "a is distinct from (b and c)"),
            ("a and b or c and not d", "(a and b) or (c and (not d))"),
        ] {
            assert_eq!(parsed(&DIALECT, sql), parsed(&DIALECT, expected), "{sql}");
        }
    }

    #[test]
    fn upstream_has_wrong_precedence() {
        let (sql, wrong) = ("a is distinct from b and c", "a is distinct from (b and c)");
        let postgresql = PostgreSqlDialect {};
        assert_eq!(parsed(&postgresql, sql), parsed(&postgresql, wrong), "fixed upstream: use PostgreSqlDialect");
    }

    #[test]
    fn parses_other_statements_like_postgresql_dialect() {
        let statements = include_str!("../../../../tests/clients/statements.sql");
        let mut compared = 0;
        for statement in statements.split("\n\n") {
            let parse = |dialect: &dyn Dialect| Parser::parse_sql(dialect, statement).ok();
            let ours = parse(&DIALECT);
            assert_eq!(ours, parse(&PostgreSqlDialect {}), "{statement}");
            compared += usize::from(ours.is_some());
        }
        assert!(compared > 100, "{compared}");
    }
}
