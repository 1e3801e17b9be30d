//! HTTP: the REST API, and the statement protocol of Presto and Trino, on one port. The only room that knows axum,
//! beside the demo cluster.

mod admit;
mod api;
mod connect;
mod guard;
mod presto;
mod setting;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};

use crate::listen::{Access, Incoming, Listener};
use crate::query::Door;

/// The largest body that is read, in bytes: statements are texts of people and programs, not data.
const LARGEST_BODY: usize = 4 << 20;

/// What is spoken over TLS.
const PROTOCOLS: &[&[u8]] = &[b"http/1.1"];

/// How long the last pages of answers can be asked for when no statement is taken any more.
const LAST_PAGES: Duration = Duration::from_secs(1);

/// A listening door.
pub(crate) struct Http {
    listener: Listener,
    access: Arc<Access>,
    door: Arc<Door>,
}

impl Http {
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
        let is_here = listener.address().is_ok_and(|address| address.ip().is_loopback());
        let incoming = Incoming::new(listener, Arc::clone(&access), PROTOCOLS);
        let statements = presto::Statements::new(Arc::clone(&door));
        let router = router(Arc::clone(&door), Arc::clone(&statements), access, is_here);
        let ended = async move {
            door.closed().await;
            door.idle().await;
            tokio::time::sleep(LAST_PAGES).await;
        };
        tokio::select! {
            () = connect::serve(incoming, router, ended) => {}
            // Does not end by itself.
            () = statements.forget_abandoned() => {}
        }
    }
}

/// Everything that is served.
fn router(door: Arc<Door>, statements: Arc<presto::Statements>, access: Arc<Access>, is_here: bool) -> Router {
    let everybody_may = access.auth.is_open();
    let routes = api::router(door)
        .merge(presto::router(statements))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(from_fn_with_state(access, admit::only_who_may));
    // Who has to show something comes by any name that the server has.
    if everybody_may && is_here { routes.layer(from_fn(guard::only_for_this_machine)) } else { routes }
}
