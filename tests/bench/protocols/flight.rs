//! An Arrow Flight SQL client that counts rows.

use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use arrow::ipc::root_as_message;
use arrow_flight::sql::client::FlightSqlServiceClient;
use futures::TryStreamExt;
use tonic::transport::{Channel, Endpoint};

pub(super) struct Client {
    service: FlightSqlServiceClient<Channel>,
    pub(super) bytes: u64,
}

impl Client {
    pub(super) async fn connect(address: &str) -> Result<Self> {
        let endpoint = Endpoint::new(format!("http://{address}"))?.tcp_nodelay(true);
        // Tonic's default window is 64 KB. Clients in other languages have windows that grow.
        let channel = endpoint.http2_adaptive_window(true).connect().await?;
        Ok(Self { service: FlightSqlServiceClient::new(channel), bytes: 0 })
    }

    pub(super) async fn rows(&mut self, sql: &str, pause: Option<Duration>) -> Result<usize> {
        let info = self.service.execute(sql.to_owned(), None).await?;
        let ticket = info.endpoint.into_iter().next().and_then(|endpoint| endpoint.ticket).context("a ticket")?;
        let mut messages = self.service.inner_mut().do_get(ticket).await?.into_inner();
        let mut rows = 0;
        while let Some(message) = messages.try_next().await? {
            let head = root_as_message(&message.data_header).map_err(|error| anyhow!("invalid message: {error}"))?;
            let Some(batch) = head.header_as_record_batch() else { continue };
            rows += usize::try_from(batch.length())?;
            self.bytes += u64::try_from(message.data_header.len() + message.data_body.len())?;
            if let Some(pause) = pause {
                tokio::time::sleep(pause).await;
            }
        }
        Ok(rows)
    }
}
