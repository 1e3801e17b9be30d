//! Connections that are ready to be spoken to, for protocols that begin TLS at once: one slow handshake keeps nobody
//! else waiting.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Accepted, Access, HELLO, Listener, PATIENCE, Socket, Stream, first_byte, secured, unsecured};
use crate::auth::Peer;

/// What a client without TLS is told where it needs TLS.
const TLS_ONLY: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\
    Content-Length: 52\r\n\r\nthis address takes TLS only: ask with https instead\n";

/// Connections that are ready.
pub(crate) struct Incoming {
    ready: mpsc::Receiver<Connection>,
    _accepting: JoinSet<()>,
}

/// A connection that is ready, which keeps its place among all of a door.
pub(crate) struct Connection {
    stream: Stream,
    peer: Peer,
    _slot: OwnedSemaphorePermit,
}

impl Incoming {
    /// Those of this listener, which may speak one of these protocols over TLS.
    pub(crate) fn new(listener: Listener, access: Arc<Access>, protocols: &'static [&'static [u8]]) -> Self {
        let (to, ready) = mpsc::channel(1);
        let mut accepting = JoinSet::new();
        accepting.spawn(async move {
            let mut beginning = JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        let (access, to) = (Arc::clone(&access), to.clone());
                        beginning.spawn(async move {
                            if let Ok(Ok(connection)) = timeout(PATIENCE, begun(accepted, &access, protocols)).await {
                                // Where nobody waits for it any more, it is closed.
                                _ = to.send(connection).await;
                            }
                        });
                    }
                    Some(_) = beginning.join_next() => {}
                }
            }
        });
        Self { ready, _accepting: accepting }
    }

    /// The next one.
    pub(crate) async fn next(&mut self) -> Connection {
        match self.ready.recv().await {
            Some(connection) => connection,
            // It accepts as long as this is there.
            None => std::future::pending().await,
        }
    }

    /// The next one, for those who poll.
    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Connection>> {
        self.ready.poll_recv(context)
    }
}

impl Connection {
    /// Who is at its other end.
    pub(crate) fn peer(&self) -> &Peer {
        &self.peer
    }
}

async fn begun(accepted: Accepted, access: &Access, protocols: &[&[u8]]) -> io::Result<Connection> {
    let Accepted { socket, from, slot, .. } = accepted;
    // Closed: whoever has too many connections has to wait.
    let slot = slot.ok_or(io::ErrorKind::QuotaExceeded)?;
    let (stream, peer) = match &access.tls {
        None => unsecured(Socket(Arc::new(socket)), from),
        Some(tls) => {
            if first_byte(&socket).await? == HELLO {
                secured(tls, Socket(Arc::new(socket)), from, protocols).await?
            } else if access.plain {
                unsecured(Socket(Arc::new(socket)), from)
            } else {
                let mut socket = socket;
                socket.write_all(TLS_ONLY).await?;
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
