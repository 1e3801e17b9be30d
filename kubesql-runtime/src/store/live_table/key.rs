//! The identity of an object within its kind.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::OnceLock;

/// A 128-bit hash of an object's namespace and name. The seeds are random, so that collisions cannot be constructed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key(u128);

impl Key {
    /// Hashes a namespace and a name. The namespace of a cluster-scoped object is empty.
    #[must_use]
    pub fn new(namespace: &str, name: &str) -> Self {
        static SEEDS: OnceLock<[RandomState; 2]> = OnceLock::new();
        let seeds = SEEDS.get_or_init(|| [RandomState::new(), RandomState::new()]);
        let [high, low] = seeds.each_ref().map(|seed| {
            let mut hasher = seed.build_hasher();
            hasher.write(namespace.as_bytes());
            // A separator that neither of the two can contain.
            hasher.write_u8(b'/');
            hasher.write(name.as_bytes());
            u128::from(hasher.finish())
        });
        Self(high << 64 | low)
    }
}
