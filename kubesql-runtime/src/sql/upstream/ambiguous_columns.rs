//! Ambiguous columns of subqueries.
//!
//! If a subquery has two columns of the same name, DataFusion 55.2.0 renames the second to `name:1`, so `name` silently
//! refers to the first: <https://github.com/apache/datafusion/issues/21232>. PostgreSQL reports an ambiguous reference.
//! This check does the same.

use std::collections::HashSet;

use datafusion::common::Column;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, LogicalPlan};

use crate::sql::error::duplicate_column;

/// Rejects plans with a reference to an ambiguous column of a subquery.
pub(crate) fn reject(plan: &LogicalPlan) -> Result<()> {
    let mut ambiguous = HashSet::new();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::SubqueryAlias(subquery) = node {
            let mut names = Vec::new();
            find_renamed(&subquery.input, &mut names);
            ambiguous.extend(names.into_iter().map(|name| Column::new(Some(subquery.alias.clone()), name)));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    if ambiguous.is_empty() {
        return Ok(());
    }
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|expr| match expr {
                Expr::Column(column) | Expr::OuterReferenceColumn(_, column) if ambiguous.contains(column) => {
                    Err(DataFusionError::External(Box::new(duplicate_column(&column.name))))
                }
                _ => Ok(TreeNodeRecursion::Continue),
            })
        })
    })?;
    Ok(())
}

/// Collects the original names of the renamed columns that a plan returns.
fn find_renamed<'a>(plan: &'a LogicalPlan, names: &mut Vec<&'a str>) {
    match plan {
        LogicalPlan::Projection(projection) => {
            names.extend(projection.expr.iter().filter_map(original_name));
            if projection.expr.iter().all(|expr| matches!(expr, Expr::Column(_))) {
                find_renamed(&projection.input, names);
            }
        }
        LogicalPlan::Union(union) => {
            let mut seen = HashSet::new();
            let first = union.inputs.first().map(|input| input.schema().fields());
            let repeated = first.into_iter().flatten().filter(|field| !seen.insert(field.name()));
            names.extend(repeated.map(|field| field.name().as_str()));
            union.inputs.iter().for_each(|input| find_renamed(input, names));
        }
        LogicalPlan::Sort(_) | LogicalPlan::Limit(_) | LogicalPlan::Filter(_) | LogicalPlan::Distinct(_) => {
            plan.inputs().into_iter().for_each(|input| find_renamed(input, names))
        }
        _ => {}
    }
}

/// Returns the original name of a renamed column.
fn original_name(expr: &Expr) -> Option<&str> {
    let Expr::Alias(alias) = expr else { return None };
    let Expr::Column(column) = &*alias.expr else { return None };
    let count = alias.name.strip_prefix(&column.name)?.strip_prefix(':')?;
    count.parse::<usize>().ok().map(|_| column.name.as_str())
}

#[cfg(test)]
mod tests {
    use crate::sql::upstream::plain_datafusion;

    #[tokio::test]
    async fn upstream_takes_first_column_of_a_name() {
        let sql = "select k from (select * from (select 1 as k) a join (select 2 as k) b on true) x";
        assert_eq!(plain_datafusion(sql).await, "1", "fixed upstream: remove the check");
    }
}
