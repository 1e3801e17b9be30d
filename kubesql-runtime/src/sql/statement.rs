//! Text into statements: parsing, splitting, and what may be run at all.

use std::ops::ControlFlow;

use datafusion::sql::parser::{DFParserBuilder, ResetStatement, Statement as DfStatement};
use datafusion::sql::sqlparser::ast::{
    DescribeAlias, Expr, ObjectName, Select, Set, ShowStatementFilter, ShowStatementFilterPosition,
    ShowStatementOptions, Statement as SqlStatement, Use, Visit, Visitor,
};
use datafusion::sql::sqlparser::dialect::{GenericDialect, PostgreSqlDialect};
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use super::error::{ErrorKind, SqlError};
use super::names::{normal, words};
use super::precedence::repair;
use super::refuse::refuse;
use super::registry::CATALOG;

/// How deep expressions may nest.
const DEPTH: usize = 60;

/// How deep operators may be in each other: what comes after the parser walks them without looking at its stack.
const OPERATORS: usize = 150;

/// At most so many tokens beside literals and commas, so that no tree of them is too deep to be dropped.
const TOKENS: usize = 5_000;

/// A statement by how it is answered.
#[derive(Debug)]
pub(super) enum Parsed {
    /// By DataFusion; whether it only explains.
    Query(Box<DfStatement>, bool),
    /// Tables of a schema, the current one where none is named.
    ShowTables(Option<String>, Filter),
    ShowSchemas(Filter),
    ShowCatalogs,
    /// Columns of a table.
    Describe(ObjectName, Filter),
    ShowFunctions(Filter),
    /// All settings.
    ShowAll,
    ShowSetting(String),
    /// A setting and its new value, or DEFAULT.
    Set(String, Option<String>),
    /// Nothing to do that a read-only server must do: `BEGIN`, `COMMIT`.
    Nothing(&'static str),
}

/// A LIKE pattern.
#[derive(Debug, Default)]
pub(super) struct Filter(Option<String>);

impl Filter {
    fn of(options: &ShowStatementOptions) -> Self {
        Self::new(options.filter_position.as_ref().map(|position| match position {
            ShowStatementFilterPosition::Infix(filter) | ShowStatementFilterPosition::Suffix(filter) => filter,
        }))
    }

    fn new(filter: Option<&ShowStatementFilter>) -> Self {
        Self(match filter {
            Some(
                ShowStatementFilter::Like(pattern)
                | ShowStatementFilter::ILike(pattern)
                | ShowStatementFilter::NoKeyword(pattern),
            ) => Some(pattern.to_lowercase()),
            Some(ShowStatementFilter::Where(_)) | None => None,
        })
    }

