//! Columns for the keys of maps that subqueries return.
//!
//! A call of [`MapKey`](crate::sql::functions::map_key::MapKey) over a column is replaced by a hidden column. Every
//! node between the call and the source of the map passes the column on. The scan of a table then provides it like any
//! other key. The pass precedes the decorrelation of subqueries, which pulls up only conditions on columns.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, LogicalPlan, Projection, Subquery, SubqueryAlias};

use crate::sql::functions::map_key::{map_and_key, map_key};
use crate::sql::rewrite::hidden::{hidden, without_marks};

/// The columns that replace calls, by the column and the key of the call.
type Columns = HashMap<(Column, String), Column>;

/// Replaces the calls for keys of maps in a plan by columns.
pub(crate) fn provide_keys(plan: LogicalPlan) -> Result<LogicalPlan> {
    let mut has_calls = false;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            has_calls = has_calls || expr.exists(|expr| Ok(map_and_key(expr).is_some()))?;
            Ok(if has_calls { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })
    })?;
    if !has_calls {
        return Ok(plan);
    }
    Ok(plan.transform_down_with_subqueries(rewrite)?.data)
}

fn rewrite(node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let mut calls = Vec::new();
    for expr in node.expressions() {
        find_calls(&expr, &mut calls)?;
    }
    let mut inputs: Vec<LogicalPlan> = node.inputs().into_iter().cloned().collect();
    let mut columns = Columns::new();
    for Call { column, key, is_outer } in calls {
        let Some(input) = inputs.iter_mut().find(|input| input.schema().has_column(&column)) else { continue };
        if matches!(node, LogicalPlan::Projection(_)) && !is_outer && !passes_on(input, &column)? {
            // The projection can compute the key itself. A subquery would be decorrelated by the whole map.
            continue;
        }
        if !columns.contains_key(&(column.clone(), key.clone())) {
            let (plan, provided) = provide_key(input.clone(), &column, &key)?;
            *input = plan;
            columns.insert((column, key), provided);
        }
    }
    if columns.is_empty() {
        return Ok(Transformed::no(node));
    }
    let names = NamePreserver::new(&node);
    let exprs = node.expressions().into_iter().map(|expr| {
        let name = names.save(&expr);
        Ok(name.restore(replace_calls(expr, &columns)?))
    });
    let exprs = exprs.collect::<Result<Vec<Expr>>>()?;
    let schema = Arc::clone(node.schema());
    let rewritten = node.with_new_exprs(exprs, inputs)?;
    let rewritten = if rewritten.schema().fields().len() == schema.fields().len() {
        rewritten
    } else {
        let columns = schema.iter().map(Expr::from).collect();
        LogicalPlan::Projection(Projection::try_new(columns, Arc::new(rewritten))?)
    };
    Ok(Transformed::yes(rewritten))
}

/// A call over a column of a node's input.
struct Call {
    column: Column,
    key: String,
    /// Whether the column is an outer reference in a subquery.
    is_outer: bool,
}

