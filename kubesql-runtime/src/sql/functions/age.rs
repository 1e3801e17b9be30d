//! `age(timestamp)`: the time since a timestamp, in days and parts of a day.

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
                let micros = later?.checked_sub(earlier?)?;
                let days = i32::try_from(micros / DAY).ok()?;
                Some(IntervalMonthDayNano::new(0, days, micros % DAY * 1000))
            });
            Ok(Arc::new(ages.collect::<IntervalMonthDayNanoArray>()))
        },
        documentation: Doc {
            section: "Time and Date Functions",
            description: "Returns the time since a timestamp, or between two timestamps, in days and parts of a day. It never uses months or years, whose lengths vary.",
            syntax: "age(timestamp[, earlier])",
            example: "select name, age(creationtimestamp) from pods where age(creationtimestamp) > interval '7 days'",
            arguments: &[("timestamp", "the start; with two arguments, the end"), ("earlier", "the start")],
        }
        .build(),
    }
    .udf()
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
