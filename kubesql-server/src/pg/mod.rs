//! The PostgreSQL wire protocol: connections in, rows out. The only room that knows pgwire.

mod cancel;
mod connection;
mod copy;
mod encode;
mod execute;
mod extended;
mod failure;
mod frames;
mod greeting;
mod parameters;
mod session;
mod simple;
mod startup;
mod text;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use pgwire::api::ClientInfo;
use pgwire::error::{ErrorInfo, PgWireError, PgWireResult};
use tokio::task::JoinSet;

use crate::listen::{Access, Listener};
use crate::query::{Client, Door};

/// A listening door.
pub(crate) struct Pg {
    listener: Listener,
    shared: Arc<Shared>,
}

/// What all connections share.
struct Shared {
    door: Arc<Door>,
    access: Arc<Access>,
    clients: cancel::Clients,
}

impl Pg {
    /// Takes the address.
    pub(crate) async fn bind(address: SocketAddr, door: Arc<Door>, access: Arc<Access>) -> io::Result<Self> {
        let listener = Listener::bind(address, &access).await?;
        Ok(Self { listener, shared: Arc::new(Shared { door, access, clients: cancel::Clients::default() }) })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.address()
    }

    /// Serves whoever connects, until the door is closed and the last of them has ended.
    pub(crate) async fn serve(self) {
        let Self { listener, shared } = self;
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    connections.spawn(connection::serve(accepted, Arc::clone(&shared)));
                }
                Some(_) = connections.join_next() => {}
                () = shared.door.closed() => break,
            }
        }
        drop(listener);
        while connections.join_next().await.is_some() {}
    }
}

/// The client of a connection that has started.
fn client_of(connection: &impl ClientInfo) -> PgWireResult<Arc<Client>> {
    let client = connection.session_extensions().get::<Arc<Client>>();
    let missing = || ErrorInfo::new("FATAL".into(), "08P01".into(), "the connection has not started".into());
    client.map(|client| Arc::clone(&*client)).ok_or_else(|| PgWireError::UserError(Box::new(missing())))
}
