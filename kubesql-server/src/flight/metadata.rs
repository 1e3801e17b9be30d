//! Catalogs, schemas, types of tables, and keys, as clients ask for them before they ask for rows.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow_flight::error::FlightError;
use arrow_flight::sql::Command;
use arrow_flight::sql::metadata::SqlInfoDataBuilder;
use futures::TryStreamExt;
use kubesql_runtime::sql::{ErrorKind, SqlError};
use tonic::Status;

use super::{facts, failure, tables};
use crate::query::Client;

/// The one catalog.
pub(super) const CATALOG: &str = "kubesql";

/// The columns of the answer to a question about what there is; none where the command is no such question.
pub(super) fn schema(command: &Command) -> Result<Option<SchemaRef>, Status> {
    Ok(Some(match command.clone() {
        Command::CommandGetCatalogs(command) => command.into_builder().schema(),
        Command::CommandGetDbSchemas(command) => command.into_builder().schema(),
        Command::CommandGetTables(command) => command.into_builder().schema(),
        Command::CommandGetTableTypes(_) => table_types(),
        Command::CommandGetSqlInfo(_) => Arc::new(SqlInfoDataBuilder::schema().clone()),
        Command::CommandGetXdbcTypeInfo(_) => facts::types().map_err(arrow)?.schema(),
        Command::CommandGetPrimaryKeys(_) => primary_keys(),
        Command::CommandGetExportedKeys(_)
        | Command::CommandGetImportedKeys(_)
        | Command::CommandGetCrossReference(_) => foreign_keys(),
        _ => return Ok(None),
    }))
}

/// The answer to a question about what there is; none where the command is no such question.
pub(super) async fn answer(command: Command, client: &Client) -> Result<Option<RecordBatch>, Status> {
    Ok(Some(match command {
        Command::CommandGetCatalogs(command) => {
            let mut catalogs = command.into_builder();
            catalogs.append(CATALOG);
            catalogs.build().map_err(arrow)?
        }
        Command::CommandGetDbSchemas(command) => {
            let mut schemas = command.into_builder();
            for row in ask(client, "SELECT schema_name FROM information_schema.schemata").await? {
                schemas.append(CATALOG, &row[0]);
            }
            schemas.build().map_err(arrow)?
        }
        Command::CommandGetTables(command) => tables::answer(command, client).await?,
        Command::CommandGetTableTypes(_) => {
            let types: ArrayRef = Arc::new(StringArray::from(vec![tables::TABLE, tables::VIEW]));
            RecordBatch::try_new(table_types(), vec![types]).map_err(failure::encoding)?
        }
        Command::CommandGetSqlInfo(command) => {
            let facts = facts::all().map_err(arrow)?;
            command.into_builder(&facts).build().map_err(arrow)?
        }
        Command::CommandGetXdbcTypeInfo(command) => {
            let types = facts::types().map_err(arrow)?;
            command.into_builder(&types).build().map_err(arrow)?
        }
        // Kubernetes knows owners and names, and no keys.
        keys => match schema(&keys)? {
            Some(schema) => RecordBatch::new_empty(schema),
            None => return Ok(None),
        },
    }))
}

/// The rows of a statement of ours, as text.
pub(super) async fn ask(client: &Client, sql: &str) -> Result<Vec<Vec<String>>, Status> {
    let mut answer = client.execute(sql).await.map_err(failure::of)?;
    let mut rows = Vec::new();
    while let Some(batch) = answer.rows.try_next().await.map_err(failure::of)? {
        rows.extend(texts(&batch).map_err(|error| failure::of(SqlError::new(ErrorKind::Internal, error.to_string())))?);
    }
    Ok(rows)
}

fn texts(batch: &RecordBatch) -> Result<Vec<Vec<String>>, ArrowError> {
    let columns = batch.columns().iter().map(|column| cast(column, &DataType::Utf8)).collect::<Result<Vec<_>, _>>()?;
    let value = |column: &ArrayRef, row| match column.is_null(row) {
        true => String::new(),
        false => column.as_string::<i32>().value(row).to_owned(),
    };
    Ok((0..batch.num_rows()).map(|row| columns.iter().map(|column| value(column, row)).collect()).collect())
}

pub(super) fn arrow(error: FlightError) -> Status {
    error.into()
}

fn table_types() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("table_type", DataType::Utf8, false)]))
}

/// Columns of text and others, as the protocol has them; which can be NULL.
fn columns(columns: &[(&str, DataType, bool)]) -> SchemaRef {
    let field = |(name, of, nullable): &(&str, DataType, bool)| Field::new(*name, of.clone(), *nullable);
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}

fn primary_keys() -> SchemaRef {
    columns(&[
        ("catalog_name", DataType::Utf8, true),
        ("db_schema_name", DataType::Utf8, true),
        ("table_name", DataType::Utf8, false),
        ("column_name", DataType::Utf8, false),
        ("key_name", DataType::Utf8, true),
        ("key_sequence", DataType::Int32, false),
    ])
}

fn foreign_keys() -> SchemaRef {
    columns(&[
        ("pk_catalog_name", DataType::Utf8, true),
        ("pk_db_schema_name", DataType::Utf8, true),
        ("pk_table_name", DataType::Utf8, false),
        ("pk_column_name", DataType::Utf8, false),
        ("fk_catalog_name", DataType::Utf8, true),
        ("fk_db_schema_name", DataType::Utf8, true),
        ("fk_table_name", DataType::Utf8, false),
        ("fk_column_name", DataType::Utf8, false),
        ("key_sequence", DataType::Int32, false),
        ("fk_key_name", DataType::Utf8, true),
        ("pk_key_name", DataType::Utf8, true),
        ("update_rule", DataType::UInt8, false),
        ("delete_rule", DataType::UInt8, false),
    ])
}
