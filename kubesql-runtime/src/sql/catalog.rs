//! The catalog as one statement sees it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::Schema;
use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, CatalogProviderList, SchemaProvider, TableProvider};
use datafusion::error::{DataFusionError, Result};

use super::dynamic;
use super::extract::Output;
use super::house::House;
use super::postgres::{self, Facts};
use super::registry::{CATALOG, Registry};
use super::scan::ObjectsTable;
use super::system::{self, SystemProvider};
use super::types::field;
use crate::schema::{Place, Table};

/// What a statement says about one of its tables.
#[derive(Debug, Clone, Default)]
pub(super) struct Mentions {
    /// Dynamic columns to show, by name.
    pub(super) dynamic: BTreeSet<String>,
    /// Whether `object` is named.
    pub(super) object: bool,
}

/// The only catalog, with the columns that the statement names.
#[derive(Debug)]
pub(super) struct StatementCatalog {
    pub(super) house: Arc<House>,
    /// The tables that there were when the statement began.
    pub(super) registry: Arc<Registry>,
    /// Who asks, as far as the statement asks that.
    pub(super) facts: Arc<Facts>,
    /// By schema and table; the tables that a statement names.
    pub(super) mentions: BTreeMap<(String, String), Mentions>,
}

impl StatementCatalog {
    fn provider(&self, table: &Arc<Table>, mentions: &Mentions) -> Arc<dyn TableProvider> {
        let mut outputs = Vec::new();
        let mut fields = Vec::new();
        for (number, column) in table.columns.iter().enumerate() {
            if column.place == Place::Json && !mentions.object {
                continue;
            }
            fields.push(field(&column.name, column.values));
            outputs.push(Output::Fixed(number));
        }
        for name in &mentions.dynamic {
            if let Some(dynamic) = dynamic::find(table, name) {
                fields.push(field(name, dynamic.values));
                outputs.push(Output::Dynamic(dynamic));
            }
        }
        Arc::new(ObjectsTable { table: Arc::clone(table), outputs, schema: Arc::new(Schema::new(fields)) })
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
        let drivers = system::DRIVERS.split_once('.').is_some_and(|(catalog, _)| catalog == name);
        match name {
            CATALOG => Some(Arc::new(OneCatalog(Arc::clone(&self.0)))),
            _ if drivers => Some(Arc::new(Drivers(Arc::clone(&self.0)))),
            _ => None,
        }
    }
}

#[derive(Debug)]
struct OneCatalog(Arc<StatementCatalog>);

impl CatalogProvider for OneCatalog {
    fn schema_names(&self) -> Vec<String> {
        self.0.house.schemas()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        let known = self.0.house.has_schema(name);
        known.then(|| Arc::new(OneSchema(Arc::clone(&self.0), name.to_owned())) as Arc<dyn SchemaProvider>)
    }
}

/// The catalog `system` of Presto and Trino, as far as drivers need it.
#[derive(Debug)]
struct Drivers(Arc<StatementCatalog>);

impl CatalogProvider for Drivers {
    fn schema_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        let is = system::DRIVERS.split_once('.').is_some_and(|(_, schema)| schema == name);
        is.then(|| Arc::new(OneSchema(Arc::clone(&self.0), system::DRIVERS.to_owned())) as Arc<dyn SchemaProvider>)
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
        if let Some(table) = system::find(&self.1, name) {
            return Ok(Some(Arc::new(SystemProvider::new(table, Arc::clone(&self.0.house)))));
        }
        if let Some(table) = postgres::provider(&self.1, name, &self.0.house, &self.0.facts) {
            return Ok(Some(table));
        }
        let found = self.0.registry.find(&self.1, name).map_err(|error| DataFusionError::External(Box::new(error)))?;
        Ok(found.map(|table| {
            let mentioned = self.0.mentions.get(&(self.1.clone(), name.to_owned()));
            self.0.provider(&table, mentioned.unwrap_or(&Mentions::default()))
        }))
    }

    fn table_exist(&self, name: &str) -> bool {
        system::find(&self.1, name).is_some()
            || postgres::exists(&self.1, name)
            || matches!(self.0.registry.find(&self.1, name), Ok(Some(_)))
    }
}
