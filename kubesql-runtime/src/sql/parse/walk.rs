//! The traversal of syntax trees that all passes share.
//!
//! `sqlparser` instantiates its whole traversal for each type of visitor, which is 1 to 2 MB of machine code. Passes
//! are therefore trait objects that one visitor calls.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, ObjectName, Query, Select, Statement, TableFactor, ValueWithSpan, VisitMut, VisitorMut,
};

use crate::sql::error::SqlError;

/// The hooks of a pass, called before (`pre_`) or after (`post_`) the children of a node are visited.
///
/// If a `pre_` hook replaces a node, the children of the replacement are visited. The first error ends the walk.
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

/// Errors are boxed to keep the stack frames of the recursion small.
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
