//! Answers as rows on the wire: which type each column has there, and its values.

use std::error::Error;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringViewArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};
use arrow_pg::datatypes::into_pg_type;
use arrow_pg::encoder::{Encoder, encode_value};
use bytes::{BufMut, BytesMut};
use futures::{Stream, StreamExt, stream};
use kubesql_runtime::sql::Answer;
use pgwire::api::Type;
use pgwire::api::portal::Format;
use pgwire::api::results::{DataRowEncoder, FieldFormat, FieldInfo, QueryResponse};
use pgwire::error::{PgWireError, PgWireResult};
use pgwire::messages::data::DataRow;
use pgwire::types::ToSqlText;
use pgwire::types::format::FormatOptions;
use postgres_types::{IsNull, ToSql, accepts, to_sql_checked};

use super::failure;
use super::text::{self, Text};
use crate::output::value::{TextWriter, json_options};

/// The columns of an answer, in the formats that the client asks for.
pub(super) fn fields(schema: &Schema, format: &Format) -> Vec<FieldInfo> {
    let field = |(at, field): (usize, &Arc<Field>)| {
        let of = field_type(field);
        let size = size(&of);
        FieldInfo::new(field.name().clone(), None, None, of, format.format_for(at)).with_type_size(size)
    };
    schema.fields().iter().enumerate().map(field).collect()
}

/// The type that a column has on the wire.
fn field_type(field: &Field) -> Type {
    let says = |key: &str, value: &str| field.metadata().get(key).is_some_and(|said| said == value);
    match field.data_type() {
        DataType::Int32 if says("pg.oid_alias", "oid") => Type::OID,
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 if says("kubesql.content", "json") => Type::JSONB,
        of => pg_type(of),
    }
}

/// The type that values have on the wire. What PostgreSQL has no arrays of is jsonb.
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
        Type::INT4 | Type::FLOAT4 | Type::DATE | Type::OID => 4,
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
    let (columns, failed) = match columns(batch) {
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

/// The columns of a batch, ready to be encoded.
pub(super) fn columns(batch: &RecordBatch) -> PgWireResult<Vec<Column>> {
    batch.columns().iter().zip(batch.schema().fields()).map(|(array, field)| Column::new(array, field)).collect()
}

/// A column whose values can be encoded.
pub(super) enum Column {
    Plain(ArrayRef, Arc<Field>),
    /// Values as JSON.
    Json(StringViewArray),
    /// No values.
    Null,
}

impl Column {
    fn new(array: &ArrayRef, field: &Arc<Field>) -> PgWireResult<Self> {
        let wrong = |error| PgWireError::ApiError(Box::new(error));
        let array = match array.data_type() {
            DataType::Null => return Ok(Self::Null),
            // Keys of dictionaries are nothing to the client.
            DataType::Dictionary(_, values) => &cast(array, values).map_err(wrong)?,
            _ => array,
        };
        let field = Arc::new(Field::clone(field).with_data_type(array.data_type().clone()));
        if field_type(&field) != Type::JSONB {
            return Ok(Self::Plain(Arc::clone(array), field));
        }
        if !array.data_type().is_nested() {
            let texts = cast(array, &DataType::Utf8View).map_err(wrong)?;
            return Ok(Self::Json(texts.as_string_view().clone()));
        }
        let options = json_options();
        let mut writer = TextWriter::new(&field, array, &options)?;
        let mut text = String::new();
        let values = (0..array.len()).map(|row| writer.write(row, &mut text).map(str::to_owned));
        Ok(Self::Json(values.collect()))
    }

    /// Writes a value, in the format that the column has.
    pub(super) fn encode(&self, encoder: &mut impl Encoder, row: usize, field: &FieldInfo) -> PgWireResult<()> {
        match self {
            Self::Json(values) if values.is_valid(row) => encoder.encode_field(&Json(values.value(row)), field),
            Self::Plain(array, _) if field.format() == FieldFormat::Text && array.is_valid(row) => {
                match array.data_type() {
                    DataType::Utf8View => encoder.encode_field(&Text(array.as_string_view().value(row)), field),
                    DataType::Utf8 => encoder.encode_field(&Text(array.as_string::<i32>().value(row)), field),
                    _ => {
                        let mut written = String::new();
                        text::write(array, row, &mut written);
                        encoder.encode_field(&Text(&written), field)
                    }
                }
            }
            Self::Plain(array, of) if array.is_valid(row) => encode_value(encoder, array, row, of, field),
            Self::Null | Self::Json(_) | Self::Plain(..) => encoder.encode_field(&None::<Text>, field),
        }
    }

    /// A value as text; none of NULL.
    pub(super) fn text(&self, row: usize) -> Option<String> {
        match self {
            Self::Json(values) => values.is_valid(row).then(|| values.value(row).to_owned()),
            Self::Plain(array, _) => array.is_valid(row).then(|| {
                let mut written = String::new();
                text::write(array, row, &mut written);
                written
            }),
            Self::Null => None,
        }
    }
}

/// A text that is JSON, given as it is: numbers keep their digits, objects the order of their keys.
#[derive(Debug)]
struct Json<'a>(&'a str);

impl ToSql for Json<'_> {
    fn to_sql(&self, of: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        if *of == Type::JSONB {
            // The version of the format.
            out.put_u8(1);
        }
        out.put_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }

    accepts!(JSON, JSONB);
    to_sql_checked!();
}

impl ToSqlText for Json<'_> {
    fn to_sql_text(
        &self,
        _: &Type,
        out: &mut BytesMut,
        _: &FormatOptions,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.put_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }
}
