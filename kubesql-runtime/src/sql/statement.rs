//! Text into statements: parsing, splitting, and what may be run at all.

use std::ops::ControlFlow;

use datafusion::sql::parser::{DFParserBuilder, ResetStatement, Statement as DfStatement};
use datafusion::sql::sqlparser::ast::{
    ContextModifier, DescribeAlias, DiscardObject, Expr, ObjectName, Select, Set, ShowStatementFilter,
    ShowStatementFilterPosition, ShowStatementOptions, Statement as SqlStatement, Use, Visit, Visitor,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use super::error::{ErrorKind, SqlError};
use super::escape;
use super::precedence::repair;
use super::refuse::refuse;
use super::registry::CATALOG;
use super::rewrite::names::{normal, words};

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
    /// A change of a setting.
    Set(Change),
    /// All settings as they were at first: `RESET`, `DISCARD ALL`.
    ResetAll(&'static str),
    /// Nothing to do that a read-only server must do: `BEGIN`, `COMMIT`.
    Nothing(&'static str),
}

/// A change of one setting.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) name: String,
    /// None for DEFAULT.
    pub(super) value: Option<String>,
    /// Whether it is for this transaction only.
    pub(super) is_local: bool,
}

impl Change {
    fn to(name: impl Into<String>, value: Option<String>) -> Parsed {
        Parsed::Set(Self { name: name.into(), value, is_local: false })
    }
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
    let counts = |token: &&TokenWithSpan| {
        let token = &token.token;
        let literal = matches!(token, Token::Number(..) | Token::SingleQuotedString(_) | Token::Comma);
        !literal && !matches!(token, Token::Whitespace(_))
    };
    let mut bare = None;
    if let Ok(tokens) = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize_with_location() {
        if tokens.iter().filter(counts).count() > TOKENS {
            return Err(too_long());
        }
        bare = escape::bare(sql, &tokens);
    }
    let parsed = bare.as_deref().unwrap_or(sql);
    let parser = DFParserBuilder::new(parsed).with_dialect(&PostgreSqlDialect {}).with_recursion_limit(DEPTH).build();
    let parsed = parser.and_then(|mut parser| parser.parse_statements());
    let mut statements = parsed.map_err(|error| not_understood(sql, &clean(&error.to_string())))?;
    let statement = match (statements.pop_front(), statements.is_empty()) {
        (Some(statement), true) => statement,
        (None, _) => return Err(syntax("there is no statement".into())),
        (Some(_), false) => return Err(syntax("more than one statement at once".into())),
    };
    sort_out(statement)
}

fn sort_out(mut statement: DfStatement) -> Result<Parsed, SqlError> {
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
            // To what was before a savepoint: nothing was changed since.
            SqlStatement::Rollback { savepoint: Some(_), .. } => Ok(Parsed::Nothing("ROLLBACK TO")),
            SqlStatement::Rollback { .. } => Ok(Parsed::Nothing("ROLLBACK")),
            SqlStatement::Savepoint { .. } => Ok(Parsed::Nothing("SAVEPOINT")),
            SqlStatement::ReleaseSavepoint { .. } => Ok(Parsed::Nothing("RELEASE")),
            SqlStatement::UNLISTEN { .. } => Ok(Parsed::Nothing("UNLISTEN")),
            SqlStatement::LISTEN { .. } | SqlStatement::NOTIFY { .. } => {
                let message = "there are no notifications here";
                Err(SqlError::new(ErrorKind::Unsupported, message).hint("ask again, or see \\watch of psql"))
            }
            SqlStatement::Discard { object_type } => Ok(match object_type {
                DiscardObject::ALL => Parsed::ResetAll("DISCARD ALL"),
                DiscardObject::PLANS => Parsed::Nothing("DISCARD PLANS"),
                DiscardObject::SEQUENCES => Parsed::Nothing("DISCARD SEQUENCES"),
                DiscardObject::TEMP => Parsed::Nothing("DISCARD TEMP"),
            }),
            other @ (SqlStatement::Prepare { .. }
            | SqlStatement::Execute { .. }
            | SqlStatement::Deallocate { .. }
            | SqlStatement::Declare { .. }
            | SqlStatement::Fetch { .. }
            | SqlStatement::Close { .. }) => {
                let message = format!("{} is not supported here", first_word(&other));
                Err(SqlError::new(ErrorKind::Unsupported, message).hint("it is for clients of PostgreSQL's protocol"))
            }
            SqlStatement::ShowFunctions { filter } => Ok(Parsed::ShowFunctions(Filter::new(filter.as_ref()))),
            SqlStatement::ShowVariable { variable } => {
                let name = variable.iter().map(|word| word.value.to_lowercase()).collect::<Vec<_>>().join(".");
                Ok(if name == "all" { Parsed::ShowAll } else { Parsed::ShowSetting(name) })
            }
            SqlStatement::Set(set) => setting(set),
            SqlStatement::Use(Use::Object(name) | Use::Schema(name) | Use::Database(name)) => {
                Ok(Change::to("search_path", Some(schema(&name))))
            }
            other => Err(read_only(&first_word(&other))),
        },
        DfStatement::CreateExternalTable(_) => Err(read_only("CREATE")),
        DfStatement::CopyTo(_) => Err(read_only("COPY")),
        DfStatement::Reset(ResetStatement::Variable(name)) => Ok(match words(&name).join(".") {
            name if name == "all" => Parsed::ResetAll("RESET"),
            name => Change::to(name, None),
        }),
    }
}

