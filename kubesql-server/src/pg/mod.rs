//! The PostgreSQL wire protocol. The only module that uses pgwire.

mod cancel_keys;
mod connection;
mod connection_state;
mod copy;
mod encode;
mod error_response;
mod execute;
mod extended;
mod frame_limit;
mod negotiation;
mod numeric;
mod parameters;
mod shared;
mod simple;
mod startup;
mod text;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::task::JoinSet;

use crate::listen::{Access, Listener};
use crate::query::Frontend;
use cancel_keys::CancelKeys;
use shared::Shared;

/// A server that listens.
pub(crate) struct Pg {
    listener: Listener,
    shared: Arc<Shared>,
}

impl Pg {
    pub(crate) async fn bind(address: SocketAddr, frontend: Arc<Frontend>, access: Arc<Access>) -> io::Result<Self> {
        let listener = Listener::bind(address, &access).await?;
        Ok(Self { listener, shared: Arc::new(Shared { frontend, access, cancel_keys: CancelKeys::default() }) })
    }

    /// The bound address, with the actual port.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.address()
    }

    /// Serves until the frontend is closed and the last connection has ended.
    pub(crate) async fn serve(self) {
        let Self { listener, shared } = self;
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    connections.spawn(connection::serve(accepted, Arc::clone(&shared)));
                }
                Some(_) = connections.join_next() => {}
                () = shared.frontend.wait_closed() => break,
            }
        }
        drop(listener);
        while connections.join_next().await.is_some() {}
    }
}
