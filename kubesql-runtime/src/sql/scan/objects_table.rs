//! The table provider of a table of objects, and its scan.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

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
use super::pushdown::{matched_texts, selection_for_filter};
use super::snapshot::{Asked, StatementSnapshot};
use crate::schema::{Place, Table};
use crate::sql::functions::map_key::physical_column_and_key;
use crate::sql::scan::dynamic_column::OutputColumn;
use crate::sql::scan::row_map::RowMap;
use crate::sql::suggest::nearest;
use crate::store::{Segment, Selection};

/// Maximum number of rows of a batch.
const BATCH_ROWS: usize = 8192;

/// A table for one statement: its fixed columns, and the dynamic columns that the statement references.
#[derive(Debug)]
pub(crate) struct ObjectsTable {
    pub(crate) table: Arc<Table>,
    pub(crate) outputs: Vec<OutputColumn>,
    pub(crate) schema: SchemaRef,
    /// Whether clusters need not serve the kind.
    pub(crate) optional: bool,
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
        // All rows of a segment have the same cluster, which is never NULL: such filters are exact. Others are not.
        let support = |filter: &&Expr| match self.clusters_in(filter) {
            Some(_) => TableProviderFilterPushDown::Exact,
            None if self.selection_for(filter).is_some() => TableProviderFilterPushDown::Inexact,
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
        let clusters: Vec<BTreeSet<String>> = filters.iter().filter_map(|filter| self.clusters_in(filter)).collect();
        let requested = clusters.iter().cloned().reduce(|all, more| all.intersection(&more).cloned().collect());
        let selections = filters.iter().filter_map(|filter| self.selection_for(filter));
        let selection = selections.fold(Selection::default(), Selection::and);
        // The logical plan may be cached, so that the snapshot comes from the state.
        let snapshot = state.config().get_extension::<StatementSnapshot>();
        let snapshot =
            snapshot.ok_or_else(|| DataFusionError::Internal("the session state has no snapshot".to_owned()))?;
        if self.optional {
            snapshot.add_optional(self.table.kind);
        }
        self.warn_of_unknown_clusters(&snapshot, requested.as_ref());
        let keys = outputs.iter().filter_map(|output| match output {
            OutputColumn::Dynamic(dynamic) => Some(dynamic.name.clone()),
            OutputColumn::Fixed(_) => None,
        });
        let asked = Asked {
            table: Arc::clone(&self.table),
            keys: keys.collect(),
            namespaces: filters.iter().filter_map(|filter| self.namespaces_in(filter)).flatten().collect(),
            rows: Arc::default(),
        };
        snapshot.record_scan(asked.clone());
        snapshot.add_scan(&self.table, &outputs, requested, &selection);
        let schema = Arc::new(self.schema.project(projection)?);
        let partitions = state.config().target_partitions();
        let mut scan = ObjectsScan::new(&self.table, outputs, schema, &snapshot, limit, partitions);
        scan.clusters = clusters;
        scan.selection = selection;
        scan.read = asked.rows;
        Ok(Arc::new(scan))
    }
}

impl ObjectsTable {
    /// Finds a column by its name.
    pub(crate) fn find_output(&self, name: &str) -> Option<&OutputColumn> {
        self.schema.index_of(name).ok().map(|at| &self.outputs[at])
    }

    /// Warns of clusters that do not exist. It is no error, since statements outlive clusters.
    fn warn_of_unknown_clusters(&self, snapshot: &StatementSnapshot, requested: Option<&BTreeSet<String>>) {
        let Some(requested) = requested else { return };
        let known = snapshot.source().clusters();
        for name in requested.iter().filter(|name| known.iter().all(|known| **known != ***name)) {
            let near = nearest(name, known.iter().map(|known| &**known));
            let hint = if near.is_empty() { known.iter().map(|known| &**known).take(5).collect() } else { near };
            let hint = if hint.is_empty() { String::new() } else { format!("; there is {}", hint.join(", ")) };
            snapshot.warn(&self.table, format!("cluster \"{name}\" does not exist{hint}"));
        }
    }

    /// The namespaces that a filter names.
    fn namespaces_in(&self, filter: &Expr) -> Option<BTreeSet<String>> {
        let (name, namespaces) = matched_texts(filter)?;
        let OutputColumn::Fixed(number) = self.find_output(name)? else { return None };
        (self.table.columns[*number].path == "metadata.namespace").then_some(namespaces)
    }

    /// The objects that a filter may select, where the source can select them.
    fn selection_for(&self, filter: &Expr) -> Option<Selection> {
        selection_for_filter(&self.table, |name| self.find_output(name), filter)
    }

    /// The clusters of a filter that selects exactly the rows of these clusters.
    fn clusters_in(&self, filter: &Expr) -> Option<BTreeSet<String>> {
        let (name, clusters) = matched_texts(filter)?;
        let column = self.table.columns.iter().find(|column| column.name == name)?;
        (column.place == Place::Cluster).then_some(clusters)
    }
}