/// A change of one setting.
fn setting(set: Set) -> Result<Parsed, SqlError> {
    let unsupported = || SqlError::new(ErrorKind::Unsupported, "SET takes one setting and one value");
    let (name, values, is_local) = match set {
        Set::SingleAssignment { scope, variable, values, .. } => {
            (words(&variable).join("."), values, scope == Some(ContextModifier::Local))
        }
        Set::SetTimeZone { local, value } => ("timezone".to_owned(), vec![value], local),
        Set::SetNames { charset_name, .. } => {
            ("client_encoding".to_owned(), vec![Expr::Identifier(charset_name)], false)
        }
        Set::SetNamesDefault {} => return Ok(Change::to("client_encoding", None)),
        // Whatever is asked for, what is read is of one moment and never written.
        Set::SetTransaction { snapshot: None, .. } => return Ok(Parsed::Nothing("SET")),
        Set::SetRole { role_name: None, .. } => return Ok(Parsed::Nothing("SET")),
        _ => return Err(unsupported()),
    };
    let mut texts = Vec::new();
    for value in &values {
        texts.push(match value {
            Expr::Value(value) => value.value.clone().into_string().unwrap_or_else(|| value.to_string()),
            Expr::Identifier(word) if word.value.eq_ignore_ascii_case("default") && values.len() == 1 => {
                return Ok(Parsed::Set(Change { name, value: None, is_local }));
            }
            Expr::Identifier(word) => normal(word),
            Expr::CompoundIdentifier(words) => words.iter().map(normal).collect::<Vec<_>>().join("."),
            Expr::UnaryOp { .. } => value.to_string(),
            _ => return Err(unsupported()),
        });
    }
    Ok(Parsed::Set(Change { name, value: Some(texts.join(", ")), is_local }))
}

/// What PostgreSQL would write with, the parser's grammar or not.
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

/// The error for a text that cannot be parsed.
fn not_understood(sql: &str, message: &str) -> SqlError {
    let first = sql.split(|c: char| !c.is_alphanumeric()).find(|word| !word.is_empty()).unwrap_or_default();
    if sql.trim_start().starts_with(first) && WRITES.contains(&first.to_lowercase().as_str()) {
        return read_only(&first.to_uppercase());
    }
    SqlError::new(ErrorKind::Syntax, message).at(position(sql, message))
}

/// The character that a message of the parser's tells by line and column.
fn position(sql: &str, message: &str) -> Option<usize> {
    let (_, place) = message.rsplit_once(" at Line: ")?;
    let (line, column) = place.split_once(", Column: ")?;
    let end = column.find(|c: char| !c.is_ascii_digit()).unwrap_or(column.len());
    let (line, column): (usize, usize) = (line.parse().ok()?, column[..end].parse().ok()?);
    let before: usize = sql.split_inclusive('\n').take(line.checked_sub(1)?).map(|line| line.chars().count()).sum();
    Some(before + column)
}

fn read_only(what: &str) -> SqlError {
    SqlError::new(ErrorKind::ReadOnly, format!("{what}: clusters are read only here"))
        .hint("kubesql answers SELECT, WITH, VALUES, EXPLAIN, SHOW and DESCRIBE; change objects with kubectl")
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

#[cfg(test)]
mod tests {
    use super::*;

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
