//! Classifies statements and rejects those that are not supported.

use datafusion::sql::parser::{ResetStatement, Statement as DfStatement};
use datafusion::sql::sqlparser::ast::{
    ContextModifier, DescribeAlias, DiscardObject, Expr, ObjectName, Set, ShowStatementFilter,
    ShowStatementFilterPosition, ShowStatementOptions, Statement as SqlStatement, Use,
};

use super::check::check;
use super::like::LikePattern;
use super::syntax::{first_word, parse_one, read_only};
use crate::sql::CATALOG;
use crate::sql::error::{ErrorKind, SqlError};
use crate::sql::parse::identifiers::{normal, words};

/// A statement, classified by how it is executed.
#[derive(Debug)]
pub(crate) enum Parsed {
    /// A query for DataFusion; true for EXPLAIN without ANALYZE.
    Query(Box<DfStatement>, bool),
    /// Tables of a schema, by default the current one.
    ShowTables(Option<String>, Filter),
    ShowSchemas(Filter),
    ShowCatalogs,
    /// Columns of a table.
    Describe(ObjectName, Filter),
    ShowFunctions(Filter),
    /// All settings.
    ShowAll,
    ShowSetting(String),
    /// Changes a setting.
    Set(Change),
    /// Resets all settings: `RESET ALL`, `DISCARD ALL`.
    ResetAll(&'static str),
    /// A statement without effect on a read-only server, such as `BEGIN`, by its command tag.
    Nothing(&'static str),
}

/// A change of one setting.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) name: String,
    /// `None` for DEFAULT.
    pub(crate) value: Option<String>,
    /// Whether the change ends with the transaction.
    pub(crate) is_local: bool,
}

impl Change {
    /// A change for the whole session.
    fn for_session(name: impl Into<String>, value: Option<String>) -> Parsed {
        Parsed::Set(Self { name: name.into(), value, is_local: false })
    }
}

/// The LIKE pattern of a SHOW statement.
#[derive(Debug, Default)]
pub(crate) struct Filter(Option<LikePattern>);

impl Filter {
    fn from_options(options: &ShowStatementOptions) -> Result<Self, SqlError> {
        Self::new(options.filter_position.as_ref().map(|position| match position {
            ShowStatementFilterPosition::Infix(filter) | ShowStatementFilterPosition::Suffix(filter) => filter,
        }))
    }

    fn new(filter: Option<&ShowStatementFilter>) -> Result<Self, SqlError> {
        Ok(Self(match filter {
            Some(
                ShowStatementFilter::Like(pattern)
                | ShowStatementFilter::ILike(pattern)
                | ShowStatementFilter::NoKeyword(pattern),
            ) => Some(LikePattern::case_insensitive(pattern, Some('\\'))?),
            Some(ShowStatementFilter::Where(_)) | None => None,
        }))
    }

