//! Comparisons of intervals.
//!
//! DataFusion 55.2.0 compares intervals by months, then days, then nanoseconds, so 30 hours are less than a day:
//! <https://github.com/apache/datafusion/issues/8468>. It converts durations to intervals of nanoseconds, so
//! `now() - starttime > interval '1 day'` is never true. This rule compares lengths, as PostgreSQL does.

use arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{Between, BinaryExpr, Expr, ExprSchemable, Operator};

use crate::sql::functions::interval_length;

/// Replaces the operands of comparisons of intervals by their lengths.
#[derive(Debug)]
pub(crate) struct CompareIntervals;

impl FunctionRewrite for CompareIntervals {
    fn name(&self) -> &'static str {
        "compare_intervals"
    }

    fn rewrite(&self, expr: Expr, schema: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        let is_interval =
            |expr: &Expr| matches!(expr.get_type(schema), Ok(DataType::Interval(_) | DataType::Duration(_)));
        let length = |expr: Box<Expr>| Box::new(interval_length(*expr, schema));
        Ok(match expr {
            Expr::BinaryExpr(BinaryExpr { left, op, right })
                if is_comparison(op) && (is_interval(&left) || is_interval(&right)) =>
            {
                Transformed::yes(Expr::BinaryExpr(BinaryExpr::new(length(left), op, length(right))))
            }
            Expr::Between(Between { expr, negated, low, high })
                if [&expr, &low, &high].into_iter().any(|expr| is_interval(expr)) =>
            {
                Transformed::yes(Expr::Between(Between {
                    expr: length(expr),
                    negated,
                    low: length(low),
                    high: length(high),
                }))
            }
            other => Transformed::no(other),
        })
    }
}

fn is_comparison(op: Operator) -> bool {
    use Operator::{Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom)
}

#[cfg(test)]
mod tests {
    use crate::sql::upstream::plain_datafusion;

    #[tokio::test]
    async fn upstream_compares_by_months_first() {
        let longer = plain_datafusion("select interval '30 hours' > interval '1 day'").await;
        assert_eq!(longer, "false", "fixed upstream: remove this file");
    }
}
