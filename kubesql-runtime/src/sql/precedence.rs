//! `a IS DISTINCT FROM b AND c`, which the parser takes for `a IS DISTINCT FROM (b AND c)`.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Statement, UnaryOperator, Value, VisitMut, VisitorMut};

/// Gives every operator of a statement the operands that are its own. What is in parentheses stays.
pub(super) fn repair(statement: &mut Statement) {
    let _: ControlFlow<()> = VisitMut::visit(statement, &mut Repairer);
}

struct Repairer;

impl VisitorMut for Repairer {
    type Break = ();

    // After its parts, so that what came out of them is moved on.
    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let binds = strength(expr);
        let Some(operand) = last_operand(expr) else { return ControlFlow::Continue(()) };
        if matches!(operand, Expr::BinaryOp { .. }) && strength(operand) < binds {
            let mut lifted = take(operand);
            let mut first = &mut lifted;
            while strength(first) < binds
                && let Expr::BinaryOp { left, .. } = first
            {
                first = left;
            }
            // What was the whole is but the first operand of what was its last.
            *operand = take(first);
            *first = take(expr);
            *expr = lifted;
        }
        ControlFlow::Continue(())
    }
}

fn take(expr: &mut Expr) -> Expr {
    std::mem::replace(expr, Expr::Value(Value::Null.into()))
}

/// How strongly an expression's operator binds, as far as it matters here.
fn strength(expr: &Expr) -> u8 {
    match expr {
        Expr::BinaryOp { op: BinaryOperator::Or, .. } => 0,
        Expr::BinaryOp { op: BinaryOperator::And, .. } => 1,
        Expr::UnaryOp { op: UnaryOperator::Not, .. } => 2,
        _ => 3,
    }
}

fn last_operand(expr: &mut Expr) -> Option<&mut Expr> {
    match expr {
        Expr::IsDistinctFrom(_, operand)
        | Expr::IsNotDistinctFrom(_, operand)
        | Expr::BinaryOp { op: BinaryOperator::And, right: operand, .. }
        | Expr::UnaryOp { op: UnaryOperator::Not, expr: operand } => Some(operand),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::statement::{Parsed, parse};
    use super::*;
    use datafusion::sql::parser::Statement as DfStatement;

    #[test]
    fn operators_get_their_own_operands() {
        for (sql, expect) in [
            ("a is distinct from b and c", "(a is distinct from b) and c"),
            ("a is distinct from b or c and d", "(a is distinct from b) or (c and d)"),
            ("a is distinct from b and c or d", "((a is distinct from b) and c) or d"),
            ("x = 1 and a is not distinct from b or c", "(x = 1 and (a is not distinct from b)) or c"),
            ("not a is distinct from b and c", "(not (a is distinct from b)) and c"),
            (
                "a is distinct from b and c is distinct from d or e",
                "((a is distinct from b) and (c is distinct from d)) or e",
            ),
            ("a is distinct from (b and c)", "a is distinct from (b and c)"),
            ("a and b or c and not d", "(a and b) or (c and (not d))"),
        ] {
            assert_eq!(operands(sql), operands(expect), "{sql}");
        }
    }

    /// The statement without parentheses: trees are equal whatever their places in the text.
    fn operands(expr: &str) -> Statement {
        let Ok(Parsed::Query(statement, _)) = parse(&format!("select {expr}")) else { panic!("{expr}") };
        let DfStatement::Statement(mut statement) = *statement else { panic!("{expr}") };
        let _: ControlFlow<()> = VisitMut::visit(&mut *statement, &mut Bare);
        *statement
    }

    struct Bare;

    impl VisitorMut for Bare {
        type Break = ();

        fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            if let Expr::Nested(inner) = expr {
                *expr = take(inner);
            }
            ControlFlow::Continue(())
        }
    }
}
