//! `EXISTS` where a value is wanted, which DataFusion only knows as a condition.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, GroupByExpr, Ident, Query, Select, SelectItem, SetExpr, TableFactor, UnaryOperator, Value, VisitMut,
    VisitorMut,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

/// A query that says whether there are rows.
const COUNTED: &str = "SELECT count(*) > 0 FROM (SELECT 1) AS found";

/// Counts the rows of every `EXISTS` in a select list.
pub(super) fn values(select: &mut Select) {
    for item in &mut select.projection {
        // As PostgreSQL calls it.
        if let SelectItem::UnnamedExpr(expr @ Expr::Exists { negated: false, .. }) = item {
            let alias = Ident::with_quote('"', "exists");
            *item = SelectItem::ExprWithAlias { expr: std::mem::replace(expr, null()), alias };
        }
        let _: ControlFlow<()> = VisitMut::visit(item, &mut Counter(0));
    }
}

/// How many queries are around.
struct Counter(usize);

impl VisitorMut for Counter {
    type Break = ();

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.0 += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.0 -= 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if self.0 == 0
            && let Expr::Exists { subquery, negated } = expr
            && let Some(query) = counted(subquery)
        {
            let value = Expr::Subquery(Box::new(query));
            *expr = if *negated { Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(value) } } else { value };
        }
        ControlFlow::Continue(())
    }
}

fn null() -> Expr {
    Expr::Value(Value::Null.into())
}

/// Whether a query has rows, as its value.
fn counted(query: &Query) -> Option<Query> {
    let mut counted = *Parser::new(&GenericDialect {}).try_with_sql(COUNTED).ok()?.parse_query().ok()?;
    let SetExpr::Select(outer) = &mut *counted.body else { return None };
    let mut query = query.clone();
    if let SetExpr::Select(select) = &mut *query.body
        && query.limit_clause.is_none()
        && is_plain(select)
    {
        // Its conditions may be on the rows around it, which a query around it would hide.
        select.projection = std::mem::take(&mut outer.projection);
        query.order_by = None;
        return Some(query);
    }
    if let TableFactor::Derived { subquery, .. } = &mut outer.from.first_mut()?.relation {
        **subquery = query;
    }
    Some(counted)
}

/// Whether a row comes of each row that is selected. A function may be one of all rows, which gives one even of none.
fn is_plain(select: &Select) -> bool {
    let grouped = !matches!(&select.group_by, GroupByExpr::Expressions(by, _) if by.is_empty());
    let simple = |item: &SelectItem| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
            matches!(expr, Expr::Value(_) | Expr::Identifier(_) | Expr::CompoundIdentifier(_))
        }
        _ => true,
    };
    !grouped && select.having.is_none() && select.distinct.is_none() && select.projection.iter().all(simple)
}
