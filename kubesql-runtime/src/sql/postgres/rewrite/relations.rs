//! Which relations a statement asks the columns of, where it says so by name, as clients' drivers do:
//! `c.relname LIKE 'pods'`.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Ident, JoinConstraint, JoinOperator, Select, TableFactor, Value, ValueWithSpan,
};

use super::words_of;
use crate::sql::postgres::facts::{Named, Names};
use crate::sql::rewrite::names::normal;

/// What a query says of the relations that it asks about; none where it does not name them.
pub(super) fn named(select: &Select) -> Option<Named> {
    let sure = conditions(select);
    // Drivers join the class of classes too, which is another one.
    let (class, names) = called(select, "pg_class")
        .into_iter()
        .find_map(|class| sure.iter().find_map(|condition| names(condition, &class)).map(|names| (class, names)))?;
    let bound = |table: &str, column: &str| {
        let [alias] = &called(select, table)[..] else { return false };
        let links = |condition: &Expr| links(condition, (alias, column), (&class, "oid"));
        sure.iter().any(|condition| links(condition))
            || outer(select, &[alias, &class]).into_iter().any(|on| parts(on).into_iter().any(links))
    };
    let (attributes, descriptions) = (bound("pg_attribute", "attrelid"), bound("pg_description", "objoid"));
    Some(Named { names, attributes, descriptions })
}

/// Whether a condition is that two columns are equal.
fn links(condition: &Expr, one: (&str, &str), other: (&str, &str)) -> bool {
    let Expr::BinaryOp { left, op: BinaryOperator::Eq, right } = condition else { return false };
    let is = |expr: &Expr, (of, column): (&str, &str)| {
        column_of(expr).is_some_and(|(table, name)| name == column && table.is_none_or(|table| table == of))
    };
    (is(left, one) && is(right, other)) || (is(left, other) && is(right, one))
}

/// What the tables of this name in FROM are called there.
fn called(select: &Select, table: &str) -> Vec<String> {
    let joined = select.from.iter().flat_map(|from| from.joins.iter().map(|join| &join.relation));
    let factors = select.from.iter().map(|from| &from.relation).chain(joined);
    factors.filter_map(|factor| alias(factor, table)).collect()
}

fn alias(factor: &TableFactor, table: &str) -> Option<String> {
    match factor {
        TableFactor::Table { name, alias, .. } if words_of(name).last().is_some_and(|word| word == table) => {
            Some(alias.as_ref().map_or_else(|| table.to_owned(), |alias| normal(&alias.name)))
        }
        _ => None,
    }
}

/// What has to be so of each row.
fn conditions(select: &Select) -> Vec<&Expr> {
    let joins = select.from.iter().flat_map(|from| &from.joins);
    let inner = joins.filter_map(|join| match &join.join_operator {
        JoinOperator::Join(JoinConstraint::On(on)) | JoinOperator::Inner(JoinConstraint::On(on)) => Some(on),
        _ => None,
    });
    select.selection.iter().chain(inner).flat_map(parts).collect()
}

/// By what tables of these names are joined where there need not be a row of them.
fn outer<'a>(select: &'a Select, names: &[&str]) -> Vec<&'a Expr> {
    let joins = select.from.iter().flat_map(|from| &from.joins);
    let outer = joins.filter_map(|join| match &join.join_operator {
        JoinOperator::Left(JoinConstraint::On(on)) | JoinOperator::LeftOuter(JoinConstraint::On(on)) => {
            let tables = ["pg_class", "pg_attribute", "pg_description"];
            let called = tables.into_iter().find_map(|table| alias(&join.relation, table))?;
            names.contains(&called.as_str()).then_some(on)
        }
        _ => None,
    });
    outer.collect()
}

/// The conditions that AND puts together.
fn parts(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::Nested(inner) => parts(inner),
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => [parts(left), parts(right)].concat(),
        other => vec![other],
    }
}

/// The names that a condition leaves of a class.
fn names(condition: &Expr, class: &str) -> Option<Names> {
    let is_name =
        |expr: &Expr| column_of(expr).is_some_and(|(of, name)| name == "relname" && of.is_none_or(|of| of == class));
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
