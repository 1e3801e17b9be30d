//! Columns for the keys of maps that come out of subqueries.
//!
//! A call of [`MapKey`](crate::sql::functions::map_key::MapKey) over a column becomes a hidden column, which every node between the call
//! and the place where the map comes from passes on. A table's scan then gives it like any other key. Before
//! subqueries are decorrelated, for DataFusion moves only conditions on columns out of them.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, LogicalPlan, Projection, Subquery, SubqueryAlias};

use crate::sql::functions::map_key::{map_and_key, map_key};
use crate::sql::rewrite::hidden::hidden;

/// The column and the key of a call, and the column that stands in its place.
type Columns = HashMap<(Column, String), Column>;

/// Makes columns of the keys of maps that a plan asks for.
pub(crate) fn provide_keys(plan: LogicalPlan) -> Result<LogicalPlan> {
    let mut asks = false;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            asks = asks || expr.exists(|expr| Ok(map_and_key(expr).is_some()))?;
            Ok(if asks { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })
    })?;
    if !asks {
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
    for (column, key) in calls {
        let Some(input) = inputs.iter_mut().find(|input| input.schema().has_column(&column)) else { continue };
        if matches!(node, LogicalPlan::Projection(_)) && !passes_on(input, &column)? {
            // It is found here as well as in a projection below.
            continue;
        }
        if !columns.contains_key(&(column.clone(), key.clone())) {
            let (plan, provided) = provide(input.clone(), &column, &key)?;
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
        Ok(name.restore(replace(expr, &columns)?))
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

/// The calls over columns of a node's inputs; in subqueries over those of the query around them.
fn find_calls(expr: &Expr, calls: &mut Vec<(Column, String)>) -> Result<()> {
    expr.apply(|expr| {
        if let Some((Expr::Column(column), key)) = map_and_key(expr) {
            calls.push((column.clone(), key.to_owned()));
        }
        if let Some(subquery) = subquery_of(expr) {
            subquery.subquery.apply_with_subqueries(|node| {
                node.apply_expressions(|expr| {
                    expr.apply(|expr| {
                        if let Some((Expr::OuterReferenceColumn(_, column), key)) = map_and_key(expr) {
                            calls.push((column.clone(), key.to_owned()));
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

/// Puts columns in the place of calls.
fn replace(expr: Expr, columns: &Columns) -> Result<Expr> {
    let replaced = expr.transform_down(|expr| {
        if let Some((Expr::Column(column), key)) = map_and_key(&expr)
            && let Some(provided) = columns.get(&(column.clone(), key.to_owned()))
        {
            return Ok(Transformed::yes(Expr::Column(provided.clone())));
        }
        Ok(match expr {
            Expr::Exists(Exists { subquery, negated }) => {
                Transformed::yes(Expr::Exists(Exists { subquery: replace_outer(subquery, columns)?, negated }))
            }
            Expr::InSubquery(InSubquery { expr, subquery, negated }) => {
                let subquery = replace_outer(subquery, columns)?;
                Transformed::yes(Expr::InSubquery(InSubquery { expr, subquery, negated }))
            }
            Expr::ScalarSubquery(subquery) => Transformed::yes(Expr::ScalarSubquery(replace_outer(subquery, columns)?)),
            other => Transformed::no(other),
        })
    });
    Ok(replaced?.data)
}

/// The same in a subquery, over columns of the query around it.
fn replace_outer(subquery: Subquery, columns: &Columns) -> Result<Subquery> {
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

/// The field of a call over a column of the query around it.
fn map_key_field(call: &Expr) -> Result<arrow::datatypes::FieldRef> {
    use datafusion::logical_expr::ExprSchemable;
    Ok(call.to_field(&datafusion::common::DFSchema::empty())?.1)
}

/// Whether a node gets a column from its inputs as it is.
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

/// A plan with the value under a key of one of its columns, and the column that has it.
fn provide(plan: LogicalPlan, map: &Column, key: &str) -> Result<(LogicalPlan, Column)> {
    let name = hidden(&format!("{}.{key}", map.name));
    let column = Column::new(map.relation.clone(), &name);
    if plan.schema().has_column(&column) {
        return Ok((plan, column));
    }
    let position = plan.schema().index_of_column(map)?;
    match plan {
        LogicalPlan::SubqueryAlias(SubqueryAlias { input, alias, .. }) => {
            let inner = Column::from(input.schema().qualified_field(position));
            let (input, provided) = provide(Arc::unwrap_or_clone(input), &inner, key)?;
            let plan = SubqueryAlias::try_new(Arc::new(input), alias.clone())?;
            Ok((LogicalPlan::SubqueryAlias(plan), Column::new(Some(alias), provided.name)))
        }
        LogicalPlan::Projection(Projection { mut expr, input, .. })
            if matches!(expr[position].clone().unalias(), Expr::Column(_)) =>
        {
            let Expr::Column(inner) = expr[position].clone().unalias() else {
                return datafusion::common::internal_err!("a column is one");
            };
            let there = Column::new(inner.relation.clone(), hidden(&format!("{}.{key}", inner.name)));
            let (input, value) = if input.schema().has_column(&there) || passes_on(&input, &inner)? {
                let (input, provided) = provide(Arc::unwrap_or_clone(input), &inner, key)?;
                (Arc::new(input), Expr::Column(provided))
            } else {
                // One projection for all keys: one above another would be rewritten without end.
                (input, map_key(Expr::Column(inner), key))
            };
            expr.push(value.alias_qualified(map.relation.clone(), &name));
            Ok((LogicalPlan::Projection(Projection::try_new(expr, input)?), column))
        }
        LogicalPlan::Filter(_) | LogicalPlan::Sort(_) | LogicalPlan::Limit(_) | LogicalPlan::Join(_) => {
            let mut inputs: Vec<LogicalPlan> = plan.inputs().into_iter().cloned().collect();
            let mut provided = column;
            if let Some(input) = inputs.iter_mut().find(|input| input.schema().has_column(map)) {
                let (plan, column) = provide(input.clone(), map, key)?;
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
