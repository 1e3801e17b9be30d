//! Arrow Flight SQL. The only module that uses tonic and arrow-flight.

mod actions;
mod catalog_query;
mod connection;
mod metadata;
mod options;
mod placeholders;
mod prepared_schema;
mod rows;
mod service;
mod session;
mod sessions;
mod sql_info;
mod statement_store;
mod statements;
mod status;
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
use crate::query::Frontend;
use connection::Connection;
use service::Service;

/// The application protocol over TLS.
const ALPN: &[&[u8]] = &[b"h2"];

/// The interval of keep-alive messages on idle connections.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// A server that listens.
pub(crate) struct Flight {
    listener: Listener,
    access: Arc<Access>,
    frontend: Arc<Frontend>,
}

impl Flight {
    pub(crate) async fn bind(address: SocketAddr, frontend: Arc<Frontend>, access: Arc<Access>) -> io::Result<Self> {
        Ok(Self { listener: Listener::bind(address, &access).await?, access, frontend })
    }

    /// The bound address, with the actual port.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.address()
    }

    /// Serves until the frontend is closed and its last statement has ended.
    pub(crate) async fn serve(self) {
        let Self { listener, access, frontend } = self;
        let mut incoming = Incoming::new(listener, Arc::clone(&access), ALPN);
        let connections = stream::poll_fn(move |context| {
            incoming.poll_next(context).map(|next| next.map(|next| Ok::<_, io::Error>(Connection::new(next))))
        });
        let service = FlightServiceServer::new(Service::new(Arc::clone(&frontend), access));
        let server = Server::builder().http2_keepalive_interval(Some(KEEPALIVE)).add_service(service);
        let shutdown = async move {
            frontend.wait_closed().await;
            frontend.wait_idle().await;
        };
        // Errors of a connection end that connection alone.
        _ = server.serve_with_incoming_shutdown(connections, shutdown).await;
    }
}
