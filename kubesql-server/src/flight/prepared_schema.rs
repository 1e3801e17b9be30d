//! The schemas of prepared statements, and schemas as messages.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::ipc::writer::IpcWriteOptions;
use arrow_flight::{IpcMessage, SchemaAsIpc};
use bytes::Bytes;
use kubesql_runtime::sql::Prepared;
use tonic::Status;

use super::{status, types};
use crate::output::plain::plain;

/// The columns of a prepared statement as they are sent.
pub(super) fn columns(prepared: &Prepared) -> SchemaRef {
    prepared.schema.as_deref().map_or_else(|| Arc::new(Schema::empty()), types::sent_schema)
}

/// The parameters of a prepared statement as clients have to send them.
pub(super) fn parameters(prepared: &Prepared) -> SchemaRef {
    let parameter = |(at, data_type): (usize, &DataType)| Field::new(format!("${}", at + 1), plain(data_type), true);
    Arc::new(Schema::new(prepared.parameters.iter().enumerate().map(parameter).collect::<Vec<_>>()))
}

/// Encodes a schema as an Arrow IPC message.
pub(super) fn schema_bytes(schema: &Schema) -> Result<Bytes, Status> {
    let options = IpcWriteOptions::default();
    let IpcMessage(bytes) = SchemaAsIpc::new(schema, &options).try_into().map_err(status::encoding_failed)?;
    Ok(bytes)
}
