//! The scan of `pg_attribute` and `pg_description`, which only reads relations that the filters select.
//!
//! Drivers request the columns of a relation by name, with a join with `pg_class`. The dynamic filter of the join is
//! complete once `pg_class` has been read.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int32Array, new_null_array};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Int32Type, Schema};
use arrow::record_batch::RecordBatch;
use datafusion::common::Statistics;
use datafusion::common::config::ConfigOptions;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_expr::{EquivalenceProperties, Partitioning, split_conjunction};
use datafusion::physical_expr_common::physical_expr::{PhysicalExpr, snapshot_physical_expr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::filter_pushdown::{
    ChildPushdownResult, FilterPushdownPhase, FilterPushdownPropagation, PushedDown,
};
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::stream;

use super::CatalogTable;
use super::attributes::{self, Selected};
use crate::postgres::objects::Database;

/// Estimated number of rows of a relation.
const ROWS_PER_RELATION: usize = 25;

#[derive(Debug, Clone)]
pub(super) struct RelationScan {
    table: &'static CatalogTable,
    database: Database,
    projection: Vec<usize>,
    /// Filters that are known before execution.
    filters: Vec<Arc<dyn PhysicalExpr>>,
    /// Dynamic filters of joins.
    dynamic_filters: Vec<Arc<dyn PhysicalExpr>>,
    properties: Arc<PlanProperties>,
}

impl RelationScan {
    pub(super) fn try_new(
        table: &'static CatalogTable,
        database: &Database,
        projection: Option<&Vec<usize>>,
    ) -> Result<Self> {
        let projection = projection.cloned().unwrap_or_else(|| (0..table.schema.fields().len()).collect());
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::new(table.schema.project(&projection)?)),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        let (database, properties) = (database.clone(), Arc::new(properties));
        Ok(Self { table, database, projection, filters: Vec::new(), dynamic_filters: Vec::new(), properties })
    }

    async fn rows(self) -> Result<RecordBatch> {
        let selected = self.select()?;
        let batch = match self.table.name {
            "pg_description" => attributes::descriptions(&self.database, &selected.relations, &self.table.schema)?,
            _ => attributes::rows(&self.database, &selected, &self.table.schema).await?,
        };
        Ok(batch.project(&self.projection)?)
    }

    /// Returns the relations that the filters select.
    fn select(&self) -> Result<Selected> {
        let all = self.database.objects.relations(&self.database.context);
        let schema = self.schema();
        // The first column is the relation's identifier.
        let name = self.table.schema.field(0).name();
        let column = |field: &Arc<Field>| -> ArrayRef {
            match field.name() == name {
                true => Arc::new(Int32Array::from_iter_values(all.iter().map(|relation| relation.oid))),
                false => new_null_array(field.data_type(), all.len()),
            }
        };
        let positions = Field::new("position", DataType::Int32, false);
        let mut fields: Vec<_> = schema.fields().iter().cloned().collect();
        let mut columns: Vec<_> = fields.iter().map(column).collect();
        fields.push(Arc::new(positions));
        columns.push(Arc::new(Int32Array::from_iter_values(0..i32::try_from(all.len()).unwrap_or(i32::MAX))));
        let relations = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?;
        let by_literal = narrow(relations, &self.filters, name)?;
        let by_identifier = by_literal.num_rows() == 1;
        let selected = narrow(by_literal, &self.dynamic_filters, name)?;
        let positions = selected.column(selected.num_columns() - 1);
        let positions = positions.as_primitive::<Int32Type>();
        let relations: Vec<_> =
            positions.values().iter().filter_map(|at| all.get(usize::try_from(*at).ok()?).cloned()).collect();
        let is_narrowed = relations.len() < all.len();
        Ok(Selected { relations, by_identifier, is_narrowed })
    }
}

/// Applies the conjuncts of the filters that only depend on the identifier of the relation.
fn narrow(mut relations: RecordBatch, filters: &[Arc<dyn PhysicalExpr>], name: &str) -> Result<RecordBatch> {
    for filter in filters {
        let filter = snapshot_physical_expr(Arc::clone(filter))?;
        for part in split_conjunction(&filter) {
            let columns = collect_columns(part);
            if !columns.is_empty() && columns.iter().all(|column| column.name() == name) {
                let holds = part.evaluate(&relations)?.into_array(relations.num_rows())?;
                relations = filter_record_batch(&relations, holds.as_boolean())?;
            }
        }
    }
    Ok(relations)
}

impl DisplayAs for RelationScan {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RelationScan: table={}", self.table.name)?;
        self.filters.iter().chain(&self.dynamic_filters).try_for_each(|filter| write!(f, ", filter={filter}"))
    }
}

impl ExecutionPlan for RelationScan {
    fn name(&self) -> &'static str {
        "RelationScan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        for filter in self.filters.iter().chain(&self.dynamic_filters) {
            if f(filter)? == TreeNodeRecursion::Stop {
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    /// The filters only reduce the relations that are read. They still have to be applied to the rows.
    fn handle_child_pushdown_result(
        &self,
        phase: FilterPushdownPhase,
        result: ChildPushdownResult,
        _: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        let filters: Vec<_> = result.parent_filters.into_iter().map(|parent| parent.filter).collect();
        let pushed = FilterPushdownPropagation::with_parent_pushdown_result(vec![PushedDown::No; filters.len()]);
        if filters.is_empty() {
            return Ok(pushed);
        }
        let mut scan = self.clone();
        match phase {
            FilterPushdownPhase::Pre => scan.filters.extend(filters),
            FilterPushdownPhase::Post => scan.dynamic_filters.extend(filters),
        }
        Ok(pushed.with_updated_node(Arc::new(scan)))
    }

    /// Estimates the number of rows, so that joins read `pg_class` first.
    fn statistics_from_inputs(&self, _: &[Arc<Statistics>], _: &StatisticsArgs) -> Result<Arc<Statistics>> {
        let rows = self.database.objects.relations(&self.database.context).len() * ROWS_PER_RELATION;
        Ok(Arc::new(Statistics::new_unknown(&self.schema()).with_num_rows(Precision::Inexact(rows))))
    }

    fn execute(&self, _: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let rows = stream::once(self.clone().rows());
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }
}
