//! The walk over syntax trees that all passes share.
//!
//! `sqlparser` compiles its whole traversal once for every type of visitor, which is 1 to 2 MB of machine code each
//! time. Passes are therefore trait objects behind the only visitor.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, ObjectName, Query, Select, Statement, TableFactor, ValueWithSpan, VisitMut, VisitorMut,
};

use crate::sql::error::SqlError;

/// What a pass does at each node: before its children are visited (`pre_`) or after that (`post_`).
///
/// A node that a `pre_` hook replaces is visited as replaced. The first error ends the walk.
pub(crate) trait AstPass {
    fn pre_statement(&mut self, _: &mut Statement) -> Result<(), SqlError> {
        Ok(())
    }

    fn post_statement(&mut self, _: &mut Statement) -> Result<(), SqlError> {
        Ok(())
    }

    fn pre_query(&mut self, _: &mut Query) -> Result<(), SqlError> {
        Ok(())
    }

    fn post_query(&mut self, _: &mut Query) -> Result<(), SqlError> {
        Ok(())
    }

    fn pre_select(&mut self, _: &mut Select) -> Result<(), SqlError> {
        Ok(())
    }

    fn post_select(&mut self, _: &mut Select) -> Result<(), SqlError> {
        Ok(())
    }

    fn pre_table_factor(&mut self, _: &mut TableFactor) -> Result<(), SqlError> {
        Ok(())
    }

    fn post_table_factor(&mut self, _: &mut TableFactor) -> Result<(), SqlError> {
        Ok(())
    }

    /// The name of a table or of a table function.
    fn pre_relation(&mut self, _: &mut ObjectName) -> Result<(), SqlError> {
        Ok(())
    }

    fn pre_expr(&mut self, _: &mut Expr) -> Result<(), SqlError> {
        Ok(())
    }

    fn post_expr(&mut self, _: &mut Expr) -> Result<(), SqlError> {
        Ok(())
    }

    fn pre_value(&mut self, _: &mut ValueWithSpan) -> Result<(), SqlError> {
        Ok(())
    }
}

/// Runs a pass over a node and everything below it.
pub(crate) fn walk(node: &mut impl VisitMut, pass: &mut dyn AstPass) -> Result<(), SqlError> {
    match node.visit(&mut Walker(pass)) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(*error),
    }
}

struct Walker<'a>(&'a mut dyn AstPass);

/// Errors are boxed to keep the frames of the recursion small.
type Flow = ControlFlow<Box<SqlError>>;

fn flow(result: Result<(), SqlError>) -> Flow {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(Box::new(error)),
    }
}

impl VisitorMut for Walker<'_> {
    type Break = Box<SqlError>;

    fn pre_visit_statement(&mut self, statement: &mut Statement) -> Flow {
        flow(self.0.pre_statement(statement))
    }

    fn post_visit_statement(&mut self, statement: &mut Statement) -> Flow {
        flow(self.0.post_statement(statement))
    }

    fn pre_visit_query(&mut self, query: &mut Query) -> Flow {
        flow(self.0.pre_query(query))
    }

    fn post_visit_query(&mut self, query: &mut Query) -> Flow {
        flow(self.0.post_query(query))
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> Flow {
        flow(self.0.pre_select(select))
    }

    fn post_visit_select(&mut self, select: &mut Select) -> Flow {
        flow(self.0.post_select(select))
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> Flow {
        flow(self.0.pre_table_factor(factor))
    }

    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> Flow {
        flow(self.0.post_table_factor(factor))
    }

    fn pre_visit_relation(&mut self, name: &mut ObjectName) -> Flow {
        flow(self.0.pre_relation(name))
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> Flow {
        flow(self.0.pre_expr(expr))
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> Flow {
        flow(self.0.post_expr(expr))
    }

    fn pre_visit_value(&mut self, value: &mut ValueWithSpan) -> Flow {
        flow(self.0.pre_value(value))
    }
}
