//! An API server that fails as scripted: real HTTP on the loopback interface, everything random from one seed.

mod answers;
mod http;
mod objects;
mod trouble;
mod watches;
mod world;

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kubesql_runtime::ingest::clusters::Context;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

pub(crate) use objects::{Kind, NAMESPACES};
pub(crate) use trouble::{Fault, Trouble};
pub(crate) use world::World;

/// Permanent properties of a server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Manners {
    pub(crate) seed: u64,
    /// The form of discovery.
    pub(crate) discovery: Discovery,
    /// The namespaces that the account may list; `None` for all.
    pub(crate) allowed: Option<BTreeSet<&'static str>>,
    /// A kind that it does not serve.
    pub(crate) lacks: Option<Kind>,
    /// Whether watches end at once.
    pub(crate) ends_watches: bool,
}

/// The form in which a server lists its kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Discovery {
    /// Aggregated discovery: two answers.
    #[default]
    Aggregated,
    /// One answer for each group; 406 to requests for aggregated discovery.
    Legacy,
    /// One answer for each group, whatever is requested.
    Heedless,
}

/// State that all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) manners: Mutex<Manners>,
    pub(crate) world: Mutex<World>,
    pub(crate) trouble: Trouble,
    /// Notified of each change.
    pub(crate) changed: watch::Sender<()>,
    /// Notified when all connections must end.
    pub(crate) hung_up: watch::Sender<()>,
    token: AtomicU64,
    begun: Instant,
    /// The last events, for the messages of failing tests.
    log: Mutex<VecDeque<String>>,
    /// The number of requests for objects.
    pub(crate) requests: AtomicU64,
}

/// A scripted server.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) name: String,
    pub(crate) shared: Arc<Shared>,
    address: SocketAddr,
    listening: Mutex<Option<AbortHandle>>,
    /// A runtime of its own, so that busy clients do not slow it down.
    runtime: Option<Runtime>,
    folder: TempDir,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Server {
    /// Starts a server without objects and without faults.
    pub(crate) fn start(name: &str, manners: Manners) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let seed = manners.seed;
        let shared = Arc::new(Shared {
            manners: Mutex::new(manners),
            world: Mutex::new(World::new(seed)),
            trouble: Trouble::new(seed),
            changed: watch::Sender::new(()),
            hung_up: watch::Sender::new(()),
            token: AtomicU64::new(1),
            begun: Instant::now(),
            log: Mutex::default(),
            requests: AtomicU64::new(0),
        });
        let folder = TempDir::new().expect("a folder");
        let (name, runtime) = (name.to_owned(), Some(runtime));
        let server = Self { name, shared, address, listening: Mutex::default(), runtime, folder };
        server.write_kubeconfig();
        server.listen(listener);
        server
    }

    /// Makes a number of changes.
    pub(crate) fn change(&self, times: usize) {
        let mut world = lock(&self.shared.world);
        (0..times).for_each(|_| world.change());
        drop(world);
        self.shared.changed.send_replace(());
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.shared.world)
    }

    pub(crate) fn trouble(&self) -> &Trouble {
        &self.shared.trouble
    }

    /// The context of this server.
    pub(crate) fn context(&self) -> Context {
        let mut contexts = Context::from_kubeconfig(&[self.kubeconfig()], &[]).expect("a kubeconfig");
        contexts.remove(0)
    }

    fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("config")
    }

    /// Lets the credentials expire.
    pub(crate) fn expire(&self) {
        self.shared.token.fetch_add(1, Ordering::SeqCst);
        self.hang_up();
    }

    /// Writes valid credentials.
    pub(crate) fn write_kubeconfig(&self) {
        let Self { name, address, .. } = self;
        let token = self.shared.token();
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: {name}\n\
             contexts: [{{name: {name}, context: {{cluster: c, user: u}}}}]\n\
             clusters: [{{name: c, cluster: {{server: 'http://{address}'}}}}]\n\
             users: [{{name: u, user: {{token: '{token}'}}}}]\n"
        );
        // Atomically, since it may be read at any time.
        let new = self.folder.path().join("new");
        std::fs::write(&new, text).expect("written");
        std::fs::rename(new, self.kubeconfig()).expect("renamed");
    }

    /// Ends all connections.
    pub(crate) fn hang_up(&self) {
        self.shared.hung_up.send_replace(());
    }

    /// Stops listening and ends all connections.
    pub(crate) fn kill(&self) {
        self.shared.trouble.count(Fault::Killed);
        if let Some(listening) = lock(&self.listening).take() {
            listening.abort();
        }
    }

    /// Listens on the same port again.
    pub(crate) async fn revive(&self) {
        let bound = async {
            loop {
                match std::net::TcpListener::bind(self.address) {
                    Ok(listener) => return listener,
                    Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
        };
        let bound = tokio::time::timeout(Duration::from_secs(10), bound).await;
        self.listen(bound.expect("the port is free again"));
    }

    /// Restarts from other data, with lower or higher versions.
    pub(crate) fn restart(&self, lower: bool) {
        self.shared.trouble.count(if lower { Fault::Lower } else { Fault::Higher });
        self.world().restart(lower);
        self.hang_up();
        self.shared.changed.send_replace(());
    }

    fn listen(&self, listener: std::net::TcpListener) {
        listener.set_nonblocking(true).expect("a socket");
        let shared = Arc::clone(&self.shared);
        let runtime = self.runtime.as_ref().expect("there until it is dropped");
        let task = runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).expect("a socket");
            // Connections end when this task is dropped.
            let mut connections = JoinSet::new();
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                let shared = Arc::clone(&shared);
                connections.spawn(async move {
                    let mut hung_up = shared.hung_up.subscribe();
                    tokio::select! {
                        () = answers::serve(&shared, stream) => {}
                        _ = hung_up.changed() => {}
                    }
                });
                while connections.try_join_next().is_some() {}
            }
        });
        *lock(&self.listening) = Some(task.abort_handle());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Shared {
    /// Records an event.
    pub(crate) fn log(&self, what: &str) {
        /// The number of lines that are kept.
        const LINES: usize = 200;
        let mut log = lock(&self.log);
        log.push_back(format!("{:.3} {what}", self.begun.elapsed().as_secs_f64()));
        if log.len() > LINES {
            log.pop_front();
        }
    }

    /// The last events, one on each line.
    pub(crate) fn last(&self) -> String {
        lock(&self.log).iter().map(|line| format!("{line}\n")).collect()
    }

    pub(crate) fn token(&self) -> String {
        format!("token-{}", self.token.load(Ordering::SeqCst))
    }
}
