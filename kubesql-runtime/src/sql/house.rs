//! What every statement knows: the tables, the source, the functions.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use datafusion::execution::SessionState;
use datafusion::logical_expr::Documentation;
use parking_lot::Mutex;

use super::error::SqlError;
use super::moment::{Moment, Warnings};
use super::postgres::{self, Objects};
use super::queries::Queries;
use super::registry::{DEFAULT_SCHEMA, Registry};
use super::types::sql_name;
use super::{ColumnInfo, dynamic, system};
use crate::schema::{Column, KindDef, Table};
use crate::store::{DiscoveryScope, Missing, Source};

/// More keys than these are not listed by `describe` and `information_schema`.
const MOST_LISTED: usize = 10_000;

/// How long is waited for news of kinds that are known already.
const KNOWN: Duration = Duration::from_secs(3);

/// What every statement knows.
#[derive(Debug)]
pub(super) struct House {
    kinds: &'static [&'static KindDef],
    registry: Mutex<Arc<Registry>>,
    pub(super) source: Arc<dyn Source>,
    /// What runs, and what ran.
    pub(super) queries: Arc<Queries>,
    /// By name.
    pub(super) functions: Vec<Function>,
    /// The names of those that only kubesql has.
    pub(super) own_functions: BTreeSet<String>,
    /// Numbers of schemas and tables, for PostgreSQL's clients.
    pub(super) objects: Objects,
}

/// What is known of a function.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) name: String,
    /// `scalar`, `aggregate` or `window`.
    pub(super) kind: &'static str,
    pub(super) syntax: Option<String>,
    pub(super) description: Option<String>,
}

