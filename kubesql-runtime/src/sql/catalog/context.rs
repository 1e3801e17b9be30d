//! The shared state of all statements of an engine: tables, source, functions.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::{Field, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::execution::SessionState;
use datafusion::logical_expr::Documentation;
use parking_lot::Mutex;

use super::queries::Queries;
use super::registry::Registry;
use crate::schema::{Column, KindDef, Table};
use crate::sql::ColumnInfo;
use crate::sql::DEFAULT_SCHEMA;
use crate::sql::error::{ErrorKind, SqlError};
use crate::sql::scan::dynamic_column;
use crate::sql::scan::snapshot::{StatementSnapshot, Warnings};
use crate::sql::suggest::nearest;
use crate::sql::types::sql_name;
use crate::store::{DiscoveryScope, Missing, Source};

/// Maximum number of keys of a table that `describe` and `information_schema` list.
const MAX_LISTED_KEYS: usize = 10_000;

/// Maximum time to wait for the rediscovery of known kinds.
const REDISCOVERY_TIMEOUT: Duration = Duration::from_secs(3);

/// Tables without objects: the system tables, and PostgreSQL's catalog.
pub(crate) trait BuiltinTables: Debug + Send + Sync {
    /// The schemas that are listed, in order.
    fn schemas(&self) -> &'static [&'static str];

    /// Whether a schema of this name exists, listed or not.
    fn has_schema(&self, schema: &str) -> bool {
        self.schemas().contains(&schema)
    }

    /// The tables of a schema, in order.
    fn names(&self, schema: &str) -> Vec<&'static str>;

    /// The columns of a table; `None` if it does not exist.
    fn columns(&self, schema: &str, name: &str) -> Option<SchemaRef>;

    /// The name of a column's SQL type, as psql displays it.
    fn sql_type(&self, field: &Field) -> &'static str;

    /// The table for DataFusion. The schema may be [`SEARCH_PATH`](crate::sql::SEARCH_PATH).
    fn provider(&self, schema: &str, name: &str, context: &Arc<EngineContext>) -> Option<Arc<dyn TableProvider>>;

    /// Whether a table lists tables. All tables are discovered before it is read.
    fn lists_tables(&self, schema: &str, name: &str) -> bool;
}

/// The shared state of all statements of an engine.
#[derive(Debug)]
pub(crate) struct EngineContext {
    kinds: &'static [&'static KindDef],
    registry: Mutex<Arc<Registry>>,
    pub(crate) source: Arc<dyn Source>,
    /// The log of statements.
    pub(crate) queries: Arc<Queries>,
    /// All functions, sorted by name.
    pub(crate) functions: Vec<Function>,
    /// The names of the functions that kubesql adds to DataFusion's.
    pub(crate) own_functions: BTreeSet<String>,
    builtin: Vec<Arc<dyn BuiltinTables>>,
}

/// The description of a function.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// `scalar`, `aggregate` or `window`.
    pub(crate) kind: &'static str,
    pub(crate) syntax: Option<String>,
    pub(crate) description: Option<String>,
}

