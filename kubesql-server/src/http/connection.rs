//! HTTP/1.1 connections, each served by a task.

use std::pin::pin;
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::auth::Peer;
use crate::listen::{Connection, Incoming};

/// How long a connection may take to send the head of its next request. Idle connections would otherwise keep their
/// slots from other clients.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// The peer of the connection that a request arrived on.
#[derive(Debug, Clone)]
pub(super) struct RemotePeer(pub(super) Peer);

/// Serves connections until `shutdown` completes, then finishes the requests in progress.
pub(super) async fn serve(mut incoming: Incoming, router: Router, shutdown: impl Future<Output = ()>) {
    let (stop, _) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            connection = incoming.next() => {
                connections.spawn(serve_connection(connection, router.clone(), stop.subscribe()));
            }
            Some(_) = connections.join_next() => {}
            () = &mut shutdown => break,
        }
    }
    drop(incoming);
    stop.send_replace(true);
    while connections.join_next().await.is_some() {}
}

/// Serves the requests of a connection. Its errors concern that connection alone and are ignored.
async fn serve_connection(connection: Connection, router: Router, mut stop: watch::Receiver<bool>) {
    let peer = RemotePeer(connection.peer().clone());
    let service = TowerToHyperService::new(router.layer(Extension(ConnectInfo(peer))));
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(connection), service);
    let mut serving = pin!(serving);
    tokio::select! {
        _ = serving.as_mut() => return,
        _ = stop.wait_for(|stop| *stop) => serving.as_mut().graceful_shutdown(),
    }
    _ = serving.await;
}
