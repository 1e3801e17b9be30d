//! Executes statements that are not queries: SHOW, DESCRIBE, SET.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringViewArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use futures::stream::{self, StreamExt};
use parking_lot::Mutex;

use super::settings::Settings;
use crate::sql::catalog::context::EngineContext;
use crate::sql::error::{ErrorKind, SqlError};
use crate::sql::parse::identifiers::schema_and_table;
use crate::sql::parse::statement::{Change, Parsed};
use crate::sql::rewrite::views;
use crate::sql::scan::snapshot::{self, Warnings};
use crate::sql::{Answer, ColumnInfo, SelectList};
use crate::sql::{CATALOG, DEFAULT_SCHEMA};
use crate::store::DiscoveryScope;

/// Executes a statement that is not a query.
pub(crate) async fn answer(
    context: &EngineContext,
    settings: &Mutex<Settings>,
    warnings: &Warnings,
    parsed: Parsed,
) -> Result<Answer, SqlError> {
    let current = settings.lock().schema().to_owned();
    let needs_all = matches!(parsed, Parsed::ShowTables(..) | Parsed::ShowSchemas(_));
    if needs_all {
        snapshot::report_missing(warnings, &context.source.discover(&DiscoveryScope::All).await);
    } else if let Parsed::Describe(table, _) = &parsed {
        context.discover(&current, &[schema_and_table(table)]).await;
    }
    match parsed {
        Parsed::ShowTables(schema, filter) => {
            let schema = schema.unwrap_or(current);
            if !context.has_schema(&schema) {
                return Err(context.unknown_table(&schema, ""));
            }
            let tables = context.tables(&schema).into_iter().filter(|name| filter.matches(name));
            text_answer("SHOW", &["table"], tables.map(|name| vec![name]).collect())
        }
        Parsed::ShowSchemas(filter) => {
            let schemas = context.schemas().into_iter().filter(|name| filter.matches(name));
            text_answer("SHOW", &["schema"], schemas.map(|name| vec![name]).collect())
        }
        Parsed::ShowCatalogs => text_answer("SHOW", &["catalog"], vec![vec![CATALOG.to_owned()]]),
        Parsed::ShowFunctions(filter) => {
            let functions = context.functions.iter().filter(|function| filter.matches(&function.name));
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            let row =
                |function: &crate::sql::catalog::context::Function| vec![function.name.clone(), text(&function.syntax)];
            text_answer("SHOW", &["function", "syntax"], functions.map(row).collect())
        }
        Parsed::Describe(table, filter) => {
            let (schema, name) = schema_and_table(&table);
            let schema = schema.unwrap_or_else(|| {
                let is_in_current = context.is_builtin(&current, &name)
                    || !matches!(context.registry().find(&current, &name), Ok(None));
                if is_in_current { current } else { DEFAULT_SCHEMA.to_owned() }
            });
            let columns = context.describe(&schema, &name, true).await?;
            let columns = columns.into_iter().filter(|column| filter.matches(&column.name));
            let row = |ColumnInfo { name, sql_type, path, .. }| vec![name, sql_type.to_owned(), path];
            let definition = definition(&schema, &name);
            text_answer("SHOW", &["column", "type", "path"], columns.chain(definition).map(row).collect())
        }
        Parsed::ShowAll => {
            let settings = settings.lock();
            let row = |(name, value): (&str, &str)| vec![name.to_owned(), value.to_owned()];
            text_answer("SHOW", &["name", "setting"], settings.all().map(row).collect())
        }
        Parsed::ShowSetting(name) => {
            let settings = settings.lock();
            let (name, value) = settings.get(&name)?;
            text_answer("SHOW", &[name], vec![vec![value.to_owned()]])
        }
        Parsed::Set(Change { name, value, is_local }) => {
            settings.lock().set(context, &name, value.as_deref(), is_local)?;
            text_answer(if value.is_some() { "SET" } else { "RESET" }, &[], Vec::new())
        }
        Parsed::ResetAll(command) => {
            settings.lock().reset();
            text_answer(command, &[], Vec::new())
        }
        Parsed::Nothing(command) => {
            match command {
                "BEGIN" => settings.lock().begin(),
                "COMMIT" | "ROLLBACK" => settings.lock().end(command == "COMMIT"),
                _ => {}
            }
            text_answer(command, &[], Vec::new())
        }
        Parsed::Query(..) => Err(SqlError::new(ErrorKind::Internal, "DataFusion executes queries")),
    }
}

/// The lines of a view's query, as further rows of `DESCRIBE`.
pub(super) fn definition(schema: &str, name: &str) -> impl Iterator<Item = ColumnInfo> {
    let view = views::find(name).filter(|_| schema == DEFAULT_SCHEMA);
    view.into_iter().flat_map(|view| view.sql.lines()).map(|line| ColumnInfo {
        name: String::new(),
        sql_type: "query",
        path: line.to_owned(),
        dynamic: false,
    })
}

/// Creates an answer with text columns.
fn text_answer(command: &'static str, names: &[&str], rows: Vec<Vec<String>>) -> Result<Answer, SqlError> {
    let fields: Vec<Field> = names.iter().map(|name| Field::new(*name, DataType::Utf8View, false)).collect();
    let schema = Arc::new(Schema::new(fields));
    let column = |at: usize| Arc::new(StringViewArray::from_iter_values(rows.iter().map(|row| &row[at]))) as ArrayRef;
    if names.is_empty() {
        return Ok(Answer { command, schema, select_list: SelectList::default(), rows: stream::empty().boxed() });
    }
    let batch = RecordBatch::try_new(Arc::clone(&schema), (0..names.len()).map(column).collect())
        .map_err(|error| SqlError::new(ErrorKind::Internal, error.to_string()))?;
    Ok(Answer {
        command,
        schema,
        select_list: SelectList::default(),
        rows: stream::once(futures::future::ready(Ok(batch))).boxed(),
    })
}
