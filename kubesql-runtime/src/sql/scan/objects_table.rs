//! Reading a table: its provider for one statement, and the plan that gives its rows.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::expressions::Column as PhysicalColumn;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use futures::stream::{self, Stream, StreamExt, TryStreamExt};

use super::dynamic_column;
use super::extract;
use super::pushdown::{selection, texts};
use super::snapshot::StatementSnapshot;
use crate::schema::{Place, Table};
use crate::sql::functions::map_key::physical_column_and_key;
use crate::sql::scan::dynamic_column::OutputColumn;
use crate::sql::scan::row_map::RowMap;
use crate::store::{Segment, Selection};

/// Rows of a batch.
const BATCH: usize = 8192;

/// A table as one statement sees it: its fixed columns and the dynamic ones that the statement names.
#[derive(Debug)]
pub(crate) struct ObjectsTable {
    pub(crate) table: Arc<Table>,
    pub(crate) outputs: Vec<OutputColumn>,
    pub(crate) schema: SchemaRef,
}

#[async_trait]
impl TableProvider for ObjectsTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        // All rows of a segment are of one cluster, which is never NULL: exact. Nothing else is said to be.
        let support = |filter: &&Expr| match self.clusters(filter) {
            Some(_) => TableProviderFilterPushDown::Exact,
            None if self.selection(filter).is_some() => TableProviderFilterPushDown::Inexact,
            None => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(support).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let all: Vec<usize> = (0..self.outputs.len()).collect();
        let projection = projection.unwrap_or(&all);
        let outputs: Vec<OutputColumn> = projection.iter().map(|&at| self.outputs[at].clone()).collect();
        let clusters: Vec<BTreeSet<String>> = filters.iter().filter_map(|filter| self.clusters(filter)).collect();
        let asked = clusters.iter().cloned().reduce(|all, more| all.intersection(&more).cloned().collect());
        let selections = filters.iter().filter_map(|filter| self.selection(filter));
        let selection = selections.fold(Selection::default(), Selection::and);
        // The plan may be one that was made for a statement before.
        let snapshot = state.config().get_extension::<StatementSnapshot>();
        let snapshot =
            snapshot.ok_or_else(|| DataFusionError::Internal("a statement without its snapshot".to_owned()))?;
        snapshot.want(&self.table, &outputs, asked, &selection);
        let schema = Arc::new(self.schema.project(projection)?);
        let partitions = state.config().target_partitions();
        let mut scan = ObjectsScan::new(&self.table, outputs, schema, &snapshot, limit, partitions);
        scan.clusters = clusters;
        scan.selection = selection;
        Ok(Arc::new(scan))
    }
}

impl ObjectsTable {
    /// The column of this name.
    pub(crate) fn output(&self, name: &str) -> Option<&OutputColumn> {
        self.schema.index_of(name).ok().map(|at| &self.outputs[at])
    }

    fn selection(&self, filter: &Expr) -> Option<Selection> {
        selection(&self.table, |name| self.output(name), filter)
    }

    /// The clusters whose rows are exactly those that a filter lets through.
    fn clusters(&self, filter: &Expr) -> Option<BTreeSet<String>> {
        let (name, clusters) = texts(filter)?;
        let column = self.table.columns.iter().find(|column| column.name == name)?;
        (column.place == Place::Cluster).then_some(clusters)
    }
}

/// Gives the rows of a table, segment by segment.
#[derive(Debug)]
struct ObjectsScan {
    table: Arc<Table>,
    outputs: Arc<Vec<OutputColumn>>,
    snapshot: Arc<StatementSnapshot>,
    limit: Option<usize>,
    partitions: usize,
    /// A row's cluster is in all of these.
    clusters: Vec<BTreeSet<String>>,
    /// What the source is asked for; its rows may be others.
    selection: Selection,
    properties: Arc<PlanProperties>,
}

impl ObjectsScan {
    fn new(
        table: &Arc<Table>,
        outputs: Vec<OutputColumn>,
        schema: SchemaRef,
        snapshot: &Arc<StatementSnapshot>,
        limit: Option<usize>,
        partitions: usize,
    ) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self {
            table: Arc::clone(table),
            outputs: Arc::new(outputs),
            snapshot: Arc::clone(snapshot),
            limit,
            partitions,
            clusters: Vec::new(),
            selection: Selection::default(),
            properties: Arc::new(properties),
        }
    }
}

impl ObjectsScan {
    /// The column that an expression over this scan is.
    fn projected(&self, expr: &Arc<dyn PhysicalExpr>) -> Option<OutputColumn> {
        if let Some(column) = expr.downcast_ref::<PhysicalColumn>() {
            return self.outputs.get(column.index()).cloned();
        }
        let (map, key) = physical_column_and_key(expr)?;
        let OutputColumn::Fixed(number) = self.outputs.get(map)? else { return None };
        let name = format!("{}.{key}", self.table.columns[*number].name);
        dynamic_column::find(&self.table, &name).map(OutputColumn::Dynamic)
    }
}

