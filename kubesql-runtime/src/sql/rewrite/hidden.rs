//! Hidden columns: those that are there only because a statement mentions a key, a condition or `object`.
//!
//! They are part of a table's schema, so that they are found, pushed down and joined by like any other, and pass through
//! `*` of subqueries. The statement's answer leaves them out.

use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};

/// Stands at both ends of a hidden column's name, and nowhere else in a name: invisible where it is seen after all.
const HIDDEN: char = '\u{2063}';

/// The name of the hidden column for a key, a condition or `object`.
pub(crate) fn hidden(name: &str) -> String {
    format!("{HIDDEN}{name}{HIDDEN}")
}

/// Whether a column is there only because the statement mentions it. DataFusion puts `:1` after the names of columns
/// that a subquery has twice.
pub(crate) fn is_hidden(name: &str) -> bool {
    let inner = name.strip_prefix(HIDDEN).and_then(|rest| rest.split_once(HIDDEN));
    inner.is_some_and(|(_, rest)| rest.is_empty() || rest.strip_prefix(':').is_some_and(|n| n.parse::<usize>().is_ok()))
}

/// A text without the marks of hidden columns.
pub(crate) fn without_marks(text: &str) -> String {
    text.replace(HIDDEN, "")
}

/// Leaves hidden columns out of a statement's answer.
pub(crate) fn without_hidden(plan: LogicalPlan) -> Result<LogicalPlan> {
    if !plan.schema().fields().iter().any(|field| is_hidden(field.name())) {
        return Ok(plan);
    }
    let shown = plan.schema().iter().filter(|(_, field)| !is_hidden(field.name())).map(Expr::from);
    let shown: Vec<Expr> = shown.collect();
    LogicalPlanBuilder::from(plan).project(shown)?.build()
}
