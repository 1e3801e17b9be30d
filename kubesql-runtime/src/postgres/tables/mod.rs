//! The tables of `pg_catalog`. Tables of objects that kubesql does not have are empty.

mod attributes;
mod classes;
mod fixed;
mod scan;
mod server;
mod views;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, BooleanArray, Int32Array, StringArray, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use datafusion::catalog::{MemTable, Session, TableProvider};
use datafusion::common::DFSchema;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{EmptyRelation, Expr, LogicalPlan, TableType};
use datafusion::physical_plan::ExecutionPlan;

use super::SessionInfo;
use super::types::OID_ALIAS;
use crate::postgres::objects::Database;

use scan::RelationScan;

pub(super) use fixed::Keywords;

/// The context of a scan of a catalog table.
pub(super) struct CatalogRequest<'a> {
    database: &'a Database,
    session: &'a SessionInfo,
}

type MakeRows = fn(&CatalogRequest, &SchemaRef) -> Result<RecordBatch>;

/// The source of the rows of a table.
#[derive(Debug, Clone, Copy)]
enum Rows {
    /// The table is empty.
    None,
    /// Rows that are the same on every server.
    Fixed,
    /// Rows for the relations that the filters select.
    Relations,
    /// Rows that this function returns.
    Server(MakeRows),
}

/// A table of `pg_catalog`.
#[derive(Debug)]
pub(crate) struct CatalogTable {
    name: &'static str,
    schema: SchemaRef,
    rows: Rows,
}

/// All tables, initialized on first use.
static TABLES: LazyLock<BTreeMap<&'static str, CatalogTable>> = LazyLock::new(|| {
    let mut tables = BTreeMap::new();
    let mut add = |name: &'static str, schema: SchemaRef, rows: Rows| {
        tables.insert(name, CatalogTable { name, schema, rows });
    };
    for (name, schema) in fixed::schemas() {
        let rows = match name {
            "pg_class" => Rows::Server(classes::rows),
            "pg_attribute" | "pg_description" => Rows::Relations,
            "pg_type" | "pg_range" | "pg_language" | "pg_am" | "pg_tablespace" => Rows::Fixed,
            name => server::rows(name).map_or(Rows::None, Rows::Server),
        };
        add(name, schema, rows);
    }
    for (name, columns) in views::VIEWS {
        let rows = views::rows(name).map_or(Rows::None, Rows::Server);
        add(name, Arc::new(parse_columns(columns)), rows);
    }
    tables
});

/// Finds a table by name. The schema is ignored, because `pg_catalog` is searched before other schemas.
fn find(name: &str) -> Option<&'static CatalogTable> {
    // Other names must not initialize the tables.
    name.starts_with("pg_").then(|| TABLES.get(name)).flatten()
}

/// Returns whether a table exists.
pub(crate) fn exists(name: &str) -> bool {
    find(name).is_some()
}

/// Returns the names of all tables in order.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    TABLES.keys().copied()
}

/// Returns the schema of a table.
pub(super) fn schema_of(name: &str) -> Option<SchemaRef> {
    find(name).map(|table| Arc::clone(&table.schema))
}

/// Returns a table as a DataFusion provider.
pub(crate) fn provider(name: &str, database: &Database) -> Option<Arc<dyn TableProvider>> {
    let table = find(name)?;
    let empty = DFSchema::try_from(Arc::clone(&table.schema)).ok().filter(|_| matches!(table.rows, Rows::None));
    let empty = empty.map(|schema| EmptyRelation { produce_one_row: false, schema: Arc::new(schema) });
    Some(Arc::new(Provider { table, database: database.clone(), empty: empty.map(LogicalPlan::EmptyRelation) }))
}

#[derive(Debug)]
struct Provider {
    table: &'static CatalogTable,
    database: Database,
    /// The plan of an empty table.
    empty: Option<LogicalPlan>,
}

#[async_trait]
impl TableProvider for Provider {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.table.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn get_logical_plan(&self) -> Option<Cow<'_, LogicalPlan>> {
        self.empty.as_ref().map(Cow::Borrowed)
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Self { table, database, .. } = self;
        let request = CatalogRequest { database, session: SessionInfo::from_config(state.config_options()) };
        let schema = &table.schema;
        let batch = match table.rows {
            Rows::None => RecordBatch::new_empty(Arc::clone(schema)),
            Rows::Fixed => fixed::rows(table.name, schema)?,
            Rows::Relations => return Ok(Arc::new(RelationScan::try_new(table, database, projection)?)),
            Rows::Server(rows) => rows(&request, schema)?,
        };
        MemTable::try_new(Arc::clone(schema), vec![vec![batch]])?.scan(state, projection, &[], None).await
    }
}

/// Builds the rows of a table. `column` returns the values of a column by name, or `None` for NULL.
fn batch(schema: &SchemaRef, rows: usize, column: impl Fn(&str) -> Option<ArrayRef>) -> Result<RecordBatch> {
    let array = |field: &Arc<Field>| -> Result<ArrayRef> {
        match column(field.name()) {
            Some(array) => Ok(cast(&array, field.data_type())?),
            None => Ok(new_null_array(field.data_type(), rows)),
        }
    };
    let arrays = schema.fields().iter().map(array).collect::<Result<Vec<_>>>()?;
    RecordBatch::try_new(Arc::clone(schema), arrays).map_err(DataFusionError::from)
}

fn texts<T: AsRef<str>>(values: impl IntoIterator<Item = T>) -> Option<ArrayRef> {
    Some(Arc::new(StringArray::from_iter_values(values)))
}

fn nullable_texts<T: AsRef<str>>(values: impl IntoIterator<Item = Option<T>>) -> Option<ArrayRef> {
    Some(Arc::new(values.into_iter().collect::<StringArray>()))
}

fn numbers(values: impl IntoIterator<Item = i32>) -> Option<ArrayRef> {
    Some(Arc::new(Int32Array::from_iter_values(values)))
}

fn booleans(values: impl IntoIterator<Item = bool>) -> Option<ArrayRef> {
    Some(Arc::new(BooleanArray::from(values.into_iter().collect::<Vec<_>>())))
}

/// Parses columns of the form `name:type`, separated by spaces. The default type is text.
fn parse_columns(columns: &str) -> Schema {
    let field = |column: &str| {
        let (name, data_type) = column.split_once(':').unwrap_or((column, "text"));
        let utc = || DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let field = |arrow_type| Field::new(name, arrow_type, true);
        match data_type {
            "oid" => oid_field(name),
            "int2" => field(DataType::Int16),
            "int4" => field(DataType::Int32),
            "int8" => field(DataType::Int64),
            "float4" => field(DataType::Float32),
            "float8" => field(DataType::Float64),
            "bool" => field(DataType::Boolean),
            "timestamptz" => field(utc()),
            "text[]" => field(list(DataType::Utf8)),
            "int2[]" => field(list(DataType::Int16)),
            "int4[]" => field(list(DataType::Int32)),
            "bytea" => field(DataType::Binary),
            _ => field(DataType::Utf8),
        }
    };
    Schema::new(columns.split_whitespace().map(field).collect::<Vec<_>>())
}

fn oid_field(name: &str) -> Field {
    Field::new(name, DataType::Int32, true).with_metadata([(OID_ALIAS.to_owned(), "oid".to_owned())].into())
}

pub(super) fn list(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("item", item, true)))
}

/// Returns whether the default of a column is zero or false instead of NULL.
fn is_zero_by_default(data_type: &DataType) -> bool {
    data_type.is_numeric() || matches!(data_type, DataType::Boolean)
}
