//! DataFusion's errors as ours: one line, with the nearest names where one is misspelt.

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;

use super::error::{ErrorKind, SqlError};
use super::names::Names;
use super::suggest::nearest;

/// What went wrong, for the person who wrote the statement.
pub(super) fn explain(error: &DataFusionError, names: Option<&Names>) -> SqlError {
    let root = error.find_root();
    match root {
        DataFusionError::External(inner) => match inner.downcast_ref::<SqlError>() {
            Some(ours) => ours.clone(),
            None => SqlError::new(ErrorKind::Internal, inner.to_string()),
        },
        DataFusionError::SchemaError(schema, _) => from_schema(schema, names),
        DataFusionError::SQL(parser, _) => SqlError::new(ErrorKind::Syntax, plain(&parser.to_string())),
        DataFusionError::Plan(message) => SqlError::new(ErrorKind::Invalid, plain(message)),
        DataFusionError::NotImplemented(message) => SqlError::new(ErrorKind::Unsupported, plain(message)),
        DataFusionError::Execution(message) => SqlError::new(ErrorKind::Invalid, plain(message)),
        DataFusionError::ArrowError(arrow, _) => SqlError::new(ErrorKind::Invalid, plain(&arrow.to_string())),
        other => SqlError::new(ErrorKind::Internal, plain(&other.to_string())),
    }
}

fn from_schema(error: &SchemaError, names: Option<&Names>) -> SqlError {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let name = field.name();
            let shown = field.relation.as_ref().map_or_else(|| name.to_owned(), |of| format!("{}.{name}", of.table()));
            let error = SqlError::new(ErrorKind::UnknownColumn, format!("column \"{shown}\" does not exist"));
            let of_relation = valid_fields.iter().filter(|valid| match (&field.relation, &valid.relation) {
                (Some(wanted), Some(has)) => wanted.table() == has.table(),
                _ => true,
            });
            let valid = of_relation.map(|valid| valid.name());
            let known = names.into_iter().flat_map(Names::known_columns).filter(|_| field.relation.is_none());
            let near = nearest(name, valid.chain(known));
            let quoted = |name: &&str| if name.contains('.') { format!("\"{name}\"") } else { (*name).to_owned() };
            match near.as_slice() {
                [] => error.hint("DESCRIBE a table to see its columns"),
                near => error.hint(format!("did you mean {}?", near.iter().map(quoted).collect::<Vec<_>>().join(", "))),
            }
        }
        SchemaError::AmbiguousReference { field } => {
            SqlError::new(ErrorKind::UnknownColumn, format!("column \"{}\" is in several tables", field.name()))
                .hint(format!("say which table's, as in t.\"{}\"", field.name()))
        }
        other => SqlError::new(ErrorKind::Invalid, plain(&other.to_string())),
    }
}

/// Without the backtrace and the name of the error's sort.
fn plain(message: &str) -> String {
    let message = message.split("\n\nbacktrace").next().unwrap_or(message);
    let prefixes = ["Error during planning: ", "Execution error: ", "Arrow error: ", "Cast error: ", "SQL error: "];
    prefixes.iter().fold(message, |message, prefix| message.strip_prefix(prefix).unwrap_or(message)).trim().to_owned()
}
