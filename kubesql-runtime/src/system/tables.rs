//! `system.tables`: all tables, including those that are not listed.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{Cell, ColumnType, EngineContext, SqlError, SystemTable};
use crate::sql::catalog::registry::schema_of;

#[derive(Debug)]
pub(super) struct Tables;

#[async_trait]
impl SystemTable for Tables {
    fn schema(&self) -> &'static str {
        "system"
    }

    fn name(&self) -> &'static str {
        "tables"
    }

    fn columns(&self) -> &'static [(&'static str, ColumnType)] {
        &[
            ("schema", ColumnType::Text),
            ("name", ColumnType::Text),
            ("kind", ColumnType::Text),
            ("version", ColumnType::Text),
            ("namespaced", ColumnType::Boolean),
            ("path", ColumnType::Text),
            ("listed", ColumnType::Boolean),
            // Not built in, or with more fields than the built-in kind.
            ("discovered", ColumnType::Boolean),
            // Differences between clusters.
            ("notes", ColumnType::Text),
        ]
    }

    async fn rows(&self, context: &EngineContext, _: &BTreeMap<String, String>) -> Result<Vec<Vec<Cell>>, SqlError> {
        let registry = context.registry();
        let rows = registry.tables_with_kinds().map(|(kind, def)| {
            let discovered = registry
                .discovered
                .find(kind.group, kind.plural)
                .filter(|discovered| std::ptr::eq(discovered.kind, kind));
            let notes = discovered.map(|discovered| discovered.notes.join("; ")).filter(|notes| !notes.is_empty());
            vec![
                schema_of(kind).into(),
                def.name.into(),
                kind.kind.into(),
                kind.version.into(),
                Cell::Boolean(kind.namespaced),
                Cell::Text(def.path.replace('/', ".")),
                Cell::Boolean(def.listed),
                Cell::Boolean(discovered.is_some()),
                notes.into(),
            ]
        });
        Ok(rows.collect())
    }
}
