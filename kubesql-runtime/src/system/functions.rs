//! `system.functions`: all functions with their documentation.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{Cell, ColumnType, EngineContext, SqlError, SystemTable};

#[derive(Debug)]
pub(super) struct Functions;

#[async_trait]
impl SystemTable for Functions {
    fn schema(&self) -> &'static str {
        "system"
    }

    fn name(&self) -> &'static str {
        "functions"
    }

    fn columns(&self) -> &'static [(&'static str, ColumnType)] {
        &[
            ("name", ColumnType::Text),
            ("kind", ColumnType::Text),
            ("syntax", ColumnType::Text),
            ("description", ColumnType::Text),
        ]
    }

    async fn rows(&self, context: &EngineContext, _: &BTreeMap<String, String>) -> Result<Vec<Vec<Cell>>, SqlError> {
        let rows = context.functions.iter().map(|function| {
            let text = |text: &Option<String>| text.as_deref().map_or(Cell::Null, Cell::from);
            vec![
                function.name.as_str().into(),
                function.kind.into(),
                text(&function.syntax),
                text(&function.description),
            ]
        });
        Ok(rows.collect())
    }
}
