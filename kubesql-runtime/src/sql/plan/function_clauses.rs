//! Rejects clauses of aggregates in calls of other functions. DataFusion passes over them.

use datafusion::execution::SessionState;
use datafusion::sql::sqlparser::ast::{
    DuplicateTreatment, Expr, Function, FunctionArgumentClause, FunctionArguments, Statement,
};

use crate::sql::error::{ErrorKind, SqlError};
use crate::sql::parse::identifiers::words;
use crate::sql::parse::walk::{AstPass, walk};

/// Rejects `DISTINCT`, `ORDER BY`, `FILTER`, `WITHIN GROUP`, `IGNORE NULLS` and `OVER` in calls of scalar functions.
pub(crate) fn check_function_clauses(statement: &mut Statement, state: &SessionState) -> Result<(), SqlError> {
    walk(statement, &mut Clauses(state))
}

struct Clauses<'a>(&'a SessionState);

impl AstPass for Clauses<'_> {
    fn pre_expr(&mut self, expr: &mut Expr) -> Result<(), SqlError> {
        let Expr::Function(function) = expr else { return Ok(()) };
        let name = words(&function.name).join(".");
        let is_scalar = self.0.scalar_functions().contains_key(&name)
            && !self.0.aggregate_functions().contains_key(&name)
            && !self.0.window_functions().contains_key(&name);
        let Some(clause) = clause(function).filter(|_| is_scalar) else { return Ok(()) };
        let what =
            if clause == "OVER" { "a window function nor an aggregate function" } else { "an aggregate function" };
        let message = format!("{clause} specified, but {name} is not {what}");
        Err(SqlError::new(ErrorKind::Invalid, message).code("42809"))
    }
}

/// The first clause of a call that only aggregates and window functions have.
fn clause(function: &Function) -> Option<&'static str> {
    if let FunctionArguments::List(list) = &function.args {
        if list.duplicate_treatment == Some(DuplicateTreatment::Distinct) {
            return Some("DISTINCT");
        }
        for clause in &list.clauses {
            return Some(match clause {
                FunctionArgumentClause::OrderBy(_) => "ORDER BY",
                FunctionArgumentClause::IgnoreOrRespectNulls(_) => "IGNORE NULLS",
                _ => continue,
            });
        }
    }
    if !function.within_group.is_empty() {
        return Some("WITHIN GROUP");
    }
    if function.filter.is_some() {
        return Some("FILTER");
    }
    if function.null_treatment.is_some() {
        return Some("IGNORE NULLS");
    }
    function.over.as_ref().map(|_| "OVER")
}
