//! A simulated Kubernetes cluster with a real API server, for demos and tests.
//!
//! [`Demo::start`] fills a cluster with workloads made from a seed, serves it over HTTP, and changes it continuously.
//! Clients connect to it as to any other cluster; nothing here depends on the rest of kubesql.

mod cluster;
mod content;
mod json_path;
mod kubeconfig;
mod mutator;
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
use mutator::Mutator;
pub use release::Release;

/// Size and behaviour of a demo cluster.
#[derive(Clone, Debug)]
pub struct Options {
    /// The listen address; port 0 is any free port.
    pub listen: SocketAddr,
    /// The bearer token that clients must send; derived from the seed if `None`.
    pub token: Option<String>,
    /// The seed of the contents; the same seed gives the same cluster.
    pub seed: u64,
    /// Number of pods at the start.
    pub pods: u32,
    /// Number of nodes.
    pub nodes: u32,
    /// Number of kinds of custom resources.
    pub crds: u32,
    /// Approximate number of objects written per second.
    pub events_per_second: u32,
    /// The simulated Kubernetes release.
    pub release: Release,
    /// The time at which the contents are made.
    pub now: Timestamp,
    /// Number of changes that are kept for watches to resume from.
    pub history_events: usize,
    /// Time after which a continue token of a list expires.
    pub page_age: Duration,
    /// Number of revisions after which a continue token of a list expires.
    pub page_revisions: u64,
    /// Interval of bookmarks in watches that ask for them.
    pub bookmark_every: Duration,
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

/// A running demo cluster; dropping it stops the cluster.
#[derive(Debug)]
pub struct Demo {
    cluster: Arc<Cluster>,
    address: SocketAddr,
    mutator: Arc<Mutator>,
    closing: watch::Sender<bool>,
}

impl Demo {
    /// Creates a cluster and serves it in the background of the current tokio runtime.
    ///
    /// # Errors
    /// If the address cannot be bound.
    pub async fn start(options: Options) -> io::Result<Self> {
        let (closing, is_closing) = watch::channel(false);
        let listener = TcpListener::bind(options.listen).await?;
        let address = listener.local_addr()?;
        let cluster = Arc::new(Cluster::new(options, is_closing.clone())?);
        let filled = cluster.clone();
        let content =
            tokio::task::spawn_blocking(move || Content::write(&filled)).await.map_err(io::Error::other)??;
        let mutator = Mutator::start(cluster.clone(), content)?;
        let mut signal = is_closing.clone();
        let listener = listener.tap_io(|stream| {
            // Watch events are small and must not be delayed; if the socket is closed, the next write fails.
            _ = stream.set_nodelay(true);
        });
        let server = axum::serve(listener, protocol::router(cluster.clone()))
            .with_graceful_shutdown(async move { _ = signal.wait_for(|closing| *closing).await });
        tokio::spawn(server.into_future());
        Ok(Self { cluster, address, mutator, closing })
    }

    /// The URL of the API server: `http://127.0.0.1:40123`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The bearer token.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.cluster.token
    }

    /// A kubeconfig for this cluster, as YAML.
    #[must_use]
    pub fn kubeconfig(&self) -> String {
        kubeconfig::kubeconfig(&self.url(), self.token())
    }

    /// Stops all changes that are not made by clients.
    pub fn pause(&self) {
        self.mutator.pause();
    }

    /// Continues after [`Demo::pause`].
    pub fn resume(&self) {
        self.mutator.resume();
    }

    /// Sets the approximate number of objects written per second.
    pub fn set_events_per_second(&self, events: u32) {
        self.mutator.set_rate(events);
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.mutator.end();
        self.closing.send_replace(true);
    }
}
