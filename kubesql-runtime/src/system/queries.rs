//! `system.queries`: running and recently finished statements.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{Cell, ColumnType, EngineContext, SqlError, SystemTable};

#[derive(Debug)]
pub(super) struct Queries;

#[async_trait]
impl SystemTable for Queries {
    fn schema(&self) -> &'static str {
        "system"
    }

    fn name(&self) -> &'static str {
        "queries"
    }

    fn columns(&self) -> &'static [(&'static str, ColumnType)] {
        &[
            ("id", ColumnType::BigInt),
            ("session", ColumnType::Text),
            ("sql", ColumnType::Text),
            ("state", ColumnType::Text),
            ("started_at", ColumnType::Time),
            ("duration_ms", ColumnType::Float),
            ("rows", ColumnType::BigInt),
            ("error", ColumnType::Text),
            ("username", ColumnType::Text),
            ("protocol", ColumnType::Text),
            ("client_address", ColumnType::Text),
        ]
    }

    async fn rows(&self, context: &EngineContext, _: &BTreeMap<String, String>) -> Result<Vec<Vec<Cell>>, SqlError> {
        let rows = context.queries.all().into_iter().map(|query| {
            vec![
                Cell::BigInt(query.id),
                query.session.clone().into(),
                Cell::Text(query.sql.clone()),
                query.state.into(),
                Cell::Time(query.started_at),
                Cell::Float(query.duration().as_secs_f64() * 1000.0),
                Cell::BigInt(query.rows),
                query.error.into(),
                query.principal.user.into(),
                Some(query.principal.protocol.to_owned()).filter(|protocol| !protocol.is_empty()).into(),
                query.principal.address.into(),
            ]
        });
        Ok(rows.collect())
    }
}
