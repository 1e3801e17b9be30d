//! Values in the JSON of the protocol. Times are `2026-11-02 09:41:12.000 UTC`, lists arrays, and maps objects.

use std::fmt::Write as _;
use std::io;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, DurationMicrosecondType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimeUnit, TimestampMicrosecondType, TimestampNanosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::tz::Offset;

use crate::failure::output_error;

/// The rows of a batch, ready to be written.
pub(super) struct Rows {
    columns: Vec<ArrayRef>,
    rows: usize,
    /// The number of fractional digits of seconds.
    precision: usize,
}

impl Rows {
    pub(super) fn new(batch: &RecordBatch, precision: usize) -> io::Result<Self> {
        let columns = batch.columns().iter().map(normalize).collect::<io::Result<_>>()?;
        Ok(Self { columns, rows: batch.num_rows(), precision })
    }

    /// The number of rows.
    pub(super) fn len(&self) -> usize {
        self.rows
    }

    /// Writes a row as an array.
    pub(super) fn write(&self, row: usize, to: &mut Vec<u8>) -> io::Result<()> {
        to.push(b'[');
        for (at, column) in self.columns.iter().enumerate() {
            if at > 0 {
                to.push(b',');
            }
            value(column, row, self.precision, to)?;
        }
        to.push(b']');
        Ok(())
    }
}

/// Reduces the number of types: resolves dictionaries, converts times and durations to microseconds.
fn normalize(array: &ArrayRef) -> io::Result<ArrayRef> {
    let to = match array.data_type() {
        DataType::Dictionary(_, values) => DataType::clone(values),
        DataType::Timestamp(TimeUnit::Nanosecond, zone) => {
            // A cast would round times before 1970 towards 1970.
            let nanos = array.as_primitive::<TimestampNanosecondType>();
            let micros = nanos.unary::<_, TimestampMicrosecondType>(|nanos| nanos.div_euclid(1000));
            return Ok(Arc::new(micros.with_timezone_opt(zone.clone())));
        }
        DataType::Timestamp(unit, zone) if *unit != TimeUnit::Microsecond => {
            DataType::Timestamp(TimeUnit::Microsecond, zone.clone())
        }
        DataType::Duration(unit) if *unit != TimeUnit::Microsecond => DataType::Duration(TimeUnit::Microsecond),
        DataType::Date64 => DataType::Date32,
        DataType::Float16 => DataType::Float32,
        _ => return Ok(array.clone()),
    };
    normalize(&cast(array, &to).map_err(output_error)?)
}

