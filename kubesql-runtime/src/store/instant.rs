//! Instants: what many writers publish is read as it was at one moment.

use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

/// Held for the length of a few pointer copies, by who publishes a version and by who reads several at once.
#[derive(Debug, Clone, Default)]
pub struct Instants(Arc<Mutex<()>>);

impl Instants {
    /// Until this is dropped, nobody publishes.
    pub fn hold(&self) -> MutexGuard<'_, ()> {
        self.0.lock()
    }
}
