//! What all workers of a snapshot share.

use std::sync::Arc;

use super::kinds::Kinds;
use crate::store::Request;

/// The context that all workers of a snapshot share.
#[derive(Debug)]
pub(super) struct ReadContext<'a> {
    pub(super) kinds: &'a Kinds,
    pub(super) request: &'a Request,
    pub(super) show_secrets: bool,
    /// Whether to infer the kinds of objects without a definition.
    pub(super) infer: bool,
    pub(super) cluster: &'a Arc<str>,
    pub(super) sizes: Sizes,
}

/// Sizes of parts and windows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    /// Files smaller than this, in bytes, are read into memory.
    pub(super) large: u64,
    /// Bytes of a part: large enough that repeated text is stored once, and small enough to keep all cores busy.
    pub(super) part: u64,
    /// Bytes of a window, unless an object is larger. It should fit into the processor's cache.
    pub(super) window: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { large: 8 << 20, part: 64 << 20, window: 1 << 20 }
    }
}