    /// Returns whether a name matches: `%` is any text, `_` any character.
    pub(crate) fn matches(&self, name: &str) -> bool {
        self.0.as_ref().is_none_or(|pattern| pattern.matches(name))
    }
}

/// Parses one statement and checks that it only reads.
pub(crate) fn parse(sql: &str) -> Result<Parsed, SqlError> {
    classify(parse_one(sql)?)
}

fn classify(mut statement: DfStatement) -> Result<Parsed, SqlError> {
    let query = match &mut statement {
        DfStatement::Explain(explain) => &mut explain.statement,
        other => other,
    };
    if let DfStatement::Statement(inner) = query
        && matches!(**inner, SqlStatement::Query(_))
    {
        check(inner)?;
    }
    match statement {
        DfStatement::Explain(explain) => {
            let analyze = explain.options.analyze;
            match *explain.statement {
                DfStatement::Statement(ref inner) if matches!(**inner, SqlStatement::Query(_)) => {
                    Ok(Parsed::Query(Box::new(DfStatement::Explain(explain)), !analyze))
                }
                _ => Err(SqlError::new(ErrorKind::Unsupported, "EXPLAIN supports queries only")),
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
                let filter = Filter::from_options(&show_options)?;
                Ok(Parsed::ShowTables(parent_name(&show_options).map(|name| schema_name(&name)), filter))
            }
            SqlStatement::ShowSchemas { show_options, .. } => {
                Ok(Parsed::ShowSchemas(Filter::from_options(&show_options)?))
            }
            SqlStatement::ShowCatalogs { .. } | SqlStatement::ShowDatabases { .. } => Ok(Parsed::ShowCatalogs),
            SqlStatement::ShowColumns { show_options, .. } => match parent_name(&show_options) {
                Some(table) => Ok(Parsed::Describe(table, Filter::from_options(&show_options)?)),
                None => {
                    let error = SqlError::new(ErrorKind::Syntax, "SHOW COLUMNS requires a table");
                    Err(error.hint("SHOW COLUMNS FROM pods"))
                }
            },
            SqlStatement::StartTransaction { .. } => Ok(Parsed::Nothing("BEGIN")),
            SqlStatement::Commit { .. } => Ok(Parsed::Nothing("COMMIT")),
            // A transaction changes nothing, so there is nothing to undo.
            SqlStatement::Rollback { savepoint: Some(_), .. } => Ok(Parsed::Nothing("ROLLBACK TO")),
            SqlStatement::Rollback { .. } => Ok(Parsed::Nothing("ROLLBACK")),
            SqlStatement::Savepoint { .. } => Ok(Parsed::Nothing("SAVEPOINT")),
            SqlStatement::ReleaseSavepoint { .. } => Ok(Parsed::Nothing("RELEASE")),
            SqlStatement::UNLISTEN { .. } => Ok(Parsed::Nothing("UNLISTEN")),
            SqlStatement::LISTEN { .. } | SqlStatement::NOTIFY { .. } => {
                let error = SqlError::new(ErrorKind::Unsupported, "notifications are not supported");
                Err(error.hint("repeat the query, for example with \\watch of psql"))
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
                let message = format!("{} is not supported by this protocol", first_word(&other));
                Err(SqlError::new(ErrorKind::Unsupported, message).hint("use a PostgreSQL client"))
            }
            SqlStatement::ShowFunctions { filter } => Ok(Parsed::ShowFunctions(Filter::new(filter.as_ref())?)),
            SqlStatement::ShowVariable { variable } => {
                let name = variable.iter().map(|word| word.value.to_lowercase()).collect::<Vec<_>>().join(".");
                Ok(if name == "all" { Parsed::ShowAll } else { Parsed::ShowSetting(name) })
            }
            SqlStatement::Set(set) => parse_set(set),
            SqlStatement::Use(Use::Object(name) | Use::Schema(name) | Use::Database(name)) => {
                Ok(Change::for_session("search_path", Some(schema_name(&name))))
            }
            other => Err(read_only(&first_word(&other))),
        },
        DfStatement::CreateExternalTable(_) => Err(read_only("CREATE")),
        DfStatement::CopyTo(_) => Err(read_only("COPY")),
        DfStatement::Reset(ResetStatement::Variable(name)) => Ok(match words(&name).join(".") {
            name if name == "all" => Parsed::ResetAll("RESET"),
            name => Change::for_session(name, None),
        }),
    }
}

/// Parses `SET`.
fn parse_set(set: Set) -> Result<Parsed, SqlError> {
    let unsupported = || SqlError::new(ErrorKind::Unsupported, "SET supports one setting and one value only");
    let (name, values, is_local) = match set {
        Set::SingleAssignment { scope, variable, values, .. } => {
            (words(&variable).join("."), values, scope == Some(ContextModifier::Local))
        }
        Set::SetTimeZone { local, value } => ("timezone".to_owned(), vec![value], local),
        Set::SetNames { charset_name, .. } => {
            ("client_encoding".to_owned(), vec![Expr::Identifier(charset_name)], false)
        }
        Set::SetNamesDefault {} => return Ok(Change::for_session("client_encoding", None)),
        // Every statement reads one snapshot and writes nothing in any transaction mode.
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

fn parent_name(options: &ShowStatementOptions) -> Option<ObjectName> {
    options.show_in.as_ref()?.parent_name.clone()
}

/// Returns the name of a schema, without the catalog.
fn schema_name(name: &ObjectName) -> String {
    let words = words(name);
    match words.as_slice() {
        [catalog, rest @ ..] if catalog == CATALOG && !rest.is_empty() => rest.join("."),
        words => words.join("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_writes() {
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
