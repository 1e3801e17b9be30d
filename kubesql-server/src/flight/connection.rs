//! A connection of a client, whose sessions are there for as long as it is.

use std::collections::HashMap;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tonic::transport::server::Connected;

use super::sessions::Session;
use crate::auth::Peer;
use crate::listen;

/// What every call finds of its connection: who is at the other end, and a session of each who asks by it, made by their
/// first call.
#[derive(Clone)]
pub(super) struct Own {
    pub(super) peer: Arc<Peer>,
    pub(super) sessions: Arc<Mutex<HashMap<Option<String>, Arc<Session>>>>,
}

/// The bytes of a connection, and its sessions.
pub(super) struct Connection {
    bytes: listen::Connection,
    own: Own,
}

impl Connection {
    pub(super) fn new(bytes: listen::Connection) -> Self {
        let peer = Arc::new(bytes.peer().clone());
        Self { bytes, own: Own { peer, sessions: Arc::default() } }
    }
}

impl Connected for Connection {
    type ConnectInfo = Own;

    fn connect_info(&self) -> Own {
        self.own.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.bytes).poll_read(context, to)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.bytes).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.bytes).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.bytes).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.bytes).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.bytes.is_write_vectored()
    }
}
