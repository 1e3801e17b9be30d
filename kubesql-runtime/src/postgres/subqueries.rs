//! Plans of the catalog that DataFusion would refuse: parts without rows, and subqueries of one row by their nature.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, JoinType};
use datafusion::error::Result;
use datafusion::functions_aggregate::expr_fn::first_value;
use datafusion::logical_expr::expr_rewriter::{FunctionRewrite, NamePreserver};
use datafusion::logical_expr::{
    Aggregate, EmptyRelation, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Projection, Subquery, lit,
};
use datafusion::optimizer::AnalyzerRule;
use datafusion::scalar::ScalarValue;

/// Removes the parts of a plan that have no rows whatever the other tables have, with all that is computed from them.
///
/// Clients ask for indexes, constraints, policies and more, often in SQL that has no plan. The rule runs before types are
/// checked.
#[derive(Debug)]
pub(crate) struct EmptyParts;

impl AnalyzerRule for EmptyParts {
    fn name(&self) -> &'static str {
        "empty_parts"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(without_empty_parts(plan)?.data)
    }
}

fn without_empty_parts(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    if !plan.exists(|plan| Ok(matches!(plan, LogicalPlan::EmptyRelation(relation) if !relation.produce_one_row)))? {
        return Ok(Transformed::no(plan));
    }
    plan.transform_down(|plan| match plan {
        LogicalPlan::EmptyRelation(_) => Ok(Transformed::no(plan)),
        plan if is_empty(&plan) => {
            let empty = EmptyRelation { produce_one_row: false, schema: Arc::clone(plan.schema()) };
            Ok(Transformed::yes(LogicalPlan::EmptyRelation(empty)))
        }
        LogicalPlan::Aggregate(of) if is_empty(&of.input) => without_arguments(of),
        plan => Ok(Transformed::no(plan)),
    })
}

/// Aggregates of no rows, whatever they would be computed from.
fn without_arguments(of: Aggregate) -> Result<Transformed<LogicalPlan>> {
    let schema = Arc::clone(of.input.schema());
    let plan = LogicalPlan::Aggregate(of);
    let names = NamePreserver::new(&plan);
    plan.map_expressions(|expr| {
        let name = names.save(&expr);
        let expr = expr.transform_down(|expr| match expr {
            Expr::AggregateFunction(mut of) => {
                // The others may have to be literals.
                if let Some(argument) = of.params.args.first_mut() {
                    *argument = Expr::Literal(ScalarValue::try_from(&argument.get_type(&schema)?)?, None);
                }
                (of.params.order_by, of.params.filter) = (Vec::new(), None);
                Ok(Transformed::new(Expr::AggregateFunction(of), true, TreeNodeRecursion::Jump))
            }
            other => Ok(Transformed::no(other)),
        })?;
        Ok(expr.update_data(|expr| name.restore(expr)))
    })
}

/// The same for subqueries. Correlated ones of one value are limited to one row.
///
/// PostgreSQL fails when such a subquery gives several rows. DataFusion wants to know before that it gives one, which a
/// query of the catalog does by its nature.
#[derive(Debug)]
pub(super) struct Subqueries;

impl FunctionRewrite for Subqueries {
    fn name(&self) -> &'static str {
        "catalog_subqueries"
    }

    fn rewrite(&self, expr: Expr, _: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        match expr {
            Expr::ScalarSubquery(of) => scalar(of).map(Transformed::yes),
            Expr::Exists(of) if is_empty(&of.subquery.subquery) => Ok(Transformed::yes(lit(of.negated))),
            Expr::InSubquery(of) if is_empty(&of.subquery.subquery) => Ok(Transformed::yes(lit(of.negated))),
            other => Ok(Transformed::no(other)),
        }
    }
}

fn scalar(of: Subquery) -> Result<Expr> {
    let Transformed { data: plan, transformed, .. } = without_empty_parts(LogicalPlan::clone(&of.subquery))?;
    if is_empty(&plan) {
        return Ok(Expr::Literal(ScalarValue::try_from(plan.schema().field(0).data_type())?, None));
    }
    let outer_ref_columns = if transformed { plan.all_out_ref_exprs() } else { of.outer_ref_columns.clone() };
    let of = Subquery { outer_ref_columns, ..of.with_plan(Arc::new(plan)) };
    let is_limited = of.outer_ref_columns.is_empty() || !may_have_several_rows(&of.subquery)?;
    Ok(Expr::ScalarSubquery(if is_limited { of } else { first_row(of)? }))
}

/// Whether a plan has no rows whatever its tables have.
fn is_empty(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::EmptyRelation(relation) => !relation.produce_one_row,
        LogicalPlan::Aggregate(aggregate) => !aggregate.group_expr.is_empty() && is_empty(&aggregate.input),
        LogicalPlan::Join(join) => match join.join_type {
            JoinType::Inner | JoinType::LeftSemi | JoinType::RightSemi => is_empty(&join.left) || is_empty(&join.right),
            JoinType::Left | JoinType::LeftAnti | JoinType::LeftMark => is_empty(&join.left),
            JoinType::Right | JoinType::RightAnti | JoinType::RightMark => is_empty(&join.right),
            JoinType::Full => is_empty(&join.left) && is_empty(&join.right),
        },
        LogicalPlan::Projection(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Window(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Distinct(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Subquery(_)
        | LogicalPlan::Unnest(_)
        | LogicalPlan::Union(_) => plan.inputs().into_iter().all(is_empty),
        _ => false,
    }
}

/// Whether a plan reads the catalog, and as far as DataFusion can tell, may have several rows.
fn may_have_several_rows(plan: &LogicalPlan) -> Result<bool> {
    if plan.max_rows().is_some_and(|rows| rows <= 1) {
        return Ok(false);
    }
    let mut reads_catalog = false;
    let is_grouped = plan.exists(|plan| {
        if let LogicalPlan::TableScan(scan) = plan {
            reads_catalog |= scan.table_name.table().starts_with("pg_");
        }
        Ok(matches!(plan, LogicalPlan::Aggregate(_)))
    })?;
    Ok(reads_catalog && !is_grouped)
}

/// The first row of a subquery of one column.
fn first_row(of: Subquery) -> Result<Subquery> {
    let name = of.subquery.schema().field(0).name().clone();
    let (value, input) = match &*of.subquery {
        LogicalPlan::Projection(Projection { expr, input, .. }) if expr.len() == 1 => {
            (expr[0].clone().unalias(), LogicalPlan::clone(input))
        }
        plan => (Expr::Column(Column::from(plan.schema().qualified_field(0))), plan.clone()),
    };
    let first = first_value(value, Vec::new());
    let column = first.schema_name().to_string();
    let plan = LogicalPlanBuilder::from(input)
        .aggregate(Vec::<Expr>::new(), [first])?
        .project([Expr::Column(Column::new_unqualified(column)).alias(name)])?
        .build()?;
    Ok(Subquery { subquery: Arc::new(plan), ..of })
}
