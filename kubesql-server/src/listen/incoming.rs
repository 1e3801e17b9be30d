//! Connections after the TLS handshake, for protocols that begin with it. Handshakes run concurrently, so that a slow
//! one does not delay other clients.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{
    Accepted, Access, HANDSHAKE_TIMEOUT, Listener, SharedSocket, Stream, TLS_HANDSHAKE, accept_plain, accept_tls,
    peek_first_byte,
};
use crate::auth::Peer;

/// The response to clients that send plain text although TLS is required.
const TLS_REQUIRED: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\
    Content-Length: 44\r\n\r\nthis address requires TLS: use an https URL\n";

/// Connections that are ready to be served.
pub(crate) struct Incoming {
    ready: mpsc::Receiver<Connection>,
    _acceptor: JoinSet<()>,
}

/// A connection that is ready to be served. It is counted as open until it is dropped.
pub(crate) struct Connection {
    stream: Stream,
    peer: Peer,
    _slot: OwnedSemaphorePermit,
}

impl Incoming {
    /// Accepts the connections of a listener. `alpn` lists the application protocols to agree on over TLS.
    pub(crate) fn new(listener: Listener, access: Arc<Access>, alpn: &'static [&'static [u8]]) -> Self {
        let (sender, ready) = mpsc::channel(1);
        let mut acceptor = JoinSet::new();
        acceptor.spawn(async move {
            let mut handshakes = JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        let (access, sender) = (Arc::clone(&access), sender.clone());
                        handshakes.spawn(async move {
                            let handshake = timeout(HANDSHAKE_TIMEOUT, handshake(accepted, &access, alpn));
                            if let Ok(Ok(connection)) = handshake.await {
                                // If the receiver is gone, the connection is closed.
                                _ = sender.send(connection).await;
                            }
                        });
                    }
                    Some(_) = handshakes.join_next() => {}
                }
            }
        });
        Self { ready, _acceptor: acceptor }
    }

    /// The next connection.
    pub(crate) async fn next(&mut self) -> Connection {
        match self.ready.recv().await {
            Some(connection) => connection,
            // Not reached: the acceptor holds a sender as long as `self` lives.
            None => std::future::pending().await,
        }
    }

    /// Polls for the next connection.
    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Connection>> {
        self.ready.poll_recv(context)
    }
}

impl Connection {
    /// The other end.
    pub(crate) fn peer(&self) -> &Peer {
        &self.peer
    }
}

async fn handshake(accepted: Accepted, access: &Access, alpn: &[&[u8]]) -> io::Result<Connection> {
    let Accepted { mut socket, address, slot, .. } = accepted;
    // Too many connections: this one is closed.
    let slot = slot.ok_or(io::ErrorKind::QuotaExceeded)?;
    let (stream, peer) = match &access.tls {
        None => accept_plain(SharedSocket(Arc::new(socket)), address),
        Some(tls) => {
            if peek_first_byte(&socket).await? == TLS_HANDSHAKE {
                accept_tls(tls, SharedSocket(Arc::new(socket)), address, alpn).await?
            } else if access.allows_plain_text {
                accept_plain(SharedSocket(Arc::new(socket)), address)
            } else {
                socket.write_all(TLS_REQUIRED).await?;
                socket.shutdown().await?;
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
        }
    };
    Ok(Connection { stream, peer, _slot: slot })
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, to)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
