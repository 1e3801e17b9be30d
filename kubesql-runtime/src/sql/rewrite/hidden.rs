//! Hidden columns, which a table has only because the statement refers to a key, a condition or `object`.
//!
//! They are part of the table's schema, so name resolution, pushdown and joins treat them like other columns, and `*`
//! of subqueries includes them. The result of the statement excludes them.

use datafusion::common::JoinConstraint;
use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};

/// Encloses the name of a hidden column and occurs in no other name. The character is invisible if it is displayed.
const HIDDEN: char = '\u{2063}';

/// Returns the name of the hidden column for a key, a condition or `object`.
pub(crate) fn hidden(name: &str) -> String {
    format!("{HIDDEN}{name}{HIDDEN}")
}

/// Returns whether a column is hidden. DataFusion appends `:1` to the names of duplicate columns of a subquery.
pub(crate) fn is_hidden(name: &str) -> bool {
    let inner = name.strip_prefix(HIDDEN).and_then(|rest| rest.split_once(HIDDEN));
    inner.is_some_and(|(_, rest)| rest.is_empty() || rest.strip_prefix(':').is_some_and(|n| n.parse::<usize>().is_ok()))
}

/// Removes the marks of hidden columns from a text.
pub(crate) fn without_marks(text: &str) -> String {
    text.replace(HIDDEN, "")
}

/// Removes hidden columns from the result of a statement.
pub(crate) fn without_hidden(plan: LogicalPlan) -> Result<LogicalPlan> {
    if !plan.schema().fields().iter().any(|field| is_hidden(field.name())) {
        return Ok(plan);
    }
    let shown = plan.schema().iter().filter(|(_, field)| !is_hidden(field.name())).map(Expr::from);
    let shown: Vec<Expr> = shown.collect();
    LogicalPlanBuilder::from(plan).project(shown)?.build()
}

/// Removes hidden columns from the keys of natural joins: only the columns of `*` are joined.
pub(crate) fn without_hidden_keys(plan: LogicalPlan) -> Result<LogicalPlan> {
    let is_shown = |expr: &Expr| !matches!(expr, Expr::Column(column) if is_hidden(&column.name));
    let plan = plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Join(mut join) if join.join_constraint == JoinConstraint::Using => {
            let keys = join.on.len();
            join.on.retain(|(left, right)| is_shown(left) && is_shown(right));
            let changed = join.on.len() < keys;
            Ok(Transformed::new_transformed(LogicalPlan::Join(join), changed))
        }
        other => Ok(Transformed::no(other)),
    })?;
    Ok(plan.data)
}
