//! `system.tables`: every table, listed or not, and what its rows are.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{Cell, House, Kind, SqlError, SystemTable};
use crate::sql::registry::schema_of;

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

    fn columns(&self) -> &'static [(&'static str, Kind)] {
        &[
            ("schema", Kind::Text),
            ("name", Kind::Text),
            ("kind", Kind::Text),
            ("version", Kind::Text),
            ("namespaced", Kind::Boolean),
            ("path", Kind::Text),
            ("listed", Kind::Boolean),
            // Not compiled in, or with more fields than that.
            ("discovered", Kind::Boolean),
            // What clusters do not agree on.
            ("notes", Kind::Text),
        ]
    }

    async fn rows(&self, house: &House, _: &BTreeMap<String, String>) -> Result<Vec<Vec<Cell>>, SqlError> {
        let registry = house.registry();
        let rows = registry.all().map(|(kind, def)| {
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
