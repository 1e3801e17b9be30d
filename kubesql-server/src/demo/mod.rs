//! A made-up Kubernetes cluster with a real API: for trying kubesql, and for testing it under load.
//!
//! Knows nothing of the rest of kubesql: whoever watches it does so over HTTP, as with any cluster.

mod cluster;
mod content;
mod kubeconfig;
mod life;
mod pick;
mod protocol;
mod release;
mod resource;
mod selector;
mod store;
#[cfg(test)]
mod tests;

use std::future::IntoFuture;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::watch;

use cluster::Cluster;
use content::Content;
use life::Life;
pub(crate) use release::Release;

/// What a demo cluster is like.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Where it listens; port 0 takes any that is free.
    pub(crate) listen: SocketAddr,
    /// The bearer token that it asks for; made from the seed where none is given.
    pub(crate) token: Option<String>,
    /// What everything is made from.
    pub(crate) seed: u64,
    /// How many pods there are at the start.
    pub(crate) pods: u32,
    /// How many nodes there are.
    pub(crate) nodes: u32,
    /// How many kinds of custom resources there are.
    pub(crate) crds: u32,
    /// About how many objects are written a second.
    pub(crate) events_per_second: u32,
    /// The release that it pretends to be.
    pub(crate) release: Release,
    /// The time at which the content is made.
    pub(crate) now: Timestamp,
    /// Changes of a kind that watches can resume from.
    pub(crate) history_events: usize,
    /// How long the next page of a list can be asked for.
    pub(crate) page_age: Duration,
    /// How many revisions later the next page of a list can be asked for.
    pub(crate) page_revisions: u64,
    /// How often watches that want to know are told where they are.
    pub(crate) bookmark_every: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            token: None,
            seed: 1,
            pods: 2000,
            nodes: 50,
            crds: 0,
            events_per_second: 10,
            release: Release::NEWEST,
            now: Timestamp::now(),
            history_events: 200_000,
            page_age: Duration::from_secs(300),
            page_revisions: 500_000,
            bookmark_every: Duration::from_secs(60),
        }
    }
}

/// A demo cluster that runs until it is dropped.
#[derive(Debug)]
pub(crate) struct Demo {
    cluster: Arc<Cluster>,
    address: SocketAddr,
    life: Arc<Life>,
    closing: watch::Sender<bool>,
}

impl Demo {
    /// Makes a cluster and serves it in the background of the current runtime.
    ///
    /// # Errors
    /// Where the address cannot be listened on.
    pub(crate) async fn start(options: Options) -> io::Result<Self> {
        let (closing, is_closing) = watch::channel(false);
        let listener = TcpListener::bind(options.listen).await?;
        let address = listener.local_addr()?;
        let cluster = Arc::new(Cluster::new(options, is_closing.clone())?);
        let filled = cluster.clone();
        let content =
            tokio::task::spawn_blocking(move || Content::write(&filled)).await.map_err(io::Error::other)??;
        let life = Life::start(cluster.clone(), content)?;
        let mut signal = is_closing.clone();
        let listener = listener.tap_io(|stream| {
            // Events are small and wanted at once; where the socket is gone, the next write says so.
            _ = stream.set_nodelay(true);
        });
        let server = axum::serve(listener, protocol::router(cluster.clone()))
            .with_graceful_shutdown(async move { _ = signal.wait_for(|closing| *closing).await });
        tokio::spawn(server.into_future());
        Ok(Self { cluster, address, life, closing })
    }

    /// `http://127.0.0.1:40123`
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The bearer token.
    pub(crate) fn token(&self) -> &str {
        &self.cluster.token
    }

    /// A kubeconfig that leads here, as YAML.
    pub(crate) fn kubeconfig(&self) -> String {
        kubeconfig::kubeconfig(&self.url(), self.token())
    }

    /// Lets nothing change but by clients: what is listed from now on is the truth.
    pub(crate) fn pause(&self) {
        self.life.pause();
    }

    /// Goes on after a pause.
    pub(crate) fn resume(&self) {
        self.life.resume();
    }

    /// Writes about so many objects a second from now on.
    pub(crate) fn set_events_per_second(&self, events: u32) {
        self.life.set_rate(events);
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.life.end();
        self.closing.send_replace(true);
    }
}
