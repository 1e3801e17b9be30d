//! `age(timestamp)`: how long ago, in days and the rest.

use std::sync::Arc;

use arrow::array::{AsArray, IntervalMonthDayNanoArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, IntervalMonthDayNano, IntervalUnit, TimeUnit, TimestampMicrosecondType};
use datafusion::common::config::ConfigOptions;
use datafusion::common::plan_err;
use datafusion::functions::datetime::now;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Expr, ScalarUDF, Signature, TypeSignature, Volatility};

use super::{Doc, Function};

const DAY: i64 = 86_400_000_000;

pub(super) fn function() -> ScalarUDF {
    Function {
        name: "age",
        signature: Signature::one_of(vec![TypeSignature::Any(1), TypeSignature::Any(2)], Volatility::Immutable),
        returns: |arguments| match arguments.iter().find(|argument| !is_instant(argument)) {
            Some(other) => plan_err!("age takes timestamps, not {other}"),
            None => Ok(DataType::Interval(IntervalUnit::MonthDayNano)),
        },
        run: |arguments| {
            let [later, earlier] = arguments else {
                return plan_err!("age takes one or two timestamps");
            };
            let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
            let (later, earlier) = (cast(later, &micros)?, cast(earlier, &micros)?);
            let later = later.as_primitive::<TimestampMicrosecondType>();
            let earlier = earlier.as_primitive::<TimestampMicrosecondType>();
            let ages = later.iter().zip(earlier).map(|(later, earlier)| {
                let micros = later?.checked_sub(earlier?)?;
                let days = i32::try_from(micros / DAY).ok()?;
                Some(IntervalMonthDayNano::new(0, days, micros % DAY * 1000))
            });
            Ok(Arc::new(ages.collect::<IntervalMonthDayNanoArray>()))
        },
        documentation: Doc {
            section: "Time and Date Functions",
            description: "How long ago a timestamp is, or how long one is after another, in days and the rest of a day; never in months or years, whose lengths differ. Compares with intervals by its length.",
            syntax: "age(timestamp[, earlier])",
            example: "select name, age(creationtimestamp) from pods where age(creationtimestamp) > interval '7 days'",
            arguments: &[("timestamp", "since when; the later of both where there are two"), ("earlier", "the earlier one")],
        }
        .build(),
    }
    .udf()
}

/// `age(x)` is `age(now(), x)`, whose `now()` is the same in all of a statement.
pub(super) fn since_now(call: &ScalarFunction) -> Option<Expr> {
    let [since] = call.args.as_slice() else { return None };
    let ours = call.func.inner().is::<Function>() && call.func.name() == "age";
    ours.then(|| {
        Expr::ScalarFunction(ScalarFunction::new_udf(
            call.func.clone(),
            vec![now(&ConfigOptions::default()).call(Vec::new()), since.clone()],
        ))
    })
}

fn is_instant(of: &DataType) -> bool {
    matches!(of, DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 | DataType::Null)
}