/// Finds calls over columns of a node's inputs, also as outer references in subqueries.
fn find_calls(expr: &Expr, calls: &mut Vec<Call>) -> Result<()> {
    expr.apply(|expr| {
        if let Some((Expr::Column(column), key)) = map_and_key(expr) {
            calls.push(Call { column: column.clone(), key: key.to_owned(), is_outer: false });
        }
        if let Some(subquery) = subquery_of(expr) {
            subquery.subquery.apply_with_subqueries(|node| {
                node.apply_expressions(|expr| {
                    expr.apply(|expr| {
                        if let Some((Expr::OuterReferenceColumn(_, column), key)) = map_and_key(expr) {
                            calls.push(Call { column: column.clone(), key: key.to_owned(), is_outer: true });
                        }
                        Ok(TreeNodeRecursion::Continue)
                    })
                })
            })?;
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}

fn subquery_of(expr: &Expr) -> Option<&Subquery> {
    match expr {
        Expr::Exists(Exists { subquery, .. })
        | Expr::InSubquery(InSubquery { subquery, .. })
        | Expr::ScalarSubquery(subquery) => Some(subquery),
        _ => None,
    }
}

/// Replaces calls by columns.
fn replace_calls(expr: Expr, columns: &Columns) -> Result<Expr> {
    let replaced = expr.transform_down(|expr| {
        if let Some((Expr::Column(column), key)) = map_and_key(&expr)
            && let Some(provided) = columns.get(&(column.clone(), key.to_owned()))
        {
            return Ok(Transformed::yes(Expr::Column(provided.clone())));
        }
        Ok(match expr {
            Expr::Exists(Exists { subquery, negated }) => {
                Transformed::yes(Expr::Exists(Exists { subquery: replace_outer_calls(subquery, columns)?, negated }))
            }
            Expr::InSubquery(InSubquery { expr, subquery, negated }) => {
                let subquery = replace_outer_calls(subquery, columns)?;
                Transformed::yes(Expr::InSubquery(InSubquery { expr, subquery, negated }))
            }
            Expr::ScalarSubquery(subquery) => {
                Transformed::yes(Expr::ScalarSubquery(replace_outer_calls(subquery, columns)?))
            }
            other => Transformed::no(other),
        })
    });
    Ok(replaced?.data)
}

/// Replaces the calls over outer references in a subquery.
fn replace_outer_calls(subquery: Subquery, columns: &Columns) -> Result<Subquery> {
    let Subquery { subquery, mut outer_ref_columns, spans } = subquery;
    let rewritten = Arc::unwrap_or_clone(subquery).transform_down_with_subqueries(|node| {
        let names = NamePreserver::new(&node);
        node.map_expressions(|expr| {
            let name = names.save(&expr);
            let replaced = expr.transform_down(|expr| {
                let Some((Expr::OuterReferenceColumn(_, column), key)) = map_and_key(&expr) else {
                    return Ok(Transformed::no(expr));
                };
                let Some(provided) = columns.get(&(column.clone(), key.to_owned())) else {
                    return Ok(Transformed::no(expr));
                };
                let field = map_key_field(&expr)?;
                let outer = Expr::OuterReferenceColumn(field, provided.clone());
                if !outer_ref_columns.contains(&outer) {
                    outer_ref_columns.push(outer.clone());
                }
                Ok(Transformed::yes(outer))
            })?;
            Ok(replaced.update_data(|expr| name.restore(expr)))
        })
    })?;
    Ok(Subquery { subquery: Arc::new(rewritten.data), outer_ref_columns, spans })
}

/// The field of a call over an outer reference.
fn map_key_field(call: &Expr) -> Result<arrow::datatypes::FieldRef> {
    use datafusion::logical_expr::ExprSchemable;
    Ok(call.to_field(&datafusion::common::DFSchema::empty())?.1)
}

/// Whether a node passes on a column of its input unchanged.
fn passes_on(plan: &LogicalPlan, column: &Column) -> Result<bool> {
    Ok(match plan {
        LogicalPlan::Projection(projection) => {
            let position = projection.schema.index_of_column(column)?;
            matches!(projection.expr[position].clone().unalias(), Expr::Column(_))
        }
        LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Join(_) => true,
        _ => false,
    })
}

/// Adds a column with a key of one of a plan's map columns. Returns the new plan and the column.
fn provide_key(plan: LogicalPlan, map: &Column, key: &str) -> Result<(LogicalPlan, Column)> {
    let name = hidden(&format!("{}.{key}", without_marks(&map.name)));
    let column = Column::new(map.relation.clone(), &name);
    if plan.schema().has_column(&column) {
        return Ok((plan, column));
    }
    let position = plan.schema().index_of_column(map)?;
    match plan {
        LogicalPlan::SubqueryAlias(SubqueryAlias { input, alias, .. }) => {
            let inner = Column::from(input.schema().qualified_field(position));
            let (input, provided) = provide_key(Arc::unwrap_or_clone(input), &inner, key)?;
            let plan = SubqueryAlias::try_new(Arc::new(input), alias.clone())?;
            Ok((LogicalPlan::SubqueryAlias(plan), Column::new(Some(alias), provided.name)))
        }
        LogicalPlan::Projection(Projection { mut expr, input, .. })
            if matches!(expr[position].clone().unalias(), Expr::Column(_)) =>
        {
            let Expr::Column(inner) = expr[position].clone().unalias() else {
                return datafusion::common::internal_err!("the expression is not a column");
            };
            let inner_key =
                Column::new(inner.relation.clone(), hidden(&format!("{}.{key}", without_marks(&inner.name))));
            let (input, value) = if input.schema().has_column(&inner_key) || passes_on(&input, &inner)? {
                let (input, provided) = provide_key(Arc::unwrap_or_clone(input), &inner, key)?;
                (Arc::new(input), Expr::Column(provided))
            } else {
                // All keys share one projection: nested projections would be rewritten without end.
                (input, map_key(Expr::Column(inner), key))
            };
            expr.push(value.alias_qualified(map.relation.clone(), &name));
            Ok((LogicalPlan::Projection(Projection::try_new(expr, input)?), column))
        }
        LogicalPlan::Filter(_) | LogicalPlan::Sort(_) | LogicalPlan::Limit(_) | LogicalPlan::Join(_) => {
            let mut inputs: Vec<LogicalPlan> = plan.inputs().into_iter().cloned().collect();
            let mut provided = column;
            if let Some(input) = inputs.iter_mut().find(|input| input.schema().has_column(map)) {
                let (plan, column) = provide_key(input.clone(), map, key)?;
                (*input, provided) = (plan, column);
            }
            Ok((plan.with_new_exprs(plan.expressions(), inputs)?, provided))
        }
        other => {
            let mut exprs: Vec<Expr> = other.schema().iter().map(Expr::from).collect();
            exprs.push(map_key(Expr::Column(map.clone()), key).alias_qualified(map.relation.clone(), &name));
            Ok((LogicalPlan::Projection(Projection::try_new(exprs, Arc::new(other))?), column))
        }
    }
}
