//! Connections for axum, and who is at their other end.

use std::io;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};

use crate::auth::Peer;
use crate::listen::{Connection, Incoming};

/// Connections that are ready, with TLS or without.
pub(super) struct Connections(pub(super) Incoming);

impl Listener for Connections {
    type Io = Connection;
    type Addr = Peer;

    async fn accept(&mut self) -> (Connection, Peer) {
        let connection = self.0.next().await;
        let peer = connection.peer().clone();
        (connection, peer)
    }

    fn local_addr(&self) -> io::Result<Peer> {
        Ok(Peer { address: self.0.address(), secure: false, certificate: None, binding: None })
    }
}

/// Who is at the other end of a request's connection.
#[derive(Debug, Clone)]
pub(super) struct Caller(pub(super) Peer);

impl Connected<IncomingStream<'_, Connections>> for Caller {
    fn connect_info(stream: IncomingStream<'_, Connections>) -> Self {
        Self(stream.remote_addr().clone())
    }
}
