//! What would be planned but answered wrongly, and so is refused.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    JoinConstraint, JoinOperator, Query, Select, SetExpr, SetOperator, SetQuantifier, Statement, Visit, Visitor,
};

use super::error::{ErrorKind, SqlError};
use super::upstream::using::constraint;

/// Fails where a statement has something that DataFusion answers wrongly.
pub(super) fn refuse(statement: &Statement) -> Result<(), SqlError> {
    match Visit::visit(statement, &mut Refuser) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    }
}

struct Refuser;

impl Visitor for Refuser {
    type Break = SqlError;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<SqlError> {
        set_operations(&query.body)
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<SqlError> {
        for join in select.from.iter().flat_map(|from| &from.joins) {
            let (sort, outer) = match &join.join_operator {
                JoinOperator::Left(_) | JoinOperator::LeftOuter(_) => ("LEFT", false),
                JoinOperator::Right(_) | JoinOperator::RightOuter(_) => ("RIGHT", true),
                JoinOperator::FullOuter(_) => ("FULL", true),
                _ => continue,
            };
            // The one column that two become would be that of the wrong side.
            let by = match constraint(join) {
                Some(JoinConstraint::Natural) => "NATURAL",
                Some(JoinConstraint::Using(_)) if outer => "USING",
                _ => continue,
            };
            let message = format!("{by} is not supported for a {sort} JOIN");
            let hint = "join ON a.x = b.x, and select coalesce(a.x, b.x)";
            return ControlFlow::Break(SqlError::new(ErrorKind::Unsupported, message).hint(hint));
        }
        ControlFlow::Continue(())
    }
}

/// `INTERSECT ALL` and `EXCEPT ALL` do not count how often a row is there.
fn set_operations(body: &SetExpr) -> ControlFlow<SqlError> {
    let SetExpr::SetOperation { op, set_quantifier, left, right } = body else { return ControlFlow::Continue(()) };
    let all = matches!(set_quantifier, SetQuantifier::All | SetQuantifier::AllByName);
    if all && matches!(op, SetOperator::Intersect | SetOperator::Except | SetOperator::Minus) {
        let error = SqlError::new(ErrorKind::Unsupported, format!("{op} ALL is not supported"));
        return ControlFlow::Break(error.hint(format!("{op} without ALL gives each row once")));
    }
    set_operations(left)?;
    set_operations(right)
}
