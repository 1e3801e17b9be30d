//! Answers as rows on the wire: which type each column has there, and its values.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use arrow_pg::datatypes::into_pg_type;
use arrow_pg::encoder::encode_value;
use futures::{Stream, StreamExt, stream};
use kubesql_runtime::sql::Answer;
use pgwire::api::Type;
use pgwire::api::portal::Format;
use pgwire::api::results::{DataRowEncoder, FieldInfo, QueryResponse};
use pgwire::error::{PgWireError, PgWireResult};
use pgwire::messages::data::DataRow;

use super::failure;
use crate::output::value::{TextWriter, json_options};

/// The columns of an answer, in the formats that the client asks for.
pub(super) fn fields(schema: &Schema, format: &Format) -> Vec<FieldInfo> {
    let field = |(at, field): (usize, &Arc<Field>)| {
        let of = pg_type(field.data_type());
        let size = size(&of);
        FieldInfo::new(field.name().clone(), None, None, of, format.format_for(at)).with_type_size(size)
    };
    schema.fields().iter().enumerate().map(field).collect()
}

/// The type that a column has on the wire. What PostgreSQL has no arrays of is jsonb.
pub(super) fn pg_type(of: &DataType) -> Type {
    match of {
        DataType::Null => Type::TEXT,
        DataType::Dictionary(_, values) => pg_type(values),
        DataType::List(item) | DataType::LargeList(item) if !item.data_type().is_nested() => {
            into_pg_type(of).unwrap_or(Type::JSONB)
        }
        nested if nested.is_nested() => Type::JSONB,
        plain => into_pg_type(plain).unwrap_or(Type::TEXT),
    }
}

/// Bytes of a value of fixed width; -1 of others.
fn size(of: &Type) -> i16 {
    match *of {
        Type::BOOL => 1,
        Type::INT2 => 2,
        Type::INT4 | Type::FLOAT4 | Type::DATE => 4,
        Type::INT8 | Type::FLOAT8 | Type::TIMESTAMP | Type::TIMESTAMPTZ | Type::TIME => 8,
        Type::INTERVAL => 16,
        _ => -1,
    }
}

/// The rows of an answer with the command's tag.
pub(super) fn response(answer: Answer, format: &Format) -> QueryResponse {
    let fields = Arc::new(fields(&answer.schema, format));
    let encoded = Arc::clone(&fields);
    let rows = answer.rows.flat_map(move |batch| match batch {
        Ok(batch) => rows(&batch, &encoded).left_stream(),
        Err(error) => stream::iter([Err(failure::of(error))]).right_stream(),
    });
    let mut response = QueryResponse::new(fields, rows);
    response.set_command_tag(answer.command);
    response
}

/// Encoded as they are taken, so that nothing is held that the client does not read.
fn rows(batch: &RecordBatch, fields: &Arc<Vec<FieldInfo>>) -> impl Stream<Item = PgWireResult<DataRow>> + use<> {
    let columns: PgWireResult<Vec<Column>> =
        batch.columns().iter().zip(batch.schema().fields()).map(|(array, field)| Column::new(array, field)).collect();
    let (columns, failed) = match columns {
        Ok(columns) => (columns, None),
        Err(error) => (Vec::new(), Some(Err(error))),
    };
    let rows = if failed.is_some() { 0 } else { batch.num_rows() };
    let mut encoder = DataRowEncoder::new(Arc::clone(fields));
    let fields = Arc::clone(fields);
    let encoded = (0..rows).map(move |row| {
        for (column, field) in columns.iter().zip(fields.iter()) {
            column.encode(&mut encoder, row, field)?;
        }
        Ok(encoder.take_row())
    });
    stream::iter(failed.into_iter().chain(encoded))
}

/// A column whose values can be encoded.
enum Column {
    Plain(ArrayRef, Arc<Field>),
    /// Values as JSON.
    Json(Vec<Option<serde_json::Value>>),
}

impl Column {
    fn new(array: &ArrayRef, field: &Arc<Field>) -> PgWireResult<Self> {
        let array = match array.data_type() {
            // Keys of dictionaries are nothing to the client.
            DataType::Dictionary(_, values) => {
                &arrow::compute::cast(array, values).map_err(|error| PgWireError::ApiError(Box::new(error)))?
            }
            _ => array,
        };
        let field = Arc::new(Field::clone(field).with_data_type(array.data_type().clone()));
        if pg_type(array.data_type()) != Type::JSONB {
            return Ok(Self::Plain(Arc::clone(array), field));
        }
        let options = json_options();
        let mut writer = TextWriter::new(&field, array, &options)?;
        let (mut values, mut text) = (Vec::with_capacity(array.len()), String::new());
        for row in 0..array.len() {
            let value = writer.write(row, &mut text).map(serde_json::from_str).transpose();
            values.push(value.map_err(|error| PgWireError::ApiError(Box::new(error)))?);
        }
        Ok(Self::Json(values))
    }

    fn encode(&self, encoder: &mut DataRowEncoder, row: usize, field: &FieldInfo) -> PgWireResult<()> {
        match self {
            Self::Plain(array, of) if array.data_type() == &DataType::Null => {
                debug_assert!(of.is_nullable());
                encoder.encode_field(&None::<&str>)
            }
            Self::Plain(array, of) => encode_value(encoder, array, row, of, field),
            Self::Json(values) => encoder.encode_field(&values[row].as_ref().map(postgres_types::Json)),
        }
    }
}
