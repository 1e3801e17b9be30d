//! Values as text, as PostgreSQL writes them: for its protocol, and for casts to text.

use std::fmt::{Display, Write};

use arrow::array::{Array, AsArray};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Date64Type, Decimal128Type, Decimal256Type, DurationMicrosecondType,
    DurationMillisecondType, DurationNanosecondType, DurationSecondType, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, IntervalDayTimeType, IntervalMonthDayNanoType, IntervalUnit, IntervalYearMonthType,
    Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// Writes a value that is not NULL. (Writing to a String cannot fail.)
pub fn write(array: &dyn Array, row: usize, out: &mut String) {
    match array.data_type() {
        DataType::Boolean => out.push(if array.as_boolean().value(row) { 't' } else { 'f' }),
        DataType::Int8 => integer::<Int8Type>(array, row, out),
        DataType::Int16 => integer::<Int16Type>(array, row, out),
        DataType::Int32 => integer::<Int32Type>(array, row, out),
        DataType::Int64 => integer::<Int64Type>(array, row, out),
        DataType::UInt8 => integer::<UInt8Type>(array, row, out),
        DataType::UInt16 => integer::<UInt16Type>(array, row, out),
        DataType::UInt32 => integer::<UInt32Type>(array, row, out),
        DataType::UInt64 => integer::<UInt64Type>(array, row, out),
        DataType::Float32 => {
            let value = array.as_primitive::<Float32Type>().value(row);
            float(f64::from(value), &format!("{value:e}"), &value, 6, out);
        }
        DataType::Float64 => {
            let value = array.as_primitive::<Float64Type>().value(row);
            float(value, &format!("{value:e}"), &value, 15, out);
        }
        DataType::Decimal128(..) => out.push_str(&array.as_primitive::<Decimal128Type>().value_as_string(row)),
        DataType::Decimal256(..) => out.push_str(&array.as_primitive::<Decimal256Type>().value_as_string(row)),
        DataType::Utf8 => out.push_str(array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => out.push_str(array.as_string::<i64>().value(row)),
        DataType::Utf8View => out.push_str(array.as_string_view().value(row)),
        DataType::Binary => hex(array.as_binary::<i32>().value(row), out),
        DataType::LargeBinary => hex(array.as_binary::<i64>().value(row), out),
        DataType::BinaryView => hex(array.as_binary_view().value(row), out),
        DataType::FixedSizeBinary(_) => hex(array.as_fixed_size_binary().value(row), out),
        DataType::Date32 => date(i64::from(array.as_primitive::<Date32Type>().value(row)), "", out),
        DataType::Date64 => date(array.as_primitive::<Date64Type>().value(row).div_euclid(DAY / 1_000), "", out),
        DataType::Timestamp(unit, zone) => {
            timestamp(timestamp_micros(array, *unit, row), zone.is_some(), out);
        }
        DataType::Time32(TimeUnit::Second) => {
            time(i64::from(array.as_primitive::<Time32SecondType>().value(row)) * SECOND, out);
        }
        DataType::Time32(_) => time(i64::from(array.as_primitive::<Time32MillisecondType>().value(row)) * 1_000, out),
        DataType::Time64(TimeUnit::Microsecond) => time(array.as_primitive::<Time64MicrosecondType>().value(row), out),
        DataType::Time64(_) => time(array.as_primitive::<Time64NanosecondType>().value(row).div_euclid(1_000), out),
        DataType::Interval(IntervalUnit::YearMonth) => {
            interval(array.as_primitive::<IntervalYearMonthType>().value(row), 0, 0, out);
        }
        DataType::Interval(IntervalUnit::DayTime) => {
            let value = array.as_primitive::<IntervalDayTimeType>().value(row);
            interval(0, value.days, i64::from(value.milliseconds) * 1_000, out);
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            let value = array.as_primitive::<IntervalMonthDayNanoType>().value(row);
            interval(value.months, value.days, value.nanoseconds / 1_000, out);
        }
        DataType::Duration(unit) => {
            // The difference of two timestamps: days, and the rest of a day.
            let micros = duration(array, *unit, row);
            interval(0, i32::try_from(micros / DAY).unwrap_or(i32::MAX), micros % DAY, out);
        }
        DataType::List(_) => list(array.as_list::<i32>().value(row).as_ref(), out),
        DataType::LargeList(_) => list(array.as_list::<i64>().value(row).as_ref(), out),
        // Not reached: nested types are encoded as JSON, and dictionaries are resolved before.
        other => _ = write!(out, "{other}"),
    }
}

fn integer<T: ArrowPrimitiveType<Native: Display>>(array: &dyn Array, row: usize, out: &mut String) {
    _ = write!(out, "{}", array.as_primitive::<T>().value(row));
}

/// The shortest decimal that identifies the number. It has an exponent if the number is very small or has more than
/// `digits` digits before the point.
fn float(value: f64, scientific: &str, decimal: &dyn Display, digits: i32, out: &mut String) {
    if value.is_nan() {
        return out.push_str("NaN");
    }
    if value.is_infinite() {
        return out.push_str(if value > 0.0 { "Infinity" } else { "-Infinity" });
    }
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..digits).contains(&exponent) {
        _ = write!(out, "{decimal}");
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        _ = write!(out, "{mantissa}e{sign}{:02}", exponent.unsigned_abs());
    }
}

