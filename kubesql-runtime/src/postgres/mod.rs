//! Compatibility with PostgreSQL: the tables of `pg_catalog`, functions, types, and SQL that DataFusion does not
//! support.
//!
//! Tables and functions are registered once for all sessions. They read the session of a statement from its
//! configuration.

mod array_subquery;
mod build;
mod builtin_types;
mod casts;
mod expressions;
mod functions;
mod literals;
mod objects;
mod oids;
mod operators;
mod rewrite;
mod row_values;
mod session_info;
mod subqueries;
mod table_functions;
mod tables;
mod text;
mod types;

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, SchemaRef, TimeUnit};
use datafusion::catalog::TableProvider;
use datafusion::error::Result;
use datafusion::execution::{FunctionRegistry, SessionState};

use crate::sql::SEARCH_PATH;
use crate::sql::catalog::context::{BuiltinTables, EngineContext};
use objects::{Database, Objects};

pub(crate) use casts::Types;
pub(crate) use operators::Operators;
pub(crate) use rewrite::rewrite;
pub(crate) use session_info::SessionInfo;
pub(crate) use subqueries::EmptyParts;
pub use text::write as write_text;

/// The schema of the catalog.
const SCHEMA: &str = "pg_catalog";

/// The version of PostgreSQL that the server reports. Clients choose their catalog queries by version.
pub const POSTGRES_VERSION: &str = "15.8";

/// Returns the Arrow type of a parameter by the name of its SQL type; `None` for types whose values are sent as text.
#[must_use]
pub fn parameter_type(name: &str) -> Option<DataType> {
    let bare = name.split('(').next().unwrap_or(name);
    Some(match types::find(bare)? {
        16 => DataType::Boolean,
        21 => DataType::Int16,
        23 => DataType::Int32,
        20 => DataType::Int64,
        700 => DataType::Float32,
        701 | 1700 => DataType::Float64,
        1082 => DataType::Date32,
        1114 => DataType::Timestamp(TimeUnit::Microsecond, None),
        1184 => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        _ => return None,
    })
}

/// Returns the result of `version()`.
pub(crate) fn version() -> String {
    format!("PostgreSQL {POSTGRES_VERSION} (kubesql {}), DataFusion", env!("CARGO_PKG_VERSION"))
}

/// Registers the functions and rules with the state of the engine.
pub(crate) fn register(state: &mut SessionState, database: &Database) -> Result<()> {
    let type_functions = functions::register(state, database)?;
    state.register_udtf("pg_get_keywords", Arc::new(tables::Keywords));
    let casts = Arc::new(casts::Casts::new(&type_functions));
    state.register_function_rewrite(Arc::new(subqueries::Subqueries))?;
    state.register_function_rewrite(Arc::clone(&casts) as _)?;
    state.add_analyzer_rule(casts);
    Ok(())
}

/// The tables of `pg_catalog`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Catalog {
    objects: Arc<Objects>,
}

impl Catalog {
    /// Returns the catalog of an engine.
    pub(crate) fn database(&self, context: &Arc<EngineContext>) -> Database {
        Database { context: Arc::clone(context), objects: Arc::clone(&self.objects) }
    }
}

impl BuiltinTables for Catalog {
    fn schemas(&self) -> &'static [&'static str] {
        &[SCHEMA]
    }

    fn names(&self, schema: &str) -> Vec<&'static str> {
        if schema == SCHEMA { tables::names().collect() } else { Vec::new() }
    }

    /// Ignores the schema, because `pg_catalog` is searched before all others.
    fn columns(&self, _: &str, name: &str) -> Option<SchemaRef> {
        tables::schema_of(name)
    }

    fn sql_type(&self, field: &Field) -> &'static str {
        types::from_field(field).sql
    }

    fn provider(&self, schema: &str, name: &str, context: &Arc<EngineContext>) -> Option<Arc<dyn TableProvider>> {
        [SEARCH_PATH, SCHEMA].contains(&schema).then(|| tables::provider(name, &self.database(context))).flatten()
    }

    fn lists_tables(&self, _: &str, name: &str) -> bool {
        ["pg_attribute", "pg_class", "pg_namespace", "pg_tables"].contains(&name)
    }
}
