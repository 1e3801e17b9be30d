//! The PostgreSQL wire protocol: connections in, rows out. The only room that knows pgwire.

mod encode;
mod extended;
mod failure;
mod parameters;
mod simple;
mod startup;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use pgwire::api::auth::StartupHandler;
use pgwire::api::cancel::CancelHandler;
use pgwire::api::query::{ExtendedQueryHandler, SimpleQueryHandler};
use pgwire::api::{ClientInfo, PgWireServerHandlers};
use pgwire::error::{ErrorInfo, PgWireError, PgWireResult};
use pgwire::messages::cancel::CancelRequest;
use pgwire::messages::startup::SecretKey;
use pgwire::tokio::process_socket;
use tokio::net::{TcpListener, TcpStream};

use crate::query::{Client, Door};

/// A listening door.
pub(crate) struct Pg {
    listener: TcpListener,
    shared: Arc<Shared>,
}

/// What all connections share.
struct Shared {
    door: Arc<Door>,
    ids: startup::Ids,
    /// The clients that can be cancelled, by their process IDs.
    clients: Mutex<HashMap<i32, (SecretKey, Weak<Client>)>>,
}

impl Pg {
    /// Takes the address.
    pub(crate) async fn bind(address: SocketAddr, door: Arc<Door>) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        Ok(Self {
            listener,
            shared: Arc::new(Shared { door, ids: startup::Ids::default(), clients: Mutex::default() }),
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves whoever connects, until it is dropped.
    pub(crate) async fn serve(self) {
        let mut connections = tokio::task::JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((socket, _)) => {
                        connections.spawn(connection(socket, Handlers { shared: Arc::clone(&self.shared) }));
                    }
                    // Too many files are open, or the client is gone already: others may still come.
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                },
                Some(_) = connections.join_next() => {}
            }
        }
    }
}

/// Serves one client, until it or its connection ends; whatever it has running ends with it.
async fn connection(socket: TcpStream, handlers: Handlers) {
    // While a statement runs nobody reads from the socket, so that somebody else has to see that the client is gone.
    let Ok(other) = second(&socket) else { return };
    tokio::select! {
        // What went wrong was told the client, or there is no client any more.
        _ = process_socket(socket, None, handlers) => {}
        () = closed(other) => {}
    }
}

/// The same socket, to be looked at by somebody else.
#[cfg(unix)]
fn second(socket: &TcpStream) -> io::Result<TcpStream> {
    use std::os::fd::AsFd;
    TcpStream::from_std(socket.as_fd().try_clone_to_owned()?.into())
}

/// The same socket, to be looked at by somebody else.
#[cfg(windows)]
fn second(socket: &TcpStream) -> io::Result<TcpStream> {
    use std::os::windows::io::AsSocket;
    TcpStream::from_std(socket.as_socket().try_clone_to_owned()?.into())
}

/// Waits until the client has closed its side.
async fn closed(socket: TcpStream) {
    const EVERY: Duration = Duration::from_millis(200);
    while let Ok(ready) = socket.ready(tokio::io::Interest::READABLE).await {
        if ready.is_read_closed() {
            // What it sent before may still be served, such as a last statement of a script.
            tokio::time::sleep(EVERY).await;
            return;
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// What pgwire asks for the handling of messages.
#[derive(Clone)]
struct Handlers {
    shared: Arc<Shared>,
}

impl PgWireServerHandlers for Handlers {
    fn simple_query_handler(&self) -> Arc<impl SimpleQueryHandler> {
        Arc::new(simple::Simple)
    }

    fn extended_query_handler(&self) -> Arc<impl ExtendedQueryHandler> {
        Arc::new(extended::Extended::default())
    }

    fn startup_handler(&self) -> Arc<impl StartupHandler> {
        Arc::new(startup::Startup::new(Arc::clone(&self.shared)))
    }

    fn cancel_handler(&self) -> Arc<impl CancelHandler> {
        Arc::new(self.clone())
    }
}

#[async_trait]
impl CancelHandler for Handlers {
    async fn on_cancel_request(&self, request: CancelRequest) {
        let clients = self.shared.clients.lock();
        if let Some((key, client)) = clients.get(&request.pid)
            && key.eq_value(&request.secret_key)
            && let Some(client) = client.upgrade()
        {
            client.cancel();
        }
    }
}

/// The client of a connection that has started.
fn client_of(connection: &impl ClientInfo) -> PgWireResult<Arc<Client>> {
    let client = connection.session_extensions().get::<Arc<Client>>();
    let missing = || ErrorInfo::new("FATAL".into(), "08P01".into(), "the connection has not started".into());
    client.map(|client| Arc::clone(&*client)).ok_or_else(|| PgWireError::UserError(Box::new(missing())))
}
