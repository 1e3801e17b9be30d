//! Connections for axum: who is at their other end, and how long that may say nothing.

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

/// How long a connection may take to send the head of its next request: its place is wanted by others.
const SILENCE: Duration = Duration::from_secs(30);

/// Who is at the other end of a request's connection.
#[derive(Debug, Clone)]
pub(super) struct Caller(pub(super) Peer);

/// Serves whoever connects until `ended`, and after that what is being answered.
pub(super) async fn serve(mut incoming: Incoming, router: Router, ended: impl Future<Output = ()>) {
    let (stop, _) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut ended = pin!(ended);
    loop {
        tokio::select! {
            connection = incoming.next() => {
                connections.spawn(answer(connection, router.clone(), stop.subscribe()));
            }
            Some(_) = connections.join_next() => {}
            () = &mut ended => break,
        }
    }
    drop(incoming);
    stop.send_replace(true);
    while connections.join_next().await.is_some() {}
}

/// Answers the requests of a connection. What goes wrong with it is its client's trouble alone.
async fn answer(connection: Connection, router: Router, mut stop: watch::Receiver<bool>) {
    let caller = Caller(connection.peer().clone());
    let service = TowerToHyperService::new(router.layer(Extension(ConnectInfo(caller))));
    let answered = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(SILENCE)
        .serve_connection(TokioIo::new(connection), service);
    let mut answered = pin!(answered);
    tokio::select! {
        _ = answered.as_mut() => return,
        _ = stop.wait_for(|stop| *stop) => answered.as_mut().graceful_shutdown(),
    }
    _ = answered.await;
}
