//! The views among the tables without objects. Statements never read them: their queries replace them before.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::catalog::TableProvider;

use super::context::{BuiltinTables, EngineContext};
use crate::sql::DEFAULT_SCHEMA;
use crate::sql::rewrite::views::{VIEWS, find};
use crate::sql::types::{data_type, field, sql_name};

/// The views, in the default schema.
#[derive(Debug)]
pub(crate) struct Views;

impl BuiltinTables for Views {
    fn schemas(&self) -> &'static [&'static str] {
        &[]
    }

    fn names(&self, schema: &str) -> Vec<&'static str> {
        if schema == DEFAULT_SCHEMA { VIEWS.iter().map(|view| view.name).collect() } else { Vec::new() }
    }

    fn columns(&self, schema: &str, name: &str) -> Option<SchemaRef> {
        let view = find(name).filter(|_| schema == DEFAULT_SCHEMA)?;
        let fields: Vec<Field> = view.columns.iter().map(|(name, values)| field(name, *values)).collect();
        Some(Arc::new(Schema::new(fields)))
    }

    fn sql_type(&self, of: &Field) -> &'static str {
        let mut columns = VIEWS.iter().flat_map(|view| view.columns);
        let found = columns.find(|(name, values)| *name == of.name() && data_type(*values) == *of.data_type());
        found.map_or("text", |(_, values)| sql_name(*values))
    }

    fn provider(&self, _: &str, _: &str, _: &Arc<EngineContext>) -> Option<Arc<dyn TableProvider>> {
        None
    }

    fn lists_tables(&self, _: &str, _: &str) -> bool {
        false
    }
}
