//! Cancellation of joins.
//!
//! The joins of DataFusion 55.2.0 do not yield, so a statement cannot be cancelled while a join returns millions of
//! rows or evaluates its condition for millions of pairs: <https://github.com/apache/datafusion/issues/19358>. With
//! this rule joins yield after every batch of rows, and their conditions fail once the statement is cancelled.

use std::any::Any;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use arrow::datatypes::{DataType, Schema};
use arrow::record_batch::RecordBatch;
use datafusion::common::config::{ConfigEntry, ConfigExtension, ConfigOptions, ExtensionOptions};
use datafusion::common::config_err;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::execution::SessionState;
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::joins::{
    CrossJoinExec, HashJoinExec, NestedLoopJoinExec, NestedLoopJoinExecBuilder, SortMergeJoinExec,
};
use datafusion::physical_plan::unnest::UnnestExec;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;

use crate::sql::error::{ErrorKind, SqlError};

/// Number of evaluated batches after which other tasks are moved off the thread. Large enough for a negligible cost.
const BUSY: u32 = 64;

/// Cancels the joins of a statement when it is dropped.
#[derive(Debug)]
pub(crate) struct CancelOnDrop(CancelFlag);

impl CancelOnDrop {
    /// Registers the flag of a statement with the state in which it is planned.
    pub(crate) fn register(state: &mut SessionState) -> Self {
        let flag = CancelFlag::default();
        state.config_mut().options_mut().extensions.insert(flag.clone());
        Self(flag)
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

/// Whether a statement is cancelled; part of its configuration, where the optimizer rule finds it.
#[derive(Debug, Clone, Default)]
struct CancelFlag(Arc<AtomicBool>);

impl ConfigExtension for CancelFlag {
    const PREFIX: &'static str = "kubesql_cancellation";
}

impl ExtensionOptions for CancelFlag {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn cloned(&self) -> Box<dyn ExtensionOptions> {
        Box::new(self.clone())
    }

    fn set(&mut self, key: &str, _: &str) -> Result<()> {
        config_err!("unknown setting \"{key}\"")
    }

    fn entries(&self) -> Vec<ConfigEntry> {
        Vec::new()
    }
}

/// Wraps operators that may return more rows than they read so that they yield, and makes the conditions of joins fail
/// once the statement is cancelled.
#[derive(Debug)]
pub(crate) struct CancellableJoins;

impl PhysicalOptimizerRule for CancellableJoins {
    fn name(&self) -> &'static str {
        "cancellable_joins"
    }

    fn schema_check(&self) -> bool {
        true
    }

    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, options: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let flag = options.extensions.get::<CancelFlag>().cloned().unwrap_or_default();
        let transformed = plan.transform_up(|plan| {
            let multiplies = plan.is::<NestedLoopJoinExec>()
                || plan.is::<CrossJoinExec>()
                || plan.is::<HashJoinExec>()
                || plan.is::<SortMergeJoinExec>()
                || plan.is::<UnnestExec>();
            if !multiplies {
                return Ok(Transformed::no(plan));
            }
            let cancellable = cancellable_join(&plan, &flag)?.unwrap_or(plan);
            Ok(Transformed::yes(Arc::new(CooperativeExec::new(cancellable)) as _))
        });
        Ok(transformed?.data)
    }
}

/// Returns the join with a condition that fails once the statement is cancelled; `None` if it has no condition.
fn cancellable_join(plan: &Arc<dyn ExecutionPlan>, flag: &CancelFlag) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let cancellable = |filter: &JoinFilter| {
        let inner = Arc::clone(filter.expression());
        let condition = Condition { inner, cancelled: flag.clone(), evaluated: AtomicU32::new(0) };
        JoinFilter::new(Arc::new(condition), filter.column_indices().to_vec(), Arc::clone(filter.schema()))
    };
    if let Some(join) = plan.downcast_ref::<NestedLoopJoinExec>() {
        let Some(filter) = join.filter() else { return Ok(None) };
        let join = NestedLoopJoinExecBuilder::from(join).with_filter(Some(cancellable(filter))).build()?;
        return Ok(Some(Arc::new(join)));
    }
    if let Some(join) = plan.downcast_ref::<HashJoinExec>() {
        let Some(filter) = join.filter() else { return Ok(None) };
        return Ok(Some(join.builder().with_filter(Some(cancellable(filter))).build_exec()?));
    }
    if let Some(join) = plan.downcast_ref::<SortMergeJoinExec>() {
        let Some(filter) = join.filter() else { return Ok(None) };
        let join = SortMergeJoinExec::try_new(
            Arc::clone(join.left()),
            Arc::clone(join.right()),
            join.on().to_vec(),
            Some(cancellable(filter)),
            join.join_type(),
            join.sort_options().to_vec(),
            join.null_equality(),
        )?;
        return Ok(Some(Arc::new(join)));
    }
    Ok(None)
}

