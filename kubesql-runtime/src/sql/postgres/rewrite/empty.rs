//! Queries that read from a table of what is not here: they give nothing, whatever they would compute.
//!
//! Clients ask in the same breath for indexes, constraints, policies and what else a server might have, often in SQL
//! that only PostgreSQL knows. Where a table has no rows by its nature, what is joined with it has none.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use arrow::datatypes::DataType as ArrowType;
use datafusion::sql::sqlparser::ast::{
    ArrayElemTypeDef, BinaryOperator, DataType, Expr, Function, GroupByExpr, Ident, JoinOperator, ObjectName, Query,
    Select, SelectItem, SetExpr, TableFactor, TableWithJoins, UnaryOperator, Value, ValueWithSpan, Visit, Visitor,
};

use super::super::tables;
use super::casts::{cast_to, known};
use super::words_of;
use crate::sql::rewrite::names::normal;

/// Makes a query over nothing one that gives nothing.
pub(super) fn answer(query: &mut Query) {
    emptied(&mut query.body);
    if matches!(&*query.body, SetExpr::Select(select) if is_nothing(select)) {
        // What it would be ordered by may be gone.
        query.order_by = None;
    }
}

fn emptied(body: &mut SetExpr) {
    match body {
        SetExpr::Select(select) if reads_nothing(select) => empty(select),
        SetExpr::SetOperation { left, right, .. } => {
            emptied(left);
            emptied(right);
        }
        _ => {}
    }
}

/// Whether a query was found to give no rows.
pub(super) fn is_emptied(query: &Query) -> bool {
    matches!(&*query.body, SetExpr::Select(select) if is_nothing(select))
}

fn is_nothing(select: &Select) -> bool {
    select.from.is_empty() && select.selection.as_ref().is_some_and(is_false)
}

fn is_false(expr: &Expr) -> bool {
    match expr {
        Expr::Value(value) => value.value == Value::Boolean(false),
        Expr::BinaryOp { left, op: BinaryOperator::And, .. } => is_false(left),
        _ => false,
    }
}

/// The only column of such a query.
pub(super) fn first(query: &Query) -> Option<Expr> {
    let SetExpr::Select(select) = &*query.body else { return None };
    match &select.projection[..] {
        [SelectItem::ExprWithAlias { expr, .. }] => Some(expr.clone()),
        _ => None,
    }
}

/// Whether there is no row without one of a table that has none.
fn reads_nothing(select: &Select) -> bool {
    select.from.iter().any(from_nothing)
}

fn from_nothing(from: &TableWithJoins) -> bool {
    let mut nothing = is_empty(&from.relation);
    for join in &from.joins {
        match &join.join_operator {
            JoinOperator::Left(_) | JoinOperator::LeftOuter(_) => {}
            JoinOperator::Right(_) | JoinOperator::RightOuter(_) => nothing = is_empty(&join.relation),
            JoinOperator::FullOuter(_) => nothing = nothing && is_empty(&join.relation),
            JoinOperator::Join(_) | JoinOperator::Inner(_) | JoinOperator::CrossJoin(_) => {
                nothing = nothing || is_empty(&join.relation);
            }
            _ => return false,
        }
    }
    nothing
}

fn is_empty(factor: &TableFactor) -> bool {
    match factor {
        TableFactor::Table { name, args: None, .. } => {
            let words = words_of(name);
            matches!(words.as_slice(), [schema, table] if schema == super::super::SCHEMA && tables::is_empty(table))
        }
        TableFactor::Derived { subquery, .. } => is_emptied(subquery),
        TableFactor::Table { name, args: Some(args), .. } if words_of(name) == ["unnest"] => {
            args.args.iter().all(|argument| is_unset(&argument.to_string()))
        }
        TableFactor::Function { name, args, .. } if words_of(name) == ["unnest"] => {
            args.iter().all(|argument| is_unset(&argument.to_string()))
        }
        TableFactor::UNNEST { array_exprs, .. } => array_exprs.iter().all(|array| is_unset(&array.to_string())),
        TableFactor::NestedJoin { table_with_joins, .. } => from_nothing(table_with_joins),
        _ => false,
    }
}

/// Whether a column is one of PostgreSQL's that say how a table is stored: there is nothing in them.
fn is_unset(column: &str) -> bool {
    ["reloptions", "attoptions", "attfdwoptions", "spcoptions", "rolconfig", "useconfig", "nspacl", "datacl"]
        .iter()
        .any(|name| column.rsplit('.').next() == Some(*name))
}

/// Nothing under the names that there would be; one row of it where rows are counted.
fn empty(select: &mut Select) {
    let ungrouped = matches!(&select.group_by, GroupByExpr::Expressions(by, _) if by.is_empty());
    let mut counted = false;
    let mut projection = Vec::new();
    for item in &select.projection {
        let (expr, alias) = match item {
            SelectItem::UnnamedExpr(expr) => (expr, Ident::with_quote('"', name(expr))),
            SelectItem::ExprWithAlias { expr, alias } => (expr, alias.clone()),
            // DataFusion knows what there is.
            _ => return,
        };
        let aggregate = ungrouped && aggregates(expr);
        counted = counted || aggregate;
        let is_count = matches!(expr, Expr::Function(function) if words_of(&function.name) == ["count"]);
        let is_null = matches!(expr, Expr::Value(value) if value.value == Value::Null);
        let expr = if is_null {
            // Of the type that it has in another branch of a UNION.
            expr.clone()
        } else if aggregate && is_count {
            Expr::Value(Value::Number("0".to_owned(), false).into())
        } else {
            cast_to(&Expr::Value(Value::Null.into()), of(expr, select))
        };
        projection.push(SelectItem::ExprWithAlias { expr, alias });
    }
    // Who gives values for parameters is told that they are wanted.
    let asked = parameters(select);
    let nothing = Expr::Value(Value::Boolean(counted).into());
    let selection = asked.into_iter().fold(nothing, |before, name| Expr::BinaryOp {
        left: Box::new(before),
        op: if counted { BinaryOperator::Or } else { BinaryOperator::And },
        right: Box::new(Expr::IsNull(Box::new(Expr::Value(Value::Placeholder(name).into())))),
    });
    select.projection = projection;
    select.from.clear();
    select.selection = Some(selection);
    select.distinct = None;
    select.group_by = GroupByExpr::Expressions(Vec::new(), Vec::new());
    select.having = None;
    select.qualify = None;
    select.named_window.clear();
}

