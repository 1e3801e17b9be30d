//! Who may come in: passwords, tokens and certificates, for every protocol alike. Knows none of them.

pub(crate) mod edit;
mod header;
pub(crate) mod scram;
mod session;
mod throttle;
pub(crate) mod tokens;
pub(crate) mod users;
pub(crate) mod verifier;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use parking_lot::Mutex;
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;

use crate::audit::{Audit, Line};
use crate::reload::{Look, Reloaded};
use scram::Exchange;
use throttle::Throttle;
use tokens::Tokens;
use users::Users;
use verifier::{Hash, Verifier, mac};

/// The name with which tokens are sent by those who can send a name and a password only.
pub(crate) const TOKEN: &str = "token";

/// How long a password that was right is not hashed again.
const REMEMBERED: Duration = Duration::from_secs(60);

/// So many passwords that were right are remembered.
const MOST_REMEMBERED: usize = 1000;

/// Who may come in.
pub(crate) struct Auth {
    users: Option<Arc<Reloaded<Users>>>,
    tokens: Option<Arc<Reloaded<Tokens>>>,
    /// Whether certificates of clients are looked at.
    certificates: bool,
    throttle: Throttle,
    /// What is made up of users who do not exist, and sealed for those who have come in, is made of this.
    secret: Hash,
    remembered: Mutex<HashMap<Hash, Instant>>,
    /// Hashing takes a core for milliseconds: never all of them.
    hashing: Semaphore,
    audit: Option<Arc<Audit>>,
}

/// Somebody who was not let in, in words that say nothing of why to those who try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) message: String,
    /// Whether anything was shown at all: the client is asked for it otherwise.
    pub(crate) nothing_shown: bool,
}

/// Where somebody comes from, and what the connection knows of them.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    /// Whether nobody else can read what is said.
    pub(crate) secure: bool,
    /// The name in the client's certificate, which was checked.
    pub(crate) certificate: Option<String>,
    /// What a channel can be bound to: the hash of the server's certificate.
    pub(crate) binding: Option<Vec<u8>>,
}

impl Auth {
    /// Reads users and tokens, where there are any.
    pub(crate) fn new(
        users: Option<&Path>,
        tokens: Option<&Path>,
        certificates: bool,
        audit: Option<Arc<Audit>>,
    ) -> Result<Self, String> {
        Ok(Self {
            users: users
                .map(|path| Reloaded::new(vec![path.to_owned()], |paths| Users::read(&paths[0])))
                .transpose()?,
            tokens: tokens
                .map(|path| Reloaded::new(vec![path.to_owned()], |paths| Tokens::read(&paths[0])))
                .transpose()?,
            certificates,
            throttle: Throttle::new(),
            secret: rand::random(),
            remembered: Mutex::default(),
            hashing: Semaphore::new(2),
            audit,
        })
    }

    /// What has to be read again when it changes.
    pub(crate) fn files(&self) -> Vec<Arc<dyn Look>> {
        let users = self.users.clone().map(|users| users as Arc<dyn Look>);
        users.into_iter().chain(self.tokens.clone().map(|tokens| tokens as Arc<dyn Look>)).collect()
    }

    /// Whether everybody is let in.
    pub(crate) fn is_open(&self) -> bool {
        !self.certificates && !self.has_secrets()
    }

    /// Whether secrets are sent to come in, which others could read on the way.
    pub(crate) fn has_secrets(&self) -> bool {
        self.users.is_some() || self.tokens.is_some()
    }

    /// Whether there are passwords.
    pub(crate) fn has_users(&self) -> bool {
        self.users.is_some()
    }

    /// Whether there are tokens.
    pub(crate) fn has_tokens(&self) -> bool {
        self.tokens.is_some()
    }

