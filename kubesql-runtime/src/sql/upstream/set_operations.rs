//! Rejects `INTERSECT ALL` and `EXCEPT ALL`.
//!
//! DataFusion 55.2.0 returns the wrong number of duplicates: <https://github.com/apache/datafusion/issues/12955>,
//! <https://github.com/apache/datafusion/issues/12956>.

use datafusion::sql::sqlparser::ast::{SetExpr, SetOperator, SetQuantifier};

use crate::sql::error::{ErrorKind, SqlError};

/// Returns the error if a query has an unsupported set operation. Subqueries are checked separately.
pub(crate) fn unsupported_set_operation(body: &SetExpr) -> Option<SqlError> {
    let SetExpr::SetOperation { op, set_quantifier, left, right } = body else { return None };
    let all = matches!(set_quantifier, SetQuantifier::All | SetQuantifier::AllByName);
    if all && matches!(op, SetOperator::Intersect | SetOperator::Except | SetOperator::Minus) {
        let error = SqlError::new(ErrorKind::Unsupported, format!("{op} ALL is not supported"));
        return Some(error.hint(format!("{op} without ALL returns each row once")));
    }
    unsupported_set_operation(left).or_else(|| unsupported_set_operation(right))
}

#[cfg(test)]
mod tests {
    use crate::sql::upstream::plain_datafusion;

    #[tokio::test]
    async fn upstream_returns_wrong_number_of_duplicates() {
        let (two, one) = ("select * from (values (1), (1))", "select 1");
        let intersection = plain_datafusion(&format!("{two} intersect all {one}")).await;
        assert_eq!(intersection, "1 1", "fixed upstream: allow INTERSECT ALL");
        assert_eq!(plain_datafusion(&format!("{two} except all {one}")).await, "", "fixed upstream: allow EXCEPT ALL");
    }
}
