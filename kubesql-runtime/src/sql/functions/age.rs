//! `age(timestamp)`: the time since a timestamp, in years, months, days and parts of a day.

use std::sync::Arc;

use arrow::array::{AsArray, IntervalMonthDayNanoArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, IntervalMonthDayNano, IntervalUnit, TimeUnit, TimestampMicrosecondType};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, internal_err};
use datafusion::error::Result;
use datafusion::functions::datetime::now;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{Expr, ScalarUDF, Signature, TypeSignature, Volatility};

use super::{Doc, Function};

const DAY: i64 = 86_400_000_000;

pub(super) fn function() -> ScalarUDF {
    Function {
        name: "age",
        signature: Signature::one_of(vec![TypeSignature::Any(1), TypeSignature::Any(2)], Volatility::Immutable),
        returns: |arguments| {
            let interval = DataType::Interval(IntervalUnit::MonthDayNano);
            if arguments.iter().all(is_instant) { Ok(interval) } else { Err("one or two timestamps") }
        },
        run: |arguments| {
            let [later, earlier] = arguments else {
                return internal_err!("age was called without now()");
            };
            let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
            let (later, earlier) = (cast(later, &micros)?, cast(earlier, &micros)?);
            let later = later.as_primitive::<TimestampMicrosecondType>();
            let earlier = earlier.as_primitive::<TimestampMicrosecondType>();
            let ages = later.iter().zip(earlier).map(|(later, earlier)| {
                Some(difference(later?, earlier?))
            });
            Ok(Arc::new(ages.collect::<IntervalMonthDayNanoArray>()))
        },
        documentation: Doc {
            section: "Time and Date Functions",
            description: "Returns the time since a timestamp, or between two timestamps, in years, months, days and parts of a day. With one argument it counts from the start of the statement.",
            syntax: "age(timestamp[, earlier])",
            example: "select name, age(creationtimestamp) from pods where age(creationtimestamp) > interval '7 days'",
            arguments: &[("timestamp", "the start; with two arguments, the end"), ("earlier", "the start")],
        }
        .build(),
    }
    .udf()
}

/// Subtracts years, months, days and times of day one by one, and borrows days of the months that lie between.
fn difference(later: i64, earlier: i64) -> IntervalMonthDayNano {
    let (from, to, sign) = if later < earlier { (later, earlier, -1) } else { (earlier, later, 1) };
    let ((year, month, day), (last_year, last_month, last_day)) = (civil(from), civil(to));
    let mut micros = to.rem_euclid(DAY) - from.rem_euclid(DAY);
    let mut days = last_day - day;
    let mut months = (last_year - year) * 12 + last_month - month;
    if micros < 0 {
        micros += DAY;
        days -= 1;
    }
    if days < 0 {
        // PostgreSQL borrows the days of the first month, also for a negative result.
        days += days_of_month(year, month);
        months -= 1;
    }
    let fits = |number: i64| i32::try_from(number).unwrap_or(i32::MAX);
    IntervalMonthDayNano::new(fits(sign * months), fits(sign * days), i64::from(fits(sign)) * micros * 1000)
}

/// The year, month and day of a timestamp.
fn civil(micros: i64) -> (i64, i64, i64) {
    // Years are counted from March, so that a leap day is the last day.
    let shifted = micros.div_euclid(DAY) + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

fn days_of_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Rewrites `age(x)` to `age(now(), x)`, so that `now()` is the same throughout a statement.
#[derive(Debug)]
pub(super) struct SinceNow;

impl FunctionRewrite for SinceNow {
    fn name(&self) -> &'static str {
        "age_since_now"
    }

    fn rewrite(&self, expr: Expr, _: &DFSchema, options: &ConfigOptions) -> Result<Transformed<Expr>> {
        match expr {
            Expr::ScalarFunction(mut call)
                if call.args.len() == 1 && call.func.name() == "age" && call.func.inner().is::<Function>() =>
            {
                call.args.insert(0, now(options).call(Vec::new()));
                Ok(Transformed::yes(Expr::ScalarFunction(call)))
            }
            other => Ok(Transformed::no(other)),
        }
    }
}

fn is_instant(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 | DataType::Null)
}
