//! Writes values of SQL as JSON.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringViewArray, StringViewBuilder};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float32Type, Float64Type, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::error::Result;

use super::value::{Json, write_string};
use crate::schema::MapValue;
use crate::sql::types::{is_json, is_text, map_value};

/// A column of another type as JSON text.
pub(super) fn column_to_json(array: &ArrayRef, field: &Field) -> Result<StringViewArray> {
    let writer = Writer::new(array, field)?;
    let nulls = array.logical_nulls();
    let mut texts = StringViewBuilder::with_capacity(array.len());
    let mut text = String::new();
    for row in 0..array.len() {
        if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            texts.append_null();
            continue;
        }
        text.clear();
        writer.write(row, &mut text)?;
        texts.append_value(&text);
    }
    Ok(texts.finish())
}

/// Writes the values of an array as JSON.
pub(super) struct Writer {
    array: ArrayRef,
    kind: Kind,
}

enum Kind {
    /// JSON text.
    Json,
    /// A number or boolean, whose text is JSON.
    Plain,
    Float,
    /// Another type, as a string.
    Text,
    /// A time, with the suffix of its zone.
    Time(&'static str),
    /// The items of lists.
    List(Box<Writer>),
    /// The columns of rows.
    Struct(Vec<(String, Writer)>),
    /// The keys and values of maps.
    Map(StringViewArray, Box<Writer>),
}

const OPTIONS: FormatOptions<'static> = FormatOptions::new()
    .with_null("null")
    .with_timestamp_format(Some("%Y-%m-%dT%H:%M:%S%.f"))
    .with_timestamp_tz_format(Some("%Y-%m-%dT%H:%M:%S%.f"));

impl Writer {
    pub(super) fn new(array: &ArrayRef, field: &Field) -> Result<Self> {
        let mut array = Arc::clone(array);
        if let DataType::Dictionary(_, values) = array.data_type() {
            array = cast(&array, &values.clone())?;
        }
        let kind = match array.data_type() {
            text if is_text(text) => {
                array = cast(&array, &DataType::Utf8View)?;
                if is_json(field) { Kind::Json } else { Kind::Text }
            }
            DataType::Boolean => Kind::Plain,
            DataType::Float32 | DataType::Float64 | DataType::Float16 => {
                array = if array.data_type() == &DataType::Float32 { array } else { cast(&array, &DataType::Float64)? };
                Kind::Float
            }
            number if number.is_numeric() => Kind::Plain,
            DataType::Timestamp(_, zone) => {
                let suffix = if zone.is_some() { "+00:00" } else { "" };
                array = cast(&array, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
                Kind::Time(suffix)
            }
            DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
                let item = Arc::clone(item);
                array = cast(&array, &DataType::List(Arc::clone(&item)))?;
                Kind::List(Box::new(Self::new(array.as_list::<i32>().values(), &item)?))
            }
            DataType::Struct(fields) => {
                let columns = fields.iter().zip(array.as_struct().columns());
                let columns = columns.map(|(field, column)| Ok((field.name().clone(), Self::new(column, field)?)));
                Kind::Struct(columns.collect::<Result<_>>()?)
            }
            DataType::Map(entries, _) => {
                let map = array.as_map();
                let mut values = match entries.data_type() {
                    DataType::Struct(fields) if fields.len() == 2 => Self::new(map.values(), &fields[1])?,
                    _ => return datafusion::common::internal_err!("a map has keys and values"),
                };
                if map_value(field) == Some(MapValue::Json) {
                    values.kind = Kind::Json;
                }
                Kind::Map(cast(map.keys(), &DataType::Utf8View)?.as_string_view().clone(), Box::new(values))
            }
            _ => Kind::Text,
        };
        Ok(Self { array, kind })
    }

    /// Writes a value; `null` if it is NULL.
    pub(super) fn write(&self, row: usize, text: &mut String) -> Result<()> {
        if self.array.data_type().is_null() || self.array.is_null(row) {
            text.push_str("null");
            return Ok(());
        }
        match &self.kind {
            Kind::Json => text.push_str(self.array.as_string_view().value(row)),
            Kind::Float => {
                let (display, is_finite) = if self.array.data_type() == &DataType::Float32 {
                    let value = self.array.as_primitive::<Float32Type>().value(row);
                    (value.to_string(), value.is_finite())
                } else {
                    let value = self.array.as_primitive::<Float64Type>().value(row);
                    (value.to_string(), value.is_finite())
                };
                match display.as_str() {
                    number if is_finite => text.push_str(if number == "-0" { "0" } else { number }),
                    "inf" => text.push_str("\"Infinity\""),
                    "-inf" => text.push_str("\"-Infinity\""),
                    _ => text.push_str("\"NaN\""),
                }
            }
            Kind::Plain => {
                let formatter = ArrayFormatter::try_new(&self.array, &OPTIONS)?;
                write!(text, "{}", formatter.value(row))
                    .map_err(|error| datafusion::error::DataFusionError::Execution(error.to_string()))?;
            }
            Kind::Text if self.array.data_type() == &DataType::Utf8View => {
                write_string(text, self.array.as_string_view().value(row));
            }
            Kind::Text => {
                let formatter = ArrayFormatter::try_new(&self.array, &OPTIONS)?;
                write_string(text, &formatter.value(row).to_string());
            }
            Kind::Time(suffix) => {
                let formatter = ArrayFormatter::try_new(&self.array, &OPTIONS)?;
                let time = formatter.value(row).to_string();
                let time = if time.contains('.') { time.trim_end_matches('0') } else { &time };
                write_string(text, &format!("{time}{suffix}"));
            }
            Kind::List(items) => {
                let offsets = self.array.as_list::<i32>().value_offsets();
                text.push('[');
                for (position, at) in (offsets[row]..offsets[row + 1]).enumerate() {
                    text.push_str(if position > 0 { "," } else { "" });
                    items.write(usize::try_from(at).unwrap_or_default(), text)?;
                }
                text.push(']');
            }
            Kind::Struct(columns) => {
                text.push('{');
                for (position, (name, column)) in columns.iter().enumerate() {
                    text.push_str(if position > 0 { "," } else { "" });
                    write_string(text, name);
                    text.push(':');
                    column.write(row, text)?;
                }
                text.push('}');
            }
            Kind::Map(keys, values) => {
                let offsets = self.array.as_map().value_offsets();
                text.push('{');
                for (position, at) in (offsets[row]..offsets[row + 1]).enumerate() {
                    let at = usize::try_from(at).unwrap_or_default();
                    text.push_str(if position > 0 { "," } else { "" });
                    write_string(text, keys.value(at));
                    text.push(':');
                    values.write(at, text)?;
                }
                text.push('}');
            }
        }
        Ok(())
    }

    /// The text of a value that is used as a key; `None` if it is NULL.
    pub(super) fn key(&self, row: usize) -> Result<Option<String>> {
        if self.array.data_type().is_null() || self.array.is_null(row) {
            return Ok(None);
        }
        let mut text = String::new();
        self.write(row, &mut text)?;
        Ok(Some(match Json::parse(&text)? {
            Json::String(key) => key,
            _ => text,
        }))
    }
}
