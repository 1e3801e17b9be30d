//! Authentication by passwords, tokens and client certificates. Independent of protocols.

mod authorization;
pub(crate) mod credential_file;
mod crypto;
pub(crate) mod scram;
mod session_token;
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
use tokio::sync::Semaphore;

use crate::audit::{AuditLog, Event};
use crate::reload::{Reload, Reloaded};
use crypto::{Hash, hmac_sha256};
use scram::Exchange;
use throttle::Throttle;
use tokens::Tokens;
use users::Users;
use verifier::Verifier;

pub(crate) use crypto::constant_time_eq;
pub(crate) use users::TOKEN_USER;

/// How long a correct password is cached, which saves hashing it for each request.
const CACHE_TIME: Duration = Duration::from_secs(60);

/// How many correct passwords are cached.
const CACHE_SIZE: usize = 1000;

/// The credentials that are accepted. Without any, access is anonymous.
pub(crate) struct Auth {
    users: Option<Arc<Reloaded<Users>>>,
    tokens: Option<Arc<Reloaded<Tokens>>>,
    /// Whether client certificates are accepted.
    certificates: bool,
    throttle: Throttle,
    /// Random key of this process, for the fake verifiers of unknown users and the session tokens.
    secret: Hash,
    password_cache: Mutex<HashMap<Hash, Instant>>,
    /// Hashing a password keeps a core busy for milliseconds. This leaves the others to statements.
    hashing: Semaphore,
    audit_log: Option<Arc<AuditLog>>,
}

/// A failed authentication. The message does not reveal the reason to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) message: String,
    /// Whether the client sent no usable credentials, so that it should be asked for them.
    pub(crate) no_credentials: bool,
}

/// The other end of a connection.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) is_tls: bool,
    /// The common name in the client's certificate, which was verified.
    pub(crate) certificate_name: Option<String>,
    /// The data for channel binding (`tls-server-end-point`): a hash of the server's certificate.
    pub(crate) channel_binding: Option<Vec<u8>>,
}

