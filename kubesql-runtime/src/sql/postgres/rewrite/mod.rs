//! PostgreSQL's SQL as DataFusion understands it: names of types and functions, casts of names to numbers, and queries
//! over what is not here.

mod casts;
mod empty;
mod exists;
mod exprs;
mod relations;

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use arrow::datatypes::DataType;
use datafusion::sql::sqlparser::ast::{
    Expr, Fetch, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident, LimitClause,
    ObjectName, ObjectNamePart, Query, Select, SelectItem, Statement, Value, VisitMut, VisitorMut,
};

use super::facts::Named;
use super::tables;
use crate::sql::error::{ErrorKind, SqlError};
use crate::sql::house::House;
use crate::sql::rewrite::names::{normal, words as words_of};

/// What a statement asks of PostgreSQL's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::sql) struct Touched {
    /// Tables or functions whose answer depends on the session.
    pub(in crate::sql) session: bool,
    /// The only relations that it asks about, where it names them.
    pub(in crate::sql) named: Option<Named>,
}

/// Rewrites a statement, and says what it needs.
///
/// `types` are those of its parameters, as far as they are known.
pub(in crate::sql) fn rewrite(
    statement: &mut Statement,
    house: &House,
    schema: &str,
    types: &[Option<DataType>],
) -> Result<Touched, SqlError> {
    let (touched, expressions) = (Touched::default(), BTreeSet::new());
    let mut rewriter = Rewriter { house, schema, types, touched, depth: 0, expressions, read: Vec::new() };
    if let ControlFlow::Break(error) = VisitMut::visit(statement, &mut rewriter) {
        return Err(error);
    }
    let Rewriter { mut touched, read, .. } = rewriter;
    if let Some(named) = &mut touched.named {
        // What is read elsewhere, too, is asked about others there.
        let once = |table: &str| read.iter().filter(|read| *read == table).count() == 1;
        named.attributes &= once("pg_attribute");
        named.descriptions &= once("pg_description");
    }
    Ok(touched)
}

struct Rewriter<'a> {
    house: &'a House,
    /// The current schema.
    schema: &'a str,
    /// The types of parameters.
    types: &'a [Option<DataType>],
    touched: Touched,
    /// How many queries are around.
    depth: usize,
    /// Names of common table expressions.
    expressions: BTreeSet<String>,
    /// The tables of PostgreSQL's that are read, each as often as it is.
    read: Vec<String>,
}

impl VisitorMut for Rewriter<'_> {
    type Break = SqlError;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<SqlError> {
        self.depth += 1;
        let expressions = query.with.iter().flat_map(|with| &with.cte_tables);
        self.expressions.extend(expressions.map(|expression| normal(&expression.alias.name)));
        match fetched(query) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<SqlError> {
        self.depth -= 1;
        empty::answer(query);
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<SqlError> {
        if let Some(named) = relations::named(select) {
            self.touched.named = Some(named);
        }
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(expr) = item
                && let Some(name) = casts::name(expr)
            {
                *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias: Ident::with_quote('"', name) };
            }
            if self.depth == 1
                && let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item
            {
                casts::show(expr);
            }
        }
        ControlFlow::Continue(())
    }

    // After what is inside, where some that are empty are no longer there.
    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<SqlError> {
        exists::values(select);
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, name: &mut ObjectName) -> ControlFlow<SqlError> {
        let words = words_of(name);
        self.read.extend(words.last().filter(|table| table.starts_with("pg_")).cloned());
        match words.as_slice() {
            [table]
                if table.starts_with("pg_")
                    && !self.expressions.contains(table)
                    && tables::exists(super::SCHEMA, table) =>
            {
                let schema = ObjectNamePart::Identifier(Ident::with_quote('"', super::SCHEMA));
                name.0.insert(0, schema);
                self.touched.session = true;
            }
            [.., schema, table] if schema == super::SCHEMA => {
                if tables::exists(schema, table) {
                    self.touched.session = true;
                } else {
                    // A function that gives rows.
                    name.0.drain(..name.0.len() - 1);
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<SqlError> {
        exprs::plain(expr);
        exprs::any_of(expr, self.types);
        match casts::cast(expr, self.house, self.schema) {
            Ok(()) => {}
            Err(error) => return ControlFlow::Break(error),
        }
        if let Expr::Function(function) = expr
            && let Some(name) = words_of(&function.name).last()
            && super::functions::of_session(name)
        {
            self.touched.session = true;
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<SqlError> {
        exprs::subqueries(expr);
        ControlFlow::Continue(())
    }
}

/// `FETCH FIRST n ROWS ONLY` is `LIMIT n`.
fn fetched(query: &mut Query) -> Result<(), SqlError> {
    let Some(Fetch { with_ties, percent, quantity }) = query.fetch.take() else { return Ok(()) };
    let unsupported = |what| Err(SqlError::new(ErrorKind::Unsupported, format!("FETCH FIRST {what} is not supported")));
    if with_ties {
        return unsupported("n ROWS WITH TIES");
    }
    if percent {
        return unsupported("n PERCENT");
    }
    let quantity = quantity.unwrap_or_else(|| Expr::Value(Value::Number("1".into(), false).into()));
    let (offset, limit_by) = match query.limit_clause.take() {
        None => (None, Vec::new()),
        Some(LimitClause::LimitOffset { limit: None, offset, limit_by }) => (offset, limit_by),
        Some(_) => return Err(SqlError::new(ErrorKind::Syntax, "LIMIT and FETCH FIRST exclude each other")),
    };
    query.limit_clause = Some(LimitClause::LimitOffset { limit: Some(quantity), offset, limit_by });
    Ok(())
}

/// A call of a function.
fn call(name: &str, arguments: Vec<Expr>) -> Expr {
    let arguments = arguments.into_iter().map(|of| FunctionArg::Unnamed(FunctionArgExpr::Expr(of))).collect();
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: arguments,
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

/// Schema and name out of a text such as `"a b".c`; names without quotes are folded to lower case.
pub(super) fn words(text: &str) -> Option<(Option<String>, String)> {
    let mut words = vec![String::new()];
    let mut chars = text.trim().chars().peekable();
    while let Some(c) = chars.next() {
        let word = words.last_mut()?;
        match c {
            '"' => loop {
                match chars.next()? {
                    '"' if chars.peek() == Some(&'"') => {
                        word.push('"');
                        chars.next();
                    }
                    '"' => break,
                    c => word.push(c),
                }
            },
            '.' => words.push(String::new()),
            c => word.extend(c.to_lowercase()),
        }
    }
    let name = words.pop().filter(|name| !name.is_empty())?;
    Some((words.pop(), name))
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn names_are_taken_apart() {
        for (text, expect) in [
            ("Pods", Some((None, "pods"))),
            ("core.pods", Some((Some("core"), "pods"))),
            ("\"networking.k8s.io\".ingresses", Some((Some("networking.k8s.io"), "ingresses"))),
            ("\"A\"\"b\"", Some((None, "A\"b"))),
            ("\"open", None),
            ("", None),
        ] {
            let found = words(text);
            let found = found.as_ref().map(|(schema, name)| (schema.as_deref(), name.as_str()));
            assert_eq!(found, expect, "{text}");
        }
    }
}
