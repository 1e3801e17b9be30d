//! DataFusion's errors as ours: one line, with the nearest names where one is misspelt.

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;

use super::catalog::NamedTables;
use super::error::{ErrorKind, SqlError};
use super::hidden::without_marks;
use super::memory;
use super::rewrite::output_names::MARK;
use super::suggest::nearest;
use crate::schema::Values;

/// What went wrong, for the person who wrote the statement.
pub(super) fn explain(error: &DataFusionError, names: Option<&NamedTables>) -> SqlError {
    let mut error = explain_marked(error, names);
    error.message = without_marks(&error.message);
    error.hint = error.hint.map(|hint| without_marks(&hint));
    error
}

fn explain_marked(error: &DataFusionError, names: Option<&NamedTables>) -> SqlError {
    let root = error.find_root();
    match root {
        DataFusionError::External(inner) => match inner.downcast_ref::<SqlError>() {
            Some(ours) => ours.clone(),
            None => SqlError::new(ErrorKind::Internal, inner.to_string()),
        },
        DataFusionError::SchemaError(schema, _) => from_schema(schema, names),
        DataFusionError::SQL(parser, _) => SqlError::new(ErrorKind::Syntax, plain(&parser.to_string())),
        DataFusionError::Plan(message) => planned(message),
        DataFusionError::NotImplemented(message) => SqlError::new(ErrorKind::Unsupported, plain(message)),
        DataFusionError::Execution(message) => invalid(plain(message)),
        // What is put elsewhere is written by Arrow, which takes the refusal for an error of its own.
        DataFusionError::ArrowError(arrow, _) if arrow.to_string().contains(NO_ROOM) => exhausted(NO_ROOM),
        DataFusionError::ArrowError(arrow, _) => invalid(plain(&arrow.to_string())),
        DataFusionError::ResourcesExhausted(message) => exhausted(&plain(message)),
        other => SqlError::new(ErrorKind::Internal, plain(&other.to_string())),
    }
}

/// Part of what DataFusion says where there is no more room for what does not fit in memory.
const NO_ROOM: &str = "used disk space during the spilling process";

/// No more memory, or no more room for what does not fit there.
fn exhausted(message: &str) -> SqlError {
    let (message, hint) = if message.starts_with(memory::ONE) {
        (message, "ask for fewer columns, groups or rows; kubesql serve --memory-per-statement allows more")
    } else if message.starts_with(memory::ALL) {
        (message, "try again when others have ended; kubesql serve --memory-total allows more")
    } else {
        let message = "the statement needs more room on disk for what does not fit in memory than statements may use";
        (message, "ask for fewer columns, groups or rows; kubesql serve --spill-limit allows more")
    };
    SqlError::new(ErrorKind::Memory, message).hint(hint)
}

/// A value that is wrong, with PostgreSQL's code for what is wrong with it.
fn invalid(message: String) -> SqlError {
    const CODES: [(&str, &str); 10] = [
        ("Divide by zero", "22012"),
        ("there is no setting", "42704"),
        ("type \"", "42704"),
        ("schema \"", "3F000"),
        ("table \"", "42P01"),
        ("Overflow", "22003"),
        ("overflow", "22003"),
        ("out of range", "22003"),
        ("invalid input syntax", "22P02"),
        ("Cannot cast ", "22P02"),
    ];
    let code = CODES.into_iter().find(|(words, _)| message.contains(words)).map(|(_, code)| code);
    let error = SqlError::new(ErrorKind::Invalid, message);
    code.into_iter().fold(error, SqlError::code)
}