impl Auth {
    /// Reads the files of users and tokens.
    pub(crate) fn new(
        users: Option<&Path>,
        tokens: Option<&Path>,
        certificates: bool,
        audit_log: Option<Arc<AuditLog>>,
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
            password_cache: Mutex::default(),
            hashing: Semaphore::new(2),
            audit_log,
        })
    }

    /// The values to reload when their files change.
    pub(crate) fn reloadable(&self) -> Vec<Arc<dyn Reload>> {
        let users = self.users.clone().map(|users| users as Arc<dyn Reload>);
        users.into_iter().chain(self.tokens.clone().map(|tokens| tokens as Arc<dyn Reload>)).collect()
    }

    /// Whether clients need no credentials.
    pub(crate) fn allows_anonymous(&self) -> bool {
        !self.certificates && !self.has_secrets()
    }

    /// Whether clients authenticate with secrets, which must not be sent in plain text.
    pub(crate) fn has_secrets(&self) -> bool {
        self.users.is_some() || self.tokens.is_some()
    }

    pub(crate) fn has_users(&self) -> bool {
        self.users.is_some()
    }

    pub(crate) fn has_tokens(&self) -> bool {
        self.tokens.is_some()
    }

    /// Begins an attempt to authenticate, which may have to wait after failed ones.
    pub(crate) async fn begin_attempt<'a>(
        &'a self,
        protocol: &'a str,
        peer: &Peer,
        user: &'a str,
    ) -> Result<Attempt<'a>, Refused> {
        let attempt = Attempt { auth: self, protocol, address: peer.address, user };
        if self.throttle.wait(peer.address.ip(), user).await {
            return Ok(attempt);
        }
        attempt.audit("too many attempts");
        let message = "too many failed attempts: try again in half a minute".to_owned();
        Err(Refused { message, no_credentials: false })
    }

    /// The server's side of a SCRAM exchange with this user.
    pub(crate) fn scram_exchange(&self, user: &str, channel_binding: Option<Vec<u8>>) -> Exchange {
        let (verifier, exists) = self.verifier(user);
        Exchange::new(verifier, exists, channel_binding)
    }

    /// The verifier of a user, and whether the user exists. For an unknown user it is a fake that no password matches,
    /// and the same each time, so that clients cannot find out which users exist.
    fn verifier(&self, user: &str) -> (Verifier, bool) {
        let users = self.users.as_ref().map(|users| users.get());
        if let Some(verifier) = users.as_ref().and_then(|users| users.get(user)) {
            return (verifier.clone(), true);
        }
        let fake = |part: &str| hmac_sha256(&self.secret, format!("{part} {user}").as_bytes());
        let verifier = Verifier {
            iterations: users.map_or(verifier::ITERATIONS, |users| users.iterations),
            salt: fake("salt")[..16].to_vec(),
            stored_key: fake("stored key"),
            server_key: fake("server key"),
        };
        (verifier, false)
    }

    /// Whether this is the user's password. An empty password never is.
    async fn is_password(&self, user: &str, password: &str) -> bool {
        let (verifier, exists) = self.verifier(user);
        let cache_key = hmac_sha256(&self.secret, format!("{verifier}\0{user}\0{password}").as_bytes());
        if exists && self.password_cache.lock().get(&cache_key).is_some_and(|at| at.elapsed() < CACHE_TIME) {
            return true;
        }
        let Ok(_permit) = self.hashing.acquire().await else { return false };
        let given = password.to_owned();
        // Also for unknown users, so that they take as long.
        let matches = tokio::task::spawn_blocking(move || verifier.matches(&given)).await.unwrap_or(false);
        let matches = matches && exists && !password.is_empty();
        if matches {
            let mut cache = self.password_cache.lock();
            if cache.len() >= CACHE_SIZE {
                cache.retain(|_, at| at.elapsed() < CACHE_TIME);
            }
            if cache.len() < CACHE_SIZE {
                cache.insert(cache_key, Instant::now());
            }
        }
        matches
    }

    /// Authenticates a user by a password, or by a token if the user is [`TOKEN_USER`]. Returns the user's name.
    pub(crate) async fn authenticate_password(
        &self,
        protocol: &'static str,
        peer: &Peer,
        user: &str,
        password: &str,
    ) -> Result<String, Refused> {
        if user == TOKEN_USER {
            return self.authenticate_token(protocol, peer, password).await;
        }
        let attempt = self.begin_attempt(protocol, peer, user).await?;
        if self.is_password(user, password).await {
            attempt.succeed();
            return Ok(user.to_owned());
        }
        Err(attempt.fail("wrong password").await)
    }

    /// Authenticates by a token. Returns the name of its owner.
    pub(crate) async fn authenticate_token(
        &self,
        protocol: &'static str,
        peer: &Peer,
        token: &str,
    ) -> Result<String, Refused> {
        // Tokens cannot be guessed, so that a valid one does not wait after the failed attempts of others.
        let attempt = Attempt { auth: self, protocol, address: peer.address, user: TOKEN_USER };
        let now = Timestamp::now();
        let owner = self.tokens.as_ref().and_then(|tokens| tokens.get().owner(token, now).map(str::to_owned));
        match owner.or_else(|| self.session_token_owner(token, now)) {
            Some(name) => {
                attempt.succeed();
                Ok(name)
            }
            None => Err(attempt.fail("wrong or expired token").await),
        }
    }
}

/// One attempt to authenticate.
pub(crate) struct Attempt<'a> {
    auth: &'a Auth,
    protocol: &'a str,
    address: SocketAddr,
    user: &'a str,
}

impl Attempt<'_> {
    /// The credentials were right.
    pub(crate) fn succeed(self) {
        self.auth.throttle.record_success(self.address.ip(), self.user);
    }

    /// The credentials were wrong. The reason is written to the audit log and not revealed to the client. Waits before
    /// it returns the error for the client.
    pub(crate) async fn fail(self, reason: &str) -> Refused {
        self.audit(reason);
        self.auth.throttle.record_failure(self.address.ip(), self.user).await;
        let message = if self.user == TOKEN_USER {
            "the token is wrong or has expired".to_owned()
        } else {
            format!("password authentication failed for user \"{}\"", self.user)
        };
        Refused { message, no_credentials: false }
    }

    fn audit(&self, reason: &str) {
        if let Some(log) = &self.auth.audit_log {
            let from = self.address.to_string();
            log.write(&Event::Refused { user: Some(self.user), protocol: self.protocol, from: &from, reason });
        }
    }
}

#[cfg(test)]
mod tests;
