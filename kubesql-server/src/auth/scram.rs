//! The server's side of SCRAM-SHA-256 (RFC 5802 and 7677), with channel binding where there is a channel to bind to.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::same;
use super::verifier::{Hash, Verifier, hash, mac};

/// The mechanism without channel binding.
pub(crate) const PLAIN: &str = "SCRAM-SHA-256";

/// The mechanism with it.
pub(crate) const BOUND: &str = "SCRAM-SHA-256-PLUS";

/// A message that does not follow the protocol.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

/// One client's attempt to show that it knows a password.
pub(crate) struct Exchange {
    verifier: Verifier,
    /// Whether the user exists; otherwise the verifier is made up, and no password is right.
    known: bool,
    /// What the channel can be bound to: the hash of the server's certificate.
    binding: Option<Vec<u8>>,
    begun: Option<Begun>,
}

/// What was said so far.
struct Begun {
    header: String,
    bound: bool,
    nonce: String,
    /// The client's first message without its header, and the server's.
    said: String,
}

impl Exchange {
    pub(super) fn new(verifier: Verifier, known: bool, binding: Option<Vec<u8>>) -> Self {
        Self { verifier, known, binding, begun: None }
    }

    /// The mechanisms to choose from, the best first.
    pub(crate) fn mechanisms(&self) -> Vec<String> {
        let bound = self.binding.as_ref().map(|_| BOUND.to_owned());
        bound.into_iter().chain([PLAIN.to_owned()]).collect()
    }

    /// The answer to the client's first message.
    pub(crate) fn first(&mut self, mechanism: &str, message: &[u8]) -> Result<String, Malformed> {
        self.first_with(mechanism, message, &STANDARD.encode(rand::random::<[u8; 18]>()))
    }