fn from_schema(error: &SchemaError, names: Option<&NamedTables>) -> SqlError {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let name = &without_marks(field.name());
            let is_meant =
                |column: &str| name.strip_prefix(column).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
            if valid_fields.iter().filter_map(|valid| valid.name().strip_suffix(MARK)).any(is_meant) {
                return same_name(name);
            }
            let shown = field.relation.as_ref().map_or_else(|| name.to_owned(), |of| format!("{}.{name}", of.table()));
            let error = SqlError::new(ErrorKind::UnknownColumn, format!("column \"{shown}\" does not exist"));
            let of_relation = valid_fields.iter().filter(|valid| match (&field.relation, &valid.relation) {
                (Some(wanted), Some(has)) => wanted.table() == has.table(),
                _ => true,
            });
            let valid: Vec<String> = of_relation.map(|valid| without_marks(valid.name())).collect();
            let columns = || names.into_iter().flat_map(NamedTables::columns).filter(|_| field.relation.is_none());
            let known = columns().map(|column| column.name.as_str());
            let near = nearest(name, valid.iter().map(String::as_str).chain(known));
            let mut near: Vec<String> = near.into_iter().map(str::to_owned).collect();
            // `label.app`: a key of a map whose name is misspelt.
            if let (true, Some((map, key))) = (near.is_empty(), name.split_once('.')) {
                let maps = columns().filter(|column| matches!(column.values, Values::Map(_)));
                let maps = nearest(map, maps.map(|column| column.name.as_str()));
                near.extend(maps.into_iter().map(|map| format!("{map}.{key}")));
            }
            if near.iter().any(|near| near == name) {
                return error.hint("what is selected from does not give it: select it inside of that");
            }
            let quoted = |name: &String| if name.contains('.') { format!("\"{name}\"") } else { name.clone() };
            match near.as_slice() {
                [] => error.hint("DESCRIBE a table to see its columns"),
                near => error.hint(format!("did you mean {}?", near.iter().map(quoted).collect::<Vec<_>>().join(", "))),
            }
        }
        SchemaError::AmbiguousReference { field } => {
            SqlError::new(ErrorKind::UnknownColumn, format!("column \"{}\" is in several tables", field.name()))
                .code("42702")
                .hint(format!("say which table's, as in t.\"{}\"", field.name()))
        }
        SchemaError::DuplicateUnqualifiedField { name } => same_name(name.trim_end_matches(MARK)),
        other => SqlError::new(ErrorKind::Invalid, plain(&other.to_string())),
    }
}

/// Columns of one name where the name is used.
pub(super) fn same_name(name: &str) -> SqlError {
    SqlError::new(ErrorKind::Invalid, format!("two columns are called \"{name}\""))
        .code("42701")
        .hint("give one of them another name with AS")
}

/// What DataFusion says of types, and what SQL calls them; the longer names first.
const TYPES: [(&str, &str); 14] = [
    ("Timestamp(µs, \"UTC\")", "timestamp with time zone"),
    ("Timestamp(ns, \"UTC\")", "timestamp with time zone"),
    ("Interval(MonthDayNano)", "interval"),
    ("Duration(ns)", "interval"),
    ("Duration(µs)", "interval"),
    ("LargeUtf8", "text"),
    ("Utf8View", "text"),
    ("Utf8", "text"),
    ("Boolean", "boolean"),
    ("Float64", "double precision"),
    ("UInt64", "bigint"),
    ("Int64", "bigint"),
    ("Int32", "integer"),
    ("Date32", "date"),
];

/// A message of DataFusion's in one line and in SQL's words.
fn planned(message: &str) -> SqlError {
    let quoted = |behind: &str| message.split_once(behind).and_then(|(_, rest)| rest.split_once('\''));
    if let Some((name, rest)) = quoted("Invalid function '") {
        let error = SqlError::new(ErrorKind::Invalid, format!("function {name} does not exist")).code("42883");
        let near = rest.split_once("Did you mean '").and_then(|(_, rest)| rest.split_once('\''));
        return match near {
            Some((near, _)) => error.hint(format!("did you mean {near}? SHOW FUNCTIONS lists all")),
            None => error.hint("SHOW FUNCTIONS lists them"),
        };
    }
    if let Some((call, rest)) = quoted("No function matches the given name and argument types '") {
        let error = SqlError::new(ErrorKind::Invalid, format!("there is no {}", in_sql(call))).code("42883");
        let candidates = rest.split_once("Candidate functions:").map(|(_, rest)| rest).unwrap_or_default();
        let mut candidates: Vec<String> =
            candidates.lines().map(|line| in_sql(line.trim())).filter(|line| !line.is_empty()).collect();
        candidates.dedup();
        return if candidates.is_empty() { error } else { error.hint(format!("there is {}", candidates.join(", "))) };
    }
    if message.contains("require unique expression names")
        && let Some((_, rest)) = message.split_once("but the expression \"")
        && let Some((expression, _)) = rest.split_once("\" at position")
    {
        let name = expression.rsplit_once(" AS ").map_or(expression, |(_, name)| name);
        return same_name(name.trim_end_matches(MARK));
    }
    SqlError::new(ErrorKind::Invalid, plain(message))
}

/// Types by their names in SQL.
pub(super) fn in_sql(message: &str) -> String {
    TYPES.iter().fold(message.to_owned(), |message, (arrow, sql)| message.replace(arrow, sql))
}

/// In one line, without the backtrace and the name of the error's sort.
fn plain(message: &str) -> String {
    let ends = ["\n\nbacktrace", "This issue was likely caused by a bug"];
    let message = ends.iter().filter_map(|end| message.find(end)).min().map_or(message, |end| &message[..end]);
    let prefixes = ["Error during planning: ", "Execution error: ", "Arrow error: ", "Cast error: ", "SQL error: "];
    let message = prefixes.iter().fold(message, |message, prefix| message.strip_prefix(prefix).unwrap_or(message));
    in_sql(&message.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" "))
}