    /// `%` is any text, `_` any character.
    pub(super) fn matches(&self, name: &str) -> bool {
        fn like(pattern: &[char], name: &[char]) -> bool {
            match pattern {
                [] => name.is_empty(),
                ['%', rest @ ..] => (0..=name.len()).any(|n| like(rest, &name[n..])),
                [c, rest @ ..] => {
                    name.split_first().is_some_and(|(d, behind)| (*c == '_' || c == d) && like(rest, behind))
                }
            }
        }
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        self.0.as_ref().is_none_or(|pattern| like(&chars(pattern), &chars(&name.to_lowercase())))
    }
}

/// Parses one statement and sees that it only reads.
pub(super) fn parse(sql: &str) -> Result<Parsed, SqlError> {
    let syntax = |message: String| SqlError::new(ErrorKind::Syntax, message);
    let too_long = || SqlError::new(ErrorKind::Unsupported, "the statement is too long").hint("use IN (...) for lists");
    let counts = |token: &&Token| {
        let literal = matches!(token, Token::Number(..) | Token::SingleQuotedString(_) | Token::Comma);
        !literal && !matches!(token, Token::Whitespace(_))
    };
    if let Ok(tokens) = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize()
        && tokens.iter().filter(counts).count() > TOKENS
    {
        return Err(too_long());
    }
    let parser = DFParserBuilder::new(sql).with_dialect(&PostgreSqlDialect {}).with_recursion_limit(DEPTH).build();
    let parsed = parser.and_then(|mut parser| parser.parse_statements());
    let mut statements = parsed.map_err(|error| syntax(clean(&error.to_string())))?;
    let statement = match (statements.pop_front(), statements.is_empty()) {
        (Some(statement), true) => statement,
        (None, _) => return Err(syntax("there is no statement".into())),
        (Some(_), false) => return Err(syntax("more than one statement at once".into())),
    };
    sort_out(statement)
}

fn sort_out(mut statement: DfStatement) -> Result<Parsed, SqlError> {
    let read_only = |what: &str| {
        SqlError::new(ErrorKind::ReadOnly, format!("{what}: clusters are read only here"))
            .hint("kubesql answers SELECT, WITH, VALUES, EXPLAIN, SHOW and DESCRIBE; change objects with kubectl")
    };
    let query = match &mut statement {
        DfStatement::Explain(explain) => &mut explain.statement,
        other => other,
    };
    if let DfStatement::Statement(inner) = query
        && matches!(**inner, SqlStatement::Query(_))
    {
        if let ControlFlow::Break(what) = Visit::visit(&**inner, &mut Writes) {
            return Err(read_only(&what));
        }
        if Visit::visit(&**inner, &mut Depth::default()).is_break() {
            let message = format!("more than {OPERATORS} operators in each other");
            return Err(SqlError::new(ErrorKind::Unsupported, message).hint("use IN (...) for lists"));
        }
        refuse(inner)?;
        repair(inner);
    }
    match statement {
        DfStatement::Explain(explain) => {
            let analyze = explain.options.analyze;
            match *explain.statement {
                DfStatement::Statement(ref inner) if matches!(**inner, SqlStatement::Query(_)) => {
                    Ok(Parsed::Query(Box::new(DfStatement::Explain(explain)), !analyze))
                }
                _ => Err(SqlError::new(ErrorKind::Unsupported, "EXPLAIN takes a query")),
            }
        }
        DfStatement::Statement(inner) => match *inner {
            SqlStatement::Query(_) => Ok(Parsed::Query(Box::new(DfStatement::Statement(inner)), false)),
            SqlStatement::ExplainTable {
                describe_alias: DescribeAlias::Describe | DescribeAlias::Desc,
                table_name,
                ..
            } => Ok(Parsed::Describe(table_name, Filter::default())),
            SqlStatement::ShowTables { show_options, .. } => {
                let filter = Filter::of(&show_options);
                Ok(Parsed::ShowTables(parent(&show_options).map(|name| schema(&name)), filter))
            }
            SqlStatement::ShowSchemas { show_options, .. } => Ok(Parsed::ShowSchemas(Filter::of(&show_options))),
            SqlStatement::ShowCatalogs { .. } | SqlStatement::ShowDatabases { .. } => Ok(Parsed::ShowCatalogs),
            SqlStatement::ShowColumns { show_options, .. } => match parent(&show_options) {
                Some(table) => Ok(Parsed::Describe(table, Filter::of(&show_options))),
                None => {
                    Err(SqlError::new(ErrorKind::Syntax, "SHOW COLUMNS of which table?").hint("SHOW COLUMNS FROM pods"))
                }
            },
            SqlStatement::StartTransaction { .. } => Ok(Parsed::Nothing("BEGIN")),
            SqlStatement::Commit { .. } => Ok(Parsed::Nothing("COMMIT")),
            SqlStatement::Rollback { .. } => Ok(Parsed::Nothing("ROLLBACK")),
            SqlStatement::ShowFunctions { filter } => Ok(Parsed::ShowFunctions(Filter::new(filter.as_ref()))),
            SqlStatement::ShowVariable { variable } => {
                let name = variable.iter().map(|word| word.value.to_lowercase()).collect::<Vec<_>>().join(".");
                Ok(if name == "all" { Parsed::ShowAll } else { Parsed::ShowSetting(name) })
            }
            SqlStatement::Set(set) => setting(set),
            SqlStatement::Use(Use::Object(name) | Use::Schema(name) | Use::Database(name)) => {
                Ok(Parsed::Set("search_path".to_owned(), Some(schema(&name))))
            }
            other => Err(read_only(&first_word(&other))),
        },
        DfStatement::CreateExternalTable(_) => Err(read_only("CREATE")),
        DfStatement::CopyTo(_) => Err(read_only("COPY")),
        DfStatement::Reset(ResetStatement::Variable(name)) => Ok(Parsed::Set(words(&name).join("."), None)),
    }
}

/// A change of one setting.
fn setting(set: Set) -> Result<Parsed, SqlError> {
    let unsupported = || SqlError::new(ErrorKind::Unsupported, "SET takes one setting and one value");
    let (name, value) = match set {
        Set::SingleAssignment { variable, values, .. } => match <[Expr; 1]>::try_from(values) {
            Ok([value]) => (words(&variable).join("."), value),
            Err(_) => return Err(unsupported()),
        },
        Set::SetTimeZone { value, .. } => ("timezone".to_owned(), value),
        Set::SetNames { charset_name, .. } => ("client_encoding".to_owned(), Expr::Identifier(charset_name)),
        _ => return Err(unsupported()),
    };
    let value = match value {
        Expr::Value(value) => value.value.clone().into_string().unwrap_or_else(|| value.to_string()),
        Expr::Identifier(word) if word.value.eq_ignore_ascii_case("default") => return Ok(Parsed::Set(name, None)),
        Expr::Identifier(word) => normal(&word),
        Expr::CompoundIdentifier(words) => words.iter().map(normal).collect::<Vec<_>>().join("."),
        _ => return Err(unsupported()),
    };
    Ok(Parsed::Set(name, Some(value)))
}

/// Sees that nothing inside a query writes: DataFusion would only say that it cannot.
struct Writes;

impl Visitor for Writes {
    type Break = String;

