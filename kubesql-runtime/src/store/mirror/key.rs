//! What tells the objects of a kind apart.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::OnceLock;

/// An object's namespace and name, in 128 bits that nobody can make collide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key(u128);

impl Key {
    /// The key of an object; one without a namespace has an empty one.
    #[must_use]
    pub fn new(namespace: &str, name: &str) -> Self {
        static SEEDS: OnceLock<[RandomState; 2]> = OnceLock::new();
        let seeds = SEEDS.get_or_init(|| [RandomState::new(), RandomState::new()]);
        let [high, low] = seeds.each_ref().map(|seed| {
            let mut hasher = seed.build_hasher();
            hasher.write(namespace.as_bytes());
            // In neither of them.
            hasher.write_u8(b'/');
            hasher.write(name.as_bytes());
            u128::from(hasher.finish())
        });
        Self(high << 64 | low)
    }
}
