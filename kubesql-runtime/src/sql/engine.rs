//! All tables over one source, and what every session shares.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::prelude::SessionConfig;

use super::dynamic;
use super::error::{ErrorKind, SqlError};
use super::moment::{Moment, Warnings};
use super::registry::{CATALOG, DEFAULT_SCHEMA, Registry, schema_of};
use super::session::Session;
use super::types::sql_name;
use super::{ColumnInfo, TableInfo, functions};
use crate::schema::{KindDef, Table};
use crate::store::Source;

/// More keys than these are not listed by `describe` and `information_schema`.
pub(super) const MOST_LISTED: usize = 10_000;

/// All tables over one source; sessions are made of it.
#[derive(Debug)]
pub struct Engine {
    pub(super) registry: Arc<Registry>,
    pub(super) source: Arc<dyn Source>,
    /// What every statement starts from: configuration and functions, no tables.
    pub(super) state: SessionState,
}

impl Engine {
    /// Tables of these kinds over this source.
    ///
    /// # Errors
    /// When a function cannot be registered, which is a mistake in here.
    pub fn new(kinds: &'static [&'static KindDef], source: Arc<dyn Source>) -> Result<Arc<Self>, SqlError> {
        let mut config = SessionConfig::new()
            .with_default_catalog_and_schema(CATALOG, DEFAULT_SCHEMA)
            .with_information_schema(true)
            .with_create_default_catalog_and_schema(false)
            .set_str("datafusion.sql_parser.dialect", "PostgreSQL")
            .set_str("datafusion.execution.time_zone", "UTC");
        // Text is read as views, which share a segment's buffers.
        config.options_mut().sql_parser.map_string_types_to_utf8view = true;
        let mut state = SessionStateBuilder::new().with_config(config).with_default_features().build();
        functions::register(&mut state).map_err(|error| SqlError::new(ErrorKind::Internal, error.to_string()))?;
        Ok(Arc::new(Self { registry: Arc::new(Registry::new(kinds)), source, state }))
    }

    /// A new session.
    #[must_use]
    pub fn session(self: &Arc<Self>) -> Session {
        Session::new(Arc::clone(self))
    }

    /// All tables, those that `SHOW TABLES` lists and the others.
    #[must_use]
    pub fn tables(&self) -> Vec<TableInfo> {
        let mut tables: Vec<TableInfo> = self
            .registry
            .all()
            .map(|(kind, def)| TableInfo {
                schema: schema_of(kind).to_owned(),
                name: def.name.to_owned(),
                kind: kind.kind.to_owned(),
                path: def.path.replace('/', "."),
                listed: def.listed,
            })
            .collect();
        tables.sort_by(|a, b| (&a.name, &a.schema).cmp(&(&b.name, &b.schema)));
        tables
    }

    /// The columns of a table (`pods`, `apps.deployments`), in the order of `select *`; with `data`, the keys that
    /// the data has as well.
    ///
    /// # Errors
    /// A table that does not exist, with the nearest names; a source that cannot be read.
    pub async fn describe(&self, table: &str, data: bool) -> Result<Vec<ColumnInfo>, SqlError> {
        let (schema, name) = self.split(table);
        let found = self.registry.find(&schema, &name)?.ok_or_else(|| self.registry.unknown_table(&schema, &name))?;
        let mut columns: Vec<ColumnInfo> = found.columns.iter().map(column_info).collect();
        if data {
            let moment = Moment::new(Arc::clone(&self.source), Warnings::default());
            columns.extend(self.dynamic_columns(&found, &moment).await?);
        }
        Ok(columns)
    }

    /// The dynamic columns that the data has.
    async fn dynamic_columns(&self, table: &Table, moment: &Moment) -> Result<Vec<ColumnInfo>, SqlError> {
        let paths: HashMap<&str, &str> =
            table.columns.iter().map(|column| (column.name.as_str(), column.path.as_str())).collect();
        let names = moment.commonest(table, MOST_LISTED).await?;
        Ok(names
            .iter()
            .filter(|name| !paths.contains_key(name.as_str()))
            .filter_map(|name| {
                let column = dynamic::find(table, name)?;
                let path = match &column.pick {
                    dynamic::Pick::Key(_, key) => {
                        let map = name.strip_suffix(key.as_str()).and_then(|map| map.strip_suffix('.'))?;
                        format!("{}[{key}]", paths.get(map)?)
                    }
                    dynamic::Pick::Condition { of, .. } => format!("conditions[type={of}]"),
                };
                Some(ColumnInfo { name: name.clone(), sql_type: sql_name(column.values), path, dynamic: true })
            })
            .collect())
    }

    /// A table's name as typed on a command line: the schema may have dots of its own.
    fn split(&self, table: &str) -> (String, String) {
        let table = table.to_lowercase().replace('"', "");
        let table = table.strip_prefix("kubesql.").unwrap_or(&table).to_owned();
        match table.rsplit_once('.') {
            Some((schema, name)) => (schema.to_owned(), name.to_owned()),
            None => (DEFAULT_SCHEMA.to_owned(), table),
        }
    }
}

fn column_info(column: &crate::schema::Column) -> ColumnInfo {
    let (name, path) = (column.name.clone(), column.path.clone());
    ColumnInfo { name, sql_type: sql_name(column.values), path, dynamic: false }
}
