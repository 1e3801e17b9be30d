//! `system.watches`: the kinds that are watched, or were listed for the last statement, by cluster.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{Cell, ColumnType, EngineContext, SqlError, SystemTable};
use crate::store::WatchState;

#[derive(Debug)]
pub(super) struct Watches;

#[async_trait]
impl SystemTable for Watches {
    fn schema(&self) -> &'static str {
        "system"
    }

    fn name(&self) -> &'static str {
        "watches"
    }

    fn columns(&self) -> &'static [(&'static str, ColumnType)] {
        &[
            ("cluster", ColumnType::Text),
            ("api_group", ColumnType::Text),
            ("version", ColumnType::Text),
            ("resource", ColumnType::Text),
            ("namespace", ColumnType::Text),
            ("state", ColumnType::Text),
            ("objects", ColumnType::BigInt),
            ("bytes", ColumnType::BigInt),
            ("events", ColumnType::BigInt),
            ("last_event", ColumnType::Time),
            ("lag_ms", ColumnType::Float),
            ("resource_version", ColumnType::Text),
            ("relists", ColumnType::BigInt),
            ("warnings", ColumnType::BigInt),
            ("error", ColumnType::Text),
        ]
    }

    async fn rows(&self, context: &EngineContext, _: &BTreeMap<String, String>) -> Result<Vec<Vec<Cell>>, SqlError> {
        let rows = context.source.status().watches.into_iter().map(|watch| {
            let state = match watch.state {
                WatchState::Listing => "listing",
                WatchState::Synced => "synced",
                WatchState::Failing => "failing",
            };
            vec![
                (&*watch.cluster).into(),
                Cell::Text(watch.group),
                Cell::Text(watch.version),
                Cell::Text(watch.resource),
                watch.namespace.into(),
                state.into(),
                Cell::BigInt(watch.objects),
                Cell::BigInt(watch.bytes),
                Cell::BigInt(watch.events),
                watch.last_event.map_or(Cell::Null, Cell::Time),
                Cell::Float(watch.lag_ms),
                Cell::Text(watch.resource_version),
                Cell::BigInt(watch.relists),
                Cell::BigInt(watch.warnings),
                watch.error.into(),
            ]
        });
        Ok(rows.collect())
    }
}
