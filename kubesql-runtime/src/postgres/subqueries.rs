//! Rewrites catalog queries that DataFusion rejects: parts without rows, and scalar subqueries that return one row.

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

/// Removes the parts of a plan that never have rows, with all expressions that depend on them.
///
/// Clients query indexes, constraints, policies and more, often with SQL that DataFusion cannot plan. The rule runs
/// before type checking.
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
        LogicalPlan::Aggregate(aggregate) if is_empty(&aggregate.input) => without_arguments(aggregate),
        plan => Ok(Transformed::no(plan)),
    })
}

/// Replaces the arguments of aggregates of empty inputs by NULL.
fn without_arguments(aggregate: Aggregate) -> Result<Transformed<LogicalPlan>> {
    let schema = Arc::clone(aggregate.input.schema());
    let plan = LogicalPlan::Aggregate(aggregate);
    let names = NamePreserver::new(&plan);
    plan.map_expressions(|expr| {
        let name = names.save(&expr);
        let expr = expr.transform_down(|expr| match expr {
            Expr::AggregateFunction(mut function) => {
                // Other arguments may have to be literals.
                if let Some(argument) = function.params.args.first_mut() {
                    *argument = Expr::Literal(ScalarValue::try_from(&argument.get_type(&schema)?)?, None);
                }
                (function.params.order_by, function.params.filter) = (Vec::new(), None);
                Ok(Transformed::new(Expr::AggregateFunction(function), true, TreeNodeRecursion::Jump))
            }
            other => Ok(Transformed::no(other)),
        })?;
        Ok(expr.update_data(|expr| name.restore(expr)))
    })
}

/// Removes empty parts of subqueries, and limits correlated scalar subqueries to one row.
///
/// PostgreSQL fails at run time if such a subquery returns several rows. DataFusion requires a plan that returns at
/// most one row, which catalog queries do.
#[derive(Debug)]
pub(super) struct Subqueries;

impl FunctionRewrite for Subqueries {
    fn name(&self) -> &'static str {
        "catalog_subqueries"
    }

    fn rewrite(&self, expr: Expr, _: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        match expr {
            Expr::ScalarSubquery(subquery) => rewrite_scalar(subquery).map(Transformed::yes),
            Expr::Exists(exists) if is_empty(&exists.subquery.subquery) => Ok(Transformed::yes(lit(exists.negated))),
            Expr::InSubquery(list) if is_empty(&list.subquery.subquery) => Ok(Transformed::yes(lit(list.negated))),
            other => Ok(Transformed::no(other)),
        }
    }
}

fn rewrite_scalar(subquery: Subquery) -> Result<Expr> {
    let Transformed { data: plan, transformed, .. } = without_empty_parts(LogicalPlan::clone(&subquery.subquery))?;
    if is_empty(&plan) {
        return Ok(Expr::Literal(ScalarValue::try_from(plan.schema().field(0).data_type())?, None));
    }
    let outer_ref_columns = if transformed { plan.all_out_ref_exprs() } else { subquery.outer_ref_columns.clone() };
    let subquery = Subquery { outer_ref_columns, ..subquery.with_plan(Arc::new(plan)) };
    let is_limited = subquery.outer_ref_columns.is_empty() || !may_have_several_rows(&subquery.subquery)?;
    Ok(Expr::ScalarSubquery(if is_limited { subquery } else { first_row(subquery)? }))
}

/// Returns whether a plan never has rows.
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

/// Returns whether a plan reads the catalog and may have several rows according to DataFusion.
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

/// Limits a subquery of one column to its first row.
fn first_row(subquery: Subquery) -> Result<Subquery> {
    let name = subquery.subquery.schema().field(0).name().clone();
    let (value, input) = match &*subquery.subquery {
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
    Ok(Subquery { subquery: Arc::new(plan), ..subquery })
}
