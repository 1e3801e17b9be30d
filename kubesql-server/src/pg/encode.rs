//! Rows in the protocol: the types of columns and the encoding of values.

use std::error::Error;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, StringViewArray, TimestampMicrosecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use arrow_pg::datatypes::into_pg_type;
use arrow_pg::encoder::{Encoder, encode_value};
use bytes::{BufMut, BytesMut};
use futures::{Stream, StreamExt, stream};
use kubesql_runtime::sql::Answer;
use pgwire::api::Type;
use pgwire::api::portal::Format;
use pgwire::api::results::{FieldFormat, FieldInfo, QueryResponse};
use pgwire::error::{PgWireError, PgWireResult};
use pgwire::messages::data::DataRow;
use pgwire::types::ToSqlText;
use pgwire::types::format::FormatOptions;
use postgres_types::{IsNull, ToSql, accepts, to_sql_checked};

use super::error_response;
use super::numeric::Numeric;
use super::text::{self, Text};
use crate::output::value::{TextWriter, json_options};

/// The epoch of PostgreSQL, 2000-01-01, in microseconds since 1970-01-01.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

/// The size in bytes of the buffers that rows are written to.
const ROW_BUFFER: usize = 64 << 10;

/// The columns of an answer in the requested formats.
pub(super) fn fields(schema: &Schema, format: &Format) -> Vec<FieldInfo> {
    let field = |(at, field): (usize, &Arc<Field>)| {
        let column_type = field_type(field);
        let size = type_size(&column_type);
        FieldInfo::new(field.name().clone(), None, None, column_type, format.format_for(at))
            .with_type_size(size)
            .with_type_modifier(type_modifier(field.data_type()))
    };
    schema.fields().iter().enumerate().map(field).collect()
}

/// The PostgreSQL type of a column.
fn field_type(field: &Field) -> Type {
    let has = |key: &str, value: &str| field.metadata().get(key).is_some_and(|found| found == value);
    match field.data_type() {
        DataType::Int32 if has("pg.oid_alias", "oid") => Type::OID,
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 if has("kubesql.content", "json") => Type::JSONB,
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 if has("kubesql.content", "json-text") => Type::JSON,
        other => pg_type(other),
    }
}

/// The PostgreSQL type of an Arrow type. Nested types other than arrays of scalars are jsonb.
pub(super) fn pg_type(data_type: &DataType) -> Type {
    match data_type {
        DataType::Null => Type::TEXT,
        DataType::Dictionary(_, values) => pg_type(values),
        // PostgreSQL has no unsigned numbers.
        DataType::UInt64 => Type::INT8,
        DataType::List(item) | DataType::LargeList(item) if !item.data_type().is_nested() => {
            into_pg_type(data_type).unwrap_or(Type::JSONB)
        }
        nested if nested.is_nested() => Type::JSONB,
        scalar => into_pg_type(scalar).unwrap_or(Type::TEXT),
    }
}

/// The type modifier: precision and scale of a numeric; -1 for other types.
fn type_modifier(data_type: &DataType) -> i32 {
    match *data_type {
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) if scale >= 0 => {
            ((i32::from(precision) << 16) | i32::from(scale)) + 4
        }
        _ => -1,
    }
}

/// The size in bytes of a type of fixed width; -1 for others.
fn type_size(pg_type: &Type) -> i16 {
    match *pg_type {
        Type::BOOL => 1,
        Type::INT2 => 2,
        Type::INT4 | Type::FLOAT4 | Type::DATE | Type::OID => 4,
        Type::INT8 | Type::FLOAT8 | Type::TIMESTAMP | Type::TIMESTAMPTZ | Type::TIME => 8,
        Type::INTERVAL => 16,
        _ => -1,
    }
}

/// The response to a query: its rows and the command tag.
pub(super) fn query_response(answer: Answer, format: &Format) -> QueryResponse {
    let fields = Arc::new(fields(&answer.schema, format));
    let encoded = Arc::clone(&fields);
    let rows = answer.rows.flat_map(move |batch| match batch {
        Ok(batch) => rows(&batch, &encoded).left_stream(),
        Err(error) => stream::iter([Err(error_response::from_sql(error))]).right_stream(),
    });
    let mut response = QueryResponse::new(fields, rows);
    response.set_command_tag(answer.command);
    response
}

