//! Password verifiers for SCRAM-SHA-256 in PostgreSQL's format. The password cannot be recovered from them.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU32;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::pbkdf2;

use super::crypto::{Hash, constant_time_eq, hmac_sha256, sha256};

/// The iteration count of new verifiers, which is PostgreSQL's default.
pub(super) const ITERATIONS: NonZeroU32 = NonZeroU32::new(4096).expect("not zero");

/// The first part of a verifier.
const SCHEME: &str = "SCRAM-SHA-256";

/// `SCRAM-SHA-256$<iterations>:<salt>$<stored key>:<server key>`, as in PostgreSQL's `pg_authid`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Verifier {
    pub(super) iterations: NonZeroU32,
    pub(super) salt: Vec<u8>,
    pub(super) stored_key: Hash,
    pub(super) server_key: Hash,
}

impl Verifier {
    /// Creates a verifier with a random salt.
    pub(crate) fn new(password: &str) -> Self {
        Self::derive(password, &rand::random::<[u8; 16]>(), ITERATIONS)
    }

    fn derive(password: &str, salt: &[u8], iterations: NonZeroU32) -> Self {
        let mut salted = Hash::default();
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, salt, normalize(password).as_bytes(), &mut salted);
        let client_key = hmac_sha256(&salted, b"Client Key");
        Self {
            iterations,
            salt: salt.to_vec(),
            stored_key: sha256(&client_key),
            server_key: hmac_sha256(&salted, b"Server Key"),
        }
    }

    /// Parses a verifier. There is no error message, since it could reveal a password that was written in its place.
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

    /// Whether the password is the one of this verifier. Takes milliseconds.
    pub(super) fn matches(&self, password: &str) -> bool {
        constant_time_eq(&Self::derive(password, &self.salt, self.iterations).stored_key, &self.stored_key)
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

/// Normalizes a password with SASLprep. One that SASLprep rejects is used as it is, as PostgreSQL and its clients do.
fn normalize(password: &str) -> Cow<'_, str> {
    stringprep::saslprep(password).unwrap_or(Cow::Borrowed(password))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Created by PostgreSQL 15 with `set password_encryption = 'scram-sha-256'; create role ada password 'pencil'`, with
    /// the salt of the example in RFC 7677.
    const PENCIL: &str = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$\
        WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

    #[test]
    fn matches_the_verifier_of_postgresql() {
        let verifier = Verifier::parse(PENCIL).expect("a verifier");
        assert_eq!(verifier.to_string(), PENCIL);
        assert!(verifier.matches("pencil"));
        assert!(!verifier.matches("Pencil") && !verifier.matches(""));
        let made = Verifier::new("pencil");
        assert!(made.matches("pencil") && made != verifier, "each has its own salt");
        assert_eq!(Verifier::parse(&made.to_string()), Some(made));
        // SASLprep removes soft hyphens and replaces non-breaking spaces.
        assert!(Verifier::new("a\u{ad}b\u{a0}c").matches("ab c"));
    }

    #[test]
    fn rejects_invalid_verifiers() {
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