fn value(array: &ArrayRef, row: usize, precision: usize, to: &mut Vec<u8>) -> io::Result<()> {
    if array.is_null(row) || array.data_type() == &DataType::Null {
        to.extend_from_slice(b"null");
        return Ok(());
    }
    match array.data_type() {
        DataType::Boolean => {
            to.extend_from_slice(if array.as_boolean().value(row) { b"true" } else { b"false" });
            Ok(())
        }
        DataType::Utf8 => text(array.as_string::<i32>().value(row), to),
        DataType::LargeUtf8 => text(array.as_string::<i64>().value(row), to),
        DataType::Utf8View => text(array.as_string_view().value(row), to),
        DataType::Int8 => number(array.as_primitive::<Int8Type>().value(row), to),
        DataType::Int16 => number(array.as_primitive::<Int16Type>().value(row), to),
        DataType::Int32 => number(array.as_primitive::<Int32Type>().value(row), to),
        DataType::Int64 => number(array.as_primitive::<Int64Type>().value(row), to),
        DataType::UInt8 => number(array.as_primitive::<UInt8Type>().value(row), to),
        DataType::UInt16 => number(array.as_primitive::<UInt16Type>().value(row), to),
        DataType::UInt32 => number(array.as_primitive::<UInt32Type>().value(row), to),
        DataType::UInt64 => number(array.as_primitive::<UInt64Type>().value(row), to),
        DataType::Float32 => {
            let float = array.as_primitive::<Float32Type>().value(row);
            if float.is_finite() { number(float, to) } else { special_float(float.into(), to) }
        }
        DataType::Float64 => {
            let float = array.as_primitive::<Float64Type>().value(row);
            if float.is_finite() { number(float, to) } else { special_float(float, to) }
        }
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
            time(micros, precision, if zone.is_some() { " UTC" } else { "" }, to)
        }
        DataType::Date32 => {
            let days = i64::from(array.as_primitive::<Date32Type>().value(row));
            let at = Timestamp::from_second(days.saturating_mul(86_400)).map_err(io::Error::other)?;
            text(&Offset::UTC.to_datetime(at).date().to_string(), to)
        }
        DataType::Duration(TimeUnit::Microsecond) => {
            text(&interval(array.as_primitive::<DurationMicrosecondType>().value(row)), to)
        }
        DataType::Binary => text(&STANDARD.encode(array.as_binary::<i32>().value(row)), to),
        DataType::LargeBinary => text(&STANDARD.encode(array.as_binary::<i64>().value(row)), to),
        DataType::BinaryView => text(&STANDARD.encode(array.as_binary_view().value(row)), to),
        DataType::FixedSizeBinary(_) => text(&STANDARD.encode(array.as_fixed_size_binary().value(row)), to),
        DataType::List(_) => list(&array.as_list::<i32>().value(row), precision, to),
        DataType::LargeList(_) => list(&array.as_list::<i64>().value(row), precision, to),
        DataType::FixedSizeList(..) => list(&array.as_fixed_size_list().value(row), precision, to),
        DataType::Map(..) => map(array, row, precision, to),
        DataType::Struct(_) => {
            to.push(b'[');
            for (at, column) in array.as_struct().columns().iter().enumerate() {
                if at > 0 {
                    to.push(b',');
                }
                value(&normalize(column)?, row, precision, to)?;
            }
            to.push(b']');
            Ok(())
        }
        _ => {
            let options = FormatOptions::new().with_display_error(true);
            let formatter = ArrayFormatter::try_new(array.as_ref(), &options).map_err(output_error)?;
            text(&formatter.value(row).to_string(), to)
        }
    }
}

fn text(text: &str, to: &mut Vec<u8>) -> io::Result<()> {
    Ok(serde_json::to_writer(to, text)?)
}

fn number<T: serde::Serialize>(number: T, to: &mut Vec<u8>) -> io::Result<()> {
    Ok(serde_json::to_writer(to, &number)?)
}

/// Writes a number that JSON cannot represent.
fn special_float(float: f64, to: &mut Vec<u8>) -> io::Result<()> {
    let name = if float.is_nan() {
        "NaN"
    } else if float > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    };
    text(name, to)
}

fn time(micros: i64, precision: usize, zone: &str, to: &mut Vec<u8>) -> io::Result<()> {
    let at = Timestamp::from_microsecond(micros).map_err(io::Error::other)?;
    let at = Offset::UTC.to_datetime(at);
    let mut written = format!("{} {:02}:{:02}:{:02}.", at.date(), at.hour(), at.minute(), at.second());
    let fraction = format!("{:06}", at.subsec_nanosecond() / 1000);
    written.push_str(&fraction[..precision]);
    written.push_str(zone);
    text(&written, to)
}

/// Formats an interval: `2 03:04:05.678`.
fn interval(micros: i64) -> String {
    let millis = micros.unsigned_abs() / 1000;
    let (days, millis) = (millis / 86_400_000, millis % 86_400_000);
    let (hours, minutes, seconds) = (millis / 3_600_000, millis / 60_000 % 60, millis / 1000 % 60);
    let sign = if micros < 0 { "-" } else { "" };
    let mut text = String::new();
    // Writing to a String cannot fail.
    _ = write!(text, "{sign}{days} {hours:02}:{minutes:02}:{seconds:02}.{:03}", millis % 1000);
    text
}

fn list(items: &ArrayRef, precision: usize, to: &mut Vec<u8>) -> io::Result<()> {
    let items = normalize(items)?;
    to.push(b'[');
    for row in 0..items.len() {
        if row > 0 {
            to.push(b',');
        }
        value(&items, row, precision, to)?;
    }
    to.push(b']');
    Ok(())
}

