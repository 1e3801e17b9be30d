//! Clients that run statements and count rows.

use std::time::Duration;

use anyhow::Result;
use futures::StreamExt;
use kubesql_runtime::sql::Session;

use super::protocol::Protocol;
use super::server::Server;
use super::{flight, http, pg};

/// A client.
pub(super) enum Client {
    Process(Session),
    Flight(Box<flight::Client>),
    Http(Box<http::Client>),
    Pg(Box<pg::Client>),
}

impl Client {
    pub(super) async fn connect(protocol: Protocol, server: &Server) -> Result<Self> {
        Ok(match protocol {
            Protocol::Process => Self::Process(server.engine.session()),
            Protocol::Flight => Self::Flight(Box::new(flight::Client::connect(server.address(protocol)?).await?)),
            Protocol::Http => Self::Http(Box::new(http::Client::connect(server.address(protocol)?).await?)),
            Protocol::Pg => {
                Self::Pg(Box::new(pg::Client::connect(server.address(protocol)?, "kubesql", "bench").await?))
            }
        })
    }

    /// Runs a statement and returns the number of rows. With `pause`, waits after each batch, or after as many rows.
    pub(super) async fn rows(&mut self, sql: &str, pause: Option<Duration>) -> Result<usize> {
        match self {
            Self::Process(session) => {
                let mut answer = session.execute(sql).await?;
                let mut rows = 0;
                while let Some(batch) = answer.rows.next().await {
                    rows += batch?.num_rows();
                }
                Ok(rows)
            }
            Self::Flight(client) => client.rows(sql, pause).await,
            Self::Http(client) => client.rows(sql, pause).await,
            Self::Pg(client) => client.rows(sql, pause).await,
        }
    }

    /// The bytes of rows that were read, if the client counts them.
    pub(super) fn bytes(&self) -> Option<u64> {
        match self {
            Self::Flight(client) => Some(client.bytes),
            Self::Http(client) => Some(client.bytes),
            Self::Process(_) | Self::Pg(_) => None,
        }
    }
}
