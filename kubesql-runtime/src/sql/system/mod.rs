//! Tables about kubesql itself, each in a file: a thin trait, and one adapter to DataFusion.

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

use super::error::SqlError;
use super::house::House;
use super::postgres;
use super::pushdown::equalities;

/// A table about kubesql itself.
#[async_trait]
pub(super) trait SystemTable: Debug + Send + Sync {
    /// `system`, `information_schema`.
    fn schema(&self) -> &'static str;

    /// Its name there.
    fn name(&self) -> &'static str;

    /// Its columns, in order.
    fn columns(&self) -> &'static [(&'static str, Kind)];

    /// Its rows as they are now. `only` says which texts the statement asks for in some columns: rows with others
    /// may be left out.
    async fn rows(&self, house: &House, only: &BTreeMap<String, String>) -> Result<Vec<Vec<Cell>>, SqlError>;
}

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Utf8View.
    Text,
    /// 32 bits.
    Integer,
    /// 32 bits, negative ones too.
    Signed,
    /// 64 bits.
    BigInt,
    /// float64.
    Float,
    /// Microseconds in UTC.
    Time,
    /// True or false.
    Boolean,
}

impl Kind {
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

    /// As psql spells it.
    pub(super) fn sql_name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer | Self::Signed => "integer",
            Self::BigInt => "bigint",
            Self::Float => "double precision",
            Self::Time => "timestamp with time zone",
            Self::Boolean => "boolean",
        }
    }
}

/// A value.
#[derive(Debug, Clone)]
pub(super) enum Cell {
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

    /// Microseconds since 1970.
    fn time(&self) -> Option<i64> {
        let Self::Time(time) = self else { return None };
        i64::try_from(time.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_micros()).ok()
    }
}

/// All of them but those of drivers.
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

/// The schemas that they are in.
pub(super) const SCHEMAS: [&str; 3] = ["information_schema", postgres::SCHEMA, "system"];

/// The schema that drivers look things up in; it is there, and not listed.
pub(super) const DRIVERS: &str = jdbc::SCHEMA;

fn all() -> impl Iterator<Item = &'static dyn SystemTable> {
    let drivers = jdbc::TABLES.iter().map(|table| table as &dyn SystemTable);
    ALL.into_iter().chain(drivers).chain([&jdbc::Columns as &dyn SystemTable])
}

pub(super) fn find(schema: &str, name: &str) -> Option<&'static dyn SystemTable> {
    all().find(|table| table.schema() == schema && table.name() == name)
}

/// The tables of a schema, in order.
pub(super) fn names(schema: &str) -> impl Iterator<Item = &'static str> {
    let of_postgres = (schema == postgres::SCHEMA).then(postgres::names).into_iter().flatten();
    all().filter(move |table| table.schema() == schema).map(SystemTable::name).chain(of_postgres)
}

/// A system table for DataFusion.
#[derive(Debug, Clone)]
pub(super) struct SystemProvider {
    table: &'static dyn SystemTable,
    house: Arc<House>,
    schema: SchemaRef,
    only: BTreeMap<String, String>,
}

impl SystemProvider {
    pub(super) fn new(table: &'static dyn SystemTable, house: Arc<House>) -> Self {
        let fields: Vec<Field> =
            table.columns().iter().map(|(name, kind)| Field::new(*name, kind.data_type(), true)).collect();
        Self { table, house, schema: Arc::new(Schema::new(fields)), only: BTreeMap::new() }
    }

    async fn batch(self) -> Result<RecordBatch> {
        let rows = self.table.rows(&self.house, &self.only).await;
        let rows = rows.map_err(|error| DataFusionError::External(Box::new(error)))?;
        let column = |(at, (_, kind)): (usize, &(&str, Kind))| -> ArrayRef {
            let cells = rows.iter().map(|row| &row[at]);
            match kind {
                Kind::Text => Arc::new(
                    cells
                        .map(|cell| if let Cell::Text(text) = cell { Some(text) } else { None })
                        .collect::<StringViewArray>(),
                ),
                Kind::Integer => Arc::new(
                    cells
                        .map(|cell| if let Cell::Integer(number) = cell { i32::try_from(*number).ok() } else { None })
                        .collect::<Int32Array>(),
                ),
                Kind::Signed => Arc::new(
                    cells
                        .map(|cell| if let Cell::Signed(number) = cell { Some(*number) } else { None })
                        .collect::<Int32Array>(),
                ),
                Kind::BigInt => Arc::new(cells.map(Cell::big_int).collect::<Int64Array>()),
                Kind::Float => Arc::new(cells.map(Cell::float).collect::<Float64Array>()),
                Kind::Time => {
                    Arc::new(cells.map(Cell::time).collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
                }
                Kind::Boolean => Arc::new(
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