    fn pre_visit_statement(&mut self, statement: &SqlStatement) -> ControlFlow<String> {
        match statement {
            SqlStatement::Query(_) => ControlFlow::Continue(()),
            other => ControlFlow::Break(first_word(other)),
        }
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<String> {
        match &select.into {
            Some(_) => ControlFlow::Break("SELECT INTO".to_owned()),
            None => ControlFlow::Continue(()),
        }
    }
}

/// How deep expressions are, and how many queries there are.
#[derive(Default)]
struct Depth {
    expressions: usize,
    queries: usize,
}

impl Visitor for Depth {
    type Break = ();

    fn pre_visit_expr(&mut self, _: &Expr) -> ControlFlow<()> {
        self.expressions += 1;
        if self.expressions > OPERATORS { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn post_visit_expr(&mut self, _: &Expr) -> ControlFlow<()> {
        self.expressions -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, _: &Select) -> ControlFlow<()> {
        self.queries += 1;
        if self.queries > OPERATORS { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

fn first_word(statement: &SqlStatement) -> String {
    statement.to_string().split_whitespace().next().unwrap_or("that").to_owned()
}

fn parent(options: &ShowStatementOptions) -> Option<ObjectName> {
    options.show_in.as_ref()?.parent_name.clone()
}

/// A schema's name, with the catalog or without.
fn schema(name: &ObjectName) -> String {
    let words = words(name);
    match words.as_slice() {
        [catalog, rest @ ..] if catalog == CATALOG && !rest.is_empty() => rest.join("."),
        words => words.join("."),
    }
}

/// The parser's message without its own prefix.
fn clean(message: &str) -> String {
    let message = message.split("\nbacktrace").next().unwrap_or(message);
    let message = message.strip_prefix("SQL error: ").unwrap_or(message);
    let inner = message.strip_prefix("ParserError(\"").and_then(|rest| rest.strip_suffix("\")"));
    let inner = inner.or_else(|| message.strip_prefix("TokenizerError(\"").and_then(|rest| rest.strip_suffix("\")")));
    inner.unwrap_or(message).replace("\\\"", "\"")
}

/// Splits a text into statements at its semicolons, not those in quotes, comments or dollar quotes; without empty ones.
#[must_use]
pub fn statements(sql: &str) -> Vec<String> {
    let dialect = GenericDialect {};
    let Ok(tokens) = Tokenizer::new(&dialect, sql).tokenize_with_location() else {
        // The parser will say what is wrong with it.
        return vec![sql.trim().to_owned()];
    };
    let mut lines = vec![0];
    lines.extend(sql.match_indices('\n').map(|(at, _)| at + 1));
    // Columns count characters from 1.
    let offset = |line: u64, column: u64| {
        let start = usize::try_from(line).ok().and_then(|line| lines.get(line.saturating_sub(1))).copied()?;
        let rest = sql.get(start..)?;
        let column = usize::try_from(column).ok()?.saturating_sub(1);
        Some(start + rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at))
    };
    let (mut found, mut start, mut empty) = (Vec::new(), 0, true);
    for token in tokens {
        match token.token {
            Token::SemiColon => {
                let Some(at) = offset(token.span.start.line, token.span.start.column) else { continue };
                if !empty {
                    found.push(sql[start..at].trim().to_owned());
                }
                (start, empty) = (at + 1, true);
            }
            Token::Whitespace(_) | Token::EOF => {}
            _ => empty = false,
        }
    }
    if !empty {
        found.push(sql[start..].trim().to_owned());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_split_where_they_end() {
        for (sql, expect) in [
            ("select 1; select 2", &["select 1", "select 2"][..]),
            ("select ';' ;; -- a; b\n", &["select ';'"]),
            (
                "/* ; */ select \"a;b\";\nselect 'ü;'; select $$;$$",
                &["/* ; */ select \"a;b\"", "select 'ü;'", "select $$;$$"],
            ),
            ("  ;\n; ", &[]),
            ("select 'open", &["select 'open"]),
        ] {
            assert_eq!(statements(sql), expect, "{sql}");
        }
    }

    #[test]
    fn whatever_writes_is_refused() {
        for sql in [
            "insert into pods values (1)",
            "update pods set name = 'x'",
            "delete from pods",
            "drop table pods",
            "create table t (a int)",
            "create external table t stored as csv location '/etc/passwd'",
            "copy pods to '/tmp/x'",
            "copy (select 1) to '/tmp/x'",
            "truncate pods",
            "alter table pods add column x int",
            "explain insert into pods values (1)",
        ] {
            let error = parse(sql).unwrap_err();
            assert!(
                matches!(error.kind, ErrorKind::ReadOnly | ErrorKind::Unsupported | ErrorKind::Syntax),
                "{sql}: {error}"
            );
        }
        assert_eq!(parse("drop table pods").unwrap_err().kind, ErrorKind::ReadOnly);
        assert_eq!(parse("selct 1").unwrap_err().kind, ErrorKind::Syntax);
    }
}
