//! HTTP: the REST API, and the statement protocol of Presto and Trino, on one port. The only room that knows axum,
//! beside the demo cluster.

mod admit;
mod api;
mod guard;
mod presto;
mod setting;

use std::future::IntoFuture;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;

use crate::query::Door;

/// The largest body that is read, in bytes: statements are texts of people and programs, not data.
const LARGEST_BODY: usize = 4 << 20;

/// A listening door.
pub(crate) struct Http {
    listener: TcpListener,
    router: Router,
    statements: Arc<presto::Statements>,
}

impl Http {
    /// Takes the address.
    pub(crate) async fn bind(address: SocketAddr, door: Arc<Door>) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let statements = presto::Statements::new(Arc::clone(&door));
        Ok(Self { listener, router: router(door, Arc::clone(&statements)), statements })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves whoever connects, until it is dropped.
    pub(crate) async fn serve(self) {
        let listener = self.listener.tap_io(|stream| {
            // Answers are wanted at once; where the socket is gone, the next write says so.
            _ = stream.set_nodelay(true);
        });
        // Neither of them ends by itself.
        tokio::select! {
            _ = axum::serve(listener, self.router).into_future() => {}
            () = self.statements.forget_abandoned() => {}
        }
    }
}

/// Everything that is served.
fn router(door: Arc<Door>, statements: Arc<presto::Statements>) -> Router {
    api::router(door)
        .merge(presto::router(statements))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(axum::middleware::from_fn(guard::only_for_this_machine))
}
