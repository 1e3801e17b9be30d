//! Tables about kubesql itself: a trait that each table implements, and an adapter to DataFusion.

mod clusters;
mod functions;
mod information_schema;
mod jdbc;
mod queries;
mod tables;
mod watches;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::SystemTime;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, StringViewArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};

use crate::sql::catalog::context::{BuiltinTables, EngineContext};
use crate::sql::error::SqlError;
use crate::sql::scan::pushdown::equalities;

/// A table about kubesql itself.
#[async_trait]
pub(crate) trait SystemTable: Debug + Send + Sync {
    /// The schema: `system`, `information_schema`.
    fn schema(&self) -> &'static str;

    /// The name in the schema.
    fn name(&self) -> &'static str;

    /// The columns in order.
    fn columns(&self) -> &'static [(&'static str, ColumnType)];

    /// Returns the current rows. `only` contains equality conditions of the statement by column; rows that do not match
    /// may be omitted.
    async fn rows(&self, context: &EngineContext, only: &BTreeMap<String, String>) -> Result<Vec<Vec<Cell>>, SqlError>;
}

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ColumnType {
    /// A text.
    Text,
    /// A non-negative integer of 32 bits.
    Integer,
    /// A signed integer of 32 bits.
    Signed,
    /// An integer of 64 bits.
    BigInt,
    /// A float of 64 bits.
    Float,
    /// A timestamp in microseconds, in UTC.
    Time,
    /// A boolean.
    Boolean,
}

impl ColumnType {
    fn data_type(self) -> DataType {
        match self {
            Self::Text => DataType::Utf8View,
            Self::Integer | Self::Signed => DataType::Int32,
            Self::BigInt => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Boolean => DataType::Boolean,
        }
    }
}

/// A value.
#[derive(Debug, Clone)]
pub(crate) enum Cell {
    Text(String),
    Integer(usize),
    Signed(i32),
    BigInt(u64),
    Float(f64),
    Time(SystemTime),
    Boolean(bool),
    Null,
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Option<String>> for Cell {
    fn from(text: Option<String>) -> Self {
        text.map_or(Self::Null, Self::Text)
    }
}

impl Cell {
    fn big_int(&self) -> Option<i64> {
        match self {
            Self::BigInt(number) => i64::try_from(*number).ok(),
            _ => None,
        }
    }

    fn float(&self) -> Option<f64> {
        if let Self::Float(number) = self { Some(*number) } else { None }
    }

    /// Returns microseconds since 1970.
    fn time(&self) -> Option<i64> {
        let Self::Time(time) = self else { return None };
        i64::try_from(time.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_micros()).ok()
    }
}

/// All tables except those of `system.jdbc`.
const ALL: [&dyn SystemTable; 8] = [
    &clusters::Clusters,
    &functions::Functions,
    &queries::Queries,
    &tables::Tables,
    &watches::Watches,
    &information_schema::Columns,
    &information_schema::Schemata,
    &information_schema::Tables,
];

fn all() -> impl Iterator<Item = &'static dyn SystemTable> {
    let drivers = jdbc::TABLES.iter().map(|table| table as &dyn SystemTable);
    ALL.into_iter().chain(drivers).chain([&jdbc::Columns as &dyn SystemTable])
}

fn find(schema: &str, name: &str) -> Option<&'static dyn SystemTable> {
    all().find(|table| table.schema() == schema && table.name() == name)
}

/// The tables about kubesql itself.
#[derive(Debug)]
pub(crate) struct SystemTables;

