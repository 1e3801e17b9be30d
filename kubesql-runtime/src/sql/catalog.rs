//! The catalog as one statement sees it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, CatalogProviderList, SchemaProvider, TableProvider};
use datafusion::error::{DataFusionError, Result};

use super::dynamic;
use super::error::SqlError;
use super::extract::Output;
use super::hidden::hidden;
use super::house::House;
use super::postgres;
use super::registry::{CATALOG, DEFAULT_SCHEMA, Registry};
use super::rewrite::names::ColumnNames;
use super::scan::ObjectsTable;
use super::system::{self, SystemProvider};
use super::types::{field, key_field};
use crate::schema::{Column, Place, Table};

/// The name of the schema that names without one are looked up in: the session's, then the default one.
pub(super) const SEARCH_PATH: &str = "\u{2063}search_path";

/// The dynamic columns that are part of a table's star, by schema and name of the table.
pub(super) type CommonKeys = BTreeMap<(String, String), BTreeSet<String>>;

/// The only catalog, as one statement sees it.
#[derive(Debug)]
pub(super) struct StatementCatalog {
    pub(super) house: Arc<House>,
    /// The tables that there were when the statement began.
    pub(super) registry: Arc<Registry>,
    /// The session's schema.
    pub(super) schema: String,
    /// What the statement says of columns.
    pub(super) names: ColumnNames,
    /// Of the tables that `*` is asked of.
    pub(super) common: CommonKeys,
}

impl StatementCatalog {
    /// Schema, name and definition of a table of objects.
    pub(super) fn find(&self, schema: Option<&str>, name: &str) -> Result<Option<(String, Arc<Table>)>, SqlError> {
        for schema in self.path(schema) {
            if let Some(table) = self.registry.find(schema, name)? {
                return Ok(Some((schema.to_owned(), table)));
            }
        }
        Ok(None)
    }

    /// The schemas in which a name is looked up.
    fn path<'a>(&'a self, schema: Option<&'a str>) -> impl Iterator<Item = &'a str> {
        let schema = schema.filter(|schema| *schema != SEARCH_PATH);
        let default = (schema.is_none() && self.schema != DEFAULT_SCHEMA).then_some(DEFAULT_SCHEMA);
        std::iter::once(schema.unwrap_or(&self.schema)).chain(default)
    }

    fn table(&self, schema: &str, name: &str) -> Result<Option<Arc<dyn TableProvider>>, SqlError> {
        // As in PostgreSQL, `pg_catalog` is searched first.
        if [SEARCH_PATH, postgres::SCHEMA].contains(&schema)
            && let Some(table) = postgres::provider(name, &self.house)
        {
            return Ok(Some(table));
        }
        for schema in self.path(Some(schema)) {
            if let Some(table) = system::find(schema, name) {
                return Ok(Some(Arc::new(SystemProvider::new(table, Arc::clone(&self.house)))));
            }
            if let Some(table) = self.registry.find(schema, name)? {
                return Ok(Some(self.objects(schema, &table)));
            }
        }
        let schema = if schema == SEARCH_PATH { &self.schema } else { schema };
        if self.names.functions.contains(name) {
            return Ok(None);
        }
        Err(self.registry.unknown_table(schema, name))
    }

    /// A table with its fixed columns, the commonest keys where `*` is asked of it, and a hidden column for each key
    /// that the statement mentions.
    fn objects(&self, schema: &str, table: &Arc<Table>) -> Arc<dyn TableProvider> {
        let mut columns = Columns { table, outputs: Vec::new(), fields: Vec::new() };
        for (number, column) in table.columns.iter().enumerate().filter(|(_, column)| column.place != Place::Json) {
            columns.outputs.push(Output::Fixed(number));
            columns.fields.push(field(&column.name, column.values));
        }
        let shown = self.common.get(&(schema.to_owned(), table.def.name.to_owned())).into_iter().flatten();
        let shown: BTreeSet<&String> = shown.chain(&self.names.joined_by).collect();
        shown.into_iter().for_each(|name| columns.push_key(name, name.clone()));
        self.names.mentioned.iter().for_each(|name| columns.push_key(name, hidden(name)));
        let Columns { outputs, fields, .. } = columns;
        Arc::new(ObjectsTable { table: Arc::clone(table), outputs, schema: Arc::new(Schema::new(fields)) })
    }
}

/// The tables of objects that a statement names, for suggestions.
#[derive(Debug, Clone, Default)]
pub(super) struct NamedTables(pub(super) Vec<Arc<Table>>);

impl NamedTables {
    /// Every column that they have.
    pub(super) fn columns(&self) -> impl Iterator<Item = &Column> {
        self.0.iter().flat_map(|table| &table.columns)
    }
}

/// The columns of a table for one statement.
struct Columns<'a> {
    table: &'a Table,
    outputs: Vec<Output>,
    fields: Vec<Field>,
}

impl Columns<'_> {
    /// Adds the column of a key, a condition or `object` under a name, where the table can have it.
    fn push_key(&mut self, key: &str, name: String) {
        let fixed = self.table.columns.iter().position(|column| column.name == key);
        match fixed {
            Some(number) if self.table.columns[number].place == Place::Json => {
                self.fields.push(key_field(&name, key, self.table.columns[number].values));
                self.outputs.push(Output::Fixed(number));
            }
            Some(_) => {}
            None => {
                if let Some(dynamic) = dynamic::find(self.table, key) {
                    self.fields.push(key_field(&name, key, dynamic.values));
                    self.outputs.push(Output::Dynamic(dynamic));
                }
            }
        }
    }
}

/// The list of catalogs: one, and that of drivers.
#[derive(Debug)]
pub(super) struct Catalogs(pub(super) Arc<StatementCatalog>);

impl CatalogProviderList for Catalogs {
    fn register_catalog(&self, _: String, _: Arc<dyn CatalogProvider>) -> Option<Arc<dyn CatalogProvider>> {
        None
    }

    fn catalog_names(&self) -> Vec<String> {
        vec![CATALOG.to_owned()]
    }

    fn catalog(&self, name: &str) -> Option<Arc<dyn CatalogProvider>> {
        let group = (name != CATALOG).then(|| name.to_owned());
        Some(Arc::new(OneCatalog { statement: Arc::clone(&self.0), group }))
    }
}

/// The catalog, or what stands in its place in the name of a group with dots: `shop.example.widgets`.
#[derive(Debug)]
struct OneCatalog {
    statement: Arc<StatementCatalog>,
    group: Option<String>,
}

impl CatalogProvider for OneCatalog {
    fn schema_names(&self) -> Vec<String> {
        self.statement.house.schemas()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        let name = self.group.iter().map(String::as_str).chain([name]).collect::<Vec<_>>().join(".");
        Some(Arc::new(OneSchema(Arc::clone(&self.statement), name)))
    }
}

#[derive(Debug)]
struct OneSchema(Arc<StatementCatalog>, String);

#[async_trait]
impl SchemaProvider for OneSchema {
    fn table_names(&self) -> Vec<String> {
        self.0.house.tables(&self.1)
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        let table = self.0.table(&self.1, name);
        table.map_err(|error| DataFusionError::External(Box::new(error)))
    }

    fn table_exist(&self, name: &str) -> bool {
        matches!(self.0.table(&self.1, name), Ok(Some(_)))
    }
}