fn hex(bytes: &[u8], out: &mut String) {
    out.push_str("\\x");
    bytes.iter().for_each(|byte| _ = write!(out, "{byte:02x}"));
}

fn timestamp_micros(array: &dyn Array, unit: TimeUnit, row: usize) -> i64 {
    match unit {
        TimeUnit::Second => array.as_primitive::<TimestampSecondType>().value(row).saturating_mul(SECOND),
        TimeUnit::Millisecond => array.as_primitive::<TimestampMillisecondType>().value(row).saturating_mul(1_000),
        TimeUnit::Microsecond => array.as_primitive::<TimestampMicrosecondType>().value(row),
        TimeUnit::Nanosecond => array.as_primitive::<TimestampNanosecondType>().value(row).div_euclid(1_000),
    }
}

fn duration(array: &dyn Array, unit: TimeUnit, row: usize) -> i64 {
    match unit {
        TimeUnit::Second => array.as_primitive::<DurationSecondType>().value(row).saturating_mul(SECOND),
        TimeUnit::Millisecond => array.as_primitive::<DurationMillisecondType>().value(row).saturating_mul(1_000),
        TimeUnit::Microsecond => array.as_primitive::<DurationMicrosecondType>().value(row),
        TimeUnit::Nanosecond => array.as_primitive::<DurationNanosecondType>().value(row) / 1_000,
    }
}

/// A day, counted from 1970-01-01, and a suffix that stands before the era.
fn date(day: i64, suffix: &str, out: &mut String) {
    // Years are counted from March, so that a leap day is the last day. Every 400 years have the same number of days.
    let shifted = day + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    // The year before 1 is 1 BC.
    let (year, era_name) = if year > 0 { (year, "") } else { (1 - year, " BC") };
    _ = write!(out, "{year:04}-{month:02}-{day:02}{suffix}{era_name}");
}

/// A time in microseconds since 1970-01-01 UTC.
fn timestamp(micros: i64, has_zone: bool, out: &mut String) {
    let mut suffix = " ".to_owned();
    time(micros.rem_euclid(DAY), &mut suffix);
    if has_zone {
        suffix.push_str("+00");
    }
    date(micros.div_euclid(DAY), &suffix, out);
}

/// A time of day, or a duration that is not negative, in microseconds.
fn time(micros: i64, out: &mut String) {
    let (seconds, fraction) = (micros / SECOND, micros % SECOND);
    _ = write!(out, "{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if fraction > 0 {
        let digits = format!("{fraction:06}");
        _ = write!(out, ".{}", digits.trim_end_matches('0'));
    }
}

/// An interval of months, days and microseconds.
fn interval(months: i32, days: i32, micros: i64, out: &mut String) {
    let (mut is_first, mut is_after_negative) = (true, false);
    for (count, unit) in [(months / 12, "year"), (months % 12, "mon"), (days, "day")] {
        if count == 0 {
            continue;
        }
        let space = if is_first { "" } else { " " };
        let plus = if is_after_negative && count > 0 { "+" } else { "" };
        let plural = if count == 1 { "" } else { "s" };
        _ = write!(out, "{space}{plus}{count} {unit}{plural}");
        (is_first, is_after_negative) = (false, count < 0);
    }
    if micros != 0 || is_first {
        out.push_str(if is_first { "" } else { " " });
        out.push_str(if micros < 0 {
            "-"
        } else if is_after_negative {
            "+"
        } else {
            ""
        });
        time(micros.saturating_abs(), out);
    }
}

