//! Comparing intervals and durations by their length.
//!
//! Arrow compares intervals by months, then days, then nanoseconds, so that 30 hours are less than
//! a day, and DataFusion makes intervals of durations to compare both: `now() - starttime > interval '1 day'`
//! would never hold. Here both sides of such a comparison become one number, as in PostgreSQL.

use std::sync::Arc;

use arrow::array::{AsArray, Decimal128Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, DurationNanosecondType, IntervalMonthDayNanoType, IntervalUnit, TimeUnit};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{
    Between, BinaryExpr, Expr, ExprSchemable, Operator, ScalarUDF, Signature, TypeSignature, Volatility,
    cast as cast_to,
};
use datafusion::sql::sqlparser::ast::BinaryOperator;

use super::{Doc, Function, age};

const INTERVAL: DataType = DataType::Interval(IntervalUnit::MonthDayNano);
const DAY: i128 = 86_400_000_000_000;
const MONTH: i128 = 30 * DAY;

pub(super) fn function() -> ScalarUDF {
    Function {
        name: "interval_nanoseconds",
        signature: Signature::one_of(vec![TypeSignature::Any(1)], Volatility::Immutable),
        returns: |arguments| match &arguments[0] {
            DataType::Interval(_) | DataType::Duration(_) | DataType::Null => Ok(DataType::Decimal128(38, 0)),
            other => plan_err!("interval_nanoseconds takes an interval, not {other}"),
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
            description: "The length of an interval in nanoseconds: months of 30 days, days of 24 hours. Comparisons of intervals use it of themselves.",
            syntax: "interval_nanoseconds(interval)",
            example: "select max(interval_nanoseconds(now() - starttime)) / 1e9 as seconds from pods",
            arguments: &[("interval", "an interval, or the difference of two timestamps")],
        }
        .build(),
    }
    .udf()
}

/// Makes comparisons of intervals compare their lengths, and gives `age` its `now()`.
#[derive(Debug)]
pub(super) struct Comparisons;

impl FunctionRewrite for Comparisons {
    fn name(&self) -> &'static str {
        "interval_comparisons"
    }

    fn rewrite(&self, expr: Expr, schema: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        let is_length =
            |expr: &Expr| matches!(expr.get_type(schema), Ok(DataType::Interval(_) | DataType::Duration(_)));
        Ok(match expr {
            Expr::BinaryExpr(BinaryExpr { left, op, right })
                if compares(op) && (is_length(&left) || is_length(&right)) =>
            {
                let (left, right) = (length(*left, schema), length(*right, schema));
                Transformed::yes(Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right))))
            }
            Expr::Between(Between { expr, negated, low, high })
                if [&expr, &low, &high].into_iter().any(|e| is_length(e)) =>
            {
                let [expr, low, high] = [expr, low, high].map(|expr| Box::new(length(*expr, schema)));
                Transformed::yes(Expr::Between(Between { expr, negated, low, high }))
            }
            Expr::ScalarFunction(call) => match age::since_now(&call) {
                Some(call) => Transformed::yes(call),
                None => Transformed::no(Expr::ScalarFunction(call)),
            },
            other => Transformed::no(other),
        })
    }
}

fn compares(op: Operator) -> bool {
    use Operator::{Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom)
}

impl ExprPlanner for Comparisons {
    /// A text beside an interval is one: `age(starttime) > '1 day'`.
    fn plan_binary_op(&self, mut expr: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let compares = matches!(
            expr.op,
            BinaryOperator::Eq
                | BinaryOperator::NotEq
                | BinaryOperator::Lt
                | BinaryOperator::LtEq
                | BinaryOperator::Gt
                | BinaryOperator::GtEq
        );
        if compares {
            let is_length =
                |expr: &Expr| matches!(expr.get_type(schema), Ok(DataType::Interval(_) | DataType::Duration(_)));
            let is_text = |expr: &Expr| {
                matches!(expr.get_type(schema), Ok(DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8))
            };
            if is_length(&expr.left) && is_text(&expr.right) {
                expr.right = cast_to(expr.right, INTERVAL);
            } else if is_text(&expr.left) && is_length(&expr.right) {
                expr.left = cast_to(expr.left, INTERVAL);
            }
        }
        Ok(PlannerResult::Original(expr))
    }
}

/// The length of an interval, or of a text that is one (`'1 day'`).
fn length(expr: Expr, schema: &DFSchema) -> Expr {
    let expr = match expr.get_type(schema) {
        Ok(DataType::Interval(_) | DataType::Duration(_)) => expr,
        _ => cast_to(expr, INTERVAL),
    };
    function().call(vec![expr])
}
