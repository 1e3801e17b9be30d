//! The catalog of one statement.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, CatalogProviderList, SchemaProvider, TableProvider};
use datafusion::common::Span;
use datafusion::error::{DataFusionError, Result};
use datafusion::sql::sqlparser::ast::{ObjectName, ObjectNamePart, Statement};

use super::context::EngineContext;
use super::registry::Registry;
use crate::schema::{Column, Table};
use crate::sql::error::SqlError;
use crate::sql::parse::identifiers::schema_and_table;
use crate::sql::parse::walk::{AstPass, walk};
use crate::sql::rewrite::hidden::hidden;
use crate::sql::rewrite::names::ColumnNames;
use crate::sql::rewrite::views::OPTIONAL;
use crate::sql::scan::dynamic_column;
use crate::sql::scan::dynamic_column::OutputColumn;
use crate::sql::scan::objects_table::ObjectsTable;
use crate::sql::types::{field, key_field};
use crate::sql::{CATALOG, DEFAULT_SCHEMA, SEARCH_PATH};

/// The dynamic columns that `*` includes, by schema and name of the table.
pub(crate) type CommonKeys = BTreeMap<(String, String), BTreeSet<String>>;

/// The catalog of one statement.
#[derive(Debug, Clone)]
pub(crate) struct StatementCatalog {
    pub(crate) context: Arc<EngineContext>,
    /// The tables that existed when the statement began.
    pub(crate) registry: Arc<Registry>,
    /// The session's schema.
    pub(crate) schema: String,
    /// The column names in the statement.
    pub(crate) names: ColumnNames,
    /// The most frequent keys of the tables that the statement selects `*` from.
    pub(crate) common: CommonKeys,
}

impl StatementCatalog {
    /// Finds a table of objects. Returns its schema and the table.
    pub(crate) fn find(&self, schema: Option<&str>, name: &str) -> Result<Option<(String, Arc<Table>)>, SqlError> {
        for schema in self.search_path(schema) {
            if let Some(table) = self.registry.find(schema, name)? {
                return Ok(Some((schema.to_owned(), table)));
            }
        }
        Ok(None)
    }

    /// The schemas to search for a name.
    fn search_path<'a>(&'a self, schema: Option<&'a str>) -> impl Iterator<Item = &'a str> {
        let schema = schema.filter(|schema| *schema != SEARCH_PATH);
        let default = (schema.is_none() && self.schema != DEFAULT_SCHEMA).then_some(DEFAULT_SCHEMA);
        std::iter::once(schema.unwrap_or(&self.schema)).chain(default)
    }

    fn table(&self, schema: &str, name: &str) -> Result<Option<Arc<dyn TableProvider>>, SqlError> {
        // As in PostgreSQL, `pg_catalog` is searched first.
        if let Some(table) = self.context.builtin_provider(schema, name) {
            return Ok(Some(table));
        }
        for schema in self.search_path(Some(schema)) {
            if let Some(table) = self.context.builtin_provider(schema, name) {
                return Ok(Some(table));
            }
            if let Some(table) = self.registry.find(schema, name.trim_end_matches(OPTIONAL))? {
                return Ok(Some(self.objects_table(schema, &table, name.ends_with(OPTIONAL))));
            }
        }
        let schema = if schema == SEARCH_PATH { &self.schema } else { schema };
        if self.names.functions.contains(name) {
            return Ok(None);
        }
        Err(self.context.unknown_table(schema, name))
    }

    /// The span of the table name that caused an error.
    pub(crate) fn find_unknown_table(&self, statement: &mut Statement, error: &SqlError) -> Option<Span> {
        let mut pass = FindUnknown { catalog: self, message: &error.message, span: None };
        walk(statement, &mut pass).ok()?;
        pass.span
    }

    /// The provider of a table: the fixed columns that the statement may reference, the most frequent keys if it selects
    /// `*` from the table, and a hidden column for each key that it references.
    fn objects_table(&self, schema: &str, table: &Arc<Table>, optional: bool) -> Arc<dyn TableProvider> {
        let mut columns = Columns { table, outputs: Vec::new(), fields: Vec::new() };
        // The time to plan a statement grows with the columns of its tables. DataFusion needs at least one.
        let needed = |number: usize, column: &Column| {
            self.names.needed.as_ref().is_none_or(|needed| number == 0 || needed.contains(&column.name))
        };
        let fixed = table.columns.iter().enumerate();
        for (number, column) in fixed.filter(|(number, column)| column.place.is_in_star() && needed(*number, column)) {
            columns.outputs.push(OutputColumn::Fixed(number));
            columns.fields.push(field(&column.name, column.values));
        }
        let shown = self.common.get(&(schema.to_owned(), table.def.name.to_owned())).into_iter().flatten();
        shown.for_each(|name| columns.push_key(name, name.clone()));
        self.names.mentioned.iter().for_each(|name| columns.push_key(name, hidden(name)));
        let Columns { outputs, fields, .. } = columns;
        Arc::new(ObjectsTable { table: Arc::clone(table), outputs, schema: Arc::new(Schema::new(fields)), optional })
    }
}

