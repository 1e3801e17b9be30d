//! `timezone(zone, timestamp)`, which is `timestamp AT TIME ZONE zone`.

use std::sync::Arc;

use arrow::array::timezone::Tz;
use arrow::array::{Array, ArrayRef, AsArray, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use arrow::temporal_conversions::as_datetime_with_timezone;
use datafusion::error::Result;
use datafusion::logical_expr::{ScalarUDF, Signature, TypeSignature, Volatility};

use super::{Doc, Function, invalid_value, is_text};

const LOCAL: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

fn instant() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

pub(super) fn function() -> ScalarUDF {
    Function {
        name: "timezone",
        signature: Signature::one_of(vec![TypeSignature::Any(2)], Volatility::Immutable),
        returns: |arguments| match arguments {
            [zone, DataType::Timestamp(_, Some(_)) | DataType::Date32] if is_text(zone) => Ok(LOCAL),
            [zone, DataType::Timestamp(_, None)] if is_text(zone) => Ok(instant()),
            _ => Err("a time zone and a timestamp"),
        },
        run: |arguments| {
            let zones = cast(&arguments[0], &DataType::Utf8)?;
            let zones = zones.as_string::<i32>();
            let is_local = matches!(arguments[1].data_type(), DataType::Timestamp(_, None));
            let times = cast(&arguments[1], &if is_local { LOCAL } else { instant() })?;
            let micros = times.as_primitive::<TimestampMicrosecondType>();
            let convert = |row: usize| {
                if zones.is_null(row) || micros.is_null(row) {
                    return Ok(None);
                }
                let zone = zone(zones.value(row))?;
                if is_local {
                    return instant_of(micros.value(row), &zone).map(Some);
                }
                let zone: Tz = zone.parse()?;
                let time = as_datetime_with_timezone::<TimestampMicrosecondType>(micros.value(row), zone);
                Ok(time.map(|time| time.naive_local().and_utc().timestamp_micros()))
            };
            let converted = (0..micros.len()).map(convert).collect::<Result<Vec<_>>>()?;
            let converted = TimestampMicrosecondArray::from(converted);
            Ok(Arc::new(if is_local { converted.with_timezone("UTC") } else { converted }))
        },
        documentation: Doc {
            section: "Time and Date Functions",
            description: "Returns the local time of an instant in a time zone, or the instant of a local time. `AT TIME ZONE` uses it.",
            syntax: "timezone(zone, timestamp)",
            example: "select name, timezone('Europe/Berlin', creationtimestamp) from pods",
            arguments: &[("zone", "the name of a time zone"), ("timestamp", "a timestamp with or without time zone")],
        }
        .build(),
    }
    .udf()
}

/// Checks the name of a time zone. An offset has the sign of POSIX, as in PostgreSQL: `+02` is west of Greenwich.
fn zone(name: &str) -> Result<String> {
    let known = match (name.strip_prefix('+'), name.strip_prefix('-')) {
        (Some(offset), _) => format!("-{offset}"),
        (_, Some(offset)) => format!("+{offset}"),
        _ => name.to_owned(),
    };
    if known.parse::<Tz>().is_err() {
        return invalid_value(format!("time zone \"{name}\" not recognized"));
    }
    Ok(known)
}

fn instant_of(micros: i64, zone: &str) -> Result<i64> {
    let local: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![micros]));
    let instant = cast(&local, &DataType::Timestamp(TimeUnit::Microsecond, Some(zone.into())))?;
    Ok(instant.as_primitive::<TimestampMicrosecondType>().value(0))
}
