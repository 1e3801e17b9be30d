//! Objects of one kind kept as an API server has them: one writer, any number of readers.
//!
//! The writer appends rows, kills rows and publishes versions: lists of immutable segments with the rows of each that
//! are alive. A reader copies the pointer to the latest version. Nobody waits for anybody, but for that pointer.

mod contents;
mod key;
mod merge;
mod open;
#[cfg(test)]
mod tests;
mod writer;

use std::sync::Arc;

use parking_lot::Mutex;

pub use key::Key;
pub use writer::{Done, Layout, Merge, Trouble, Writer};

use super::{Instants, Segment};

/// What readers see of the objects.
#[derive(Debug, Default)]
pub struct Mirror {
    latest: Mutex<Arc<Version>>,
}

/// The objects at one moment.
#[derive(Debug, Default)]
pub struct Version {
    /// All segments that have a row alive, in no particular order.
    pub segments: Vec<Arc<Segment>>,
    /// Objects in them.
    pub objects: usize,
    /// Bytes of memory that columns and texts take, nearly.
    stored: usize,
}

impl Version {
    /// Bytes of memory that it takes, nearly: columns, texts, and what is kept of what queries derived from them.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.stored + self.segments.iter().map(|segment| segment.derived.bytes()).sum::<usize>()
    }
}

impl Mirror {
    /// The latest version. Whoever wants several of one moment holds [`Instants`] meanwhile.
    #[must_use]
    pub fn latest(&self) -> Arc<Version> {
        self.latest.lock().clone()
    }

    fn publish(&self, version: Version, instants: &Instants) {
        let version = Arc::new(version);
        let held = instants.hold();
        let before = std::mem::replace(&mut *self.latest.lock(), version);
        drop(held);
        // It may be the last to hold large segments.
        drop(before);
    }
}
