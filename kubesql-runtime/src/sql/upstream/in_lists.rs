//! Conditions with several lists of the same column: `x IN (1) AND x IN (2)`.
//!
//! DataFusion 55.2.0 merges the lists and replaces an empty one by false, which is wrong where `x` is NULL:
//! `NOT (x IN (1) AND x IN (2))` must not be true. See <https://github.com/apache/datafusion/pull/24258>. This rule makes
//! the operands of the lists differ, so that they are not merged.

use std::collections::HashMap;

use arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, LogicalPlan, Operator, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion::optimizer::AnalyzerRule;

/// Makes the operands of `IN` differ within an expression. Runs after type coercion.
#[derive(Debug)]
pub(crate) struct DistinctOperands;

impl AnalyzerRule for DistinctOperands {
    fn name(&self) -> &'static str {
        "distinct_in_operands"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|plan| {
            let names = NamePreserver::new(&plan);
            plan.map_expressions(|expr| {
                let name = names.save(&expr);
                Ok(with_distinct_operands(expr)?.update_data(|expr| name.restore(expr)))
            })
        })
        .map(|plan| plan.data)
    }
}

fn with_distinct_operands(expr: Expr) -> Result<Transformed<Expr>> {
    let mut counts: HashMap<Expr, usize> = HashMap::new();
    expr.apply(|expr| {
        let operand = match expr {
            Expr::InList(list) => Some(&*list.expr),
            // DataFusion makes a list of `x = 1 OR x = 2`.
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
                compared(left).filter(|operand| compared(right) == Some(operand))
            }
            _ => None,
        };
        if let Some(operand) = operand {
            *counts.entry(operand.clone()).or_default() += 1;
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    counts.retain(|_, count| *count > 1);
    if counts.is_empty() {
        return Ok(Transformed::no(expr));
    }
    let mut number = 0;
    let mut wrap = |operand: Box<Expr>| {
        number += 1;
        Box::new(ScalarUDF::new_from_impl(Same::new(number)).call(vec![*operand]))
    };
    expr.transform_up(|expr| {
        Ok(match expr {
            Expr::InList(InList { expr, list, negated }) if counts.contains_key(&*expr) => {
                Transformed::yes(Expr::InList(InList { expr: wrap(expr), list, negated }))
            }
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) if counts.contains_key(&*left) => {
                Transformed::yes(Expr::BinaryExpr(BinaryExpr { left: wrap(left), op: Operator::Eq, right }))
            }
            other => Transformed::no(other),
        })
    })
}

/// The column that an expression compares with a literal.
fn compared(expr: &Expr) -> Option<&Expr> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right })
            if matches!((&**left, &**right), (Expr::Column(_), Expr::Literal(..))) =>
        {
            Some(left)
        }
        // A chain of more than two comparisons.
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            compared(left).filter(|operand| compared(right) == Some(operand))
        }
        _ => None,
    }
}

/// Returns its argument. Functions with different numbers differ.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Same {
    number: usize,
    signature: Signature,
}

impl Same {
    fn new(number: usize) -> Self {
        Self { number, signature: Signature::any(1, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Same {
    fn name(&self) -> &'static str {
        "same"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(arguments[0].clone())
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(args.args.swap_remove(0))
    }
}

#[cfg(test)]
mod tests {
    use crate::sql::upstream::plain_datafusion;

    #[tokio::test]
    async fn upstream_ignores_null() {
        let sql = "select count(*) from (values (1), (null)) t(x) where not (x in (1) and x in (2))";
        assert_eq!(plain_datafusion(sql).await, "2", "fixed upstream: remove this file");
    }
}
