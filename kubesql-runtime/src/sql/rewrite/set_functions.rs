//! Functions that return sets of rows, such as `jsonb_each`, and references to whole rows, such as `row_to_json(t)`.
//!
//! A call in FROM becomes `LATERAL f(...)`, which `plan::set_functions` plans. A call in a select list becomes
//! `unnest(f(...))`.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::sql::sqlparser::ast::{
    AccessExpr, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, Select, SelectItem,
    Statement, Subscript, TableAlias, TableAliasColumnDef, TableFactor, Value,
};

use super::markers::whole_row;
use crate::sql::error::{ErrorKind, SqlError};
use crate::sql::parse::identifiers::{normal, words};
use crate::sql::parse::walk::{AstPass, walk};

/// The functions that return rows of one column, and the name of the column if it is fixed. Otherwise it is named by
/// the alias of the function.
const ONE_COLUMN: [(&str, Option<&str>); 6] = [
    ("json_object_keys", None),
    ("jsonb_object_keys", None),
    ("json_array_elements", Some("value")),
    ("jsonb_array_elements", Some("value")),
    ("json_array_elements_text", Some("value")),
    ("jsonb_array_elements_text", Some("value")),
];

/// The functions that return rows of several columns.
const SEVERAL_COLUMNS: [&str; 4] = ["json_each", "jsonb_each", "json_each_text", "jsonb_each_text"];

/// The functions whose argument may be the name of a relation, for its row.
const OF_ROWS: [&str; 5] = ["row_to_json", "to_json", "to_jsonb", "json_agg", "jsonb_agg"];

fn is_set_function(name: &str) -> bool {
    SEVERAL_COLUMNS.contains(&name) || one_column(name).is_some()
}

fn one_column(name: &str) -> Option<Option<&'static str>> {
    ONE_COLUMN.iter().find(|(known, _)| *known == name).map(|(_, column)| *column)
}

/// Rewrites the calls of a statement.
pub(crate) fn rewrite(statement: &mut Statement) -> Result<(), SqlError> {
    let mut sources = Sources::default();
    walk(statement, &mut sources)?;
    walk(statement, &mut Calls(sources))
}

/// Rewrites calls in FROM, and collects the names of relations.
#[derive(Default)]
struct Sources {
    relations: BTreeSet<String>,
    /// The column of each function of one column, by its alias.
    values: BTreeMap<String, String>,
}

impl AstPass for Sources {
    fn pre_table_factor(&mut self, factor: &mut TableFactor) -> Result<(), SqlError> {
        let (name, args, with_ordinality, alias) = match factor {
            TableFactor::Table { name, args: Some(args), alias, with_ordinality, .. } => {
                (name, &mut args.args, *with_ordinality, alias)
            }
            TableFactor::Function { name, args, with_ordinality, alias, .. } => (name, args, *with_ordinality, alias),
            TableFactor::Table { name, args: None, alias, .. } => {
                let named = alias.as_ref().map(|alias| normal(&alias.name));
                self.relations.extend(named.or_else(|| words(name).pop()));
                return Ok(());
            }
            TableFactor::Derived { alias: Some(alias), .. } | TableFactor::UNNEST { alias: Some(alias), .. } => {
                self.relations.insert(normal(&alias.name));
                return Ok(());
            }
            _ => return Ok(()),
        };
        let Some(function) = words(name).pop().filter(|name| is_set_function(name)) else { return Ok(()) };
        let mut alias = alias.take().unwrap_or_else(|| TableAlias {
            explicit: false,
            name: Ident::new(&function),
            columns: Vec::new(),
            at: None,
        });
        let relation = normal(&alias.name);
        if let Some(fixed) = one_column(&function) {
            let column = match (alias.columns.first(), fixed) {
                (Some(column), _) => normal(&column.name),
                (None, Some(fixed)) => fixed.to_owned(),
                (None, None) => {
                    alias.columns.push(TableAliasColumnDef { name: alias.name.clone(), data_type: None });
                    relation.clone()
                }
            };
            self.values.insert(relation.clone(), column);
        }
        self.relations.insert(relation);
        let (args, name) = (std::mem::take(args), ObjectName::from(vec![Ident::new(function)]));
        *factor = TableFactor::Function { lateral: true, name, args, with_ordinality, alias: Some(alias) };
        Ok(())
    }
}

