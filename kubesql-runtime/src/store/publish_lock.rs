//! A lock that makes reads over several live tables consistent.

use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

/// Held briefly: by a writer while it publishes a version, and by a reader while it takes the versions of several
/// tables, which are then of the same instant.
#[derive(Debug, Clone, Default)]
pub struct PublishLock(Arc<Mutex<()>>);

impl PublishLock {
    /// Blocks publication until the guard is dropped.
    pub fn lock(&self) -> MutexGuard<'_, ()> {
        self.0.lock()
    }
}
