//! SHOW and DESCRIBE.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringViewArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use futures::stream::{self, StreamExt};

use super::engine::Engine;
use super::error::{ErrorKind, SqlError};
use super::names::schema_and_table;
use super::registry::{CATALOG, DEFAULT_SCHEMA};
use super::statement::Parsed;
use super::{Answer, ColumnInfo};

/// Answers what is not a query.
pub(super) async fn answer(engine: &Engine, parsed: Parsed) -> Result<Answer, SqlError> {
    match parsed {
        Parsed::ShowTables(schema, filter) => {
            let schema = schema.as_deref().unwrap_or(DEFAULT_SCHEMA);
            if !engine.registry.has_schema(schema) {
                return Err(engine.registry.unknown_table(schema, ""));
            }
            let tables = engine.registry.tables(schema).into_iter().filter(|name| filter.matches(name));
            rows(&["table"], tables.map(|name| vec![name.to_owned()]).collect())
        }
        Parsed::ShowSchemas(filter) => {
            let mut schemas: Vec<&str> = engine.registry.schemas().chain(["information_schema"]).collect();
            schemas.sort_unstable();
            let schemas = schemas.into_iter().filter(|name| filter.matches(name));
            rows(&["schema"], schemas.map(|name| vec![name.to_owned()]).collect())
        }
        Parsed::ShowCatalogs => rows(&["catalog"], vec![vec![CATALOG.to_owned()]]),
        Parsed::Describe(table, filter) => {
            let (schema, name) = schema_and_table(&table);
            let columns = engine.describe(&format!("{schema}.{name}"), true).await?;
            let shown = columns.into_iter().filter(|column| filter.matches(&column.name));
            let row = |ColumnInfo { name, sql_type, path, .. }| vec![name, sql_type.to_owned(), path];
            rows(&["column", "type", "path"], shown.map(row).collect())
        }
        Parsed::Nothing => rows(&[], Vec::new()),
        Parsed::Query(..) => Err(SqlError::new(ErrorKind::Internal, "a query is not shown")),
    }
}

/// An answer of texts.
fn rows(names: &[&str], rows: Vec<Vec<String>>) -> Result<Answer, SqlError> {
    let fields: Vec<Field> = names.iter().map(|name| Field::new(*name, DataType::Utf8View, false)).collect();
    let schema = Arc::new(Schema::new(fields));
    let column = |at: usize| Arc::new(StringViewArray::from_iter_values(rows.iter().map(|row| &row[at]))) as ArrayRef;
    if names.is_empty() {
        return Ok(Answer { schema, rows: stream::empty().boxed() });
    }
    let batch = RecordBatch::try_new(Arc::clone(&schema), (0..names.len()).map(column).collect())
        .map_err(|error| SqlError::new(ErrorKind::Internal, error.to_string()))?;
    Ok(Answer { schema, rows: stream::once(futures::future::ready(Ok(batch))).boxed() })
}