/// Rewrites references and calls in expressions.
struct Calls(Sources);

impl AstPass for Calls {
    fn pre_select(&mut self, select: &mut Select) -> Result<(), SqlError> {
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(expr @ Expr::Function(_)) = item
                && let Some(name) = set_function(expr)
            {
                *item = SelectItem::ExprWithAlias { expr: std::mem::replace(expr, null()), alias: Ident::new(name) };
            }
            match item {
                SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => walk(expr, &mut InList)?,
                _ => {}
            }
        }
        for clause in select.selection.iter_mut().chain(&mut select.having) {
            walk(clause, &mut Elsewhere("WHERE"))?;
        }
        Ok(())
    }

    fn pre_expr(&mut self, expr: &mut Expr) -> Result<(), SqlError> {
        match expr {
            // The row of a function that returns one column is its value.
            Expr::Identifier(ident) => {
                let relation = normal(ident);
                if let Some(column) = self.0.values.get(&relation).filter(|column| **column != relation) {
                    let column = Ident { span: ident.span, ..Ident::with_quote('"', column) };
                    *expr = Expr::CompoundIdentifier(vec![ident.clone(), column]);
                }
            }
            Expr::Function(function)
                if words(&function.name).last().is_some_and(|name| OF_ROWS.contains(&name.as_str())) =>
            {
                if let FunctionArguments::List(list) = &mut function.args
                    && let [FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))] = &mut list.args[..]
                    && let Expr::Identifier(ident) = argument
                    && self.0.relations.contains(&normal(ident))
                    && !self.0.values.contains_key(&normal(ident))
                {
                    *argument = whole_row(argument.clone());
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// The name of a function that returns a set, if an expression calls it.
fn set_function(expr: &Expr) -> Option<String> {
    let Expr::Function(Function { name, over: None, .. }) = expr else { return None };
    words(name).pop().filter(|name| is_set_function(name))
}

fn null() -> Expr {
    Expr::Value(Value::Null.into())
}

/// Unnests calls in a select list.
struct InList;

impl AstPass for InList {
    fn post_expr(&mut self, expr: &mut Expr) -> Result<(), SqlError> {
        let Some(name) = set_function(expr) else { return Ok(()) };
        let Expr::Function(called) = expr else { return Ok(()) };
        let mut unnest = called.clone();
        unnest.name = ObjectName::from(vec![Ident::new("unnest")]);
        if let FunctionArguments::List(list) = &mut unnest.args {
            list.args = vec![FunctionArg::Unnamed(FunctionArgExpr::Expr(expr.clone()))];
        }
        let Some(column) = one_column(&name) else {
            let message = format!("{name} in a select list is not supported");
            return Err(SqlError::new(ErrorKind::Unsupported, message).hint(format!("call {name} in FROM")));
        };
        let column = Value::SingleQuotedString(column.unwrap_or(&name).to_owned());
        *expr = Expr::CompoundFieldAccess {
            root: Box::new(Expr::Function(unnest)),
            access_chain: vec![AccessExpr::Subscript(Subscript::Index { index: Expr::Value(column.into()) })],
        };
        Ok(())
    }
}

/// Rejects calls in other clauses.
struct Elsewhere(&'static str);

impl AstPass for Elsewhere {
    fn pre_expr(&mut self, expr: &mut Expr) -> Result<(), SqlError> {
        match set_function(expr) {
            Some(_) => {
                let message = format!("set-returning functions are not allowed in {}", self.0);
                Err(SqlError::new(ErrorKind::Unsupported, message))
            }
            None => Ok(()),
        }
    }
}
