//! Which columns of an answer its statement gives no name, for protocols that name them by their place.

use std::collections::HashMap;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    AccessExpr, Expr, Parens, Query, Select, SelectItem, SetExpr, Statement, Subscript, TableAlias, TableFactor, Value,
};

use super::names::normal;
use super::statement::{Parsed, parse};

/// What a select list has at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    Named,
    Unnamed,
    /// Any number of columns, which have names.
    Star,
}

/// Select lists of WITH, by name.
type Withs = HashMap<String, Vec<Item>>;

/// The places of the columns that a statement gives no name, of so many that its answer has; none where it is no query.
#[must_use]
pub fn unnamed_columns(sql: &str, columns: usize) -> Vec<usize> {
    let Ok(Parsed::Query(statement, _)) = parse(sql) else { return Vec::new() };
    let DfStatement::Statement(inner) = *statement else { return Vec::new() };
    let Statement::Query(query) = *inner else { return Vec::new() };
    places(&items(&query, &Withs::new()), columns)
}

/// Places are counted from the left up to the first star, and from the right behind the last one.
fn places(items: &[Item], columns: usize) -> Vec<usize> {
    let unnamed = |from: usize, items: &[Item]| -> Vec<usize> {
        let found = items.iter().enumerate().filter(|(_, item)| **item == Item::Unnamed);
        found.map(|(at, _)| from + at).collect()
    };
    let is_star = |item: &Item| *item == Item::Star;
    let (Some(first), Some(last)) = (items.iter().position(is_star), items.iter().rposition(is_star)) else {
        return if items.len() == columns { unnamed(0, items) } else { Vec::new() };
    };
    let behind = &items[last + 1..];
    if first + behind.len() > columns {
        return Vec::new();
    }
    let mut places = unnamed(0, &items[..first]);
    places.extend(unnamed(columns - behind.len(), behind));
    places
}

fn items(query: &Query, withs: &Withs) -> Vec<Item> {
    let mut withs = withs.clone();
    for with in query.with.iter().flat_map(|with| &with.cte_tables) {
        let inner = renamed(items(&with.query, &withs), Some(&with.alias));
        withs.insert(normal(&with.alias.name), inner);
    }
    of_set(&query.body, &withs)
}

fn of_set(body: &SetExpr, withs: &Withs) -> Vec<Item> {
    match body {
        SetExpr::Select(select) => select.projection.iter().flat_map(|item| of_item(item, select, withs)).collect(),
        SetExpr::Query(query) => items(query, withs),
        // The first of several gives the names.
        SetExpr::SetOperation { left, .. } => of_set(left, withs),
        SetExpr::Values(values) => {
            let width = values.rows.first().map_or(0, |Parens { content, .. }| content.len());
            vec![Item::Unnamed; width]
        }
        _ => vec![Item::Star],
    }
}

fn of_item(item: &SelectItem, select: &Select, withs: &Withs) -> Vec<Item> {
    match item {
        SelectItem::UnnamedExpr(expr) => vec![if is_name(expr) { Item::Named } else { Item::Unnamed }],
        SelectItem::ExprWithAlias { .. } => vec![Item::Named],
        SelectItem::Wildcard(_) => match select.from.as_slice() {
            [from] if from.joins.is_empty() => of_relation(&from.relation, withs),
            _ => vec![Item::Star],
        },
        _ => vec![Item::Star],
    }
}

/// The columns of what a star stands for.
fn of_relation(relation: &TableFactor, withs: &Withs) -> Vec<Item> {
    match relation {
        TableFactor::Derived { subquery, alias, .. } => renamed(items(subquery, withs), alias.as_ref()),
        TableFactor::Table { name, alias, .. } => {
            let name = <[_; 1]>::try_from(super::names::words(name)).ok();
            match name.and_then(|[name]| withs.get(&name)) {
                Some(known) => renamed(known.clone(), alias.as_ref()),
                None => vec![Item::Star],
            }
        }
        _ => vec![Item::Star],
    }
}

/// Columns after `AS t (a, b)`.
fn renamed(items: Vec<Item>, alias: Option<&TableAlias>) -> Vec<Item> {
    match alias {
        Some(alias) if !alias.columns.is_empty() => vec![Item::Named; alias.columns.len()],
        _ => items,
    }
}

/// Whether an expression is a column, and so has its name; that of a map's key included.
fn is_name(expr: &Expr) -> bool {
    match expr {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => true,
        Expr::Nested(inner) => is_name(inner),
        Expr::CompoundFieldAccess { root, access_chain } => {
            is_name(root)
                && access_chain.iter().all(|access| match access {
                    AccessExpr::Dot(_) => true,
                    AccessExpr::Subscript(Subscript::Index { index }) => {
                        matches!(index, Expr::Value(value) if matches!(value.value, Value::SingleQuotedString(_)))
                    }
                    AccessExpr::Subscript(_) => false,
                })
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_what_has_no_name() {
        for (sql, columns, expect) in [
            ("select count(*) from pods", 1, &[0][..]),
            ("select phase, count(*), 1 as one from pods group by phase", 3, &[1]),
            ("select p.name, p.labels['app'], verbs[1], 'x' || name from pods p", 4, &[2, 3]),
            ("select *, count(*) over () from pods", 40, &[39]),
            ("select 1, * from pods", 40, &[0]),
            ("select 1, p.*, 2, q.*, 3 from pods p, pods q", 80, &[0, 79]),
            ("select * from (select count(*) from pods)", 1, &[0]),
            ("select * from (select count(*), 1 from pods) as t (a, b)", 2, &[]),
            ("with t as (select phase, count(*) from pods group by 1) select * from t", 2, &[1]),
            ("select 1 union all select 2 as two", 1, &[0]),
            ("(select 1)", 1, &[0]),
            ("values (1, 2)", 2, &[0, 1]),
            ("select * from pods", 40, &[]),
            ("show tables", 1, &[]),
            ("explain select 1", 2, &[]),
            ("selec", 1, &[]),
        ] {
            assert_eq!(unnamed_columns(sql, columns), expect, "{sql}");
        }
    }
}
