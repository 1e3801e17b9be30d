//! Sealed names: what a protocol gives to somebody who has come in, to show it with each request.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;

use super::verifier::mac;
use super::{Auth, same};

/// Seconds for which a sealed name is good.
const GOOD: i64 = 12 * 3600;

impl Auth {
    /// A token for somebody who has come in; good for some hours, and as long as this process runs.
    pub(crate) fn seal(&self, user: &str) -> String {
        self.sealed(user, Timestamp::now().as_second().saturating_add(GOOD))
    }

    fn sealed(&self, user: &str, until: i64) -> String {
        let content = format!("{}.{until}", URL_SAFE_NO_PAD.encode(user));
        format!("{content}.{}", URL_SAFE_NO_PAD.encode(mac(&self.secret, content.as_bytes())))
    }

    /// Whose sealed name this is, if it is good and they may still come in.
    pub(super) fn unsealed(&self, token: &str, now: Timestamp) -> Option<String> {
        let (content, seal) = token.rsplit_once('.')?;
        let seal = URL_SAFE_NO_PAD.decode(seal).ok()?;
        if !same(&seal, &mac(&self.secret, content.as_bytes())) {
            return None;
        }
        let (user, until) = content.split_once('.')?;
        let user = String::from_utf8(URL_SAFE_NO_PAD.decode(user).ok()?).ok()?;
        let known = self.users.as_ref().is_some_and(|users| users.get().get(&user).is_some())
            || self.tokens.as_ref().is_some_and(|tokens| tokens.get().has(&user, now))
            || self.certificates
            || self.is_open();
        (known && now.as_second() < until.parse().ok()?).then_some(user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seals_are_ours_and_end() {
        let (ours, others) = [(); 2].map(|()| Auth::new(None, None, false, None).expect("everybody")).into();
        let now = Timestamp::now();
        let token = ours.seal("ada");
        assert_eq!(ours.unsealed(&token, now).as_deref(), Some("ada"));
        assert_eq!(others.unsealed(&token, now), None);
        assert_eq!(ours.unsealed(&ours.sealed("ada", now.as_second()), now), None, "it has ended");
        let (content, seal) = token.rsplit_once('.').expect("a seal");
        let (_, until) = content.split_once('.').expect("an end");
        let other = format!("{}.{until}.{seal}", URL_SAFE_NO_PAD.encode("root"));
        assert_eq!(ours.unsealed(&other, now), None);
        for wrong in ["", ".", "..", "a.b.c"] {
            assert_eq!(ours.unsealed(wrong, now), None, "{wrong}");
        }
    }
}
