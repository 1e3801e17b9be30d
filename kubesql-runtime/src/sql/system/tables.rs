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
        ]
    }

    async fn rows(&self, house: &House, _: &BTreeMap<String, String>) -> Result<Vec<Vec<Cell>>, SqlError> {
        let rows = house.registry.all().map(|(kind, def)| {
            vec![
                schema_of(kind).into(),
                def.name.into(),
                kind.kind.into(),
                kind.version.into(),
                Cell::Boolean(kind.namespaced),
                Cell::Text(def.path.replace('/', ".")),
                Cell::Boolean(def.listed),
            ]
        });
        Ok(rows.collect())
    }
}