/// Finds the first table name whose lookup returns this error.
struct FindUnknown<'a> {
    catalog: &'a StatementCatalog,
    message: &'a str,
    span: Option<Span>,
}

impl AstPass for FindUnknown<'_> {
    fn pre_relation(&mut self, name: &mut ObjectName) -> Result<(), SqlError> {
        let (schema, table) = schema_and_table(name);
        let found = self.catalog.table(schema.as_deref().unwrap_or(SEARCH_PATH), &table);
        if self.span.is_none()
            && found.is_err_and(|error| error.message == self.message)
            && let Some(ObjectNamePart::Identifier(ident)) = name.0.last()
        {
            self.span = Span::try_from_sqlparser_span(ident.span);
        }
        Ok(())
    }
}

/// The tables of objects that a statement references, for suggestions.
#[derive(Debug, Clone, Default)]
pub(crate) struct NamedTables(pub(crate) Vec<Arc<Table>>);

impl NamedTables {
    /// The columns of all tables.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &Column> {
        self.0.iter().flat_map(|table| &table.columns)
    }

    /// The table of a list of objects, which is no column: `taints` or `spec.taints` of `nodes`.
    pub(crate) fn list_table(&self, name: &str) -> Option<&'static str> {
        let name = name.to_lowercase();
        let is_named = |path: &str| {
            let path = path.to_lowercase().replace('/', ".");
            path == name || path.rsplit('.').next() == Some(&name)
        };
        self.0.iter().find_map(|table| {
            let within = |path: &'static str| {
                let rest = path.strip_prefix(table.def.path)?;
                rest.strip_prefix('/').or_else(|| table.def.path.is_empty().then_some(rest))
            };
            let lists = table.kind.tables.iter().filter(|def| !std::ptr::eq(*def, table.def));
            let is_list = |path: &'static str| !path.is_empty() && within(path).is_some_and(is_named);
            let mut found: Vec<_> =
                lists.filter(|def| is_list(def.path) || def.statuses.is_some_and(is_list)).collect();
            found.sort_by_key(|def| def.path.len());
            found.first().map(|def| def.name)
        })
    }
}

/// The columns of a table for one statement.
struct Columns<'a> {
    table: &'a Table,
    outputs: Vec<OutputColumn>,
    fields: Vec<Field>,
}

impl Columns<'_> {
    /// Adds the column of a key, a condition, `object` or the path of a field under a name, if the table can have it.
    fn push_key(&mut self, key: &str, name: String) {
        if let Some(number) = self.table.find_column(key) {
            let column = &self.table.columns[number];
            if !column.place.is_in_star() || column.name != key {
                self.fields.push(key_field(&name, key, column.values));
                self.outputs.push(OutputColumn::Fixed(number));
            }
        } else if let Some(dynamic) = dynamic_column::find(self.table, key) {
            self.fields.push(key_field(&name, key, dynamic.values));
            self.outputs.push(OutputColumn::Dynamic(dynamic));
        }
    }
}

/// The list of catalogs. It has one catalog, and resolves names of API groups with dots.
#[derive(Debug)]
pub(crate) struct Catalogs(pub(crate) Arc<StatementCatalog>);

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

/// The catalog, or the first parts of an API group's name, as in `shop.example.widgets`.
#[derive(Debug)]
struct OneCatalog {
    statement: Arc<StatementCatalog>,
    group: Option<String>,
}

impl CatalogProvider for OneCatalog {
    fn schema_names(&self) -> Vec<String> {
        self.statement.context.schemas()
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
        self.0.context.tables(&self.1)
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        let table = self.0.table(&self.1, name);
        table.map_err(|error| DataFusionError::External(Box::new(error)))
    }

    fn table_exist(&self, name: &str) -> bool {
        matches!(self.0.table(&self.1, name), Ok(Some(_)))
    }
}
