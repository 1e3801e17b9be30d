//! Connections as they come in: how many there may be, with TLS or without, and who they say that they are.

mod incoming;
mod stream;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::auth::{Auth, Peer};
use crate::tls::{Tls, common_name};

pub(crate) use incoming::{Connection, Incoming};
pub(crate) use stream::{Socket, Stream};

/// How long a client may take until it is known who it is.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// How many are told at once that there are too many.
const REFUSALS: usize = 100;

/// What all doors ask of those who come in.
pub(crate) struct Access {
    pub(crate) auth: Auth,
    pub(crate) tls: Option<Tls>,
    /// Whether clients may do without TLS where there is TLS.
    pub(crate) plain: bool,
    /// How many connections a door has at once.
    pub(crate) connections: usize,
}

impl Access {
    /// Whether a connection without TLS is refused.
    pub(crate) fn wants_tls(&self) -> bool {
        self.tls.is_some() && !self.plain
    }
}

/// A listening address.
pub(crate) struct Listener {
    tcp: TcpListener,
    slots: Arc<Semaphore>,
    /// How many are told at once that there is no place for them; others just go.
    refusals: Arc<Semaphore>,
}

/// A connection that has come in; none of what it says was read.
pub(crate) struct Accepted {
    pub(crate) socket: TcpStream,
    pub(crate) from: SocketAddr,
    /// Its place among all connections; none where there are too many.
    pub(crate) slot: Option<OwnedSemaphorePermit>,
    /// Its place among those who are told so.
    pub(crate) refusal: Option<OwnedSemaphorePermit>,
}

impl Listener {
    /// Takes the address.
    pub(crate) async fn bind(address: SocketAddr, access: &Access) -> io::Result<Self> {
        let tcp = TcpListener::bind(address).await?;
        Ok(Self {
            tcp,
            slots: Arc::new(Semaphore::new(access.connections)),
            refusals: Arc::new(Semaphore::new(REFUSALS)),
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// The next connection.
    pub(crate) async fn accept(&self) -> Accepted {
        loop {
            match self.tcp.accept().await {
                Ok((socket, from)) => {
                    _ = socket.set_nodelay(true);
                    // Clients that are gone without a word are noticed.
                    let alive = TcpKeepalive::new().with_time(Duration::from_secs(60));
                    _ = SockRef::from(&socket).set_tcp_keepalive(&alive);
                    let slot = Arc::clone(&self.slots).try_acquire_owned().ok();
                    let refusal = match &slot {
                        Some(_) => None,
                        None => Arc::clone(&self.refusals).try_acquire_owned().ok(),
                    };
                    if slot.is_some() || refusal.is_some() {
                        return Accepted { socket, from, slot, refusal };
                    }
                }
                // Too many files are open, or the client is gone already: others may still come.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }
}

/// The same connection over TLS, which may speak one of these protocols.
pub(crate) async fn secured(
    tls: &Tls,
    socket: Socket,
    from: SocketAddr,
    protocols: &[&[u8]],
) -> io::Result<(Stream, Peer)> {
    let (acceptor, binding) = tls.acceptor(protocols);
    let stream = acceptor.accept(socket).await?;
    let (_, connection) = stream.get_ref();
    let certificate = connection.peer_certificates().and_then(|chain| chain.first());
    let certificate = match certificate {
        Some(certificate) => Some(common_name(certificate).ok_or_else(|| {
            io::Error::new(io::ErrorKind::PermissionDenied, "the client's certificate has not one common name")
        })?),
        None => None,
    };
    let peer = Peer { address: from, secure: true, certificate, binding };
    Ok((Stream::Tls(Box::new(stream)), peer))
}

/// The same connection without TLS.
pub(crate) fn unsecured(socket: Socket, from: SocketAddr) -> (Stream, Peer) {
    (Stream::Plain(socket), Peer { address: from, secure: false, certificate: None, binding: None })
}

/// The first byte that a client sends; TLS begins with 22.
pub(crate) async fn first_byte(socket: &TcpStream) -> io::Result<u8> {
    let mut byte = [0];
    match socket.peek(&mut byte).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(byte[0]),
    }
}

/// What TLS begins with.
pub(crate) const HELLO: u8 = 22;
