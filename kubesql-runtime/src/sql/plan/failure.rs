//! Converts errors of DataFusion and Arrow to [`SqlError`].
//!
//! The types of the errors determine kind, SQLSTATE and position. Where the libraries have only a text, `messages` has the
//! SQLSTATE. The message is one line.

use std::io;

use arrow::error::ArrowError;
use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::Statement as SqlStatement;

use super::messages;
use super::type_names::with_sql_types;
use super::wrong_call::find_wrong_call;
use crate::schema::Values;
use crate::sql::catalog::statement_catalog::{NamedTables, StatementCatalog};
use crate::sql::error::{ErrorKind, SqlError, duplicate_column};
use crate::sql::memory;
use crate::sql::parse::check::check_output_names;
use crate::sql::parse::syntax::called_function;
use crate::sql::rewrite::hidden::without_marks;
use crate::sql::rewrite::output_names::MARK;
use crate::sql::suggest::{nearest, quantity_text, unquoted_key};

/// Converts the error of a statement that cannot be planned in this state.
pub(crate) async fn explain_planning(
    error: &DataFusionError,
    state: &SessionState,
    mut statement: Statement,
    tables: &NamedTables,
    catalog: &StatementCatalog,
) -> SqlError {
    let mut explained = explain(error, Some(tables));
    let is_unknown_table = explained.kind == ErrorKind::UnknownTable && explained.span.is_none();
    if is_unknown_table && let Some(query) = inner_query(&mut statement) {
        explained.span = catalog.find_unknown_table(query, &explained).map(Box::new);
    }
    if matches!(error.find_root(), DataFusionError::Plan(_)) && error.diagnostic().is_none() {
        if let Some(wrong) = find_wrong_call(state, statement.clone()).await {
            return wrong;
        }
        if let Some(query) = inner_query(&mut statement)
            && let Err(error) = check_output_names(query)
        {
            return error;
        }
    }
    explained
}

/// The query of a statement or of an EXPLAIN.
fn inner_query(statement: &mut Statement) -> Option<&mut SqlStatement> {
    let query = match statement {
        Statement::Explain(explain) => &mut *explain.statement,
        other => other,
    };
    if let Statement::Statement(query) = query { Some(query) } else { None }
}

/// Converts the error of a statement that runs in this runtime environment.
pub(crate) fn explain_execution(error: &DataFusionError, runtime: &RuntimeEnv) -> SqlError {
    match error.find_root() {
        DataFusionError::ResourcesExhausted(_) => memory::last_refusal(runtime).unwrap_or_else(|| explain(error, None)),
        _ => explain(error, None),
    }
}

/// Converts an error. The position is that of the diagnostic, if there is one.
pub(crate) fn explain(error: &DataFusionError, names: Option<&NamedTables>) -> SqlError {
    let mut explained = from_datafusion(error.find_root(), names);
    if explained.code.is_none_or(|code| code == "22P02")
        && let Some(code) = messages::sqlstate(&explained.message)
    {
        explained.code = Some(code);
        if let Some(text) = messages::text(code, &explained.message) {
            text.clone_into(&mut explained.message);
        }
        if code == "42601" {
            explained.kind = ErrorKind::Syntax;
        } else if [ErrorKind::Internal, ErrorKind::Unsupported].contains(&explained.kind) {
            explained.kind = ErrorKind::Invalid;
        }
    }
    explained.message = without_marks(&explained.message);
    if let Some((message, code)) = messages::plain(&explained.message) {
        explained.message = message;
        explained.code = explained.code.or(Some(code));
        if matches!(explained.kind, ErrorKind::Internal | ErrorKind::Unsupported) {
            explained.kind = ErrorKind::Invalid;
        }
    }
    explained.hint = explained.hint.map(|hint| without_marks(&hint));
    explained.span = explained.span.or_else(|| error.diagnostic()?.span.map(Box::new));
    explained
}

