//! Hashes, and the comparison of secrets.

use ring::{digest, hmac};
use subtle::ConstantTimeEq;

/// A SHA-256 hash.
pub(super) type Hash = [u8; 32];

/// HMAC-SHA-256.
pub(super) fn hmac_sha256(key: &[u8], data: &[u8]) -> Hash {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data);
    Hash::try_from(tag.as_ref()).unwrap_or_default()
}

/// SHA-256.
pub(super) fn sha256(data: &[u8]) -> Hash {
    Hash::try_from(digest::digest(&digest::SHA256, data).as_ref()).unwrap_or_default()
}

/// Compares secrets in a time that does not depend on where they differ.
pub(crate) fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}
