//! Answers of statements that are not queries: SHOW, DESCRIBE, SET.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringViewArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use futures::stream::{self, StreamExt};
use parking_lot::Mutex;

use super::error::{ErrorKind, SqlError};
use super::house::House;
use super::moment::{self, Warnings};
use super::postgres;
use super::registry::{CATALOG, DEFAULT_SCHEMA};
use super::rewrite::names::schema_and_table;
use super::settings::Settings;
use super::statement::{Change, Parsed};
use super::{Answer, ColumnInfo, SelectList, system};
use crate::store::DiscoveryScope;

/// Answers a statement that is not a query.
pub(super) async fn answer(
    house: &House,
    settings: &Mutex<Settings>,
    warnings: &Warnings,
    parsed: Parsed,
) -> Result<Answer, SqlError> {
    let current = settings.lock().schema().to_owned();
    let all = matches!(parsed, Parsed::ShowTables(..) | Parsed::ShowSchemas(_));
    if all {
        moment::tell_missing(warnings, &house.source.discover(&DiscoveryScope::All).await);
    } else if let Parsed::Describe(table, _) = &parsed {
        house.discover(&current, &[schema_and_table(table)]).await;
    }
    match parsed {
        Parsed::ShowTables(schema, filter) => {
            let schema = schema.unwrap_or(current);
            if !house.has_schema(&schema) {
                return Err(house.registry().unknown_table(&schema, ""));
            }
            let tables = house.tables(&schema).into_iter().filter(|name| filter.matches(name));
            rows("SHOW", &["table"], tables.map(|name| vec![name]).collect())
        }
        Parsed::ShowSchemas(filter) => {
            let schemas = house.schemas().into_iter().filter(|name| filter.matches(name));
            rows("SHOW", &["schema"], schemas.map(|name| vec![name]).collect())
        }
        Parsed::ShowCatalogs => rows("SHOW", &["catalog"], vec![vec![CATALOG.to_owned()]]),
        Parsed::ShowFunctions(filter) => {
            let functions = house.functions.iter().filter(|function| filter.matches(&function.name));
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            let row = |function: &super::house::Function| vec![function.name.clone(), text(&function.syntax)];
            rows("SHOW", &["function", "syntax"], functions.map(row).collect())
        }
        Parsed::Describe(table, filter) => {
            let (schema, name) = schema_and_table(&table);
            let schema = schema.unwrap_or_else(|| {
                let has = system::find(&current, &name).is_some()
                    || postgres::exists(&name)
                    || !matches!(house.registry().find(&current, &name), Ok(None));
                if has { current } else { DEFAULT_SCHEMA.to_owned() }
            });
            let columns = house.describe(&schema, &name, true).await?;
            let shown = columns.into_iter().filter(|column| filter.matches(&column.name));
            let row = |ColumnInfo { name, sql_type, path, .. }| vec![name, sql_type.to_owned(), path];
            rows("SHOW", &["column", "type", "path"], shown.map(row).collect())
        }
        Parsed::ShowAll => {
            let settings = settings.lock();
            let row = |(name, value): (&str, &str)| vec![name.to_owned(), value.to_owned()];
            rows("SHOW", &["name", "setting"], settings.all().map(row).collect())
        }
        Parsed::ShowSetting(name) => {
            let settings = settings.lock();
            let (name, value) = settings.get(&name)?;
            rows("SHOW", &[name], vec![vec![value.to_owned()]])
        }
        Parsed::Set(Change { name, value, is_local }) => {
            settings.lock().set(house, &name, value.as_deref(), is_local)?;
            rows(if value.is_some() { "SET" } else { "RESET" }, &[], Vec::new())
        }
        Parsed::ResetAll(command) => {
            settings.lock().reset();
            rows(command, &[], Vec::new())
        }
        Parsed::Nothing(command) => {
            match command {
                "BEGIN" => settings.lock().begin(),
                "COMMIT" | "ROLLBACK" => settings.lock().end(command == "COMMIT"),
                _ => {}
            }
            rows(command, &[], Vec::new())
        }
        Parsed::Query(..) => Err(SqlError::new(ErrorKind::Internal, "a query is answered by DataFusion")),
    }
}

/// An answer whose columns are text.
fn rows(command: &'static str, names: &[&str], rows: Vec<Vec<String>>) -> Result<Answer, SqlError> {
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
