//! HTTP: the REST API and the statement protocol of Presto and Trino, on one port. The only module that uses axum,
//! besides the demo cluster.

mod api;
mod connection;
mod host_guard;
mod identity;
mod presto;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};

use crate::listen::{Access, Incoming, Listener};
use crate::query::Frontend;

/// The maximum size of a request's body in bytes.
const MAX_BODY: usize = 4 << 20;

/// The application protocol over TLS.
const ALPN: &[&[u8]] = &[b"http/1.1"];

/// How long the server answers requests for last pages after the last statement has ended.
const LAST_PAGES: Duration = Duration::from_secs(1);

/// A server that listens.
pub(crate) struct Http {
    listener: Listener,
    access: Arc<Access>,
    frontend: Arc<Frontend>,
}

impl Http {
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
        let is_local = listener.address().is_ok_and(|address| address.ip().is_loopback());
        let incoming = Incoming::new(listener, Arc::clone(&access), ALPN);
        let statements = presto::Statements::new(Arc::clone(&frontend));
        let router = router(Arc::clone(&frontend), Arc::clone(&statements), access, is_local);
        let shutdown = async move {
            frontend.wait_closed().await;
            frontend.wait_idle().await;
            tokio::time::sleep(LAST_PAGES).await;
        };
        tokio::select! {
            () = connection::serve(incoming, router, shutdown) => {}
            // Never completes.
            () = statements.remove_abandoned() => {}
        }
    }
}

/// All routes with their middleware.
fn router(frontend: Arc<Frontend>, statements: Arc<presto::Statements>, access: Arc<Access>, is_local: bool) -> Router {
    let is_anonymous = access.auth.allows_anonymous();
    let routes = routes(frontend, statements)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn_with_state(access, identity::authenticate));
    // With authentication, a foreign page has no credentials to send, and the server may have any host name.
    if is_anonymous && is_local { routes.layer(from_fn(host_guard::reject_foreign_hosts)) } else { routes }
}

/// All routes without middleware.
fn routes(frontend: Arc<Frontend>, statements: Arc<presto::Statements>) -> Router {
    api::router(frontend).merge(presto::router(statements))
}

#[cfg(test)]
mod tests;
