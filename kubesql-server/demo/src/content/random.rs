//! Pseudo-random identifiers, names and hashes that follow from the seed.

use std::fmt::Write;

/// A hash of two numbers (the finalizer of SplitMix64).
pub(crate) fn mix(seed: u64, number: u64) -> u64 {
    let mut z = seed.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A UUID, version 4.
pub(crate) fn uid(key: u64) -> String {
    let (a, b) = (mix(key, 1), mix(key, 2));
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        a >> 32,
        (a >> 16) & 0xffff,
        a & 0xfff,
        0x8000 | (b >> 50),
        b & 0xffff_ffff_ffff
    )
}

/// 64 hexadecimal digits, like a SHA-256.
pub(crate) fn sha256(key: u64) -> String {
    let mut text = String::with_capacity(64);
    for part in 10..14 {
        // Writing to a string cannot fail.
        _ = write!(text, "{:016x}", mix(key, part));
    }
    text
}

/// The letters of generated Kubernetes names: no vowels and no similar characters.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// A name suffix of this length.
pub(crate) fn suffix(key: u64, length: usize) -> String {
    let mut left = mix(key, 3);
    let count = LETTERS.len() as u64;
    let mut letter = || {
        let at = usize::try_from(left % count).unwrap_or(0);
        left /= count;
        char::from(LETTERS[at])
    };
    (0..length).map(|_| letter()).collect()
}

/// An element of a list.
pub(crate) fn pick<T>(key: u64, list: &[T]) -> &T {
    let at = mix(key, 4) % (list.len() as u64).max(1);
    &list[usize::try_from(at).unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn identifiers_are_valid_and_unique() {
        let uids: HashSet<String> = (0..10_000).map(uid).collect();
        assert_eq!(uids.len(), 10_000);
        let one = uid(7);
        assert_eq!(one.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        assert!(one.as_bytes()[14] == b'4' && b"89ab".contains(&one.as_bytes()[19]), "{one}");
        assert_eq!(sha256(1).len(), 64);
        assert_eq!((suffix(1, 5).len(), suffix(1, 10).len()), (5, 10));
    }
}
