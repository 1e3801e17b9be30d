//! The column that `USING` and `NATURAL` make of two in outer joins: DataFusion 55.2.0 takes that of one side, which is
//! NULL where only the other side has a row.
//!
//! For `RIGHT` and `FULL JOIN` it is the left side: <https://github.com/apache/datafusion/issues/22881>. For `SELECT *` over
//! a `NATURAL LEFT JOIN` it is the table whose name comes first: <https://github.com/apache/datafusion/issues/13774>.

use datafusion::sql::sqlparser::ast::{Join, JoinConstraint, JoinOperator};

use crate::sql::error::{ErrorKind, SqlError};

/// The error of such a join.
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
    async fn datafusion_still_takes_the_column_of_the_wrong_side() {
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
    async fn datafusion_still_takes_the_column_of_the_first_name() {
        let sql = "select * from (select 1 as k) b natural left join (select 1 as k where false) a";
        assert_eq!(plain_datafusion(sql).await, "NULL", "fixed upstream: allow NATURAL LEFT JOIN");
    }
}
