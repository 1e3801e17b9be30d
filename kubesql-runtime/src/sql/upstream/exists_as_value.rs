//! `EXISTS` outside of filters, as in `SELECT EXISTS (SELECT ...)`.
//!
//! DataFusion 55.2.0 plans `EXISTS` in filters only: <https://github.com/apache/datafusion/issues/23022>, fixed by
//! <https://github.com/apache/datafusion/pull/24972>.

use datafusion::common::Column;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::functions_aggregate::count::count_all;
use datafusion::logical_expr::expr::Exists;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit};
use datafusion::optimizer::AnalyzerRule;

/// Replaces `EXISTS` outside of filters by a scalar subquery that counts rows.
#[derive(Debug)]
pub(crate) struct ExistsAsValue;

impl AnalyzerRule for ExistsAsValue {
    fn name(&self) -> &'static str {
        "exists_as_value"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|plan| {
            if matches!(plan, LogicalPlan::Filter(_) | LogicalPlan::Join(_)) {
                return Ok(Transformed::no(plan));
            }
            let names = NamePreserver::new(&plan);
            plan.map_expressions(|expr| {
                let name = names.save(&expr);
                let expr = expr.transform_up(|expr| match expr {
                    Expr::Exists(exists) => row_count_check(exists).map(Transformed::yes),
                    other => Ok(Transformed::no(other)),
                })?;
                Ok(expr.update_data(|expr| name.restore(expr)))
            })
        })
        .map(|plan| plan.data)
    }
}

/// Returns a scalar subquery that is true if the subquery has rows.
fn row_count_check(Exists { subquery, negated }: Exists) -> Result<Expr> {
    // The order of the rows does not matter. No limit is added, because it would hide conditions on the outer query.
    let mut rows = &subquery.subquery;
    while let LogicalPlan::Sort(sort) = &**rows {
        rows = &sort.input;
    }
    let count = count_all();
    let column = Expr::Column(Column::new_unqualified(count.schema_name().to_string()));
    let has_rows = if negated { column.eq(lit(0_i64)) } else { column.gt(lit(0_i64)) };
    let plan = LogicalPlanBuilder::from(LogicalPlan::clone(rows))
        .aggregate(Vec::<Expr>::new(), [count])?
        .project([has_rows.alias("exists")])?
        .build()?;
    Ok(Expr::ScalarSubquery(subquery.with_plan(plan.into())))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::execution::SessionStateBuilder;
    use datafusion::prelude::SessionContext;

    use super::ExistsAsValue;

    const SQL: &str = "select exists (select 1 from (values (1)) t(x) where x = y), y from (values (1), (2)) u(y)";

    /// Once this fails, remove the rule.
    #[tokio::test]
    async fn upstream_does_not_plan_exists_as_value() {
        let plan = SessionContext::new().sql(SQL).await.expect("a plan");
        let error = plan.collect().await.expect_err("it is not planned");
        assert!(error.to_string().contains("Exists"), "{error}");
    }

    #[tokio::test]
    async fn plans_exists_as_value() {
        let rule = Arc::new(ExistsAsValue);
        let state = SessionStateBuilder::new().with_default_features().with_analyzer_rule(rule).build();
        let context = SessionContext::new_with_state(state);
        let plan = context.sql(&format!("select * from ({SQL}) order by y")).await.expect("a plan");
        let rows = plan.collect().await.expect("rows");
        let text = arrow::util::pretty::pretty_format_batches(&rows).expect("text").to_string();
        let values: Vec<_> = text.lines().skip(3).map(|line| line.replace(' ', "")).collect();
        assert_eq!(values[..2], ["|true|1|", "|false|2|"], "{text}");
    }
}
