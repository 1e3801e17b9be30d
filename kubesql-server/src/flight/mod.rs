//! Arrow Flight SQL: calls in, record batches out. The only room that knows tonic and arrow-flight.

mod actions;
mod connection;
mod facts;
mod failure;
mod metadata;
mod options;
mod placeholders;
mod rows;
mod service;
mod sessions;
mod statements;
mod tables;
#[cfg(test)]
mod tests;
mod types;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arrow_flight::flight_service_server::FlightServiceServer;
use futures::stream;
use tonic::transport::Server;

use crate::listen::{Access, Incoming, Listener};
use crate::query::Door;
use connection::Connection;
use service::Service;

/// What is spoken over TLS.
const PROTOCOLS: &[&[u8]] = &[b"h2"];

/// How often a connection on which nothing happens is asked whether somebody is there.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// A listening door.
pub(crate) struct Flight {
    listener: Listener,
    access: Arc<Access>,
    door: Arc<Door>,
}

impl Flight {
    /// Takes the address.
    pub(crate) async fn bind(address: SocketAddr, door: Arc<Door>, access: Arc<Access>) -> io::Result<Self> {
        Ok(Self { listener: Listener::bind(address, &access).await?, access, door })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.address()
    }

    /// Serves whoever connects, until the door is closed and the last of its statements has ended.
    pub(crate) async fn serve(self) {
        let Self { listener, access, door } = self;
        let mut incoming = Incoming::new(listener, Arc::clone(&access), PROTOCOLS);
        let connections = stream::poll_fn(move |context| {
            incoming.poll_next(context).map(|next| next.map(|next| Ok::<_, io::Error>(Connection::new(next))))
        });
        let service = FlightServiceServer::new(Service::new(Arc::clone(&door), access));
        let server = Server::builder().http2_keepalive_interval(Some(KEEPALIVE)).add_service(service);
        let ended = async move {
            door.closed().await;
            door.idle().await;
        };
        // What goes wrong on a connection ends that connection.
        _ = server.serve_with_incoming_shutdown(connections, ended).await;
    }
}
