//! Finds the unnamed columns of a query, for protocols that name them by position.

use datafusion::logical_expr::{Distinct, Expr, LogicalPlan};

use crate::sql::rewrite::output_names::OutputNames;

/// The positions of the columns that a query gives no name. An EXPLAIN has none.
pub(crate) fn unnamed_columns(plan: &LogicalPlan, names: &OutputNames) -> Vec<usize> {
    if matches!(plan, LogicalPlan::Explain(_) | LogicalPlan::Analyze(_)) {
        return Vec::new();
    }
    (0..plan.schema().fields().len()).filter(|&at| !is_named(plan, at, names)).collect()
}

fn is_named(plan: &LogicalPlan, at: usize, names: &OutputNames) -> bool {
    match plan {
        LogicalPlan::Projection(projection) => is_expr_named(&projection.expr[at], &projection.input, names),
        LogicalPlan::Distinct(Distinct::On(on)) => is_expr_named(&on.select_expr[at], &on.input, names),
        LogicalPlan::Aggregate(aggregate) => {
            aggregate.group_expr.get(at).is_some_and(|expr| is_expr_named(expr, &aggregate.input, names))
        }
        LogicalPlan::Window(window) => {
            at < window.input.schema().fields().len() && is_named(&window.input, at, names)
        }
        LogicalPlan::Join(join) => {
            let left = join.left.schema().fields().len();
            if at < left { is_named(&join.left, at, names) } else { is_named(&join.right, at - left, names) }
        }
        LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Distinct(Distinct::All(_))
        // The first input gives the names.
        | LogicalPlan::Union(_)
        | LogicalPlan::RecursiveQuery(_) => plan.inputs().first().is_none_or(|input| is_named(input, at, names)),
        LogicalPlan::Values(_) => false,
        _ => true,
    }
}

fn is_expr_named(expr: &Expr, input: &LogicalPlan, names: &OutputNames) -> bool {
    match expr {
        Expr::Column(column) => {
            let at = input.schema().maybe_index_of_column(column);
            at.is_none_or(|at| at >= input.schema().fields().len() || is_named(input, at, names))
        }
        Expr::Alias(alias) => names.is_given(&alias.name),
        _ => false,
    }
}
