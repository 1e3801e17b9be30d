//! Which relations a statement asks the columns of, where it says so by name, as clients' drivers do:
//! `c.relname LIKE 'pods'`.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Ident, JoinConstraint, JoinOperator, Select, TableFactor, Value, ValueWithSpan,
};

use super::words_of;
use crate::sql::names::normal;
use crate::sql::postgres::facts::{Names, Named};

/// What a query says of the relations that it asks about; none where it does not name them.
pub(super) fn named(select: &Select) -> Option<Named> {
    let class = called(select, "pg_class")?;
    let conditions = conditions(select);
    let names = conditions.iter().find_map(|condition| names(condition, class.as_deref()))?;
    let bound = |table: &str, column: &str| {
        let of = called(select, table).is_some_and(|alias| {
            let is = |expr: &Expr, alias: &Option<String>, column: &str| {
                column_of(expr).is_some_and(|(of, name)| name == column && (of.is_none() || of == *alias))
            };
            conditions.iter().any(|condition| match condition {
                Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => {
                    (is(left, &alias, column) && is(right, &class, "oid"))
                        || (is(right, &alias, column) && is(left, &class, "oid"))
                }
                _ => false,
            })
        });
        of
    };
    let (attributes, descriptions) = (bound("pg_attribute", "attrelid"), bound("pg_description", "objoid"));
    Some(Named { names, attributes, descriptions })
}

/// The only table of this name in FROM, by what it is called there.
fn called(select: &Select, table: &str) -> Option<Option<String>> {
    let joined = select.from.iter().flat_map(|from| from.joins.iter().map(|join| &join.relation));
    let factors = select.from.iter().map(|from| &from.relation).chain(joined);
    let mut found = factors.filter_map(|factor| match factor {
        TableFactor::Table { name, alias, .. } if words_of(name).last().is_some_and(|word| word == table) => {
            Some(Some(alias.as_ref().map_or_else(|| table.to_owned(), |alias| normal(&alias.name))))
        }
        _ => None,
    });
    found.next().filter(|_| found.next().is_none())
}

/// What has to be so of each row, or of each pair that is joined.
fn conditions(select: &Select) -> Vec<&Expr> {
    let mut found = Vec::new();
    let mut open: Vec<&Expr> = select.selection.iter().collect();
    for join in select.from.iter().flat_map(|from| &from.joins) {
        if let JoinOperator::Join(JoinConstraint::On(on))
        | JoinOperator::Inner(JoinConstraint::On(on))
        | JoinOperator::Left(JoinConstraint::On(on))
        | JoinOperator::LeftOuter(JoinConstraint::On(on)) = &join.join_operator
        {
            open.push(on);
        }
    }
    while let Some(expr) = open.pop() {
        match expr {
            Expr::Nested(inner) => open.push(inner),
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => open.extend([&**left, &**right]),
            other => found.push(other),
        }
    }
    found
}

/// The names that a condition leaves of a class.
fn names(condition: &Expr, class: Option<&str>) -> Option<Names> {
    let is_name = |expr: &Expr| {
        column_of(expr).is_some_and(|(of, name)| name == "relname" && (of.is_none() || of.as_deref() == class))
    };
    match condition {
        Expr::BinaryOp { left, op: BinaryOperator::Eq, right } if is_name(left) => Some(Names::Are(vec![text(right)?])),
        Expr::BinaryOp { left, op: BinaryOperator::Eq, right } if is_name(right) => Some(Names::Are(vec![text(left)?])),
        Expr::InList { expr, list, negated: false } if is_name(expr) => {
            Some(Names::Are(list.iter().map(text).collect::<Option<_>>()?))
        }
        Expr::Like { expr, pattern, negated: false, any: false, escape_char: None } if is_name(expr) => {
            Some(Names::Like(text(pattern)?))
        }
        _ => None,
    }
}

/// The table and the column that an expression is.
fn column_of(expr: &Expr) -> Option<(Option<String>, String)> {
    match expr {
        Expr::Nested(inner) => column_of(inner),
        Expr::Cast { expr, .. } => column_of(expr),
        Expr::Identifier(name) => Some((None, normal(name))),
        Expr::CompoundIdentifier(words) => match words.as_slice() {
            [.., table, name] => Some((Some(normal(table as &Ident)), normal(name))),
            _ => None,
        },
        _ => None,
    }
}

fn text(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Nested(inner) => text(inner),
        Expr::Cast { expr, .. } => text(expr),
        Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }) => Some(text.clone()),
        _ => None,
    }
}