/// Reads the rows of a table, segment by segment.
#[derive(Debug)]
struct ObjectsScan {
    table: Arc<Table>,
    outputs: Arc<Vec<OutputColumn>>,
    snapshot: Arc<StatementSnapshot>,
    limit: Option<usize>,
    partitions: usize,
    /// Only rows whose cluster is in each of these sets are read.
    clusters: Vec<BTreeSet<String>>,
    /// The selection that is requested from the source, which may return more rows.
    selection: Selection,
    /// The number of rows that were read.
    read: Arc<AtomicUsize>,
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
            read: Arc::default(),
            properties: Arc::new(properties),
        }
    }
}

impl ObjectsScan {
    /// The column that an expression over this scan reads, if it reads a column or a key of a map.
    fn to_output(&self, expr: &Arc<dyn PhysicalExpr>) -> Option<OutputColumn> {
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
        let columns: Vec<&str> = self.outputs.iter().map(|output| output_name(&self.table, output)).collect();
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
fn output_name<'a>(table: &'a Table, output: &'a OutputColumn) -> &'a str {
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

    /// Absorbs a projection whose expressions are all columns or keys of maps.
    fn try_swapping_with_projection(&self, projection: &ProjectionExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let outputs = projection.expr().iter().map(|projected| self.to_output(&projected.expr));
        let Some(outputs) = outputs.collect::<Option<Vec<OutputColumn>>>() else { return Ok(None) };
        let mut scan =
            Self::new(&self.table, outputs, projection.schema(), &self.snapshot, self.limit, self.partitions);
        scan.clusters.clone_from(&self.clusters);
        scan.selection = self.selection.clone();
        scan.read = Arc::clone(&self.read);
        Ok(Some(Arc::new(scan)))
    }

    fn execute(&self, partition: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let (table, outputs, snapshot) = (self.table.clone(), self.outputs.clone(), self.snapshot.clone());
        let (schema, limit, partitions, clusters) = (self.schema(), self.limit, self.partitions, self.clusters.clone());
        let batches = {
            let (schema, now) = (schema.clone(), snapshot.now);
            let segments = stream_segments(table.clone(), snapshot, partition, partitions);
            let is_selected = move |segment: &Arc<Segment>| {
                futures::future::ready(clusters.iter().all(|clusters| clusters.contains(&*segment.cluster)))
            };
            let batches =
                move |segment| stream::iter(Batches::new(table.clone(), segment, outputs.clone(), schema.clone(), now));
            segments.try_filter(is_selected).map_ok(batches).try_flatten()
        };
        let mut left = limit.unwrap_or(usize::MAX);
        let read = Arc::clone(&self.read);
        let limited = batches.map_ok(move |batch| {
            read.fetch_add(batch.num_rows(), Ordering::Relaxed);
            let batch = if batch.num_rows() > left { batch.slice(0, left) } else { batch };
            left -= batch.num_rows();
            batch
        });
        let limited = limited.try_take_while(|batch| futures::future::ready(Ok(batch.num_rows() > 0)));
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, limited)))
    }
}

/// Streams the segments of a table for one partition: first the available ones, then the others as they arrive.
fn stream_segments(
    table: Arc<Table>,
    snapshot: Arc<StatementSnapshot>,
    partition: usize,
    partitions: usize,
) -> impl Stream<Item = Result<Arc<Segment>>> {
    let begin = async move {
        let source = snapshot.get().await?;
        let of_table = source.segments.iter().filter(|segment| std::ptr::eq(segment.kind, table.kind));
        let available: Vec<_> = of_table.skip(partition).step_by(partitions).cloned().map(Ok).collect();
        let streams =
            source.streams.iter().filter(|segment_stream| std::ptr::eq(segment_stream.kind(), table.kind)).enumerate();
        // Each partition starts at another stream, so that streams of one segment are distributed as well.
        let arriving = streams.map(|(at, segment_stream)| {
            let first = (partition + partitions - at % partitions) % partitions;
            stream::try_unfold(
                (Arc::clone(&snapshot), segment_stream.clone(), first),
                move |(snapshot, mut segment_stream, number)| async move {
                    let segment = snapshot.next_segment(&mut segment_stream, number).await?;
                    Ok(segment.map(|segment| (segment, (snapshot, segment_stream, number + partitions))))
                },
            )
            .boxed()
        });
        let arriving = stream::select_all(arriving.collect::<Vec<_>>());
        Ok::<_, DataFusionError>(stream::iter(available).chain(arriving))
    };
    stream::once(begin).try_flatten()
}

/// Iterator over the rows of one segment in batches, none of which is empty.
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
    fn new(
        table: Arc<Table>,
        segment: Arc<Segment>,
        outputs: Arc<Vec<OutputColumn>>,
        schema: SchemaRef,
        now: i64,
    ) -> Self {
        let map = RowMap::new(&table, &segment);
        let derived = extract::derive_columns(&table, &segment, &outputs, now);
        Self { table, segment, outputs, schema, map, derived, next: 0 }
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.map.rows() {
            return None;
        }
        let range = self.next..(self.next + BATCH_ROWS).min(self.map.rows());
        self.next = range.end;
        let options = RecordBatchOptions::new().with_row_count(Some(range.len()));
        let columns =
            extract::extract_columns(&self.table, &self.segment, &self.map, &self.outputs, &self.derived, range);
        let batch =
            columns.and_then(|columns| RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options));
        Some(batch.map_err(DataFusionError::from))
    }
}
