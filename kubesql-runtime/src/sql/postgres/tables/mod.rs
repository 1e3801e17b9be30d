//! The tables of `pg_catalog`: those that say what is here, those that are the same everywhere, and those of things
//! that are not here, which have no rows.

mod attributes;
mod classes;
mod fixed;
mod server;
mod views;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, BooleanArray, Int32Array, StringArray, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use datafusion::catalog::{MemTable, Session, TableProvider};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;

use super::{Facts, SCHEMA};
use crate::sql::house::House;

pub(super) use fixed::{fixed_oid, keywords, type_name, type_oid};

/// Metadata of a field whose numbers are identifiers.
pub(super) const OID: &str = "pg.oid_alias";

/// What a table's rows are made of.
pub(super) struct Asked<'a> {
    house: &'a House,
    facts: &'a Facts,
    /// The only relation that is asked about, where it is one.
    relation: Option<i32>,
}

/// How a table's rows come about.
#[derive(Debug, Clone, Copy)]
enum Rows {
    /// There is no such thing here.
    None,
    /// The same in every server: from datafusion-pg-catalog.
    Fixed,
    /// Of relations and columns.
    Classes,
    Attributes,
    Descriptions,
    /// Of the server.
    Server(fn(&Asked, &SchemaRef) -> Result<RecordBatch>),
}

/// A table of `pg_catalog`.
#[derive(Debug)]
pub(in crate::sql) struct CatalogTable {
    name: &'static str,
    schema: SchemaRef,
    rows: Rows,
}

/// All of them, put together when the first is asked for.
static TABLES: LazyLock<BTreeMap<&'static str, CatalogTable>> = LazyLock::new(|| {
    let mut tables = BTreeMap::new();
    let mut add = |name: &'static str, schema: SchemaRef, rows: Rows| {
        tables.insert(name, CatalogTable { name, schema, rows });
    };
    for (name, schema) in fixed::schemas() {
        let rows = match name {
            "pg_class" => Rows::Classes,
            "pg_attribute" => Rows::Attributes,
            "pg_description" => Rows::Descriptions,
            "pg_type" | "pg_range" | "pg_language" | "pg_am" | "pg_tablespace" => Rows::Fixed,
            name => server::rows(name).map_or(Rows::None, Rows::Server),
        };
        add(name, schema, rows);
    }
    for (name, columns) in views::VIEWS {
        let rows = views::rows(name).map_or(Rows::None, Rows::Server);
        add(name, Arc::new(parse(columns)), rows);
    }
    tables
});

fn find(name: &str) -> Option<&'static CatalogTable> {
    // Whoever asks for a table of another name shall not pay for these.
    name.starts_with("pg_").then(|| TABLES.get(name)).flatten()
}

/// Whether there is a table of this name.
pub(in crate::sql) fn exists(schema: &str, name: &str) -> bool {
    schema == SCHEMA && find(name).is_some()
}

/// The names of all tables, in order.
pub(in crate::sql) fn names() -> impl Iterator<Item = &'static str> {
    TABLES.keys().copied()
}

/// The columns of a table.
pub(super) fn schema_of(schema: &str, name: &str) -> Option<SchemaRef> {
    (schema == SCHEMA).then(|| find(name)).flatten().map(|table| Arc::clone(&table.schema))
}

/// Whether a table never has rows, for what it tells of is not here.
pub(super) fn is_empty(name: &str) -> bool {
    find(name).is_some_and(|table| matches!(table.rows, Rows::None))
}

/// The type of a column, by its SQL name.
pub(super) fn column_type(table: &str, column: &str) -> Option<DataType> {
    let schema = &find(table)?.schema;
    schema.field_with_name(column).ok().map(|field| field.data_type().clone())
}

/// The table for DataFusion.
pub(in crate::sql) fn provider(
    schema: &str,
    name: &str,
    house: &Arc<House>,
    facts: &Arc<Facts>,
) -> Option<Arc<dyn TableProvider>> {
    if schema != SCHEMA {
        return None;
    }
    let table = find(name)?;
    Some(Arc::new(Provider { table, house: Arc::clone(house), facts: Arc::clone(facts) }))
}

#[derive(Debug)]
struct Provider {
    table: &'static CatalogTable,
    house: Arc<House>,
    facts: Arc<Facts>,
}

#[async_trait]
impl TableProvider for Provider {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.table.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Self { table, house, facts } = self;
        let relation = relation(filters);
        let asked = Asked { house, facts, relation };
        let schema = &table.schema;
        let batch = match table.rows {
            Rows::None => RecordBatch::new_empty(Arc::clone(schema)),
            Rows::Fixed => fixed::rows(table.name, schema)?,
            Rows::Classes => classes::rows(&asked, schema)?,
            Rows::Attributes => attributes::rows(&asked, schema).await?,
            Rows::Descriptions => attributes::descriptions(&asked, schema)?,
            Rows::Server(rows) => rows(&asked, schema)?,
        };
        MemTable::try_new(Arc::clone(schema), vec![vec![batch]])?.scan(state, projection, &[], None).await
    }
}

/// The relation that filters ask about: `attrelid = 16390`.
fn relation(filters: &[Expr]) -> Option<i32> {
    filters.iter().find_map(|filter| {
        let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = filter else { return None };
        let (column, value) = match (&**left, &**right) {
            (Expr::Column(column), value) | (value, Expr::Column(column)) => (column, value),
            _ => return None,
        };
        let Expr::Literal(value, _) = value else { return None };
        let number = match value {
            ScalarValue::Int32(number) => *number,
            ScalarValue::Int64(number) => i32::try_from((*number)?).ok(),
            other => other.try_as_str()??.parse().ok(),
        };
        number.filter(|_| column.name == "attrelid")
    })
}

/// A table's rows: in columns of a name that `column` knows what it gives, NULL in others.
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

fn maybe_texts<T: AsRef<str>>(values: impl IntoIterator<Item = Option<T>>) -> Option<ArrayRef> {
    Some(Arc::new(values.into_iter().collect::<StringArray>()))
}

fn numbers(values: impl IntoIterator<Item = i32>) -> Option<ArrayRef> {
    Some(Arc::new(Int32Array::from_iter_values(values)))
}

fn truths(values: impl IntoIterator<Item = bool>) -> Option<ArrayRef> {
    Some(Arc::new(BooleanArray::from(values.into_iter().collect::<Vec<_>>())))
}

/// The columns of a view: `name:type`, separated by spaces.
fn parse(columns: &str) -> Schema {
    let field = |column: &str| {
        let (name, of) = column.split_once(':').unwrap_or((column, "text"));
        let utc = || DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let field = |of| Field::new(name, of, true);
        match of {
            "oid" => oid(name),
            "int2" => field(DataType::Int16),
            "int4" => field(DataType::Int32),
            "int8" => field(DataType::Int64),
            "float4" => field(DataType::Float32),
            "float8" => field(DataType::Float64),
            "bool" => field(DataType::Boolean),
            "timestamptz" => field(utc()),
            "text[]" => field(list(DataType::Utf8)),
            _ => field(DataType::Utf8),
        }
    };
    Schema::new(columns.split_whitespace().map(field).collect::<Vec<_>>())
}

fn oid(name: &str) -> Field {
    Field::new(name, DataType::Int32, true).with_metadata([(OID.to_owned(), "oid".to_owned())].into())
}

pub(super) fn list(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("item", item, true)))
}