    /// Begins an attempt, which may have to wait.
    pub(crate) async fn attempt<'a>(
        &'a self,
        door: &'a str,
        peer: &Peer,
        user: &'a str,
    ) -> Result<Attempt<'a>, Refused> {
        let attempt = Attempt { auth: self, door, address: peer.address, user };
        if self.throttle.wait(peer.address.ip(), user).await {
            return Ok(attempt);
        }
        attempt.told("too many attempts");
        Err(Refused { message: "too many wrong attempts: wait half a minute".to_owned(), nothing_shown: false })
    }

    /// What a client has to answer to show that it knows the password of this user.
    pub(crate) fn exchange(&self, user: &str, binding: Option<Vec<u8>>) -> Exchange {
        let (verifier, known) = self.verifier(user);
        Exchange::new(verifier, known, binding)
    }

    /// The verifier of a user; of one that does not exist, one that is made up and the same each time.
    fn verifier(&self, user: &str) -> (Verifier, bool) {
        let users = self.users.as_ref().map(|users| users.get());
        if let Some(verifier) = users.as_ref().and_then(|users| users.get(user)) {
            return (verifier.clone(), true);
        }
        let made_up = |what: &str| mac(&self.secret, format!("{what} {user}").as_bytes());
        let verifier = Verifier {
            iterations: users.map_or(verifier::ITERATIONS, |users| users.iterations),
            salt: made_up("salt")[..16].to_vec(),
            stored_key: made_up("stored key"),
            server_key: made_up("server key"),
        };
        (verifier, false)
    }

    /// Whether this is the user's password. An empty one is nobody's.
    async fn is_password(&self, user: &str, password: &str) -> bool {
        let (verifier, known) = self.verifier(user);
        let shown = mac(&self.secret, format!("{verifier}\0{user}\0{password}").as_bytes());
        if known && self.remembered.lock().get(&shown).is_some_and(|at| at.elapsed() < REMEMBERED) {
            return true;
        }
        let Ok(_permit) = self.hashing.acquire().await else { return false };
        let given = password.to_owned();
        let right = tokio::task::spawn_blocking(move || verifier.is_of(&given)).await.unwrap_or(false);
        let right = right && known && !password.is_empty();
        if right {
            let mut remembered = self.remembered.lock();
            if remembered.len() >= MOST_REMEMBERED {
                remembered.retain(|_, at| at.elapsed() < REMEMBERED);
            }
            if remembered.len() < MOST_REMEMBERED {
                remembered.insert(shown, Instant::now());
            }
        }
        right
    }

    /// Lets in who shows a name and a password, or the name `token` and a token.
    pub(crate) async fn password(
        &self,
        door: &'static str,
        peer: &Peer,
        user: &str,
        password: &str,
    ) -> Result<String, Refused> {
        if user == TOKEN {
            return self.token(door, peer, password).await;
        }
        let attempt = self.attempt(door, peer, user).await?;
        if self.is_password(user, password).await {
            attempt.right();
            return Ok(user.to_owned());
        }
        Err(attempt.wrong("wrong password").await)
    }

    /// Lets in who shows a token.
    pub(crate) async fn token(&self, door: &'static str, peer: &Peer, token: &str) -> Result<String, Refused> {
        // Nobody guesses a token: who has one does not wait because others were wrong.
        let attempt = Attempt { auth: self, door, address: peer.address, user: TOKEN };
        let now = Timestamp::now();
        let whose = self.tokens.as_ref().and_then(|tokens| tokens.get().whose(token, now).map(str::to_owned));
        match whose.or_else(|| self.unsealed(token, now)) {
            Some(name) => {
                attempt.right();
                Ok(name)
            }
            None => Err(attempt.wrong("wrong or expired token").await),
        }
    }
}

/// One attempt to come in.
pub(crate) struct Attempt<'a> {
    auth: &'a Auth,
    door: &'a str,
    address: SocketAddr,
    user: &'a str,
}

impl Attempt<'_> {
    /// It was right.
    pub(crate) fn right(self) {
        self.auth.throttle.right(self.address.ip(), self.user);
    }

    /// It was wrong, for a reason that is written down and not told.
    pub(crate) async fn wrong(self, reason: &str) -> Refused {
        self.told(reason);
        self.auth.throttle.wrong(self.address.ip(), self.user).await;
        let message = if self.user == TOKEN {
            "the token is wrong or has expired".to_owned()
        } else {
            format!("password authentication failed for user \"{}\"", self.user)
        };
        Refused { message, nothing_shown: false }
    }

    fn told(&self, reason: &str) {
        if let Some(audit) = &self.auth.audit {
            let from = self.address.to_string();
            audit.write(&Line::Refused { user: Some(self.user), door: self.door, from: &from, reason });
        }
    }
}

/// Whether two secrets are the same, in a time that does not say where they differ.
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

#[cfg(test)]
mod tests;
