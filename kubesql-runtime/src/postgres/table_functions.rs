//! `unnest` and `generate_series` in FROM.
//!
//! DataFusion supports neither `WITH ORDINALITY`, nor `LATERAL unnest(...)`, nor `generate_series` of columns, and it
//! names the columns differently. A series becomes an array. Clients unnest options, which are always NULL, so these
//! become a function without rows.

use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Ident, ObjectName, SelectItem, TableAlias, TableAliasColumnDef, TableFactor,
};

use super::build::{call, expr_argument, take_expr};
use crate::sql::error::{ErrorKind, SqlError};
use crate::sql::parse::identifiers::words;
use crate::sql::parse::syntax::parse_query;

pub(super) fn rewrite(factor: &mut TableFactor) -> Result<(), SqlError> {
    let (name, arguments, alias, with_ordinality) = match factor {
        TableFactor::UNNEST { array_exprs, alias, with_offset: false, with_ordinality, .. } => {
            ("unnest".to_owned(), std::mem::take(array_exprs), alias, *with_ordinality)
        }
        TableFactor::Table { name, args: Some(args), alias, with_ordinality, .. } => {
            let Some(name) = words(name).pop().filter(|name| is_set_function(name)) else { return Ok(()) };
            if name == "generate_series" && !*with_ordinality && args.args.iter().all(is_literal) {
                // Without an alias, the column keeps DataFusion's name, `value`.
                if let Some(alias) = alias
                    && alias.columns.is_empty()
                {
                    alias.columns.push(TableAliasColumnDef { name: alias.name.clone(), data_type: None });
                }
                return Ok(());
            }
            (name, args.args.drain(..).filter_map(expr_argument).collect(), alias, *with_ordinality)
        }
        TableFactor::Function { name, args, alias, with_ordinality, .. } => {
            let Some(name) = words(name).pop().filter(|name| is_set_function(name)) else { return Ok(()) };
            (name, args.drain(..).filter_map(expr_argument).collect(), alias, *with_ordinality)
        }
        _ => return Ok(()),
    };
    let mut arrays = if name == "unnest" { arguments } else { vec![call(&name, arguments)] };
    let mut alias = alias.take();
    if arrays.len() == 1 {
        let alias = alias.get_or_insert_with(|| default_alias(&name));
        if alias.columns.is_empty() {
            alias.columns.push(TableAliasColumnDef { name: alias.name.clone(), data_type: None });
        }
        if with_ordinality && alias.columns.len() == 1 {
            alias.columns.push(TableAliasColumnDef::from_name("ordinality"));
        }
    }
    *factor = if arrays.iter().all(is_options_column) {
        let value = TableAliasColumnDef::from_name("option_value");
        alias.iter_mut().for_each(|alias| alias.columns.push(value.clone()));
        let name = ObjectName::from(vec![Ident::new("pg_options_to_table")]);
        TableFactor::Function { lateral: false, name, args: Vec::new(), with_ordinality: false, alias }
    } else if with_ordinality {
        let [array] = arrays.as_mut_slice() else {
            let error = SqlError::new(ErrorKind::Unsupported, "WITH ORDINALITY of several arrays is not supported");
            return Err(error.hint("unnest one array, and use generate_series for the numbers"));
        };
        let array = take_expr(array);
        let subquery = parse_query(&format!(
            "SELECT unnest({array}) AS item, \
             unnest(generate_series(1, coalesce(CAST(cardinality({array}) AS bigint), 0))) AS number"
        ))?;
        TableFactor::Derived { lateral: true, subquery, alias, sample: None }
    } else {
        let array_exprs = arrays;
        TableFactor::UNNEST { alias, array_exprs, with_offset: false, with_offset_alias: None, with_ordinality: false }
    };
    Ok(())
}

/// `SELECT generate_series(1, 3)` returns a row for each number. DataFusion's function returns an array.
pub(super) fn rewrite_select_item(item: &mut SelectItem) {
    match item {
        SelectItem::UnnamedExpr(expr) => {
            let is_series = is_series(expr);
            unnest_series(expr);
            if is_series {
                let alias = Ident::new("generate_series");
                *item = SelectItem::ExprWithAlias { expr: take_expr(expr), alias };
            }
        }
        SelectItem::ExprWithAlias { expr, .. } => unnest_series(expr),
        _ => {}
    }
}

fn is_series(expr: &Expr) -> bool {
    matches!(expr, Expr::Function(function) if words(&function.name).last().is_some_and(|name| name == "generate_series"))
}

fn unnest_series(expr: &mut Expr) {
    match expr {
        expr if is_series(expr) => *expr = call("unnest", vec![take_expr(expr)]),
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } | Expr::UnaryOp { expr: inner, .. } => {
            unnest_series(inner);
        }
        Expr::BinaryOp { left, right, .. } => {
            unnest_series(left);
            unnest_series(right);
        }
        _ => {}
    }
}

fn is_set_function(name: &str) -> bool {
    matches!(name, "unnest" | "generate_series")
}

/// The alias of a function without one: its name.
fn default_alias(name: &str) -> TableAlias {
    TableAlias { explicit: true, name: Ident::new(name), columns: Vec::new(), at: None }
}

fn is_literal(argument: &FunctionArg) -> bool {
    let FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)) = argument else { return false };
    let mut argument = argument;
    while let Expr::UnaryOp { expr, .. } | Expr::Cast { expr, .. } | Expr::Nested(expr) = argument {
        argument = expr;
    }
    matches!(argument, Expr::Value(_) | Expr::Interval(_) | Expr::TypedString(_))
}

/// Returns whether an expression is a column of options or privileges of the catalog, which are all NULL.
fn is_options_column(expr: &Expr) -> bool {
    let name = match expr {
        Expr::Identifier(column) => Some(column),
        Expr::CompoundIdentifier(words) => words.last(),
        _ => None,
    };
    let all = ["reloptions", "attoptions", "attfdwoptions", "spcoptions", "rolconfig", "useconfig", "nspacl", "datacl"];
    name.is_some_and(|name| all.contains(&name.value.as_str()))
}