impl House {
    pub(super) fn new(kinds: &'static [&'static KindDef], source: Arc<dyn Source>, state: &SessionState) -> Self {
        let function = |name: &String, kind, documentation: Option<&Documentation>| Function {
            name: name.clone(),
            kind,
            syntax: documentation.map(|documentation| documentation.syntax_example.clone()),
            description: documentation.map(|documentation| documentation.description.clone()),
        };
        let scalar = state.scalar_functions().iter().map(|(name, of)| function(name, "scalar", of.documentation()));
        let aggregate =
            state.aggregate_functions().iter().map(|(name, of)| function(name, "aggregate", of.documentation()));
        let window = state.window_functions().iter().map(|(name, of)| function(name, "window", of.documentation()));
        let mut functions: Vec<Function> = scalar.chain(aggregate).chain(window).collect();
        functions.sort_by(|a, b| (&a.name, a.kind).cmp(&(&b.name, b.kind)));
        let registry = Mutex::new(Arc::new(Registry::new(kinds, source.discovered(), None)));
        let own_functions = super::functions::all().iter().map(|function| function.name().to_owned()).collect();
        let (queries, objects) = (Arc::default(), Objects::default());
        Self { kinds, registry, source, queries, functions, own_functions, objects }
    }

    /// All tables that are known now.
    pub(super) fn registry(&self) -> Arc<Registry> {
        let discovered = self.source.discovered();
        let mut registry = self.registry.lock();
        if registry.discovered.generation != discovered.generation {
            *registry = Arc::new(Registry::new(self.kinds, discovered, Some(&registry)));
        }
        Arc::clone(&registry)
    }

    /// Learns about tables that are not compiled in, of those that are named: a schema, or none, and a table. Tells
    /// which clusters could not be asked.
    pub(super) async fn discover(&self, schema: &str, named: &[(Option<String>, String)]) -> Vec<Missing> {
        let registry = self.registry();
        let lists_tables = |(named, table): &(Option<String>, String)| {
            let of = named.as_deref().unwrap_or(schema);
            of == "information_schema"
                || of == system::DRIVERS
                || of == "system" && table == "tables"
                || ["pg_attribute", "pg_class", "pg_namespace", "pg_tables"].contains(&table.as_str())
        };
        if named.iter().any(lists_tables) {
            return self.source.discover(&DiscoveryScope::All).await;
        }
        let group = |name: &Option<String>| name.clone().filter(|name| name != DEFAULT_SCHEMA);
        let may_be_learnt = |(named, table): &&(Option<String>, String)| {
            let of = named.as_deref().unwrap_or(schema);
            system::find(of, table).is_none() && !registry.is_fixed(of, table)
        };
        let default = group(&Some(schema.to_owned()));
        let wanted: Vec<_> = named
            .iter()
            .filter(may_be_learnt)
            .map(|(named, table)| {
                (named.as_ref().map_or_else(|| default.clone(), |named| group(&Some(named.clone()))), table.clone())
            })
            .collect();
        if wanted.is_empty() {
            return Vec::new();
        }
        let known = |(named, table): &&(Option<String>, String)| {
            let of = named.as_deref().unwrap_or(schema);
            matches!(registry.find(of, table), Ok(Some(_)))
        };
        let all_known = named.iter().filter(may_be_learnt).all(|named| known(&named));
        let wanted = DiscoveryScope::Tables(wanted);
        let discovered = self.source.discover(&wanted);
        if all_known {
            // What may have changed is not waited for as what is not there at all.
            return tokio::time::timeout(KNOWN, discovered).await.unwrap_or_default();
        }
        discovered.await
    }

    /// All schemas in order.
    pub(super) fn schemas(&self) -> Vec<String> {
        let registry = self.registry();
        let mut schemas: Vec<String> = registry.schemas().chain(system::SCHEMAS).map(str::to_owned).collect();
        schemas.sort_unstable();
        schemas
    }

    pub(super) fn has_schema(&self, schema: &str) -> bool {
        self.registry().has_schema(schema) || system::SCHEMAS.contains(&schema) || schema == system::DRIVERS
    }

    /// The tables of a schema; of the default one only those that are listed.
    pub(super) fn tables(&self, schema: &str) -> Vec<String> {
        self.registry().tables(schema).into_iter().chain(system::names(schema)).map(str::to_owned).collect()
    }

    /// The columns of a table, in the order of `select *`; with `data`, the keys that the data has as well.
    pub(super) async fn describe(&self, schema: &str, name: &str, data: bool) -> Result<Vec<ColumnInfo>, SqlError> {
        if let Some(table) = system::find(schema, name) {
            let column = |&(name, kind): &(&str, system::Kind)| ColumnInfo {
                name: name.to_owned(),
                sql_type: kind.sql_name(),
                path: String::new(),
                dynamic: false,
            };
            return Ok(table.columns().iter().map(column).collect());
        }
        if let Some(columns) = postgres::describe(name) {
            return Ok(columns);
        }
        let registry = self.registry();
        let found = registry.find(schema, name)?.ok_or_else(|| registry.unknown_table(schema, name))?;
        let mut columns: Vec<ColumnInfo> = found.columns.iter().map(column_info).collect();
        if data {
            let moment = Moment::new(Arc::clone(&self.source), Warnings::default(), false);
            columns.extend(dynamic_columns(&found, &moment).await?);
        }
        Ok(columns)
    }
}

/// The dynamic columns that the data has.
async fn dynamic_columns(table: &Table, moment: &Moment) -> Result<Vec<ColumnInfo>, SqlError> {
    let paths: HashMap<&str, &str> =
        table.columns.iter().map(|column| (column.name.as_str(), column.path.as_str())).collect();
    let names = moment.commonest(table, MOST_LISTED).await?;
    let info = |name: String| {
        let column = dynamic::find(table, &name)?;
        let path = match &column.pick {
            dynamic::Pick::Key(_, key) => {
                let map = name.strip_suffix(key.as_str()).and_then(|map| map.strip_suffix('.'))?;
                format!("{}[{key}]", paths.get(map)?)
            }
            dynamic::Pick::Condition { of, .. } => format!("conditions[type={of}]"),
        };
        Some(ColumnInfo { sql_type: sql_name(column.values), path, dynamic: true, name })
    };
    Ok(names.into_iter().filter(|name| !paths.contains_key(name.as_str())).filter_map(info).collect())
}

fn column_info(column: &Column) -> ColumnInfo {
    let (name, path) = (column.name.clone(), column.path.clone());
    ColumnInfo { name, sql_type: sql_name(column.values), path, dynamic: false }
}
