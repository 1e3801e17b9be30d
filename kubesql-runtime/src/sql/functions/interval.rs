//! `interval_nanoseconds(interval)`: the length of an interval, which comparisons of intervals use.

use std::sync::Arc;

use arrow::array::{AsArray, Decimal128Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, DurationNanosecondType, IntervalMonthDayNanoType, IntervalUnit, TimeUnit};
use datafusion::common::DFSchema;
use datafusion::error::Result;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{Expr, ExprSchemable, ScalarUDF, Signature, TypeSignature, Volatility, cast as cast_to};
use datafusion::sql::sqlparser::ast::BinaryOperator;

use super::{Doc, Function};

const INTERVAL: DataType = DataType::Interval(IntervalUnit::MonthDayNano);
const DAY: i128 = 86_400_000_000_000;
const MONTH: i128 = 30 * DAY;

pub(super) fn function() -> ScalarUDF {
    Function {
        name: "interval_nanoseconds",
        signature: Signature::one_of(vec![TypeSignature::Any(1)], Volatility::Immutable),
        returns: |arguments| match &arguments[0] {
            DataType::Interval(_) | DataType::Duration(_) | DataType::Null => Ok(DataType::Decimal128(38, 0)),
            _ => Err("an interval"),
        },
        run: |arguments| {
            let lengths: Decimal128Array = match arguments[0].data_type() {
                DataType::Duration(_) => {
                    let durations = cast(&arguments[0], &DataType::Duration(TimeUnit::Nanosecond))?;
                    durations.as_primitive::<DurationNanosecondType>().iter().map(|length| length.map(i128::from)).collect()
                }
                _ => {
                    let intervals = cast(&arguments[0], &INTERVAL)?;
                    let intervals = intervals.as_primitive::<IntervalMonthDayNanoType>();
                    let length = |interval: arrow::datatypes::IntervalMonthDayNano| {
                        i128::from(interval.months) * MONTH + i128::from(interval.days) * DAY + i128::from(interval.nanoseconds)
                    };
                    intervals.iter().map(|interval| interval.map(length)).collect()
                }
            };
            Ok(Arc::new(lengths.with_precision_and_scale(38, 0)?))
        },
        documentation: Doc {
            section: "Time and Date Functions",
            description: "Returns the length of an interval in nanoseconds, with months of 30 days and days of 24 hours. Comparisons of intervals use it implicitly.",
            syntax: "interval_nanoseconds(interval)",
            example: "select max(interval_nanoseconds(now() - starttime)) / 1e9 as seconds from pods",
            arguments: &[("interval", "an interval, or the difference of two timestamps")],
        }
        .build(),
    }
    .udf()
}

/// Casts texts that are compared with intervals to intervals: `age(starttime) > '1 day'`.
#[derive(Debug)]
pub(super) struct IntervalLiterals;

impl ExprPlanner for IntervalLiterals {
    fn plan_binary_op(&self, mut expr: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let is_comparison = matches!(
            expr.op,
            BinaryOperator::Eq
                | BinaryOperator::NotEq
                | BinaryOperator::Lt
                | BinaryOperator::LtEq
                | BinaryOperator::Gt
                | BinaryOperator::GtEq
        );
        if is_comparison {
            let is_interval =
                |expr: &Expr| matches!(expr.get_type(schema), Ok(DataType::Interval(_) | DataType::Duration(_)));
            let is_text = |expr: &Expr| {
                matches!(expr.get_type(schema), Ok(DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8))
            };
            if is_interval(&expr.left) && is_text(&expr.right) {
                expr.right = cast_to(expr.right, INTERVAL);
            } else if is_text(&expr.left) && is_interval(&expr.right) {
                expr.left = cast_to(expr.left, INTERVAL);
            }
        }
        Ok(PlannerResult::Original(expr))
    }
}

/// Returns the length of an interval, or of a text that is cast to an interval (`'1 day'`).
pub(crate) fn length(expr: Expr, schema: &DFSchema) -> Expr {
    let expr = match expr.get_type(schema) {
        Ok(DataType::Interval(_) | DataType::Duration(_)) => expr,
        _ => cast_to(expr, INTERVAL),
    };
    function().call(vec![expr])
}
