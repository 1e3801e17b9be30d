//! Which subqueries DataFusion runs itself, and how.

use datafusion::prelude::SessionContext;

use crate::sql::upstream::plain_datafusion;

#[tokio::test]
async fn upstream_ignores_null_of_not_in() {
    let sql = "select x from (values (2)) t(x) where x = 1 or x not in (select y from (values (null), (3)) s(y))";
    assert_eq!(plain_datafusion(sql).await, "2", "fixed upstream: let DataFusion plan NOT IN");
}

/// If DataFusion runs all of these, and NOT IN is fixed, remove the rule.
#[tokio::test]
async fn upstream_does_not_plan_subqueries() {
    let (outer, inner) = ("(values (1)) t(x)", "(values (1)) s(y)");
    for sql in [
        format!("select x from {outer} cross join lateral (select y from {inner} where y <= x limit 1) l"),
        format!("select x from {outer} where exists (select 1 from {inner} where exists (select 1 where x = y))"),
    ] {
        let rows = match SessionContext::new().sql(&sql).await {
            Ok(plan) => plan.collect().await.map(|_| ()),
            Err(error) => Err(error),
        };
        assert!(rows.is_err(), "fixed upstream: {sql}");
    }
}