fn map(array: &ArrayRef, row: usize, precision: usize, to: &mut Vec<u8>) -> io::Result<()> {
    let entries = array.as_map().value(row);
    let (keys, values) = (normalize(entries.column(0))?, normalize(entries.column(1))?);
    let mut key = Vec::new();
    to.push(b'{');
    for row in 0..keys.len() {
        if row > 0 {
            to.push(b',');
        }
        key.clear();
        value(&keys, row, precision, &mut key)?;
        // Member names are strings, whatever the type of the keys.
        if key.first() == Some(&b'"') {
            to.extend_from_slice(&key);
        } else {
            text(&String::from_utf8_lossy(&key), to)?;
        }
        to.push(b':');
        value(&values, row, precision, to)?;
    }
    to.push(b'}');
    Ok(())
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, DurationSecondArray, Float64Array,
        Int64Array, ListBuilder, MapBuilder, NullArray, StringArray, StringBuilder, StringViewArray, StructArray,
        TimestampMicrosecondArray, TimestampNanosecondArray,
    };
    use arrow::datatypes::Field;

    use super::*;

    #[test]
    fn writes_values_of_all_types() {
        let time = TimestampMicrosecondArray::from(vec![1_793_612_472_345_678]);
        let mut list = ListBuilder::new(StringBuilder::new());
        list.append_value([Some("a"), None]);
        let mut map = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
        map.keys().append_value("a\"b");
        map.values().append_null();
        map.append(true).expect("an entry");
        let field = Arc::new(Field::new("x", DataType::Int64, true));
        let row = StructArray::from(vec![(field, Arc::new(Int64Array::from(vec![7])) as ArrayRef)]);
        let dictionary: DictionaryArray<Int32Type> = vec![Some("d")].into_iter().collect();
        let float = |value: f64| Arc::new(Float64Array::from(vec![value])) as ArrayRef;
        let cases: Vec<(ArrayRef, &str)> = vec![
            (Arc::new(StringViewArray::from(vec!["é\"\n"])), r#""é\"\n""#),
            (Arc::new(StringArray::from(vec![None::<&str>])), "null"),
            (Arc::new(BooleanArray::from(vec![true])), "true"),
            (Arc::new(Int64Array::from(vec![i64::MIN])), "-9223372036854775808"),
            (float(0.25), "0.25"),
            (float(1e300), "1e+300"),
            (float(f64::NAN), "\"NaN\""),
            (float(f64::NEG_INFINITY), "\"-Infinity\""),
            (Arc::new(time.clone()), "\"2026-11-02 09:41:12.345\""),
            (Arc::new(time.with_timezone("UTC")), "\"2026-11-02 09:41:12.345 UTC\""),
            (Arc::new(TimestampNanosecondArray::from(vec![-1])), "\"1969-12-31 23:59:59.999\""),
            (Arc::new(Date32Array::from(vec![-1])), "\"1969-12-31\""),
            (Arc::new(DurationSecondArray::from(vec![-93_784])), "\"-1 02:03:04.000\""),
            (Arc::new(Decimal128Array::from(vec![150]).with_precision_and_scale(5, 2).expect("fits")), "\"1.50\""),
            (Arc::new(BinaryArray::from(vec![&b"\x00\xff"[..]])), "\"AP8=\""),
            (Arc::new(dictionary), "\"d\""),
            (Arc::new(NullArray::new(1)), "null"),
            (Arc::new(list.finish()), r#"["a",null]"#),
            (Arc::new(map.finish()), r#"{"a\"b":null}"#),
            (Arc::new(row), "[7]"),
        ];
        for (array, expect) in cases {
            let batch = RecordBatch::try_from_iter_with_nullable([("c", array, true)]).expect("a batch");
            let rows = Rows::new(&batch, 3).expect("values");
            let mut written = Vec::new();
            rows.write(0, &mut written).expect("written");
            assert_eq!(String::from_utf8(written).expect("UTF-8"), format!("[{expect}]"));
        }
    }
}
