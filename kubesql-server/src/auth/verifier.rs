//! What is kept of a password: PostgreSQL's verifier for SCRAM-SHA-256, of which the password cannot be made again.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU32;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::{digest, hmac, pbkdf2};

use super::same;

/// How often a new password is hashed, as PostgreSQL does.
pub(super) const ITERATIONS: NonZeroU32 = NonZeroU32::new(4096).expect("it is not 0");

/// What the verifier of a password begins with.
const SCHEME: &str = "SCRAM-SHA-256";

/// Bytes of SHA-256.
pub(super) type Hash = [u8; 32];

/// `SCRAM-SHA-256$<iterations>:<salt>$<stored key>:<server key>`, as in PostgreSQL's `pg_authid`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Verifier {
    pub(super) iterations: NonZeroU32,
    pub(super) salt: Vec<u8>,
    pub(super) stored_key: Hash,
    pub(super) server_key: Hash,
}

impl Verifier {
    /// That of a password, with a salt of its own.
    pub(crate) fn new(password: &str) -> Self {
        Self::of(password, &rand::random::<[u8; 16]>(), ITERATIONS)
    }

    fn of(password: &str, salt: &[u8], iterations: NonZeroU32) -> Self {
        let mut salted = Hash::default();
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, salt, prepared(password).as_bytes(), &mut salted);
        let client_key = mac(&salted, b"Client Key");
        Self { iterations, salt: salt.to_vec(), stored_key: hash(&client_key), server_key: mac(&salted, b"Server Key") }
    }

    /// The verifier that is written so; what is not one says nothing of what it may be instead.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once('$')?;
        let (hashing, keys) = rest.split_once('$')?;
        let (iterations, salt) = hashing.split_once(':')?;
        let (stored_key, server_key) = keys.split_once(':')?;
        let salt = STANDARD.decode(salt).ok().filter(|salt| !salt.is_empty())?;
        let key = |text: &str| Hash::try_from(STANDARD.decode(text).ok()?).ok();
        (scheme == SCHEME).then_some(())?;
        Some(Self {
            iterations: iterations.parse().ok()?,
            salt,
            stored_key: key(stored_key)?,
            server_key: key(server_key)?,
        })
    }

    /// Whether it is that of this password. Takes milliseconds.
    pub(super) fn is_of(&self, password: &str) -> bool {
        same(&Self::of(password, &self.salt, self.iterations).stored_key, &self.stored_key)
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [salt, stored, server] =
            [&self.salt[..], &self.stored_key, &self.server_key].map(|bytes| STANDARD.encode(bytes));
        write!(to, "{SCHEME}${}:{salt}${stored}:{server}", self.iterations)
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("Verifier")
    }
}

/// A password as it is hashed: by SASLprep, or as it is where that does not take it, as PostgreSQL and its clients do.
fn prepared(password: &str) -> Cow<'_, str> {
    stringprep::saslprep(password).unwrap_or(Cow::Borrowed(password))
}

/// HMAC-SHA-256.
pub(super) fn mac(key: &[u8], of: &[u8]) -> Hash {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), of);
    Hash::try_from(tag.as_ref()).unwrap_or_default()
}

/// SHA-256.
pub(super) fn hash(of: &[u8]) -> Hash {
    Hash::try_from(digest::digest(&digest::SHA256, of).as_ref()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written by PostgreSQL 15: `set password_encryption = 'scram-sha-256'; create role ada password 'pencil'`, with
    /// the salt of the example in RFC 7677.
    const PENCIL: &str = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$\
        WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

    #[test]
    fn verifiers_are_those_of_the_standard() {
        let verifier = Verifier::parse(PENCIL).expect("a verifier");
        assert_eq!(verifier.to_string(), PENCIL);
        assert!(verifier.is_of("pencil"));
        assert!(!verifier.is_of("Pencil") && !verifier.is_of(""));
        let made = Verifier::new("pencil");
        assert!(made.is_of("pencil") && made != verifier, "each has a salt of its own");
        assert_eq!(Verifier::parse(&made.to_string()), Some(made));
        // A soft hyphen is nothing, a non-breaking space a space: by SASLprep.
        assert!(Verifier::new("a\u{ad}b\u{a0}c").is_of("ab c"));
    }

    #[test]
    fn what_is_no_verifier_is_none() {
        for wrong in [
            "",
            "pencil",
            "md5a3f7c2",
            "SCRAM-SHA-1$4096:c2FsdA==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
            "SCRAM-SHA-256$0:c2FsdA==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
            "SCRAM-SHA-256$4096:$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
            "SCRAM-SHA-256$4096:c2FsdA==$WG5d:wfPL",
        ] {
            assert_eq!(Verifier::parse(wrong), None, "{wrong}");
        }
    }
}
