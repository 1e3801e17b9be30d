//! `year(x)`, `month(x)` and other functions of Presto that return parts of a date or timestamp.

use std::sync::Arc;

use arrow::array::{AsArray, Int64Array};
use arrow::compute::{DatePart, cast, date_part};
use arrow::datatypes::{DataType, Int32Type};
use datafusion::error::Result;
use datafusion::logical_expr::{ScalarUDF, Signature, TypeSignature, Volatility};

use super::{Doc, Function, Run};
use arrow::array::ArrayRef;

pub(super) fn functions() -> Vec<ScalarUDF> {
    let parts: [(&str, &str, &str, Run); 9] = [
        ("year", "year(expression)", "The year.", |args| extract(args, DatePart::Year)),
        ("quarter", "quarter(expression)", "The quarter of the year, 1 to 4.", |args| extract(args, DatePart::Quarter)),
        ("month", "month(expression)", "The month, 1 to 12.", |args| extract(args, DatePart::Month)),
        ("week", "week(expression)", "The ISO week, 1 to 53.", |args| extract(args, DatePart::Week)),
        ("day", "day(expression)", "The day of the month.", |args| extract(args, DatePart::Day)),
        ("day_of_week", "day_of_week(expression)", "The day of the week, Monday 1 to Sunday 7.", extract_weekday),
        ("hour", "hour(expression)", "The hour, 0 to 23.", |args| extract(args, DatePart::Hour)),
        ("minute", "minute(expression)", "The minute.", |args| extract(args, DatePart::Minute)),
        ("second", "second(expression)", "The second.", |args| extract(args, DatePart::Second)),
    ];
    parts.into_iter().map(|(name, syntax, description, run)| define(name, syntax, description, run)).collect()
}

fn define(name: &'static str, syntax: &'static str, description: &'static str, run: Run) -> ScalarUDF {
    Function {
        name,
        signature: Signature::one_of(vec![TypeSignature::Any(1)], Volatility::Immutable),
        returns: |arguments| match &arguments[0] {
            DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 | DataType::Null => Ok(DataType::Int64),
            _ => Err("a date or a timestamp"),
        },
        run,
        documentation: Doc {
            section: "Time and Date Functions",
            description,
            syntax,
            example: "select year(creationtimestamp), month(creationtimestamp), count(*) from pods group by 1, 2",
            arguments: &[("expression", "a date, or a timestamp in UTC")],
        }
        .build(),
    }
    .udf()
}

fn extract(arguments: &[ArrayRef], part: DatePart) -> Result<ArrayRef> {
    if arguments[0].data_type() == &DataType::Null {
        return Ok(arrow::array::new_null_array(&DataType::Int64, arguments[0].len()));
    }
    // All timestamps are UTC.
    Ok(cast(&date_part(&arguments[0], part)?, &DataType::Int64)?)
}

fn extract_weekday(arguments: &[ArrayRef]) -> Result<ArrayRef> {
    if arguments[0].data_type() == &DataType::Null {
        return extract(arguments, DatePart::Year);
    }
    let from_monday = date_part(&arguments[0], DatePart::DayOfWeekMonday0)?;
    let days = from_monday.as_primitive::<Int32Type>().iter().map(|day| day.map(|day| i64::from(day) + 1));
    Ok(Arc::new(days.collect::<Int64Array>()))
}
