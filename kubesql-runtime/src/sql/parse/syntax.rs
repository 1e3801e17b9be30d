//! Parses SQL text into a syntax tree and reports syntax errors.

use std::collections::VecDeque;

use datafusion::common::{Location, Span};
use datafusion::error::DataFusionError;
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast::{Expr, Query, Statement as SqlStatement};
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use crate::sql::error::{ErrorKind, SqlError};
use crate::sql::upstream::{DIALECT, expand_table_commands, strip_parentheses};

/// Maximum depth of parentheses and subqueries.
const DEPTH: usize = 60;

/// Maximum number of tokens other than literals and commas. It bounds the depth of the tree, because dropping a tree
/// recurses.
const TOKENS: usize = 5_000;

/// Parses a text that contains exactly one statement.
pub(crate) fn parse_one(sql: &str) -> Result<Statement, SqlError> {
    let mut tokens = tokenize(sql)?;
    if tokens.iter().filter(|token| counts_toward_limit(&token.token)).count() > TOKENS {
        let error = SqlError::new(ErrorKind::Unsupported, "statement is too long");
        return Err(error.hint("use IN (...) for lists"));
    }
    strip_parentheses(&mut tokens);
    expand_table_commands(&mut tokens);
    let mut statements = match parse_tokens(tokens) {
        Ok(statements) => statements,
        Err((error, next)) => return Err(syntax_error(sql, &error, next)),
    };
    match (statements.pop_front(), statements.is_empty()) {
        (Some(statement), true) => Ok(statement),
        (None, _) => Err(SqlError::new(ErrorKind::Syntax, "statement is empty")),
        (Some(_), false) => Err(SqlError::new(ErrorKind::Syntax, "cannot execute more than one statement at once")),
    }
}

fn tokenize(sql: &str) -> Result<Vec<TokenWithSpan>, SqlError> {
    let mut tokens = Vec::new();
    match Tokenizer::new(&DIALECT, sql).tokenize_with_location_into_buf(&mut tokens) {
        Ok(()) => Ok(tokens),
        Err(error) => Err(write_error(&tokens).unwrap_or_else(|| {
            let location = Location { line: error.location.line, column: error.location.column };
            let syntax = SqlError::new(ErrorKind::Syntax, lowercase_first(&error.message));
            syntax.spanning(Span { start: location, end: location }, sql)
        })),
    }
}

fn counts_toward_limit(token: &Token) -> bool {
    !matches!(token, Token::Number(..) | Token::SingleQuotedString(_) | Token::Comma | Token::Whitespace(_))
}

fn is_space(token: &TokenWithSpan) -> bool {
    matches!(token.token, Token::Whitespace(_))
}

/// Parses the text of an expression that kubesql has written.
pub(crate) fn parse_expr(text: &str) -> Result<Expr, SqlError> {
    let parsed = Parser::new(&DIALECT).with_recursion_limit(DEPTH).try_with_sql(text);
    parsed.and_then(|mut parser| parser.parse_expr()).map_err(|error| generated_error(&error))
}

/// Parses the text of a query that kubesql has written.
pub(crate) fn parse_query(text: &str) -> Result<Box<Query>, SqlError> {
    let parsed = Parser::new(&DIALECT).with_recursion_limit(DEPTH).try_with_sql(text);
    parsed.and_then(|mut parser| parser.parse_query()).map_err(|error| generated_error(&error))
}

/// The error of a text that contains a part of the statement, which may be nested too deeply.
fn generated_error(error: &ParserError) -> SqlError {
    SqlError::new(ErrorKind::Unsupported, format!("this part of the statement cannot be rewritten: {error}"))
        .hint("use fewer nested parentheses and subqueries")
}

/// Returns the statements, or an error and the index of the first token that the parser did not read.
fn parse_tokens(tokens: Vec<TokenWithSpan>) -> Result<VecDeque<Statement>, (DataFusionError, usize)> {
    let parser = DFParserBuilder::new(tokens).with_dialect(&DIALECT).with_recursion_limit(DEPTH).build();
    let mut parser = parser.map_err(|error| (error, 0))?;
    parser.parse_statements().map_err(|error| (error, parser.parser.index()))
}

fn parser_error(error: &DataFusionError) -> Option<&ParserError> {
    match error.find_root() {
        DataFusionError::SQL(error, _) => Some(error),
        _ => None,
    }
}

/// Converts a parser error; `next` is the index of the first token that the parser did not read.
fn syntax_error(sql: &str, error: &DataFusionError, next: usize) -> SqlError {
    let Ok(mut tokens) = tokenize(sql) else { return SqlError::new(ErrorKind::Syntax, "syntax error") };
    strip_parentheses(&mut tokens);
    expand_table_commands(&mut tokens);
    if let Some(error) = write_error(&tokens) {
        return error;
    }
    let found = found_token(&tokens, error, next);
    let span = found.and_then(|token| Span::try_from_sqlparser_span(token.span));
    let message = match found {
        Some(token) => format!("syntax error at or near \"{}\"", token.token),
        None => "syntax error at end of input".to_owned(),
    };
    let syntax = SqlError::new(ErrorKind::Syntax, message);
    let syntax = syntax.spanning(span.unwrap_or_else(|| end_of_input(sql)), sql);
    match parser_error(error) {
        Some(ParserError::ParserError(text)) => syntax.hint(expectation(text, found)),
        Some(ParserError::RecursionLimitExceeded) => {
            let error = SqlError::new(ErrorKind::Syntax, "stack depth limit exceeded");
            error.hint("reduce the nesting of parentheses and subqueries")
        }
        _ => syntax,
    }
}