fn from_datafusion(error: &DataFusionError, names: Option<&NamedTables>) -> SqlError {
    match error {
        DataFusionError::External(inner) => match inner.downcast_ref::<SqlError>() {
            Some(ours) => ours.clone(),
            None => SqlError::new(ErrorKind::Internal, inner.to_string()),
        },
        DataFusionError::SchemaError(schema, _) => from_schema(schema, names),
        DataFusionError::ArrowError(arrow, _) => from_arrow(arrow),
        DataFusionError::SQL(parser, _) => SqlError::new(ErrorKind::Syntax, one_line(&parser.to_string())),
        DataFusionError::NotImplemented(message) => SqlError::new(ErrorKind::Unsupported, one_line(message)),
        DataFusionError::Plan(message) | DataFusionError::Execution(message) => {
            SqlError::new(ErrorKind::Invalid, one_line(message))
        }
        DataFusionError::IoError(error) => spill_failed(error),
        DataFusionError::ResourcesExhausted(message) => SqlError::new(ErrorKind::Memory, one_line(message)),
        other => {
            let message = one_line(&other.strip_backtrace());
            SqlError::new(ErrorKind::Internal, messages::without_report(&message))
        }
    }
}

fn from_arrow(error: &ArrowError) -> SqlError {
    let invalid = |message: &str| SqlError::new(ErrorKind::Invalid, one_line(message));
    match error {
        ArrowError::DivideByZero => invalid("division by zero").code("22012"),
        ArrowError::ArithmeticOverflow(message) => invalid(&format!("value out of range: {message}")).code("22003"),
        ArrowError::CastError(message) | ArrowError::ParseError(message) => invalid(message).code("22P02"),
        ArrowError::ComputeError(message) | ArrowError::InvalidArgumentError(message) => invalid(message),
        ArrowError::NotYetImplemented(message) => SqlError::new(ErrorKind::Unsupported, one_line(message)),
        ArrowError::IoError(_, error) => spill_failed(error),
        ArrowError::ExternalError(inner) => match (inner.downcast_ref(), inner.downcast_ref()) {
            (Some(ours), _) => SqlError::clone(ours),
            (_, Some(theirs)) => explain(theirs, None),
            _ => invalid(&inner.to_string()),
        },
        other => invalid(&other.to_string()),
    }
}

/// The error of a temporary file. DataFusion does no other I/O.
fn spill_failed(error: &io::Error) -> SqlError {
    // DataFusion reports its own limit with this kind.
    if error.kind() == io::ErrorKind::Other {
        let message = "statement exceeds the limit of temporary disk space";
        let hint = "select fewer columns, groups or rows, or raise --spill-limit of kubesql serve";
        return SqlError::new(ErrorKind::Memory, message).hint(hint);
    }
    let code = if error.kind() == io::ErrorKind::StorageFull { "53100" } else { "58030" };
    SqlError::new(ErrorKind::Memory, format!("could not write to temporary file: {error}")).code(code)
}

/// Adds the position of an error in the statement. Reports a function that does not exist.
pub(crate) fn locate(error: SqlError, sql: &str, state: &SessionState) -> SqlError {
    with_spelling_hint(locate_span(error, sql, state), sql)
}

/// Adds a hint about how to write a name or a value, found in the text of the statement.
fn with_spelling_hint(error: SqlError, sql: &str) -> SqlError {
    let is_of_expression = matches!(error.kind, ErrorKind::Invalid | ErrorKind::UnknownColumn | ErrorKind::Syntax);
    if is_of_expression && let Some(key) = unquoted_key(sql) {
        return error.hint(format!("write a name with \"/\" or \"-\" in double quotes: \"{key}\""));
    }
    if error.kind == ErrorKind::Invalid
        && error.hint.is_none()
        && let Some(quantity) = quantity_text(sql)
    {
        return error.hint(format!("quantities are numbers: write quantity('{quantity}')"));
    }
    error
}

fn locate_span(mut error: SqlError, sql: &str, state: &SessionState) -> SqlError {
    let Some(span) = error.span.as_deref().copied().filter(|_| error.position.is_none()) else { return error };
    if let (ErrorKind::Invalid, None, Some(function)) = (error.kind, error.code, called_function(sql, span)) {
        error = unknown_function(&function, state).unwrap_or(error);
    }
    error.spanning(span, sql)
}