impl EngineContext {
    pub(crate) fn new(
        kinds: &'static [&'static KindDef],
        source: Arc<dyn Source>,
        builtin: Vec<Arc<dyn BuiltinTables>>,
        state: &SessionState,
    ) -> Self {
        let function = |name: &String, kind, documentation: Option<&Documentation>| Function {
            name: name.clone(),
            kind,
            syntax: documentation.map(|documentation| documentation.syntax_example.clone()),
            description: documentation.map(|documentation| documentation.description.clone()),
        };
        let scalar = state.scalar_functions().iter().map(|(name, udf)| function(name, "scalar", udf.documentation()));
        let aggregate =
            state.aggregate_functions().iter().map(|(name, udf)| function(name, "aggregate", udf.documentation()));
        let window = state.window_functions().iter().map(|(name, udf)| function(name, "window", udf.documentation()));
        let mut functions: Vec<Function> = scalar.chain(aggregate).chain(window).collect();
        functions.sort_by(|a, b| (&a.name, a.kind).cmp(&(&b.name, b.kind)));
        let registry = Mutex::new(Arc::new(Registry::new(kinds, source.discovered(), None)));
        let own_functions = crate::sql::functions::all().iter().map(|function| function.name().to_owned()).collect();
        Self { kinds, registry, source, queries: Arc::default(), functions, own_functions, builtin }
    }

    /// The tables that are known now.
    pub(crate) fn registry(&self) -> Arc<Registry> {
        let discovered = self.source.discovered();
        let mut registry = self.registry.lock();
        if registry.discovered.generation != discovered.generation {
            *registry = Arc::new(Registry::new(self.kinds, discovered, Some(&registry)));
        }
        Arc::clone(&registry)
    }

    /// Discovers the named tables that are not compiled in. A name is an optional schema and a table. Returns the
    /// clusters that could not be queried.
    pub(crate) async fn discover(&self, schema: &str, named: &[(Option<String>, String)]) -> Vec<Missing> {
        let registry = self.registry();
        let lists_tables = |(named, table): &(Option<String>, String)| {
            let schema = named.as_deref().unwrap_or(schema);
            self.builtin.iter().any(|builtin| builtin.lists_tables(schema, table))
        };
        if named.iter().any(lists_tables) {
            return self.source.discover(&DiscoveryScope::All).await;
        }
        let group = |name: &Option<String>| name.clone().filter(|name| name != DEFAULT_SCHEMA);
        let is_discoverable = |(named, table): &&(Option<String>, String)| {
            let schema = named.as_deref().unwrap_or(schema);
            !self.is_builtin(schema, table) && !registry.is_fixed(schema, table)
        };
        let default = group(&Some(schema.to_owned()));
        let discoverable: Vec<_> = named
            .iter()
            .filter(is_discoverable)
            .map(|(named, table)| {
                (named.as_ref().map_or_else(|| default.clone(), |named| group(&Some(named.clone()))), table.clone())
            })
            .collect();
        if discoverable.is_empty() {
            return Vec::new();
        }
        let is_known = |(named, table): &&(Option<String>, String)| {
            let schema = named.as_deref().unwrap_or(schema);
            matches!(registry.find(schema, table), Ok(Some(_)))
        };
        let is_found = |registry: &Registry| {
            named.iter().filter(is_discoverable).all(|(named, table)| {
                let schema = named.as_deref().unwrap_or(schema);
                matches!(registry.find(schema, table), Ok(Some(_)) | Err(_))
            })
        };
        let all_known = named.iter().filter(is_discoverable).all(|named| is_known(&named));
        let scope = DiscoveryScope::Tables(discoverable);
        let discovered = self.source.discover(&scope);
        if all_known {
            // Known kinds get a short refresh timeout; unknown kinds wait for discovery.
            return tokio::time::timeout(REDISCOVERY_TIMEOUT, discovered).await.unwrap_or_default();
        }
        let missing = discovered.await;
        if is_found(&self.registry()) {
            return missing;
        }
        // Servers do not list the short names of all kinds by name: a definition has them.
        self.source.discover(&DiscoveryScope::All).await
    }

    /// All schemas in order.
    pub(crate) fn schemas(&self) -> Vec<String> {
        let registry = self.registry();
        let mut schemas: Vec<String> = registry.schemas().map(str::to_owned).collect();
        schemas.extend(self.builtin.iter().flat_map(|builtin| builtin.schemas()).map(|&schema| schema.to_owned()));
        schemas.sort_unstable();
        schemas
    }

    pub(crate) fn has_schema(&self, schema: &str) -> bool {
        self.registry().has_schema(schema) || self.builtin.iter().any(|builtin| builtin.has_schema(schema))
    }

    /// The tables of a schema; for the default schema, only the listed ones.
    pub(crate) fn tables(&self, schema: &str) -> Vec<String> {
        let builtin = self.builtin.iter().flat_map(|builtin| builtin.names(schema));
        self.registry().tables(schema).into_iter().chain(builtin).map(str::to_owned).collect()
    }

    /// The columns of a table without objects.
    pub(crate) fn builtin_columns(&self, schema: &str, name: &str) -> Option<SchemaRef> {
        self.builtin.iter().find_map(|builtin| builtin.columns(schema, name))
    }

    /// Whether a table has no objects.
    pub(crate) fn is_builtin(&self, schema: &str, name: &str) -> bool {
        self.builtin_columns(schema, name).is_some()
    }

    /// The provider of a table without objects.
    pub(crate) fn builtin_provider(self: &Arc<Self>, schema: &str, name: &str) -> Option<Arc<dyn TableProvider>> {
        self.builtin.iter().find_map(|builtin| builtin.provider(schema, name, self))
    }

    /// The error for a table or schema that does not exist, with similar names as its hint.
    pub(crate) fn unknown_table(&self, schema: &str, name: &str) -> SqlError {
        let (error, near, all) = if self.has_schema(schema) {
            let error = SqlError::new(ErrorKind::UnknownTable, format!("table \"{name}\" does not exist"));
            let registry = self.registry();
            let builtin = self.builtin.iter().flat_map(|builtin| builtin.names(schema));
            let near = nearest(name, registry.table_names(schema).chain(builtin));
            let near: Vec<String> = near.into_iter().map(str::to_owned).collect();
            (error, near, "SHOW TABLES lists the tables")
        } else {
            let error = SqlError::new(ErrorKind::UnknownTable, format!("schema \"{schema}\" does not exist"));
            let schemas = self.schemas();
            let near = nearest(schema, schemas.iter().map(String::as_str)).into_iter().map(str::to_owned).collect();
            (error.code("3F000"), near, "SHOW SCHEMAS lists the schemas")
        };
        match near.as_slice() {
            [] => error.hint(all),
            near => error.hint(format!("did you mean {}?", near.join(", "))),
        }
    }

    /// The columns of a table, in the order of `select *`; with `data`, followed by the keys that the data has.
    pub(crate) async fn describe(&self, schema: &str, name: &str, data: bool) -> Result<Vec<ColumnInfo>, SqlError> {
        let builtin = |builtin: &Arc<dyn BuiltinTables>| {
            let column = |field: &Arc<Field>| ColumnInfo {
                name: field.name().clone(),
                sql_type: builtin.sql_type(field),
                path: String::new(),
                dynamic: false,
            };
            Some(builtin.columns(schema, name)?.fields().iter().map(column).collect())
        };
        if let Some(columns) = self.builtin.iter().find_map(builtin) {
            return Ok(columns);
        }
        let registry = self.registry();
        let found = registry.find(schema, name)?.ok_or_else(|| self.unknown_table(schema, name))?;
        let mut columns: Vec<ColumnInfo> = found.columns.iter().map(column_info).collect();
        if data {
            let snapshot = StatementSnapshot::new(Arc::clone(&self.source), Warnings::default(), false);
            columns.extend(dynamic_columns(&found, &snapshot).await?);
        }
        Ok(columns)
    }
}

