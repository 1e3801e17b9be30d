//! A PostgreSQL client, for kubesql or a PostgreSQL server.

use std::time::Duration;

use anyhow::{Context, Result};
use futures::TryStreamExt;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Config, NoTls};

/// The number of rows between pauses: about as many as a batch of the other protocols.
const ROWS: usize = 8192;

pub(super) struct Client(pub(super) tokio_postgres::Client);

impl Client {
    pub(super) async fn connect(address: &str, database: &str, user: &str) -> Result<Self> {
        let (host, port) = address.rsplit_once(':').context("an address")?;
        let mut config = Config::new();
        config.host(host).port(port.parse()?).dbname(database).user(user);
        let (client, connection) = config.connect(NoTls).await?;
        // The client returns its errors as well.
        tokio::spawn(connection);
        Ok(Self(client))
    }

    pub(super) async fn rows(&mut self, sql: &str, pause: Option<Duration>) -> Result<usize> {
        let rows = self.0.query_raw(sql, std::iter::empty::<&(dyn ToSql + Sync)>()).await?;
        let mut rows = std::pin::pin!(rows);
        let mut count = 0;
        while rows.try_next().await?.is_some() {
            count += 1;
            if let Some(pause) = pause
                && count % ROWS == 0
            {
                tokio::time::sleep(pause).await;
            }
        }
        Ok(count)
    }
}
