//! Session tokens: signed user names that a protocol issues after authentication, to be sent with each request.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;

use super::Auth;
use super::crypto::{constant_time_eq, hmac_sha256};

/// How long a token is valid, in seconds.
const LIFETIME: i64 = 12 * 3600;

impl Auth {
    /// A token for a user who has been authenticated. It is valid for some hours, and as long as this process runs.
    pub(crate) fn issue_session_token(&self, user: &str) -> String {
        self.sign(user, Timestamp::now().as_second().saturating_add(LIFETIME))
    }

    /// `<user>.<expiry>.<signature>`
    fn sign(&self, user: &str, expiry: i64) -> String {
        let content = format!("{}.{expiry}", URL_SAFE_NO_PAD.encode(user));
        format!("{content}.{}", URL_SAFE_NO_PAD.encode(hmac_sha256(&self.secret, content.as_bytes())))
    }

    /// The user of a session token, if it is valid and the user still has access.
    pub(super) fn session_token_owner(&self, token: &str, now: Timestamp) -> Option<String> {
        let (content, signature) = token.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        if !constant_time_eq(&signature, &hmac_sha256(&self.secret, content.as_bytes())) {
            return None;
        }
        let (user, expiry) = content.split_once('.')?;
        let user = String::from_utf8(URL_SAFE_NO_PAD.decode(user).ok()?).ok()?;
        let has_access = self.users.as_ref().is_some_and(|users| users.get().get(&user).is_some())
            || self.tokens.as_ref().is_some_and(|tokens| tokens.get().has_valid(&user, now))
            || self.certificates
            || self.allows_anonymous();
        (has_access && now.as_second() < expiry.parse().ok()?).then_some(user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_only_its_own_unexpired_tokens() {
        let (ours, others) = [(); 2].map(|()| Auth::new(None, None, false, None).expect("everybody")).into();
        let now = Timestamp::now();
        let token = ours.issue_session_token("ada");
        assert_eq!(ours.session_token_owner(&token, now).as_deref(), Some("ada"));
        assert_eq!(others.session_token_owner(&token, now), None);
        assert_eq!(ours.session_token_owner(&ours.sign("ada", now.as_second()), now), None, "it has expired");
        let (content, signature) = token.rsplit_once('.').expect("a signature");
        let (_, expiry) = content.split_once('.').expect("an expiry");
        let forged = format!("{}.{expiry}.{signature}", URL_SAFE_NO_PAD.encode("root"));
        assert_eq!(ours.session_token_owner(&forged, now), None);
        for wrong in ["", ".", "..", "a.b.c"] {
            assert_eq!(ours.session_token_owner(wrong, now), None, "{wrong}");
        }
    }
}
