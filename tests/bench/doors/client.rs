//! A client of a door: statements in, rows counted.

use std::time::Duration;

use anyhow::Result;
use futures::StreamExt;
use kubesql_runtime::sql::Session;

use super::server::Server;
use super::{flight, http, pg};

/// By what statements go in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(super) enum Door {
    /// In this process.
    #[value(skip)]
    Process,
    Flight,
    /// Arrow IPC by the REST API.
    Http,
    Pg,
}

/// One client.
pub(super) enum Client {
    Process(Session),
    Flight(Box<flight::Client>),
    Http(Box<http::Client>),
    Pg(Box<pg::Client>),
}

impl Client {
    pub(super) async fn of(door: Door, server: &Server) -> Result<Self> {
        Ok(match door {
            Door::Process => Self::Process(server.engine.session()),
            Door::Flight => Self::Flight(Box::new(flight::Client::connect(server.address(door)?).await?)),
            Door::Http => Self::Http(Box::new(http::Client::connect(server.address(door)?).await?)),
            Door::Pg => Self::Pg(Box::new(pg::Client::connect(server.address(door)?, "kubesql", "bench").await?)),
        })
    }

    /// How many rows a statement gives; between batches, or as many rows, it rests.
    pub(super) async fn rows(&mut self, sql: &str, rest: Option<Duration>) -> Result<usize> {
        match self {
            Self::Process(session) => {
                let mut answer = session.execute(sql).await?;
                let mut rows = 0;
                while let Some(batch) = answer.rows.next().await {
                    rows += batch?.num_rows();
                }
                Ok(rows)
            }
            Self::Flight(client) => client.rows(sql, rest).await,
            Self::Http(client) => client.rows(sql, rest).await,
            Self::Pg(client) => client.rows(sql, rest).await,
        }
    }

    /// Bytes of rows that it has read, where it counts them.
    pub(super) fn bytes(&self) -> Option<u64> {
        match self {
            Self::Flight(client) => Some(client.bytes),
            Self::Http(client) => Some(client.bytes),
            Self::Process(_) | Self::Pg(_) => None,
        }
    }
}
