//! `date_diff(unit, from, to)` of Presto.

use std::sync::Arc;

use arrow::array::{Array, AsArray, Int64Array};
use arrow::compute::{DatePart, cast, date_part};
use arrow::datatypes::{DataType, Int32Type, TimeUnit, TimestampMicrosecondType};
use datafusion::error::Result;
use datafusion::logical_expr::{ScalarUDF, Signature, TypeSignature, Volatility};

use super::{Doc, Function, invalid_value};

const SECOND: i64 = 1_000_000;
const MICROS: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

pub(super) fn function() -> ScalarUDF {
    Function {
        name: "date_diff",
        signature: Signature::one_of(vec![TypeSignature::Any(3)], Volatility::Immutable),
        returns: |arguments| match &arguments[1..] {
            [DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 | DataType::Null, DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 | DataType::Null] => {
                Ok(DataType::Int64)
            }
            _ => Err("a unit and two timestamps"),
        },
        run: |arguments| {
            let units = cast(&arguments[0], &DataType::Utf8View)?;
            let units = units.as_string_view();
            let (from, to) = (cast(&arguments[1], &MICROS)?, cast(&arguments[2], &MICROS)?);
            let positions = [calendar_positions(&from)?, calendar_positions(&to)?];
            let (from, to) = (from.as_primitive::<TimestampMicrosecondType>(), to.as_primitive::<TimestampMicrosecondType>());
            let count = |row: usize| -> Result<Option<i64>> {
                if units.is_null(row) || from.is_null(row) || to.is_null(row) {
                    return Ok(None);
                }
                let length = to.value(row).saturating_sub(from.value(row));
                let whole_months = || {
                    let day = |micros: i64, position: &Position| (position.day, micros.rem_euclid(86_400 * SECOND));
                    let [first, last] = [&positions[0][row], &positions[1][row]];
                    let (early, late) = (day(from.value(row), first), day(to.value(row), last));
                    let between = last.month - first.month;
                    // A month is complete on the same day of the month at the same time.
                    between - i64::from(between > 0 && late < early) + i64::from(between < 0 && late > early)
                };
                Ok(Some(match units.value(row).to_lowercase().as_str() {
                    "millisecond" => length / 1000,
                    "second" => length / SECOND,
                    "minute" => length / (60 * SECOND),
                    "hour" => length / (3_600 * SECOND),
                    "day" => length / (86_400 * SECOND),
                    "week" => length / (604_800 * SECOND),
                    "month" => whole_months(),
                    "quarter" => whole_months() / 3,
                    "year" => whole_months() / 12,
                    other => {
                        return invalid_value(format!(
                            "date_diff: unknown unit \"{other}\" (use millisecond, second, minute, hour, day, week, month, quarter or year)"
                        ));
                    }
                }))
            };
            Ok(Arc::new((0..units.len()).map(count).collect::<Result<Int64Array>>()?))
        },
        documentation: Doc {
            section: "Time and Date Functions",
            description: "Returns the number of whole units between two timestamps; negative if `to` is before `from`.",
            syntax: "date_diff(unit, from, to)",
            example: "select name, date_diff('hour', creationtimestamp, starttime) from pods",
            arguments: &[
                ("unit", "`millisecond`, `second`, `minute`, `hour`, `day`, `week`, `month`, `quarter` or `year`"),
                ("from", "a timestamp or date"),
                ("to", "a timestamp or date"),
            ],
        }
        .build(),
    }
    .udf()
}

/// A calendar day.
#[derive(Default)]
struct Position {
    /// Months since the year 0.
    month: i64,
    day: i32,
}

fn calendar_positions(instants: &dyn Array) -> Result<Vec<Position>> {
    let [years, months, days] = [DatePart::Year, DatePart::Month, DatePart::Day].map(|part| date_part(instants, part));
    let (years, months, days) = (years?, months?, days?);
    let number = |array: &dyn Array, row| array.as_primitive::<Int32Type>().value(row);
    let position = |row| {
        if instants.is_null(row) {
            return Position::default();
        }
        let month = i64::from(number(&years, row)) * 12 + i64::from(number(&months, row));
        Position { month, day: number(&days, row) }
    };
    Ok((0..instants.len()).map(position).collect())
}
