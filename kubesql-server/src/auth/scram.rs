//! The server's side of SCRAM-SHA-256 (RFC 5802 and RFC 7677), with channel binding over TLS.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::crypto::{Hash, constant_time_eq, hmac_sha256, sha256};
use super::verifier::Verifier;

/// The mechanism without channel binding.
pub(crate) const PLAIN: &str = "SCRAM-SHA-256";

/// The mechanism with channel binding.
pub(crate) const PLUS: &str = "SCRAM-SHA-256-PLUS";

/// A message violates the protocol.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

/// The exchange with one client, which proves that it knows a password.
pub(crate) struct Exchange {
    verifier: Verifier,
    /// Whether the user exists. The verifier of an unknown user is a fake, and its exchange always fails.
    exists: bool,
    /// The data for channel binding; `None` without TLS.
    channel_binding: Option<Vec<u8>>,
    state: Option<AfterFirst>,
}

/// The state between the first and the last message of the client.
struct AfterFirst {
    /// The GS2 header of the client's first message.
    header: String,
    is_bound: bool,
    nonce: String,
    /// The first messages of client (without header) and server, joined by a comma.
    transcript: String,
}

impl Exchange {
    pub(super) fn new(verifier: Verifier, exists: bool, channel_binding: Option<Vec<u8>>) -> Self {
        Self { verifier, exists, channel_binding, state: None }
    }

    /// The mechanisms to offer, in order of preference.
    pub(crate) fn mechanisms(&self) -> Vec<String> {
        let plus = self.channel_binding.as_ref().map(|_| PLUS.to_owned());
        plus.into_iter().chain([PLAIN.to_owned()]).collect()
    }

    /// Processes the client's first message and returns the server's.
    pub(crate) fn first(&mut self, mechanism: &str, message: &[u8]) -> Result<String, Malformed> {
        self.first_with(mechanism, message, &STANDARD.encode(rand::random::<[u8; 18]>()))
    }

