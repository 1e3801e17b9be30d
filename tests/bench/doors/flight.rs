//! A client of Arrow Flight SQL.

use std::time::Duration;

use anyhow::{Context, Result};
use arrow_flight::sql::client::FlightSqlServiceClient;
use futures::TryStreamExt;
use tonic::transport::{Channel, Endpoint};

pub(super) struct Client(FlightSqlServiceClient<Channel>);

impl Client {
    pub(super) async fn connect(address: &str) -> Result<Self> {
        let endpoint = Endpoint::new(format!("http://{address}"))?.tcp_nodelay(true);
        // Tonic's own window is 64 KB; clients of other languages have one that grows.
        let channel = endpoint.http2_adaptive_window(true).connect().await?;
        Ok(Self(FlightSqlServiceClient::new(channel)))
    }

    pub(super) async fn rows(&mut self, sql: &str, rest: Option<Duration>) -> Result<usize> {
        let info = self.0.execute(sql.to_owned(), None).await?;
        let ticket = info.endpoint.into_iter().next().and_then(|endpoint| endpoint.ticket).context("a ticket")?;
        let mut batches = self.0.do_get(ticket).await?;
        let mut rows = 0;
        while let Some(batch) = batches.try_next().await? {
            rows += batch.num_rows();
            if let Some(rest) = rest {
                tokio::time::sleep(rest).await;
            }
        }
        Ok(rows)
    }
}
