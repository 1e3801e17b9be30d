//! The state that all requests share: objects, resources and the token.

use std::io;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio::sync::watch;

use super::Options;
use super::release::Structure;
use super::resource::Resources;
use super::store::{Collection, Limits, Store};

/// The shared state of a cluster.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) store: Store,
    pub(crate) structure: Structure,
    pub(crate) options: Options,
    /// The bearer token that requests must have.
    pub(crate) token: String,
    /// Becomes true when the cluster is dropped.
    pub(crate) closing: watch::Receiver<bool>,
    resources: RwLock<Arc<Resources>>,
    /// Generated objects that clients deleted since the last call of [`Cluster::take_deleted`].
    deleted: Mutex<Vec<(Collection, u32)>>,
}

impl Cluster {
    /// Creates a cluster without objects.
    pub(crate) fn new(options: Options, closing: watch::Receiver<bool>) -> io::Result<Self> {
        let structure = options.release.open()?;
        let limits = Limits {
            history_events: options.history_events,
            page_age: options.page_age,
            page_revisions: options.page_revisions,
        };
        // Revisions start at a large number, as in an old cluster.
        let store = Store::new(48_200_000 + options.seed % 100_000, limits);
        let resources = RwLock::new(Arc::new(Resources::built_in(&structure, &store)));
        let token = options.token.clone().unwrap_or_else(|| token_from_seed(options.seed));
        Ok(Self { store, structure, token, closing, resources, options, deleted: Mutex::default() })
    }

    /// The resources served now.
    pub(crate) fn resources(&self) -> Arc<Resources> {
        self.resources.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds, replaces or removes the resource of a CRD.
    pub(crate) fn define(&self, name: &str, definition: Option<&serde_json::Value>) {
        let mut resources = self.resources.write().unwrap_or_else(PoisonError::into_inner);
        *resources = Arc::new(resources.with_definition(name, definition, &self.store));
    }
}

impl Cluster {
    /// Records that a client deleted a generated object.
    pub(crate) fn note_deleted(&self, of: Collection, number: u32) {
        self.deleted.lock().unwrap_or_else(PoisonError::into_inner).push((of, number));
    }

    /// The generated objects that clients deleted since the last call.
    pub(crate) fn take_deleted(&self) -> Vec<(Collection, u32)> {
        std::mem::take(&mut *self.deleted.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The same token for the same seed, so that kubeconfigs stay valid.
fn token_from_seed(seed: u64) -> String {
    format!("demo{:016x}", super::content::random::mix(seed, 0x0074_6f6b_656e))
}
