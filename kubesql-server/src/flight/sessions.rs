//! Sessions: which one a call is of. Here a call becomes a client, once it is known who asks.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tonic::metadata::MetadataMap;
use tonic::{Request, Status};

use super::connection::Own;
use super::failure;
use super::statements::Statements;
use crate::listen::Access;
use crate::query::{Client, Door, Who};

/// What clients come in by, as other rooms call it.
const DOOR: &str = "flight";

/// The cookie that the protocol names for sessions.
const COOKIE: &str = "arrow_flight_session_id";

/// How long a session that has a name is kept after its last call.
const IDLE: Duration = Duration::from_secs(1800);

/// At most so many sessions have names; the one that was not used for longest makes room.
const NAMED: usize = 10_000;

/// A client, and what it has prepared and running.
pub(super) struct Session {
    pub(super) client: Client,
    pub(super) statements: Statements,
    /// Whose it is.
    user: Option<String>,
}

/// All sessions: who asks by a connection has one there, unless a call names another of theirs by a cookie.
pub(super) struct Sessions {
    door: Arc<Door>,
    access: Arc<Access>,
    named: Mutex<HashMap<String, Named>>,
}

struct Named {
    session: Arc<Session>,
    used: Instant,
}

impl Sessions {
    pub(super) fn new(door: Arc<Door>, access: Arc<Access>) -> Self {
        Self { door, access, named: Mutex::default() }
    }

    /// The session that a call is of, if who makes it may come in.
    pub(super) async fn of<T>(&self, call: &Request<T>) -> Result<Arc<Session>, Status> {
        self.found(call.metadata(), call.extensions().get::<Own>()).await
    }

    async fn found(&self, metadata: &MetadataMap, own: Option<&Own>) -> Result<Arc<Session>, Status> {
        let own = own.ok_or_else(|| Status::internal("the call came without a connection"))?.clone();
        let shown = metadata.get("authorization").and_then(|value| value.to_str().ok());
        let who = self.access.auth.request(DOOR, &own.peer, shown, None).await.map_err(failure::refused)?;
        if let Some(session) = cookie(metadata).and_then(|name| self.named(&name, &who.user)) {
            return Ok(session);
        }
        let mut sessions = own.sessions.lock();
        let user = who.user.clone();
        Ok(Arc::clone(sessions.entry(user).or_insert_with(|| self.begin(who, metadata))))
    }

    fn begin(&self, who: Who, metadata: &MetadataMap) -> Arc<Session> {
        let user = who.user.clone();
        let client = self.door.client_of(who);
        if let Some(agent) = metadata.get("user-agent").and_then(|agent| agent.to_str().ok()) {
            client.set_application_name(agent);
        }
        Arc::new(Session { client, statements: Statements::default(), user })
    }

    /// What whoever has come in shows from now on instead of a password.
    pub(super) fn token(&self, session: &Session) -> String {
        self.access.auth.seal(session.user.as_deref().unwrap_or_default())
    }

    /// Gives a session a name that nobody guesses, by which calls of other connections find it too.
    fn name(&self, session: &Arc<Session>) -> String {
        let mut named = self.named.lock();
        named.retain(|_, named| named.used.elapsed() < IDLE);
        if named.len() >= NAMED {
            let oldest = named.iter().min_by_key(|(_, named)| named.used).map(|(name, _)| name.clone());
            oldest.and_then(|oldest| named.remove(&oldest));
        }
        let mut name = String::new();
        for byte in rand::random::<[u8; 16]>() {
            // Writing to a String cannot fail.
            _ = write!(name, "{byte:02x}");
        }
        named.insert(name.clone(), Named { session: Arc::clone(session), used: Instant::now() });
        name
    }

    /// The session of this name, which is nobody's but theirs.
    fn named(&self, name: &str, user: &Option<String>) -> Option<Arc<Session>> {
        let mut all = self.named.lock();
        let named = all.get_mut(name).filter(|named| named.session.user == *user)?;
        if named.used.elapsed() >= IDLE {
            all.remove(name);
            return None;
        }
        named.used = Instant::now();
        Some(Arc::clone(&named.session))
    }

    /// What a response says so that the next call is of the same session, whatever connection it comes by; nothing
    /// where the call named it.
    pub(super) fn cookie<T>(&self, call: &Request<T>, session: &Arc<Session>) -> Option<String> {
        let known = cookie(call.metadata()).is_some_and(|name| self.named(&name, &session.user).is_some());
        (!known).then(|| format!("{COOKIE}={}", self.name(session)))
    }

    /// Ends a session that a call is of, with all that it has running; the next call begins another.
    pub(super) fn close<T>(&self, call: &Request<T>, session: &Arc<Session>) {
        self.named.lock().retain(|_, named| !Arc::ptr_eq(&named.session, session));
        if let Some(own) = call.extensions().get::<Own>() {
            own.sessions.lock().retain(|_, own| !Arc::ptr_eq(own, session));
        }
        session.client.cancel();
        session.statements.clear();
    }
}

/// The name of a session in a call.
fn cookie(metadata: &MetadataMap) -> Option<String> {
    let texts = metadata.get_all("cookie").into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = texts.flat_map(|value| value.split(';'));
    let name = pairs.find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))?;
    Some(name.trim_matches('"').to_owned())
}
