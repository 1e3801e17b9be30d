//! `system.clusters`: the clusters that tables have rows of.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{Cell, House, Kind, SqlError, SystemTable};

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

    fn columns(&self) -> &'static [(&'static str, Kind)] {
        &[("name", Kind::Text)]
    }

    async fn rows(&self, house: &House, _: &BTreeMap<String, String>) -> Result<Vec<Vec<Cell>>, SqlError> {
        Ok(house.source.clusters().iter().map(|name| vec![Cell::from(&**name)]).collect())
    }
}
