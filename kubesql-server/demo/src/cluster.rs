//! The demo cluster as requests see it: objects, what is served, who may ask.

use std::io;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio::sync::watch;

use super::Options;
use super::release::Structure;
use super::resource::Resources;
use super::store::{Collection, Limits, Store};

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) store: Store,
    pub(crate) structure: Structure,
    pub(crate) options: Options,
    /// The bearer token that is asked for.
    pub(crate) token: String,
    /// Becomes true when the cluster goes.
    pub(crate) closing: watch::Receiver<bool>,
    resources: RwLock<Arc<Resources>>,
    /// Objects of the content that clients deleted, until it takes note.
    deleted: Mutex<Vec<(Collection, u32)>>,
}

impl Cluster {
    /// A cluster without objects.
    pub(crate) fn new(options: Options, closing: watch::Receiver<bool>) -> io::Result<Self> {
        let structure = options.release.open()?;
        let limits = Limits {
            history_events: options.history_events,
            page_age: options.page_age,
            page_revisions: options.page_revisions,
        };
        // A cluster that has been there for a while.
        let store = Store::new(48_200_000 + options.seed % 100_000, limits);
        let resources = RwLock::new(Arc::new(Resources::built_in(&structure, &store)));
        let token = options.token.clone().unwrap_or_else(|| made_token(options.seed));
        Ok(Self { store, structure, token, closing, resources, options, deleted: Mutex::default() })
    }

    /// What is served now.
    pub(crate) fn resources(&self) -> Arc<Resources> {
        self.resources.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Serves the kind of a CRD as it is now; `None` where it is gone.
    pub(crate) fn define(&self, name: &str, definition: Option<&serde_json::Value>) {
        let mut resources = self.resources.write().unwrap_or_else(PoisonError::into_inner);
        *resources = Arc::new(resources.with_definition(name, definition, &self.store));
    }
}

impl Cluster {
    /// Notes that a client deleted an object of the content.
    pub(crate) fn note_deleted(&self, of: Collection, number: u32) {
        self.deleted.lock().unwrap_or_else(PoisonError::into_inner).push((of, number));
    }

    /// What clients deleted since this was last asked.
    pub(crate) fn take_deleted(&self) -> Vec<(Collection, u32)> {
        std::mem::take(&mut *self.deleted.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The same token for the same seed, so that kubeconfigs stay good.
fn made_token(seed: u64) -> String {
    format!("demo{:016x}", super::content::random::mix(seed, 0x0074_6f6b_656e))
}