    fn first_with(&mut self, mechanism: &str, message: &[u8], nonce: &str) -> Result<String, Malformed> {
        let bound = match mechanism {
            BOUND if self.binding.is_some() => true,
            PLAIN => false,
            _ => return Err(Malformed("the mechanism is none of those that were offered")),
        };
        let message = std::str::from_utf8(message).map_err(|_| Malformed("the message is no text"))?;
        let mut parts = message.splitn(3, ',');
        let (Some(flag), Some(authorization), Some(bare)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(Malformed("the first message has no header"));
        };
        match (flag, bound) {
            ("p=tls-server-end-point", true) | ("n", false) => {}
            // It could have bound the channel, and believes that we cannot: somebody has taken the offer away.
            ("y", false) if self.binding.is_none() => {}
            ("y", false) => return Err(Malformed("the client was not told of channel binding, which was offered")),
            _ => return Err(Malformed("the channel binding is none that was offered")),
        }
        if !authorization.is_empty() {
            return Err(Malformed("nobody can act for somebody else"));
        }
        // The name is that of the connection, and not this one; PostgreSQL's clients leave it empty.
        let theirs = bare.split(',').nth(1).and_then(|part| part.strip_prefix("r="));
        let (true, Some(theirs)) = (bare.starts_with("n="), theirs) else {
            return Err(Malformed("the first message has no name or nonce"));
        };
        if theirs.is_empty() || !theirs.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Malformed("the nonce is empty or not printable"));
        }
        let nonce = format!("{theirs}{nonce}");
        let (salt, iterations) = (STANDARD.encode(&self.verifier.salt), self.verifier.iterations);
        let answer = format!("r={nonce},s={salt},i={iterations}");
        let header = format!("{flag},{authorization},");
        self.begun = Some(Begun { header, bound, nonce, said: format!("{bare},{answer}") });
        Ok(answer)
    }

    /// The answer to the client's last message; `None` where it does not know the password.
    pub(crate) fn last(&mut self, message: &[u8]) -> Result<Option<String>, Malformed> {
        let begun = self.begun.take().ok_or(Malformed("the last message came first"))?;
        let message = std::str::from_utf8(message).map_err(|_| Malformed("the message is no text"))?;
        let (unproved, proof) = message.rsplit_once(",p=").ok_or(Malformed("the last message has no proof"))?;
        let mut parts = unproved.split(',');
        let binding = parts.next().and_then(|part| part.strip_prefix("c="));
        let nonce = parts.next().and_then(|part| part.strip_prefix("r="));
        let (Some(binding), Some(nonce)) = (binding, nonce) else {
            return Err(Malformed("the last message has no channel binding or nonce"));
        };
        let mut bound_to = begun.header.into_bytes();
        if begun.bound {
            bound_to.extend(self.binding.iter().flatten());
        }
        if STANDARD.decode(binding).ok() != Some(bound_to) {
            return Err(Malformed("the channel is bound to another certificate than ours"));
        }
        if !same(nonce.as_bytes(), begun.nonce.as_bytes()) {
            return Err(Malformed("the nonce is another"));
        }
        let proof = STANDARD.decode(proof).ok().and_then(|proof| Hash::try_from(proof).ok());
        let mut key = proof.ok_or(Malformed("the proof is none"))?;
        let said = format!("{},{unproved}", begun.said);
        let signature = mac(&self.verifier.stored_key, said.as_bytes());
        key.iter_mut().zip(signature).for_each(|(byte, mask)| *byte ^= mask);
        let proved = same(&hash(&key), &self.verifier.stored_key);
        Ok((proved && self.known)
            .then(|| format!("v={}", STANDARD.encode(mac(&self.verifier.server_key, said.as_bytes())))))
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

    fn begun(known: bool, binding: Option<Vec<u8>>) -> Exchange {
        let mut exchange = Exchange::new(pencil(), known, binding);
        let answer = exchange.first_with(PLAIN, FIRST, NONCE);
        let expect = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        assert_eq!(answer.as_deref(), Ok(expect));
        exchange
    }

    #[test]
    fn the_example_of_the_standard() {
        let answer = begun(true, None).last(LAST);
        assert_eq!(answer, Ok(Some("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=".to_owned())));
        // A user who does not exist sees the same questions, and no proof is right.
        assert_eq!(begun(false, None).last(LAST), Ok(None));
        let wrong = String::from_utf8_lossy(LAST).replace("dHzb", "dHzc");
        assert_eq!(begun(true, None).last(wrong.as_bytes()), Ok(None));
    }

    #[test]
    fn each_proof_counts_once_and_for_its_own_questions() {
        let mut exchange = begun(true, None);
        assert!(exchange.last(LAST).expect("an answer").is_some());
        assert!(exchange.last(LAST).is_err(), "a proof is taken twice");
        let mut other = Exchange::new(pencil(), true, None);
        other.first(PLAIN, FIRST).expect("an answer");
        assert_eq!(other.last(LAST), Err(Malformed("the nonce is another")));
    }

    #[test]
    fn a_channel_is_bound_to_our_certificate_or_not_at_all() {
        let first = b"p=tls-server-end-point,,n=user,r=abc";
        let bound = |claimed: &[u8]| {
            let mut exchange = Exchange::new(pencil(), true, Some(b"ours".to_vec()));
            assert_eq!(exchange.mechanisms(), [BOUND, PLAIN]);
            exchange.first_with(BOUND, first, "def").expect("an answer");
            let claimed = STANDARD.encode([b"p=tls-server-end-point,,", claimed].concat());
            let proof = STANDARD.encode([0; 32]);
            exchange.last(format!("c={claimed},r=abcdef,p={proof}").as_bytes())
        };
        assert_eq!(bound(b"ours"), Ok(None), "the binding is right, the proof is not");
        assert!(bound(b"somebody else's").is_err());
        // Who could bind the channel and was told that we cannot has somebody in between.
        let mut exchange = Exchange::new(pencil(), true, Some(b"ours".to_vec()));
        assert!(exchange.first(PLAIN, b"y,,n=,r=abc").is_err());
        assert!(exchange.first(PLAIN, b"n,,n=,r=abc").is_ok());
        assert_eq!(Exchange::new(pencil(), true, None).mechanisms(), [PLAIN]);
        assert!(Exchange::new(pencil(), true, None).first(PLAIN, b"y,,n=,r=abc").is_ok());
        assert!(Exchange::new(pencil(), true, None).first(BOUND, first).is_err());
    }

    #[test]
    fn what_is_no_message_is_refused() {
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
            assert!(begun(true, None).last(wrong).is_err(), "{wrong:?}");
        }
    }
}