impl DisplayAs for ObjectsScan {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let columns: Vec<&str> = self.outputs.iter().map(|output| name(&self.table, output)).collect();
        write!(f, "ObjectsScan: table={}, columns=[{}]", self.table.def.name, columns.join(", "))?;
        for clusters in &self.clusters {
            write!(f, ", clusters={clusters:?}")?;
        }
        if self.selection != Selection::default() {
            write!(f, ", selection=[{}]", self.selection)?;
        }
        self.limit.map_or(Ok(()), |limit| write!(f, ", limit={limit}"))
    }
}

/// The SQL name of a column.
pub(crate) fn name<'a>(table: &'a Table, output: &'a OutputColumn) -> &'a str {
    match output {
        OutputColumn::Fixed(number) => &table.columns[*number].name,
        OutputColumn::Dynamic(dynamic) => &dynamic.name,
    }
}

impl ExecutionPlan for ObjectsScan {
    fn name(&self) -> &'static str {
        "ObjectsScan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    /// Gives the columns of a projection itself where all of them are columns and keys of maps.
    fn try_swapping_with_projection(&self, projection: &ProjectionExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let outputs = projection.expr().iter().map(|projected| self.projected(&projected.expr));
        let Some(outputs) = outputs.collect::<Option<Vec<OutputColumn>>>() else { return Ok(None) };
        let mut scan =
            Self::new(&self.table, outputs, projection.schema(), &self.snapshot, self.limit, self.partitions);
        scan.clusters.clone_from(&self.clusters);
        scan.selection = self.selection.clone();
        Ok(Some(Arc::new(scan)))
    }

    fn execute(&self, partition: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let (table, outputs, snapshot) = (self.table.clone(), self.outputs.clone(), self.snapshot.clone());
        let (schema, limit, partitions, clusters) = (self.schema(), self.limit, self.partitions, self.clusters.clone());
        let batches = {
            let schema = schema.clone();
            let segments = segments(table.clone(), snapshot, partition, partitions);
            let is_wanted = move |segment: &Arc<Segment>| {
                futures::future::ready(clusters.iter().all(|clusters| clusters.contains(&*segment.cluster)))
            };
            let batches =
                move |segment| stream::iter(Batches::new(table.clone(), segment, outputs.clone(), schema.clone()));
            segments.try_filter(is_wanted).map_ok(batches).try_flatten()
        };
        let mut left = limit.unwrap_or(usize::MAX);
        let limited = batches.map_ok(move |batch| {
            let batch = if batch.num_rows() > left { batch.slice(0, left) } else { batch };
            left -= batch.num_rows();
            batch
        });
        let limited = limited.try_take_while(|batch| futures::future::ready(Ok(batch.num_rows() > 0)));
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, limited)))
    }
}

/// The segments of a table that one of several partitions reads: those that are there, then the others as they come.
fn segments(
    table: Arc<Table>,
    snapshot: Arc<StatementSnapshot>,
    partition: usize,
    partitions: usize,
) -> impl Stream<Item = Result<Arc<Segment>>> {
    let begin = async move {
        let source = snapshot.get().await?;
        let of_table = source.segments.iter().filter(|segment| std::ptr::eq(segment.kind, table.kind));
        let there: Vec<_> = of_table.skip(partition).step_by(partitions).cloned().map(Ok).collect();
        let streams = source.streams.iter().filter(|feed| std::ptr::eq(feed.kind(), table.kind)).enumerate();
        // Each begins with another feed, so that those of a single segment are shared out as well.
        let coming = streams.map(|(at, feed)| {
            let first = (partition + partitions - at % partitions) % partitions;
            stream::try_unfold(
                (Arc::clone(&snapshot), feed.clone(), first),
                move |(snapshot, mut feed, number)| async move {
                    let segment = snapshot.next(&mut feed, number).await?;
                    Ok(segment.map(|segment| (segment, (snapshot, feed, number + partitions))))
                },
            )
            .boxed()
        });
        let coming = stream::select_all(coming.collect::<Vec<_>>());
        Ok::<_, DataFusionError>(stream::iter(there).chain(coming))
    };
    stream::once(begin).try_flatten()
}

/// The rows of one segment, batch by batch; none of them empty.
struct Batches {
    table: Arc<Table>,
    segment: Arc<Segment>,
    outputs: Arc<Vec<OutputColumn>>,
    schema: SchemaRef,
    map: RowMap,
    derived: Vec<Option<ArrayRef>>,
    next: usize,
}

impl Batches {
    fn new(table: Arc<Table>, segment: Arc<Segment>, outputs: Arc<Vec<OutputColumn>>, schema: SchemaRef) -> Self {
        let map = RowMap::new(&table, &segment);
        let derived = extract::derive(&table, &segment, &outputs);
        Self { table, segment, outputs, schema, map, derived, next: 0 }
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.map.rows() {
            return None;
        }
        let range = self.next..(self.next + BATCH).min(self.map.rows());
        self.next = range.end;
        let options = RecordBatchOptions::new().with_row_count(Some(range.len()));
        let columns = extract::columns(&self.table, &self.segment, &self.map, &self.outputs, &self.derived, range);
        let batch =
            columns.and_then(|columns| RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options));
        Some(batch.map_err(DataFusionError::from))
    }
}
