//! Lateral joins with unnested lists: `FROM pods p, jsonb_each_text(p.labels) l`.
//!
//! DataFusion plans such a join as a subquery over one empty row that refers to columns of the left side, which it
//! cannot run. This rule evaluates the expressions of the subquery over the left side instead. It runs before type
//! checking.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, JoinType, TableReference};
use datafusion::error::Result;
use datafusion::logical_expr::logical_plan::{Join, Subquery, SubqueryAlias, Unnest};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::optimizer::AnalyzerRule;

/// The qualifier of the subquery's columns while they are beside those of the left side.
const LATERAL: &str = "\u{2063}lateral";

/// Replaces lateral joins with unnested lists.
#[derive(Debug)]
pub(crate) struct LateralUnnest;

impl AnalyzerRule for LateralUnnest {
    fn name(&self) -> &'static str {
        "lateral_unnest"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(plan.transform_up_with_subqueries(replace)?.data)
    }
}

fn replace(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let LogicalPlan::Join(join) = &plan else { return Ok(Transformed::no(plan)) };
    let (subquery, alias) = match &*join.right {
        LogicalPlan::SubqueryAlias(SubqueryAlias { input, alias, .. }) => (&**input, Some(alias.clone())),
        other => (other, None),
    };
    let LogicalPlan::Subquery(Subquery { subquery, .. }) = subquery else { return Ok(Transformed::no(plan)) };
    if join.join_type != JoinType::Inner || !join.on.is_empty() || !is_over_empty_row(subquery) {
        return Ok(Transformed::no(plan));
    }
    let replaced = evaluate_over(join, subquery, alias)?;
    Ok(Transformed::yes(replaced))
}

/// Whether a plan only computes columns of one empty row.
fn is_over_empty_row(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::EmptyRelation(relation) => relation.produce_one_row,
        LogicalPlan::Projection(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Unnest(_)
        | LogicalPlan::SubqueryAlias(_) => plan.inputs().into_iter().all(is_over_empty_row),
        LogicalPlan::Subquery(subquery) => is_over_empty_row(&subquery.subquery),
        _ => false,
    }
}

/// The rows of a join, with the subquery of its right side evaluated over the left side.
fn evaluate_over(join: &Join, subquery: &LogicalPlan, alias: Option<TableReference>) -> Result<LogicalPlan> {
    let Evaluated { plan, columns } = evaluate(subquery, &join.left, false)?;
    let left = join.left.schema().iter().map(Expr::from);
    let right = columns.into_iter().zip(subquery.schema().iter()).map(|(column, (qualifier, field))| {
        let qualifier = alias.clone().or_else(|| qualifier.cloned());
        Expr::Column(column).alias_qualified(qualifier, field.name())
    });
    let mut builder = LogicalPlanBuilder::from(plan).project(left.chain(right))?;
    if let Some(filter) = &join.filter {
        builder = builder.filter(filter.clone())?;
    }
    builder.build()
}

/// A plan with the columns of the left side and those of the subquery.
struct Evaluated {
    plan: LogicalPlan,
    /// The columns of the subquery, in order.
    columns: Vec<Column>,
}

/// Evaluates a plan of one empty row over the left side. Columns that are unnested keep their names.
fn evaluate(plan: &LogicalPlan, left: &Arc<LogicalPlan>, is_unnested: bool) -> Result<Evaluated> {
    match plan {
        LogicalPlan::EmptyRelation(_) => Ok(Evaluated { plan: LogicalPlan::clone(left), columns: Vec::new() }),
        LogicalPlan::Projection(projection) => {
            let input = evaluate(&projection.input, left, false)?;
            let schema = projection.input.schema();
            let qualifier = (!is_unnested).then(|| TableReference::bare(LATERAL));
            let mut columns = Vec::new();
            let mut exprs: Vec<Expr> = left.schema().iter().map(Expr::from).collect();
            for (expr, (_, field)) in projection.expr.iter().zip(projection.schema.iter()) {
                let value = over_left(expr.clone().unalias(), schema, &input.columns)?;
                exprs.push(value.alias_qualified(qualifier.clone(), field.name()));
                columns.push(Column::new(qualifier.clone(), field.name()));
            }
            Ok(Evaluated { plan: LogicalPlanBuilder::from(input.plan).project(exprs)?.build()?, columns })
        }
        LogicalPlan::Filter(filter) => {
            let input = evaluate(&filter.input, left, false)?;
            let condition = over_left(filter.predicate.clone(), filter.input.schema(), &input.columns)?;
            let plan = LogicalPlanBuilder::from(input.plan).filter(condition)?.build()?;
            Ok(Evaluated { plan, columns: input.columns })
        }
        LogicalPlan::Unnest(Unnest { input, exec_columns, options, schema, .. }) => {
            let evaluated = evaluate(input, left, true)?;
            let plan = LogicalPlanBuilder::from(evaluated.plan);
            let plan = plan.unnest_columns_with_options(exec_columns.clone(), options.clone())?.build()?;
            Ok(Evaluated { plan, columns: schema.columns() })
        }
        LogicalPlan::SubqueryAlias(SubqueryAlias { input, .. }) => evaluate(input, left, is_unnested),
        LogicalPlan::Subquery(Subquery { subquery, .. }) => evaluate(subquery, left, is_unnested),
        other => datafusion::common::internal_err!("{} in a lateral subquery", other.display()),
    }
}

/// Replaces the columns of an expression: outer references by columns of the left side, others by their new columns.
fn over_left(expr: Expr, schema: &DFSchema, columns: &[Column]) -> Result<Expr> {
    let replaced = expr.transform(|expr| match expr {
        Expr::OuterReferenceColumn(_, column) => Ok(Transformed::yes(Expr::Column(column))),
        Expr::Column(column) => {
            let at = schema.index_of_column(&column)?;
            Ok(Transformed::yes(Expr::Column(columns[at].clone())))
        }
        other => Ok(Transformed::no(other)),
    })?;
    Ok(replaced.data)
}