/// Encodes rows one by one as they are sent, so that rows that the client has not read yet are not buffered.
fn rows(batch: &RecordBatch, fields: &Arc<Vec<FieldInfo>>) -> impl Stream<Item = PgWireResult<DataRow>> + use<> {
    let (columns, failed) = match columns(batch) {
        Ok(columns) => (columns, None),
        Err(error) => (Vec::new(), Some(Err(error))),
    };
    let rows = if failed.is_some() { 0 } else { batch.num_rows() };
    let mut encoder = RowEncoder::default();
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
pub(super) fn columns(batch: &RecordBatch) -> PgWireResult<Vec<EncodedColumn>> {
    batch.columns().iter().zip(batch.schema().fields()).map(|(array, field)| EncodedColumn::new(array, field)).collect()
}

/// Encodes rows into a shared buffer.
#[derive(Default)]
struct RowEncoder {
    bytes: BytesMut,
    columns: i16,
}

impl Encoder for RowEncoder {
    type Item = DataRow;

    fn encode_field<T: ToSql + ToSqlText>(&mut self, value: &T, field: &FieldInfo) -> PgWireResult<()> {
        const LENGTH: usize = size_of::<i32>();
        if self.bytes.capacity() == 0 {
            self.bytes.reserve(ROW_BUFFER);
        }
        let at = self.bytes.len();
        self.bytes.put_i32(-1);
        let is_null = match field.format() {
            FieldFormat::Text => value.to_sql_text(field.datatype(), &mut self.bytes, field.format_options())?,
            FieldFormat::Binary => value.to_sql(field.datatype(), &mut self.bytes)?,
        };
        if matches!(is_null, IsNull::No) {
            let length = i32::try_from(self.bytes.len() - at - LENGTH).map_err(|_| {
                error_response::with_sqlstate("54000", format!("value of column \"{}\" is too large", field.name()))
            })?;
            self.bytes[at..at + LENGTH].copy_from_slice(&length.to_be_bytes());
        }
        self.columns += 1;
        Ok(())
    }

    fn take_row(&mut self) -> DataRow {
        DataRow::new(self.bytes.split(), std::mem::take(&mut self.columns))
    }
}

/// A column whose values can be encoded. The most frequent types have variants of their own, which saves a dispatch on
/// the type for each value.
pub(super) enum EncodedColumn {
    Utf8View(StringViewArray),
    Int64(Int64Array),
    Boolean(BooleanArray),
    Timestamp(TimestampMicrosecondArray),
    /// Values as JSON texts.
    Json(StringViewArray),
    /// All values are NULL.
    Null,
    Other(ArrayRef, Arc<Field>),
}

impl EncodedColumn {
    fn new(array: &ArrayRef, field: &Arc<Field>) -> PgWireResult<Self> {
        let wrong = |error| PgWireError::ApiError(Box::new(error));
        let array = match array.data_type() {
            DataType::Null => return Ok(Self::Null),
            // Dictionaries are not visible to clients.
            DataType::Dictionary(_, values) => &cast(array, values).map_err(wrong)?,
            DataType::UInt64 => &cast(array, &DataType::Int64).map_err(wrong)?,
            _ => array,
        };
        let field = Arc::new(Field::clone(field).with_data_type(array.data_type().clone()));
        if field_type(&field) != Type::JSONB {
            return Ok(match array.data_type() {
                DataType::Utf8View => Self::Utf8View(array.as_string_view().clone()),
                DataType::Int64 => Self::Int64(array.as_primitive().clone()),
                DataType::Boolean => Self::Boolean(array.as_boolean().clone()),
                DataType::Timestamp(TimeUnit::Microsecond, _) => Self::Timestamp(array.as_primitive().clone()),
                _ => Self::Other(Arc::clone(array), field),
            });
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

    /// The values; `None` if all are NULL.
    fn values(&self) -> Option<&dyn Array> {
        match self {
            Self::Other(array, _) => Some(array.as_ref()),
            Self::Utf8View(array) | Self::Json(array) => Some(array),
            Self::Int64(array) => Some(array),
            Self::Boolean(array) => Some(array),
            Self::Timestamp(array) => Some(array),
            Self::Null => None,
        }
    }

    /// Encodes a value in the format of the field.
    pub(super) fn encode(&self, encoder: &mut impl Encoder, row: usize, field: &FieldInfo) -> PgWireResult<()> {
        let Some(values) = self.values().filter(|values| values.is_valid(row)) else {
            return encoder.encode_field(&None::<Text>, field);
        };
        match (self, field.format()) {
            (Self::Utf8View(texts), _) => encoder.encode_field(&Text(texts.value(row)), field),
            (Self::Json(texts), _) => encoder.encode_field(&JsonText(texts.value(row)), field),
            (_, FieldFormat::Text) => {
                let mut written = String::new();
                text::write(values, row, &mut written);
                encoder.encode_field(&Text(&written), field)
            }
            (Self::Int64(numbers), _) => encoder.encode_field(&numbers.value(row), field),
            (Self::Boolean(truths), _) => encoder.encode_field(&truths.value(row), field),
            (Self::Timestamp(times), _) => {
                let since_2000 = times.value(row).checked_sub(POSTGRES_EPOCH);
                let since_2000 =
                    since_2000.ok_or_else(|| error_response::with_sqlstate("22008", "timestamp out of range"))?;
                encoder.encode_field(&since_2000, field)
            }
            (Self::Other(array, _), _) if array.data_type().is_decimal() => {
                let mut written = String::new();
                text::write(array, row, &mut written);
                encoder.encode_field(&Numeric(&written), field)
            }
            (Self::Other(array, arrow_field), _) => encode_value(encoder, array, row, arrow_field, field),
            (Self::Null, _) => encoder.encode_field(&None::<Text>, field),
        }
    }

    /// A value as text; `None` for NULL.
    pub(super) fn text(&self, row: usize) -> Option<String> {
        let values = self.values().filter(|values| values.is_valid(row))?;
        let mut written = String::new();
        text::write(values, row, &mut written);
        Some(written)
    }
}

/// A JSON text that is sent as it is: numbers keep their digits, and objects the order of their keys.
#[derive(Debug)]
struct JsonText<'a>(&'a str);

impl ToSql for JsonText<'_> {
    fn to_sql(&self, pg_type: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        if *pg_type == Type::JSONB {
            // The version of the binary format.
            out.put_u8(1);
        }
        out.put_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }

    accepts!(JSON, JSONB);
    to_sql_checked!();
}

impl ToSqlText for JsonText<'_> {
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
