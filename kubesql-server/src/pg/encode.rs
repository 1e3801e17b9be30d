//! Answers as rows on the wire: which type each column has there, and its values.

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

use super::failure;
use super::text::{self, Text};
use crate::output::value::{TextWriter, json_options};

/// Microseconds from 1970 to 2000, where PostgreSQL begins to count.
const TO_2000: i64 = 946_684_800_000_000;

/// Bytes of memory that rows are written to.
const PIECE: usize = 64 << 10;

/// The columns of an answer, in the formats that the client asks for.
pub(super) fn fields(schema: &Schema, format: &Format) -> Vec<FieldInfo> {
    let field = |(at, field): (usize, &Arc<Field>)| {
        let of = field_type(field);
        let size = size(&of);
        FieldInfo::new(field.name().clone(), None, None, of, format.format_for(at))
            .with_type_size(size)
            .with_type_modifier(modifier(field.data_type()))
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

/// What a type is told beside its name: the digits of a number, all and those behind the point; -1 of others.
fn modifier(of: &DataType) -> i32 {
    match *of {
        DataType::Decimal128(digits, scale) | DataType::Decimal256(digits, scale) if scale >= 0 => {
            ((i32::from(digits) << 16) | i32::from(scale)) + 4
        }
        _ => -1,
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
    let mut writing = Writing::default();
    let fields = Arc::clone(fields);
    let encoded = (0..rows).map(move |row| {
        for (column, field) in columns.iter().zip(fields.iter()) {
            column.encode(&mut writing, row, field)?;
        }
        Ok(writing.take_row())
    });
    stream::iter(failed.into_iter().chain(encoded))
}

/// The columns of a batch, ready to be encoded.
pub(super) fn columns(batch: &RecordBatch) -> PgWireResult<Vec<Column>> {
    batch.columns().iter().zip(batch.schema().fields()).map(|(array, field)| Column::new(array, field)).collect()
}

/// Rows as they are written, many of them into one piece of memory.
#[derive(Default)]
struct Writing {
    bytes: BytesMut,
    columns: i16,
}

impl Encoder for Writing {
    type Item = DataRow;

    fn encode_field<T: ToSql + ToSqlText>(&mut self, value: &T, field: &FieldInfo) -> PgWireResult<()> {
        const LENGTH: usize = size_of::<i32>();
        if self.bytes.capacity() == 0 {
            self.bytes.reserve(PIECE);
        }
        let at = self.bytes.len();
        self.bytes.put_i32(-1);
        let is_null = match field.format() {
            FieldFormat::Text => value.to_sql_text(field.datatype(), &mut self.bytes, field.format_options())?,
            FieldFormat::Binary => value.to_sql(field.datatype(), &mut self.bytes)?,
        };
        if matches!(is_null, IsNull::No) {
            let length = i32::try_from(self.bytes.len() - at - LENGTH)
                .map_err(|_| failure::coded("54000", format!("a value of {} is too large", field.name())))?;
            self.bytes[at..at + LENGTH].copy_from_slice(&length.to_be_bytes());
        }
        self.columns += 1;
        Ok(())
    }

    fn take_row(&mut self) -> DataRow {
        DataRow::new(self.bytes.split(), std::mem::take(&mut self.columns))
    }
}

/// A column whose values can be encoded. Those of the commonest types are known for what they are, so that nothing has
/// to be found out for each.
pub(super) enum Column {
    Plain(ArrayRef, Arc<Field>),
    Texts(StringViewArray),
    Numbers(Int64Array),
    Truths(BooleanArray),
    Times(TimestampMicrosecondArray),
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
            return Ok(match array.data_type() {
                DataType::Utf8View => Self::Texts(array.as_string_view().clone()),
                DataType::Int64 => Self::Numbers(array.as_primitive().clone()),
                DataType::Boolean => Self::Truths(array.as_boolean().clone()),
                DataType::Timestamp(TimeUnit::Microsecond, _) => Self::Times(array.as_primitive().clone()),
                _ => Self::Plain(Arc::clone(array), field),
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

    /// Its values; none where there are none.
    fn values(&self) -> Option<&dyn Array> {
        match self {
            Self::Plain(array, _) => Some(array.as_ref()),
            Self::Texts(array) | Self::Json(array) => Some(array),
            Self::Numbers(array) => Some(array),
            Self::Truths(array) => Some(array),
            Self::Times(array) => Some(array),
            Self::Null => None,
        }
    }

    /// Writes a value, in the format that the column has.
    pub(super) fn encode(&self, encoder: &mut impl Encoder, row: usize, field: &FieldInfo) -> PgWireResult<()> {
        let Some(values) = self.values().filter(|values| values.is_valid(row)) else {
            return encoder.encode_field(&None::<Text>, field);
        };
        match (self, field.format()) {
            (Self::Texts(texts), _) => encoder.encode_field(&Text(texts.value(row)), field),
            (Self::Json(texts), _) => encoder.encode_field(&Json(texts.value(row)), field),
            (_, FieldFormat::Text) => {
                let mut written = String::new();
                text::write(values, row, &mut written);
                encoder.encode_field(&Text(&written), field)
            }
            (Self::Numbers(numbers), _) => encoder.encode_field(&numbers.value(row), field),
            (Self::Truths(truths), _) => encoder.encode_field(&truths.value(row), field),
            (Self::Times(times), _) => {
                let since_2000 = times.value(row).checked_sub(TO_2000);
                let since_2000 = since_2000.ok_or_else(|| failure::coded("22008", "timestamp out of range"))?;
                encoder.encode_field(&since_2000, field)
            }
            (Self::Plain(array, of), _) => encode_value(encoder, array, row, of, field),
            (Self::Null, _) => encoder.encode_field(&None::<Text>, field),
        }
    }

    /// A value as text; none of NULL.
    pub(super) fn text(&self, row: usize) -> Option<String> {
        let values = self.values().filter(|values| values.is_valid(row))?;
        let mut written = String::new();
        text::write(values, row, &mut written);
        Some(written)
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