/// The error of a function that does not exist; `None` if it does.
fn unknown_function(name: &str, state: &SessionState) -> Option<SqlError> {
    let scalar = state.scalar_functions().keys();
    let names = scalar.chain(state.aggregate_functions().keys()).chain(state.window_functions().keys());
    let names: Vec<&str> = names.map(String::as_str).collect();
    if names.contains(&name) {
        return None;
    }
    let error = SqlError::new(ErrorKind::Invalid, format!("function {name} does not exist")).code("42883");
    Some(match nearest(name, names.into_iter()).as_slice() {
        [] => error.hint("SHOW FUNCTIONS lists the functions"),
        near => error.hint(format!("did you mean {}?", near.join(", "))),
    })
}

fn from_schema(error: &SchemaError, names: Option<&NamedTables>) -> SqlError {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let name = &without_marks(field.name());
            let is_prefix =
                |column: &str| name.strip_prefix(column).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
            if valid_fields.iter().filter_map(|valid| valid.name().strip_suffix(MARK)).any(is_prefix) {
                return duplicate_column(name);
            }
            let qualified =
                field.relation.as_ref().map_or_else(|| name.to_owned(), |table| format!("{}.{name}", table.table()));
            let error = SqlError::new(ErrorKind::UnknownColumn, format!("column \"{qualified}\" does not exist"));
            let of_relation = valid_fields.iter().filter(|valid| match (&field.relation, &valid.relation) {
                (Some(expected), Some(relation)) => expected.table() == relation.table(),
                _ => true,
            });
            let valid: Vec<String> = of_relation.map(|valid| without_marks(valid.name())).collect();
            let columns = || names.into_iter().flat_map(NamedTables::columns).filter(|_| field.relation.is_none());
            let of_tables = columns().map(|column| column.name.as_str());
            let near = nearest(name, valid.iter().map(String::as_str).chain(of_tables));
            let mut near: Vec<String> = near.into_iter().map(str::to_owned).collect();
            if let Some(table) = names.and_then(|names| names.list_table(name)) {
                return error.hint(format!("the items of {name} are the rows of table {table}"));
            }
            // `label.app`: the key of a map whose name is misspelt.
            if let (true, Some((map, key))) = (near.is_empty(), name.split_once('.')) {
                let maps = columns().filter(|column| matches!(column.values, Values::Map(_)));
                let maps = nearest(map, maps.map(|column| column.name.as_str()));
                near.extend(maps.into_iter().map(|map| format!("{map}.{key}")));
            }
            if near.iter().any(|near| near == name) {
                return error.hint("the subquery does not expose this column; add it to its select list");
            }
            let is_plain = |c: char| c.is_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '.');
            let quoted = |name: &String| if name.chars().all(is_plain) { name.clone() } else { format!("\"{name}\"") };
            match near.as_slice() {
                [] => error.hint("DESCRIBE lists the columns of a table"),
                near => error.hint(format!("did you mean {}?", near.iter().map(quoted).collect::<Vec<_>>().join(", "))),
            }
        }
        SchemaError::AmbiguousReference { field } => {
            SqlError::new(ErrorKind::UnknownColumn, format!("column reference \"{}\" is ambiguous", field.name()))
                .code("42702")
                .hint(format!("qualify the column with its table, as in t.{}", field.name()))
        }
        SchemaError::DuplicateUnqualifiedField { name } => duplicate_column(name.trim_end_matches(MARK)),
        SchemaError::DuplicateQualifiedField { name, .. } => duplicate_column(name.trim_end_matches(MARK)),
    }
}

/// Joins the lines of a message of DataFusion, without its backtrace.
fn one_line(message: &str) -> String {
    let message = message.split(DataFusionError::BACK_TRACE_SEP).next().unwrap_or(message);
    with_sql_types(&message.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" "))
}