/// What PostgreSQL calls a column.
fn name(expr: &Expr) -> String {
    match expr {
        Expr::Identifier(ident) => normal(ident),
        Expr::CompoundIdentifier(parts) => parts.last().map(normal).unwrap_or_default(),
        Expr::Function(function) => words_of(&function.name).pop().unwrap_or_default(),
        Expr::Cast { expr, .. } | Expr::Nested(expr) => name(expr),
        Expr::Case { .. } => "case".to_owned(),
        _ => "?column?".to_owned(),
    }
}

/// The type that an expression would have, as far as it can be seen.
fn of(expr: &Expr, select: &Select) -> DataType {
    match expr {
        Expr::Cast { data_type, .. } => known(data_type).unwrap_or_else(|| data_type.clone()),
        Expr::Nested(inner) => of(inner, select),
        Expr::Identifier(ident) => column(select, None, &normal(ident)),
        Expr::CompoundIdentifier(parts) => match &parts[..] {
            [.., table, ident] => column(select, Some(&normal(table)), &normal(ident)),
            _ => DataType::Text,
        },
        Expr::BinaryOp {
            op:
                BinaryOperator::Eq
                | BinaryOperator::NotEq
                | BinaryOperator::Lt
                | BinaryOperator::Gt
                | BinaryOperator::LtEq
                | BinaryOperator::GtEq
                | BinaryOperator::And
                | BinaryOperator::Or,
            ..
        } => DataType::Boolean,
        Expr::IsNull(_) | Expr::IsNotNull(_) | Expr::InList { .. } | Expr::Exists { .. } | Expr::AnyOp { .. } => {
            DataType::Boolean
        }
        Expr::UnaryOp { op: UnaryOperator::Not, .. } | Expr::Value(ValueWithSpan { value: Value::Boolean(_), .. }) => {
            DataType::Boolean
        }
        Expr::Value(ValueWithSpan { value: Value::Number(..), .. }) => DataType::BigInt(None),
        _ => DataType::Text,
    }
}

/// The type of a column of PostgreSQL's tables.
fn column(select: &Select, table: Option<&str>, column: &str) -> DataType {
    let mut factors = Vec::new();
    for from in &select.from {
        factors.push(&from.relation);
        factors.extend(from.joins.iter().map(|join| &join.relation));
    }
    let found = factors.into_iter().find_map(|factor| {
        let TableFactor::Table { name, alias, .. } = factor else { return None };
        let name = words_of(name).pop()?;
        let alias = alias.as_ref().map_or_else(|| name.clone(), |alias| normal(&alias.name));
        if table.is_some_and(|table| table != alias) {
            return None;
        }
        tables::column_type(&name, column)
    });
    found.map_or(DataType::Text, |found| sql(&found))
}

/// As SQL writes it.
pub(super) fn sql(of: &ArrowType) -> DataType {
    match of {
        ArrowType::Int16 => DataType::SmallInt(None),
        ArrowType::Int32 => DataType::Int(None),
        ArrowType::Int64 => DataType::BigInt(None),
        ArrowType::Boolean => DataType::Boolean,
        ArrowType::Float32 => DataType::Real,
        ArrowType::Float64 => DataType::DoublePrecision,
        ArrowType::List(item) => {
            DataType::Array(ArrayElemTypeDef::SquareBracket(Box::new(sql(item.data_type())), None))
        }
        _ => DataType::Text,
    }
}

/// Whether an expression is of all rows at once.
pub(super) fn aggregates(expr: &Expr) -> bool {
    const AGGREGATES: [&str; 12] = [
        "count",
        "sum",
        "avg",
        "min",
        "max",
        "array_agg",
        "string_agg",
        "bool_or",
        "bool_and",
        "every",
        "json_agg",
        "first_value",
    ];
    struct Finder(usize);
    impl Visitor for Finder {
        type Break = ();

        fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            self.0 += 1;
            ControlFlow::Continue(())
        }

        fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            self.0 -= 1;
            ControlFlow::Continue(())
        }

        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            let aggregate =
                |name: &ObjectName| words_of(name).last().is_some_and(|name| AGGREGATES.contains(&name.as_str()));
            match expr {
                // Those of subqueries are of their rows.
                Expr::Function(Function { name, over: None, .. }) if self.0 == 0 && aggregate(name) => {
                    ControlFlow::Break(())
                }
                _ => ControlFlow::Continue(()),
            }
        }
    }
    Visit::visit(expr, &mut Finder(0)).is_break()
}

/// The parameters that are named.
pub(super) fn parameters(of: &impl Visit) -> BTreeSet<String> {
    struct Finder(BTreeSet<String>);
    impl Visitor for Finder {
        type Break = ();

        fn pre_visit_value(&mut self, value: &ValueWithSpan) -> ControlFlow<()> {
            if let Value::Placeholder(name) = &value.value {
                self.0.insert(name.clone());
            }
            ControlFlow::Continue(())
        }
    }
    let mut finder = Finder(BTreeSet::new());
    let _: ControlFlow<()> = Visit::visit(of, &mut finder);
    finder.0
}