/// Finds the token that the parser did not expect; `None` at the end of the text.
///
/// It is the last token that the parser read if the error does not depend on what follows, and the next token
/// otherwise.
fn found_token<'a>(tokens: &'a [TokenWithSpan], error: &DataFusionError, next: usize) -> Option<&'a TokenWithSpan> {
    let last = next.checked_sub(1)?;
    let mut read = tokens.get(..=last)?.to_vec();
    read.push(TokenWithSpan::wrap(Token::Char('\0')));
    let is_same_error = |(other, _): &(DataFusionError, usize)| parser_error(other) == parser_error(error);
    if parse_tokens(read).as_ref().is_err_and(is_same_error) {
        return tokens.get(last);
    }
    tokens.get(next..)?.iter().find(|token| !is_space(token))
}

/// Returns what the parser expected, without the token that it found: the message already contains it.
fn expectation(text: &str, found: Option<&TokenWithSpan>) -> String {
    let found = match found {
        Some(found) => format!("{}{}", found.token, found.span.start),
        None => Token::EOF.to_string(),
    };
    let text = text.strip_suffix(&format!(", found: {found}")).unwrap_or(text);
    lowercase_first(text).replacen("expected: ", "expected ", 1)
}

fn lowercase_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

/// Returns the position after the last visible character.
fn end_of_input(sql: &str) -> Span {
    let sql = sql.trim_end();
    let line = sql.matches('\n').count() + 1;
    let column = sql.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let end = Location { line: line as u64, column: column as u64 };
    Span { start: end, end }
}

/// Returns the name of the function that is called at a position of a statement.
pub(crate) fn called_function(sql: &str, span: Span) -> Option<String> {
    let tokens = tokenize(sql).ok()?;
    let mut rest = tokens.iter().skip_while(|token| Span::try_from_sqlparser_span(token.span) != Some(span));
    let Token::Word(word) = &rest.next()?.token else { return None };
    let is_called = rest.find(|token| !is_space(token)).is_some_and(|token| token.token == Token::LParen);
    let name = if word.quote_style.is_some() { word.value.clone() } else { word.value.to_lowercase() };
    is_called.then_some(name)
}

/// First words of statements that write in PostgreSQL or other databases. The parser does not know all of them.
const WRITES: [&str; 32] = [
    "alter",
    "analyze",
    "call",
    "checkpoint",
    "cluster",
    "comment",
    "copy",
    "create",
    "delete",
    "do",
    "drop",
    "grant",
    "import",
    "insert",
    "load",
    "lock",
    "merge",
    "optimize",
    "reassign",
    "refresh",
    "reindex",
    "rename",
    "replace",
    "revoke",
    "security",
    "truncate",
    "unlock",
    "update",
    "upsert",
    "vacuum",
    "install",
    "attach",
];

/// Returns the error of a statement whose first word is that of a write.
fn write_error(tokens: &[TokenWithSpan]) -> Option<SqlError> {
    let Token::Word(first) = &tokens.iter().find(|token| !is_space(token))?.token else { return None };
    let word = first.value.to_lowercase();
    (first.quote_style.is_none() && WRITES.contains(&word.as_str())).then(|| read_only(&word.to_uppercase()))
}

/// Returns the first word of a parsed statement.
pub(crate) fn first_word(statement: &SqlStatement) -> String {
    statement.to_string().split_whitespace().next().unwrap_or_default().to_owned()
}

/// Returns the error of a command that writes.
pub(crate) fn read_only(command: &str) -> SqlError {
    SqlError::new(ErrorKind::ReadOnly, format!("{command}: clusters are read-only"))
        .hint("use SELECT, WITH, VALUES, EXPLAIN, SHOW or DESCRIBE; change objects with kubectl")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_positions() {
        for (sql, message, position, hint) in [
            ("selct 1", "syntax error at or near \"selct\"", 1, "expected an SQL statement"),
            ("select name frm pods where", "syntax error at or near \"pods\"", 17, "expected end of statement"),
            ("select 1 +", "syntax error at end of input", 11, "expected an expression"),
            ("select (1 ", "syntax error at end of input", 10, "expected )"),
            ("select 'ä',\n  ) from pods", "syntax error at or near \")\"", 15, "expected an expression"),
            ("select a like b escape ('!') c d", "syntax error at or near \"d\"", 32, "expected end of statement"),
            ("select 'open", "unterminated string literal", 8, ""),
        ] {
            let error = parse_one(sql).expect_err(sql);
            assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Syntax, message), "{sql}");
            assert_eq!((error.position, error.hint.as_deref().unwrap_or_default()), (Some(position), hint), "{sql}");
        }
    }

    #[test]
    fn rejects_writes_that_the_parser_does_not_know() {
        for sql in ["drop nonsense", "/* x */ VACUUM (everything", "update 'open"] {
            assert_eq!(parse_one(sql).expect_err(sql).kind, ErrorKind::ReadOnly, "{sql}");
        }
        assert_eq!(parse_one("\"drop\" x").expect_err("no statement").kind, ErrorKind::Syntax);
    }
}
