//! `system.clusters`: the clusters and their state.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{Cell, ColumnType, EngineContext, SqlError, SystemTable};
use crate::store::ClusterState;

#[derive(Debug)]
pub(super) struct Clusters;

#[async_trait]
impl SystemTable for Clusters {
    fn schema(&self) -> &'static str {
        "system"
    }

    fn name(&self) -> &'static str {
        "clusters"
    }

    fn columns(&self) -> &'static [(&'static str, ColumnType)] {
        &[
            ("name", ColumnType::Text),
            ("state", ColumnType::Text),
            ("server", ColumnType::Text),
            ("version", ColumnType::Text),
            ("error", ColumnType::Text),
        ]
    }

    async fn rows(&self, context: &EngineContext, _: &BTreeMap<String, String>) -> Result<Vec<Vec<Cell>>, SqlError> {
        let mut statuses = context.source.status().clusters;
        // Clusters that are read from files have no status.
        let rows = context.source.clusters().into_iter().map(|name| {
            let Some(at) = statuses.iter().position(|status| status.name == name) else {
                return vec![Cell::from(&*name), Cell::Null, Cell::Null, Cell::Null, Cell::Null];
            };
            let status = statuses.swap_remove(at);
            let state = match status.state {
                ClusterState::Idle => "idle",
                ClusterState::Connecting => "connecting",
                ClusterState::Connected => "connected",
                ClusterState::Failing => "failing",
            };
            vec![Cell::from(&*name), state.into(), status.server.into(), status.version.into(), status.error.into()]
        });
        Ok(rows.collect())
    }
}