/// The dynamic columns that the data has.
async fn dynamic_columns(table: &Table, snapshot: &StatementSnapshot) -> Result<Vec<ColumnInfo>, SqlError> {
    let paths: HashMap<&str, &str> =
        table.columns.iter().map(|column| (column.name.as_str(), column.path.as_str())).collect();
    let names = snapshot.commonest_keys(table, MAX_LISTED_KEYS).await?;
    let info = |name: String| {
        let column = dynamic_column::find(table, &name)?;
        let path = match &column.value {
            dynamic_column::DynamicValue::Key(_, key) => {
                let map = name.strip_suffix(key.as_str()).and_then(|map| map.strip_suffix('.'))?;
                format!("{}[{key}]", paths.get(map)?)
            }
            dynamic_column::DynamicValue::Condition { condition_type, .. } => {
                format!("conditions[type={condition_type}]")
            }
            dynamic_column::DynamicValue::SourceFile | dynamic_column::DynamicValue::SourceLine => String::new(),
        };
        Some(ColumnInfo { sql_type: sql_name(column.values), path, dynamic: true, name })
    };
    Ok(names.into_iter().filter(|name| !paths.contains_key(name.as_str())).filter_map(info).collect())
}

fn column_info(column: &Column) -> ColumnInfo {
    let (name, path) = (column.name.clone(), column.path.clone());
    ColumnInfo { name, sql_type: sql_name(column.values), path, dynamic: false }
}
