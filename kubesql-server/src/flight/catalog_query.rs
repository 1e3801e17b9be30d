//! Statements that the server executes to answer requests for metadata.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use futures::TryStreamExt;
use kubesql_runtime::sql::{ErrorKind, SqlError};
use tonic::Status;

use super::status;
use crate::query::Client;

/// The name of the only catalog.
pub(super) const CATALOG: &str = "kubesql";

/// Executes a statement of the server itself. Returns its rows as text.
pub(super) async fn query(client: &Client, sql: &str) -> Result<Vec<Vec<String>>, Status> {
    let mut answer = client.execute(sql).await.map_err(status::from_sql)?;
    let mut rows = Vec::new();
    while let Some(batch) = answer.rows.try_next().await.map_err(status::from_sql)? {
        rows.extend(
            texts(&batch).map_err(|error| status::from_sql(SqlError::new(ErrorKind::Internal, error.to_string())))?,
        );
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