impl BuiltinTables for SystemTables {
    fn schemas(&self) -> &'static [&'static str] {
        &["information_schema", "system"]
    }

    fn has_schema(&self, schema: &str) -> bool {
        // `system.jdbc` exists but is not listed.
        schema == jdbc::SCHEMA || self.schemas().contains(&schema)
    }

    fn names(&self, schema: &str) -> Vec<&'static str> {
        all().filter(|table| table.schema() == schema).map(SystemTable::name).collect()
    }

    fn columns(&self, schema: &str, name: &str) -> Option<SchemaRef> {
        find(schema, name).map(fields)
    }

    fn sql_type(&self, field: &Field) -> &'static str {
        match field.data_type() {
            DataType::Int32 => "integer",
            DataType::Int64 => "bigint",
            DataType::Float64 => "double precision",
            DataType::Timestamp(..) => "timestamp with time zone",
            DataType::Boolean => "boolean",
            _ => "text",
        }
    }

    fn provider(&self, schema: &str, name: &str, context: &Arc<EngineContext>) -> Option<Arc<dyn TableProvider>> {
        let table = find(schema, name)?;
        Some(Arc::new(SystemProvider::new(table, Arc::clone(context))))
    }

    fn lists_tables(&self, schema: &str, name: &str) -> bool {
        schema == "information_schema" || schema == jdbc::SCHEMA || schema == "system" && name == "tables"
    }
}

/// Returns the schema of a system table.
fn fields(table: &dyn SystemTable) -> SchemaRef {
    let field = |(name, column_type): &(&str, ColumnType)| Field::new(*name, column_type.data_type(), true);
    Arc::new(Schema::new(table.columns().iter().map(field).collect::<Vec<_>>()))
}

/// A system table as a DataFusion provider.
#[derive(Debug, Clone)]
pub(crate) struct SystemProvider {
    table: &'static dyn SystemTable,
    context: Arc<EngineContext>,
    schema: SchemaRef,
    only: BTreeMap<String, String>,
}

impl SystemProvider {
    pub(crate) fn new(table: &'static dyn SystemTable, context: Arc<EngineContext>) -> Self {
        Self { table, context, schema: fields(table), only: BTreeMap::new() }
    }

    async fn batch(self) -> Result<RecordBatch> {
        let rows = self.table.rows(&self.context, &self.only).await;
        let rows = rows.map_err(|error| DataFusionError::External(Box::new(error)))?;
        let column = |(at, (_, kind)): (usize, &(&str, ColumnType))| -> ArrayRef {
            let cells = rows.iter().map(|row| &row[at]);
            match kind {
                ColumnType::Text => Arc::new(
                    cells
                        .map(|cell| if let Cell::Text(text) = cell { Some(text) } else { None })
                        .collect::<StringViewArray>(),
                ),
                ColumnType::Integer => Arc::new(
                    cells
                        .map(|cell| if let Cell::Integer(number) = cell { i32::try_from(*number).ok() } else { None })
                        .collect::<Int32Array>(),
                ),
                ColumnType::Signed => Arc::new(
                    cells
                        .map(|cell| if let Cell::Signed(number) = cell { Some(*number) } else { None })
                        .collect::<Int32Array>(),
                ),
                ColumnType::BigInt => Arc::new(cells.map(Cell::big_int).collect::<Int64Array>()),
                ColumnType::Float => Arc::new(cells.map(Cell::float).collect::<Float64Array>()),
                ColumnType::Time => {
                    Arc::new(cells.map(Cell::time).collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
                }
                ColumnType::Boolean => Arc::new(
                    cells
                        .map(|cell| if let Cell::Boolean(is) = cell { Some(*is) } else { None })
                        .collect::<BooleanArray>(),
                ),
            }
        };
        let columns = self.table.columns().iter().enumerate().map(column).collect();
        Ok(RecordBatch::try_new(self.schema, columns)?)
    }
}

#[async_trait]
impl TableProvider for SystemProvider {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let only = equalities(filters);
        let stream: Arc<dyn PartitionStream> = Arc::new(Self { only, ..self.clone() });
        let schema = Arc::clone(&self.schema);
        Ok(Arc::new(StreamingTableExec::try_new(schema, vec![stream], projection, Vec::new(), false, None)?))
    }
}

impl PartitionStream for SystemProvider {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let batch = futures::stream::once(self.clone().batch());
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batch))
    }
}
