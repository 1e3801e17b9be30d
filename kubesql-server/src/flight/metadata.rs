//! The metadata that clients request: catalogs, schemas, tables, keys, types.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow_flight::sql::Command;
use arrow_flight::sql::metadata::SqlInfoDataBuilder;
use tonic::Status;

use super::catalog_query::{CATALOG, query};
use super::status::from_flight;
use super::{sql_info, status, tables};
use crate::query::Client;

/// The columns of the answer to a metadata command; `None` for other commands.
pub(super) fn schema(command: &Command) -> Result<Option<SchemaRef>, Status> {
    Ok(Some(match command.clone() {
        Command::CommandGetCatalogs(command) => command.into_builder().schema(),
        Command::CommandGetDbSchemas(command) => command.into_builder().schema(),
        Command::CommandGetTables(command) => command.into_builder().schema(),
        Command::CommandGetTableTypes(_) => table_types(),
        Command::CommandGetSqlInfo(_) => Arc::new(SqlInfoDataBuilder::schema().clone()),
        Command::CommandGetXdbcTypeInfo(_) => sql_info::types().map_err(from_flight)?.schema(),
        Command::CommandGetPrimaryKeys(_) => primary_keys(),
        Command::CommandGetExportedKeys(_)
        | Command::CommandGetImportedKeys(_)
        | Command::CommandGetCrossReference(_) => foreign_keys(),
        _ => return Ok(None),
    }))
}

/// The answer to a metadata command; `None` for other commands.
pub(super) async fn answer(command: Command, client: &Client) -> Result<Option<RecordBatch>, Status> {
    Ok(Some(match command {
        Command::CommandGetCatalogs(command) => {
            let mut catalogs = command.into_builder();
            catalogs.append(CATALOG);
            catalogs.build().map_err(from_flight)?
        }
        Command::CommandGetDbSchemas(command) => {
            let mut schemas = command.into_builder();
            for row in query(client, "SELECT schema_name FROM information_schema.schemata").await? {
                schemas.append(CATALOG, &row[0]);
            }
            schemas.build().map_err(from_flight)?
        }
        Command::CommandGetTables(command) => tables::answer(command, client).await?,
        Command::CommandGetTableTypes(_) => {
            let types: ArrayRef = Arc::new(StringArray::from(vec![tables::TABLE, tables::VIEW]));
            RecordBatch::try_new(table_types(), vec![types]).map_err(status::encoding_failed)?
        }
        Command::CommandGetSqlInfo(command) => {
            let info = sql_info::all().map_err(from_flight)?;
            command.into_builder(&info).build().map_err(from_flight)?
        }
        Command::CommandGetXdbcTypeInfo(command) => {
            let types = sql_info::types().map_err(from_flight)?;
            command.into_builder(&types).build().map_err(from_flight)?
        }
        // Kubernetes has no keys in the sense of SQL.
        keys => match schema(&keys)? {
            Some(schema) => RecordBatch::new_empty(schema),
            None => return Ok(None),
        },
    }))
}

fn table_types() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("table_type", DataType::Utf8, false)]))
}

/// A schema from names, types, and whether a column is nullable.
fn columns(columns: &[(&str, DataType, bool)]) -> SchemaRef {
    let field =
        |(name, data_type, is_nullable): &(&str, DataType, bool)| Field::new(*name, data_type.clone(), *is_nullable);
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