/// The condition of a join, which fails once the statement is cancelled.
#[derive(Debug)]
struct Condition {
    inner: Arc<dyn PhysicalExpr>,
    cancelled: CancelFlag,
    /// Number of evaluated batches.
    evaluated: AtomicU32,
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.inner.eq(&other.inner)
    }
}

impl Eq for Condition {}

impl Hash for Condition {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
    }
}

impl PhysicalExpr for Condition {
    fn data_type(&self, schema: &Schema) -> Result<DataType> {
        self.inner.data_type(schema)
    }

    fn nullable(&self, schema: &Schema) -> Result<bool> {
        self.inner.nullable(schema)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        if self.cancelled.0.load(Ordering::Relaxed) {
            return Err(SqlError::new(ErrorKind::Cancelled, "canceling statement due to user request").into());
        }
        let evaluated = self.evaluated.fetch_add(1, Ordering::Relaxed);
        if evaluated % BUSY == BUSY - 1
            && Handle::try_current().is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread)
        {
            // Moves the other tasks of this thread to another thread.
            return block_in_place(|| self.inner.evaluate(batch));
        }
        self.inner.evaluate(batch)
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.inner]
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn PhysicalExpr>>) -> Result<Arc<dyn PhysicalExpr>> {
        let inner = children.pop().unwrap_or_else(|| Arc::clone(&self.inner));
        Ok(Arc::new(Self { inner, cancelled: self.cancelled.clone(), evaluated: AtomicU32::new(0) }))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt_sql(f)
    }
}

#[cfg(test)]
mod tests {
    use datafusion::execution::SessionStateBuilder;
    use datafusion::physical_plan::execute_stream;
    use datafusion::prelude::{SessionConfig, SessionContext};
    use futures::StreamExt;

    use super::*;

    fn state(rule: Option<CancellableJoins>) -> SessionState {
        let config = SessionConfig::new().with_target_partitions(1).with_batch_size(16);
        let builder = SessionStateBuilder::new().with_config(config).with_default_features();
        rule.into_iter().fold(builder, |builder, rule| builder.with_physical_optimizer_rule(Arc::new(rule))).build()
    }

    /// Counts how often another task runs during a join of 5,625 batches.
    async fn count_yields(rule: Option<CancellableJoins>) -> usize {
        let context = SessionContext::new_with_state(state(rule));
        let sql = "select a.value, b.value from generate_series(1, 300) a(value), generate_series(1, 300) b(value)";
        let plan = context.sql(sql).await.expect("planned").create_physical_plan().await.expect("planned");
        let mut rows = execute_stream(plan, context.task_ctx()).expect("started");
        let task = tokio::spawn(async move { while rows.next().await.is_some() {} });
        let mut yields = 0;
        while !task.is_finished() {
            tokio::task::yield_now().await;
            yields += 1;
        }
        yields
    }

    #[tokio::test]
    async fn joins_yield() {
        assert!(count_yields(Some(CancellableJoins)).await > 10);
    }

    #[tokio::test]
    async fn upstream_joins_do_not_yield() {
        assert!(count_yields(None).await < 10, "fixed upstream: remove this file");
    }

    #[tokio::test]
    async fn conditions_fail_after_cancellation() {
        let mut state = state(Some(CancellableJoins));
        let cancel = CancelOnDrop::register(&mut state);
        let context = SessionContext::new_with_state(state);
        let sql = "select count(*) from generate_series(1, 9) a(value) join generate_series(1, 9) b(value) on a.value + b.value < 0";
        let plan = context.sql(sql).await.expect("planned").create_physical_plan().await.expect("planned");
        let mut rows = execute_stream(plan, context.task_ctx()).expect("started");
        drop(cancel);
        assert!(rows.next().await.expect("an answer").is_err());
    }
}
