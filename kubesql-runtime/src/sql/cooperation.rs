//! Joins that let others run. DataFusion's may make millions of rows of what they have read, or look at as many pairs
//! and find none that fits, without a pause in which somebody could cancel them.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use arrow::datatypes::{DataType, Schema};
use arrow::record_batch::RecordBatch;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::joins::{
    CrossJoinExec, HashJoinExec, NestedLoopJoinExec, NestedLoopJoinExecBuilder, SortMergeJoinExec,
};
use datafusion::physical_plan::unnest::UnnestExec;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;

/// After so many batches of pairs the thread is taken for busy: seldom enough to cost nothing beside them.
const BUSY: u32 = 64;

/// Says of an answer that nobody wants it any more, when it is dropped.
#[derive(Debug, Default)]
pub(super) struct Wanted(Arc<AtomicBool>);

impl Drop for Wanted {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Lets whatever gives more rows than it takes pause now and then, and stop where its answer is not wanted.
pub(super) fn cooperative(plan: Arc<dyn ExecutionPlan>, wanted: &Wanted) -> Result<Arc<dyn ExecutionPlan>> {
    let wrapped = plan.transform_up(|plan| {
        let multiplies = plan.is::<NestedLoopJoinExec>()
            || plan.is::<CrossJoinExec>()
            || plan.is::<HashJoinExec>()
            || plan.is::<SortMergeJoinExec>()
            || plan.is::<UnnestExec>();
        if !multiplies {
            return Ok(Transformed::no(plan));
        }
        let stoppable = stoppable(&plan, wanted)?.unwrap_or(plan);
        Ok(Transformed::yes(Arc::new(CooperativeExec::new(stoppable)) as _))
    });
    Ok(wrapped?.data)
}

/// The same join, whose condition fails once its answer is not wanted; none where it has no condition.
fn stoppable(plan: &Arc<dyn ExecutionPlan>, wanted: &Wanted) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let of = |filter: &JoinFilter| {
        let inner = Arc::clone(filter.expression());
        let condition = Condition { inner, unwanted: Arc::clone(&wanted.0), evaluated: AtomicU32::new(0) };
        JoinFilter::new(Arc::new(condition), filter.column_indices().to_vec(), Arc::clone(filter.schema()))
    };
    if let Some(join) = plan.downcast_ref::<NestedLoopJoinExec>() {
        let Some(filter) = join.filter() else { return Ok(None) };
        let join = NestedLoopJoinExecBuilder::from(join).with_filter(Some(of(filter))).build()?;
        return Ok(Some(Arc::new(join)));
    }
    if let Some(join) = plan.downcast_ref::<HashJoinExec>() {
        let Some(filter) = join.filter() else { return Ok(None) };
        return Ok(Some(join.builder().with_filter(Some(of(filter))).build_exec()?));
    }
    if let Some(join) = plan.downcast_ref::<SortMergeJoinExec>() {
        let Some(filter) = join.filter() else { return Ok(None) };
        let join = SortMergeJoinExec::try_new(
            Arc::clone(join.left()),
            Arc::clone(join.right()),
            join.on().to_vec(),
            Some(of(filter)),
            join.join_type(),
            join.sort_options().to_vec(),
            join.null_equality(),
        )?;
        return Ok(Some(Arc::new(join)));
    }
    Ok(None)
}

/// The condition of a join.
#[derive(Debug)]
struct Condition {
    inner: Arc<dyn PhysicalExpr>,
    unwanted: Arc<AtomicBool>,
    /// For how many batches.
    evaluated: AtomicU32,
}

impl fmt::Display for Condition {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(to)
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
        if self.unwanted.load(Ordering::Relaxed) {
            return Err(DataFusionError::Execution("the statement was stopped".to_owned()));
        }
        let evaluated = self.evaluated.fetch_add(1, Ordering::Relaxed);
        if evaluated % BUSY == BUSY - 1
            && Handle::try_current().is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread)
        {
            // Somebody else does what waits for this thread.
            return block_in_place(|| self.inner.evaluate(batch));
        }
        self.inner.evaluate(batch)
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.inner]
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn PhysicalExpr>>) -> Result<Arc<dyn PhysicalExpr>> {
        let inner = children.pop().unwrap_or_else(|| Arc::clone(&self.inner));
        Ok(Arc::new(Self { inner, unwanted: Arc::clone(&self.unwanted), evaluated: AtomicU32::new(0) }))
    }

    fn fmt_sql(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt_sql(to)
    }
}
