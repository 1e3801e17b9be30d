//! `information_schema`: schemas, tables and columns for SQL clients.
//!
//! Dynamic columns are listed only if a statement selects a single table (`table_name = 'pods'`), because finding them
//! requires reading the data.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{Cell, ColumnType, EngineContext, SqlError, SystemTable};
use crate::sql::CATALOG;
use crate::system;

const TEXT: ColumnType = ColumnType::Text;

/// Returns the schemas and tables that match the equality conditions of a statement.
pub(super) fn tables(context: &EngineContext, only: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let matches = |column: &str, value: &str| only.get(column).is_none_or(|only| only == value);
    let schemas = context.schemas().into_iter().filter(|schema| matches("table_schema", schema));
    schemas
        .flat_map(|schema| {
            let mut names: Vec<String> = context.tables(&schema);
            // A table that is not listed can be selected by name.
            if let Some(name) = only.get("table_name") {
                let exists = matches!(context.registry().find(&schema, name), Ok(Some(_))) || names.contains(name);
                names = exists.then(|| name.clone()).into_iter().collect();
            }
            names.into_iter().map(move |name| (schema.clone(), name))
        })
        .collect()
}

#[derive(Debug)]
pub(super) struct Schemata;

#[async_trait]
impl SystemTable for Schemata {
    fn schema(&self) -> &'static str {
        "information_schema"
    }

    fn name(&self) -> &'static str {
        "schemata"
    }

    fn columns(&self) -> &'static [(&'static str, ColumnType)] {
        &[("catalog_name", TEXT), ("schema_name", TEXT), ("schema_owner", TEXT)]
    }

    async fn rows(&self, context: &EngineContext, _: &BTreeMap<String, String>) -> Result<Vec<Vec<Cell>>, SqlError> {
        Ok(context.schemas().into_iter().map(|name| vec![CATALOG.into(), Cell::Text(name), CATALOG.into()]).collect())
    }
}

#[derive(Debug)]
pub(super) struct Tables;

#[async_trait]
impl SystemTable for Tables {
    fn schema(&self) -> &'static str {
        "information_schema"
    }

    fn name(&self) -> &'static str {
        "tables"
    }

    fn columns(&self) -> &'static [(&'static str, ColumnType)] {
        &[
            ("table_catalog", TEXT),
            ("table_schema", TEXT),
            ("table_name", TEXT),
            ("table_type", TEXT),
            ("is_insertable_into", TEXT),
        ]
    }

    async fn rows(&self, context: &EngineContext, only: &BTreeMap<String, String>) -> Result<Vec<Vec<Cell>>, SqlError> {
        let rows = tables(context, only).into_iter().map(|(schema, name)| {
            let kind = if system::find(&schema, &name).is_some() { "VIEW" } else { "BASE TABLE" };
            vec![CATALOG.into(), Cell::Text(schema), Cell::Text(name), kind.into(), "NO".into()]
        });
        Ok(rows.collect())
    }
}

#[derive(Debug)]
pub(super) struct Columns;

#[async_trait]
impl SystemTable for Columns {
    fn schema(&self) -> &'static str {
        "information_schema"
    }

    fn name(&self) -> &'static str {
        "columns"
    }

    fn columns(&self) -> &'static [(&'static str, ColumnType)] {
        &[
            ("table_catalog", TEXT),
            ("table_schema", TEXT),
            ("table_name", TEXT),
            ("column_name", TEXT),
            ("ordinal_position", ColumnType::Integer),
            ("column_default", TEXT),
            ("is_nullable", TEXT),
            ("data_type", TEXT),
        ]
    }

    async fn rows(&self, context: &EngineContext, only: &BTreeMap<String, String>) -> Result<Vec<Vec<Cell>>, SqlError> {
        let data = only.contains_key("table_name");
        let mut rows = Vec::new();
        for (schema, name) in tables(context, only) {
            // An ambiguous name has no columns.
            let Ok(columns) = context.describe(&schema, &name, data).await else { continue };
            for (position, column) in (1..).zip(columns) {
                rows.push(vec![
                    CATALOG.into(),
                    Cell::Text(schema.clone()),
                    Cell::Text(name.clone()),
                    Cell::Text(column.name),
                    Cell::Integer(position),
                    Cell::Null,
                    "YES".into(),
                    column.sql_type.into(),
                ]);
            }
        }
        Ok(rows)
    }
}