    fn first_with(&mut self, mechanism: &str, message: &[u8], nonce: &str) -> Result<String, Malformed> {
        let is_bound = match mechanism {
            PLUS if self.channel_binding.is_some() => true,
            PLAIN => false,
            _ => return Err(Malformed("the mechanism was not offered")),
        };
        let message = std::str::from_utf8(message).map_err(|_| Malformed("the message is not UTF-8"))?;
        let mut parts = message.splitn(3, ',');
        let (Some(flag), Some(authorization), Some(bare)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(Malformed("the first message has no GS2 header"));
        };
        match (flag, is_bound) {
            ("p=tls-server-end-point", true) | ("n", false) => {}
            // The client supports channel binding and believes that the server does not. If the server does, somebody
            // in between has removed the offer.
            ("y", false) if self.channel_binding.is_none() => {}
            ("y", false) => {
                return Err(Malformed("channel binding was offered, but the client did not receive the offer"));
            }
            _ => return Err(Malformed("the channel binding type was not offered")),
        }
        if !authorization.is_empty() {
            return Err(Malformed("authorization identities are not supported"));
        }
        // The user name in the message is ignored, as PostgreSQL does: it is sent with the startup message.
        let client_nonce = bare.split(',').nth(1).and_then(|part| part.strip_prefix("r="));
        let (true, Some(client_nonce)) = (bare.starts_with("n="), client_nonce) else {
            return Err(Malformed("the first message has no user name or nonce"));
        };
        if client_nonce.is_empty() || !client_nonce.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Malformed("the nonce is empty or not printable"));
        }
        let nonce = format!("{client_nonce}{nonce}");
        let (salt, iterations) = (STANDARD.encode(&self.verifier.salt), self.verifier.iterations);
        let answer = format!("r={nonce},s={salt},i={iterations}");
        let header = format!("{flag},{authorization},");
        self.state = Some(AfterFirst { header, is_bound, nonce, transcript: format!("{bare},{answer}") });
        Ok(answer)
    }

    /// Processes the client's last message and returns the server's; `None` if the proof is wrong.
    pub(crate) fn last(&mut self, message: &[u8]) -> Result<Option<String>, Malformed> {
        let state = self.state.take().ok_or(Malformed("the last message came before the first"))?;
        let message = std::str::from_utf8(message).map_err(|_| Malformed("the message is not UTF-8"))?;
        let (without_proof, proof) = message.rsplit_once(",p=").ok_or(Malformed("the last message has no proof"))?;
        let mut parts = without_proof.split(',');
        let binding = parts.next().and_then(|part| part.strip_prefix("c="));
        let nonce = parts.next().and_then(|part| part.strip_prefix("r="));
        let (Some(binding), Some(nonce)) = (binding, nonce) else {
            return Err(Malformed("the last message has no channel binding or nonce"));
        };
        let mut expected = state.header.into_bytes();
        if state.is_bound {
            expected.extend(self.channel_binding.iter().flatten());
        }
        if STANDARD.decode(binding).ok() != Some(expected) {
            return Err(Malformed("the channel is bound to another certificate"));
        }
        if !constant_time_eq(nonce.as_bytes(), state.nonce.as_bytes()) {
            return Err(Malformed("nonce mismatch"));
        }
        let proof = STANDARD.decode(proof).ok().and_then(|proof| Hash::try_from(proof).ok());
        let mut key = proof.ok_or(Malformed("invalid proof encoding"))?;
        let transcript = format!("{},{without_proof}", state.transcript);
        let signature = hmac_sha256(&self.verifier.stored_key, transcript.as_bytes());
        key.iter_mut().zip(signature).for_each(|(byte, mask)| *byte ^= mask);
        let is_proved = constant_time_eq(&sha256(&key), &self.verifier.stored_key);
        let signature = || STANDARD.encode(hmac_sha256(&self.verifier.server_key, transcript.as_bytes()));
        Ok((is_proved && self.exists).then(|| format!("v={}", signature())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example of RFC 7677, whose password is `pencil`.
    const FIRST: &[u8] = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
    const NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    const LAST: &[u8] = b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
        p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";

    fn pencil() -> Verifier {
        let text = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$\
            WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
        Verifier::parse(text).expect("a verifier")
    }

    fn after_first(exists: bool, channel_binding: Option<Vec<u8>>) -> Exchange {
        let mut exchange = Exchange::new(pencil(), exists, channel_binding);
        let answer = exchange.first_with(PLAIN, FIRST, NONCE);
        let expect = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        assert_eq!(answer.as_deref(), Ok(expect));
        exchange
    }

    #[test]
    fn follows_the_example_of_rfc_7677() {
        let answer = after_first(true, None).last(LAST);
        assert_eq!(answer, Ok(Some("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=".to_owned())));
        // The exchange with an unknown user looks the same, and always fails.
        assert_eq!(after_first(false, None).last(LAST), Ok(None));
        let wrong = String::from_utf8_lossy(LAST).replace("dHzb", "dHzc");
        assert_eq!(after_first(true, None).last(wrong.as_bytes()), Ok(None));
    }

    #[test]
    fn a_proof_is_valid_once_and_for_its_own_exchange() {
        let mut exchange = after_first(true, None);
        assert!(exchange.last(LAST).expect("an answer").is_some());
        assert!(exchange.last(LAST).is_err(), "a proof is accepted twice");
        let mut other = Exchange::new(pencil(), true, None);
        other.first(PLAIN, FIRST).expect("an answer");
        assert_eq!(other.last(LAST), Err(Malformed("nonce mismatch")));
    }

    #[test]
    fn channel_binding_must_match_the_certificate() {
        let first = b"p=tls-server-end-point,,n=user,r=abc";
        let bound = |claimed: &[u8]| {
            let mut exchange = Exchange::new(pencil(), true, Some(b"ours".to_vec()));
            assert_eq!(exchange.mechanisms(), [PLUS, PLAIN]);
            exchange.first_with(PLUS, first, "def").expect("an answer");
            let claimed = STANDARD.encode([b"p=tls-server-end-point,,", claimed].concat());
            let proof = STANDARD.encode([0; 32]);
            exchange.last(format!("c={claimed},r=abcdef,p={proof}").as_bytes())
        };
        assert_eq!(bound(b"ours"), Ok(None), "the channel binding is right, the proof is not");
        assert!(bound(b"somebody else's").is_err());
        // A client that supports channel binding and did not receive the offer is attacked from in between.
        let mut exchange = Exchange::new(pencil(), true, Some(b"ours".to_vec()));
        assert!(exchange.first(PLAIN, b"y,,n=,r=abc").is_err());
        assert!(exchange.first(PLAIN, b"n,,n=,r=abc").is_ok());
        assert_eq!(Exchange::new(pencil(), true, None).mechanisms(), [PLAIN]);
        assert!(Exchange::new(pencil(), true, None).first(PLAIN, b"y,,n=,r=abc").is_ok());
        assert!(Exchange::new(pencil(), true, None).first(PLUS, first).is_err());
    }

    #[test]
    fn rejects_malformed_messages() {
        for wrong in [
            &b""[..],
            b"n",
            b"n,,",
            b"n,,r=abc",
            b"n,,n=",
            b"n,,n=,r=",
            b"n,a=root,n=,r=abc",
            b"\xff\xff",
            b"x,,n=,r=a",
        ] {
            assert!(Exchange::new(pencil(), true, None).first(PLAIN, wrong).is_err(), "{wrong:?}");
        }
        for wrong in [&b""[..], b"c=biws", b"c=biws,r=x,p=", b"p=AAAA", b"\xff", b"c=biws,p=AAAA"] {
            assert!(after_first(true, None).last(wrong).is_err(), "{wrong:?}");
        }
    }
}
