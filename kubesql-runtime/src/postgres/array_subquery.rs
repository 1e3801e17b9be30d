//! `ARRAY(SELECT x FROM ... ORDER BY y)`.

use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArgumentClause, GroupByExpr, OrderBy, OrderByExpr, OrderByKind, Query, SelectItem, SetExpr,
};

use super::build::{call_with, take_expr};
use crate::sql::error::{ErrorKind, SqlError};
use crate::sql::parse::identifiers::words;
use crate::sql::parse::syntax::{parse_expr, parse_query};
use crate::sql::parse::walk::{AstPass, walk};

/// Functions that do not return one value for each row of the subquery.
const SETS_AND_AGGREGATES: [&str; 12] = [
    "unnest",
    "generate_series",
    "count",
    "sum",
    "min",
    "max",
    "avg",
    "array_agg",
    "string_agg",
    "bool_and",
    "bool_or",
    "every",
];

/// Makes a query return the array of its values: `SELECT array_agg(x ORDER BY y) FROM ...`.
pub(super) fn rewrite(query: &mut Query) -> Result<(), SqlError> {
    let limited = query.limit_clause.is_some() || query.fetch.is_some();
    if let SetExpr::Select(select) = &mut *query.body
        && !limited
        && select.distinct.is_none()
        && matches!(&select.group_by, GroupByExpr::Expressions(exprs, _) if exprs.is_empty())
        && select.having.is_none()
        && let [SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }] = &mut select.projection[..]
        && !calls_set_or_aggregate(expr)
    {
        let mut clauses = Vec::new();
        if let Some(order) = query.order_by.take()
            && let OrderByKind::Expressions(mut by) = order.kind
        {
            // A position refers to the only column.
            by.iter_mut().filter(|by| matches!(by.expr, Expr::Value(_))).for_each(|by| by.expr = expr.clone());
            clauses.push(FunctionArgumentClause::OrderBy(by));
        }
        *expr = call_with("array_agg", vec![take_expr(expr)], clauses);
        return Ok(());
    }
    let with = query.with.take().map(|with| format!("{with} ")).unwrap_or_default();
    let order = match &query.order_by {
        Some(OrderBy { kind: OrderByKind::Expressions(by), .. }) => by.clone(),
        _ => Vec::new(),
    };
    let (columns, order) = match (&mut *query.body, order.as_slice()) {
        (_, []) => ("item", String::new()),
        (SetExpr::Select(select), _) if select.distinct.is_none() => {
            let mut order = order.clone();
            let Some(item) = select.projection.first() else { return Ok(()) };
            let (SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) = item else {
                return Err(unordered());
            };
            let value = expr.clone();
            order.iter_mut().filter(|by| refers_to(by, item)).for_each(|by| by.expr = value.clone());
            let by = order.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let number = parse_expr(&format!("row_number() OVER (ORDER BY {by})"))?;
            select.projection.push(SelectItem::UnnamedExpr(number));
            ("item, number", " ORDER BY number".to_owned())
        }
        // The order can only refer to the column.
        (_, [by]) => ("item", format!(" ORDER BY item {}", by.options)),
        _ => return Err(unordered()),
    };
    *query =
        *parse_query(&format!("{with}SELECT array_agg(item{order}) FROM ({query}) AS \"array items\"({columns})"))?;
    Ok(())
}

/// Whether an order refers to an item of the select list by its position or its alias.
fn refers_to(by: &OrderByExpr, item: &SelectItem) -> bool {
    match (&by.expr, item) {
        (Expr::Value(_), _) => true,
        (Expr::Identifier(name), SelectItem::ExprWithAlias { alias, .. }) => name.value == alias.value,
        _ => false,
    }
}

fn unordered() -> SqlError {
    SqlError::new(ErrorKind::Unsupported, "ORDER BY of this ARRAY subquery is not supported")
        .hint("use array_agg(x ORDER BY y)")
}

fn calls_set_or_aggregate(expr: &Expr) -> bool {
    struct Pass(bool);
    impl AstPass for Pass {
        fn pre_expr(&mut self, expr: &mut Expr) -> Result<(), SqlError> {
            if let Expr::Function(function) = expr {
                let name = words(&function.name).pop().unwrap_or_default();
                self.0 |= SETS_AND_AGGREGATES.contains(&name.as_str());
            }
            Ok(())
        }
    }
    let mut pass = Pass(false);
    // The pass has no errors.
    _ = walk(&mut expr.clone(), &mut pass);
    pass.0
}
