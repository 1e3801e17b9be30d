//! Connections before any protocol: limits on their number, TLS, and client certificates.

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
pub(crate) use stream::{SharedSocket, Stream};

/// How long a client may take for the TLS handshake and authentication.
pub(crate) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(20);

/// How many clients at a time receive the error that there are too many connections. Others are disconnected.
const MAX_REFUSALS: usize = 100;

/// What all protocols require of a connection.
pub(crate) struct Access {
    pub(crate) auth: Auth,
    pub(crate) tls: Option<Tls>,
    /// Whether clients may connect without TLS although there is a certificate.
    pub(crate) allows_plain_text: bool,
    /// The maximum number of connections of each listener.
    pub(crate) max_connections: usize,
}

impl Access {
    /// Whether connections without TLS are refused.
    pub(crate) fn requires_tls(&self) -> bool {
        self.tls.is_some() && !self.allows_plain_text
    }
}

/// A listening address.
pub(crate) struct Listener {
    tcp: TcpListener,
    slots: Arc<Semaphore>,
    refusal_slots: Arc<Semaphore>,
}

/// A new connection, of which no byte was read.
pub(crate) struct Accepted {
    pub(crate) socket: TcpStream,
    pub(crate) address: SocketAddr,
    /// Counts the connection until it is dropped; `None` if there are too many.
    pub(crate) slot: Option<OwnedSemaphorePermit>,
    /// Without a slot, the permission to send the client an error.
    pub(crate) refusal_slot: Option<OwnedSemaphorePermit>,
}

impl Listener {
    pub(crate) async fn bind(address: SocketAddr, access: &Access) -> io::Result<Self> {
        let tcp = TcpListener::bind(address).await?;
        Ok(Self {
            tcp,
            slots: Arc::new(Semaphore::new(access.max_connections)),
            refusal_slots: Arc::new(Semaphore::new(MAX_REFUSALS)),
        })
    }

    /// The bound address, with the actual port.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// The next connection.
    pub(crate) async fn accept(&self) -> Accepted {
        loop {
            match self.tcp.accept().await {
                Ok((socket, address)) => {
                    _ = socket.set_nodelay(true);
                    // Detects clients that have disappeared without closing the connection.
                    let keepalive = TcpKeepalive::new().with_time(Duration::from_secs(60));
                    _ = SockRef::from(&socket).set_tcp_keepalive(&keepalive);
                    let slot = Arc::clone(&self.slots).try_acquire_owned().ok();
                    let refusal_slot = match &slot {
                        Some(_) => None,
                        None => Arc::clone(&self.refusal_slots).try_acquire_owned().ok(),
                    };
                    if slot.is_some() || refusal_slot.is_some() {
                        return Accepted { socket, address, slot, refusal_slot };
                    }
                }
                // Too many files are open, or the client has disconnected already. Both may be different next time.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }
}

/// Performs the TLS handshake. `alpn` lists the application protocols to agree on.
pub(crate) async fn accept_tls(
    tls: &Tls,
    socket: SharedSocket,
    address: SocketAddr,
    alpn: &[&[u8]],
) -> io::Result<(Stream, Peer)> {
    let (acceptor, channel_binding) = tls.acceptor(alpn);
    let stream = acceptor.accept(socket).await?;
    let (_, connection) = stream.get_ref();
    let certificate = connection.peer_certificates().and_then(|chain| chain.first());
    let certificate_name = match certificate {
        Some(certificate) => Some(common_name(certificate).ok_or_else(|| {
            io::Error::new(io::ErrorKind::PermissionDenied, "the client's certificate must have one common name")
        })?),
        None => None,
    };
    let peer = Peer { address, is_tls: true, certificate_name, channel_binding };
    Ok((Stream::Tls(Box::new(stream)), peer))
}

/// A connection without TLS.
pub(crate) fn accept_plain(socket: SharedSocket, address: SocketAddr) -> (Stream, Peer) {
    (Stream::Plain(socket), Peer { address, is_tls: false, certificate_name: None, channel_binding: None })
}

/// Waits for the first byte of the client and leaves it in the socket.
pub(crate) async fn peek_first_byte(socket: &TcpStream) -> io::Result<u8> {
    let mut byte = [0];
    match socket.peek(&mut byte).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(byte[0]),
    }
}

/// The first byte of a TLS connection: the record type `handshake`.
pub(crate) const TLS_HANDSHAKE: u8 = 22;
