//! Rejects outer joins with `USING` and `NATURAL` whose merged column would be NULL.
//!
//! DataFusion 55.2.0 resolves the merged column of a `RIGHT` or `FULL JOIN` to the left side:
//! <https://github.com/apache/datafusion/issues/22881>. For `SELECT *` over a `NATURAL LEFT JOIN` it takes the table
//! whose name sorts first: <https://github.com/apache/datafusion/issues/13774>.

use datafusion::sql::sqlparser::ast::{Join, JoinConstraint, JoinOperator};

use crate::sql::error::{ErrorKind, SqlError};

/// Returns the error if a join is not supported.
pub(crate) fn unsupported_join(join: &Join) -> Option<SqlError> {
    use JoinOperator::{FullOuter, Left, LeftOuter, Right, RightOuter};

    let (side, constraint) = match &join.join_operator {
        Left(constraint) | LeftOuter(constraint) => ("LEFT", constraint),
        Right(constraint) | RightOuter(constraint) => ("RIGHT", constraint),
        FullOuter(constraint) => ("FULL", constraint),
        _ => return None,
    };
    let kind = match constraint {
        JoinConstraint::Natural => "NATURAL",
        JoinConstraint::Using(_) if side != "LEFT" => "USING",
        _ => return None,
    };
    let error = SqlError::new(ErrorKind::Unsupported, format!("{kind} is not supported for a {side} JOIN"));
    Some(error.hint("join ON a.x = b.x, and select coalesce(a.x, b.x)"))
}

#[cfg(test)]
mod tests {
    use crate::sql::upstream::plain_datafusion;

    #[tokio::test]
    async fn upstream_takes_column_of_left_side() {
        for (columns, join, using) in [
            ("k", "right join", "using (k)"),
            ("k", "full join", "using (k)"),
            ("k", "natural right join", ""),
            ("k", "natural full join", ""),
        ] {
            // The left side has no rows.
            let sql = format!("select {columns} from (select 1 as k where false) a {join} (select 1 as k) b {using}");
            assert_eq!(plain_datafusion(&sql).await, "NULL", "fixed upstream: allow {join} {using}");
        }
    }

    #[tokio::test]
    async fn upstream_takes_column_of_first_table_name() {
        let sql = "select * from (select 1 as k) b natural left join (select 1 as k where false) a";
        assert_eq!(plain_datafusion(sql).await, "NULL", "fixed upstream: allow NATURAL LEFT JOIN");
    }
}