/// An array: elements in braces, quoted where they would be ambiguous.
fn list(values: &dyn Array, out: &mut String) {
    out.push('{');
    let mut text = String::new();
    for row in 0..values.len() {
        if row > 0 {
            out.push(',');
        }
        if values.data_type() == &DataType::Null || values.is_null(row) {
            out.push_str("NULL");
            continue;
        }
        text.clear();
        write(values, row, &mut text);
        let is_special = |c: char| matches!(c, '{' | '}' | '"' | ',' | '\\') || c.is_ascii_whitespace();
        if text.is_empty() || text.eq_ignore_ascii_case("null") || text.contains(is_special) {
            out.push('"');
            for c in text.chars() {
                if matches!(c, '"' | '\\') {
                    out.push('\\');
                }
                out.push(c);
            }
            out.push('"');
        } else {
            out.push_str(&text);
        }
    }
    out.push('}');
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Float32Array, Float64Array, ListArray, StringArray, TimestampMicrosecondArray};
    use arrow::datatypes::Int32Type;

    use super::*;

    fn texts(array: &dyn Array) -> Vec<String> {
        let one = |row| {
            let mut text = String::new();
            write(array, row, &mut text);
            text
        };
        (0..array.len()).map(one).collect()
    }

    // The expected texts were written by PostgreSQL 15.
    #[test]
    fn writes_numbers_like_postgresql() {
        let numbers = [0.0, 1.0, -1.5, 0.1, 1e14, 1e15, 1e20, -1e-7, 0.0001, 1.234e-5, f64::NAN, f64::INFINITY, 1e300];
        let expect = [
            "0",
            "1",
            "-1.5",
            "0.1",
            "100000000000000",
            "1e+15",
            "1e+20",
            "-1e-07",
            "0.0001",
            "1.234e-05",
            "NaN",
            "Infinity",
            "1e+300",
        ];
        assert_eq!(texts(&Float64Array::from(numbers.to_vec())), expect);
        assert_eq!(texts(&Float32Array::from(vec![1.1, 1e5, 1e6, -0.00001])), ["1.1", "100000", "1e+06", "-1e-05"]);
    }

    #[test]
    fn writes_times_like_postgresql() {
        let micros = [0, 500_000, -1, 1_767_323_045_678_900, -62_135_596_800_000_000, -62_167_219_200_000_000];
        let times = TimestampMicrosecondArray::from(micros.to_vec());
        let expect = [
            "1970-01-01 00:00:00",
            "1970-01-01 00:00:00.5",
            "1969-12-31 23:59:59.999999",
            "2026-01-02 03:04:05.6789",
            "0001-01-01 00:00:00",
            "0001-01-01 00:00:00 BC",
        ];
        assert_eq!(texts(&times), expect);
        assert_eq!(texts(&times.with_timezone("UTC"))[1], "1970-01-01 00:00:00.5+00");
        for (months, days, micros, expect) in [
            (14, 3, 14_706_500_000, "1 year 2 mons 3 days 04:05:06.5"),
            (0, -1, 0, "-1 days"),
            (0, 1, -7_200_000_000, "1 day -02:00:00"),
            (0, -1, 7_200_000_000, "-1 days +02:00:00"),
            (-14, 3, 0, "-1 years -2 mons +3 days"),
            (0, 0, 0, "00:00:00"),
            (0, 0, 108_000_000_000, "30:00:00"),
        ] {
            let mut text = String::new();
            interval(months, days, micros, &mut text);
            assert_eq!(text, expect);
        }
    }

    #[test]
    fn writes_arrays_like_postgresql() {
        let numbers = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None]), Some(Vec::new())]);
        assert_eq!(texts(&numbers), ["{1,NULL}", "{}"]);
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["a\"b", "c,d", "", "NULL", "x y", "{", "p\\q", "z"]));
        let mut text = String::new();
        list(texts.as_ref(), &mut text);
        assert_eq!(text, r#"{"a\"b","c,d","","NULL","x y","{","p\\q",z}"#);
    }
}
