//! Sessions, and the authentication of calls. A call belongs to the session of its user on its connection, unless a cookie
//! names another session of the user.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tonic::metadata::MetadataMap;
use tonic::{Request, Status};

use super::connection::ConnectionInfo;
use super::session::Session;
use super::statement_store::Statements;
use super::status;
use crate::listen::Access;
use crate::query::{Frontend, Principal};

/// The name of this protocol in the audit log and in `system.queries`.
const PROTOCOL: &str = "flight";

/// The name of the cookie, which the protocol specifies.
const COOKIE: &str = "arrow_flight_session_id";

/// How long a named session is kept after its last call.
const IDLE_TIMEOUT: Duration = Duration::from_secs(1800);

/// The maximum number of named sessions. Beyond, the least recently used one is dropped.
const MAX_NAMED: usize = 10_000;

/// Finds and creates sessions. Those without a name belong to their connections.
pub(super) struct Sessions {
    frontend: Arc<Frontend>,
    access: Arc<Access>,
    named: Mutex<HashMap<String, NamedSession>>,
}

struct NamedSession {
    session: Arc<Session>,
    last_used: Instant,
}

impl Sessions {
    pub(super) fn new(frontend: Arc<Frontend>, access: Arc<Access>) -> Self {
        Self { frontend, access, named: Mutex::default() }
    }

    /// Authenticates a call and finds its session.
    pub(super) async fn session<T>(&self, call: &Request<T>) -> Result<Arc<Session>, Status> {
        self.find_or_create(call.metadata(), call.extensions().get::<ConnectionInfo>()).await
    }

    async fn find_or_create(
        &self,
        metadata: &MetadataMap,
        connection: Option<&ConnectionInfo>,
    ) -> Result<Arc<Session>, Status> {
        let connection = connection.ok_or_else(|| Status::internal("the call has no connection"))?.clone();
        let authorization = metadata.get("authorization").and_then(|value| value.to_str().ok());
        let identified = self.access.auth.authenticate_request(PROTOCOL, &connection.peer, authorization, None).await;
        let principal = identified.map_err(status::unauthenticated)?;
        if let Some(session) = cookie(metadata).and_then(|name| self.find_named(&name, &principal.user)) {
            return Ok(session);
        }
        let mut sessions = connection.sessions.lock();
        let user = principal.user.clone();
        Ok(Arc::clone(sessions.entry(user).or_insert_with(|| self.create(principal, metadata))))
    }

    fn create(&self, principal: Principal, metadata: &MetadataMap) -> Arc<Session> {
        let user = principal.user.clone();
        let client = self.frontend.client(principal);
        if let Some(agent) = metadata.get("user-agent").and_then(|agent| agent.to_str().ok()) {
            client.set_application_name(agent);
        }
        Arc::new(Session { client, statements: Statements::default(), user })
    }

    /// A token that authenticates the user of a session in further calls.
    pub(super) fn issue_token(&self, session: &Session) -> String {
        self.access.auth.issue_session_token(session.user.as_deref().unwrap_or_default())
    }

    /// Gives a session a random name, by which calls on other connections find it.
    fn add_name(&self, session: &Arc<Session>) -> String {
        let mut named = self.named.lock();
        named.retain(|_, session| session.last_used.elapsed() < IDLE_TIMEOUT);
        if named.len() >= MAX_NAMED {
            let oldest = named.iter().min_by_key(|(_, session)| session.last_used).map(|(name, _)| name.clone());
            oldest.and_then(|oldest| named.remove(&oldest));
        }
        let mut name = String::new();
        for byte in rand::random::<[u8; 16]>() {
            // Writing to a String cannot fail.
            _ = write!(name, "{byte:02x}");
        }
        named.insert(name.clone(), NamedSession { session: Arc::clone(session), last_used: Instant::now() });
        name
    }

    /// The session of this name, if it belongs to the user.
    fn find_named(&self, name: &str, user: &Option<String>) -> Option<Arc<Session>> {
        let mut all = self.named.lock();
        let named = all.get_mut(name).filter(|named| named.session.user == *user)?;
        if named.last_used.elapsed() >= IDLE_TIMEOUT {
            all.remove(name);
            return None;
        }
        named.last_used = Instant::now();
        Some(Arc::clone(&named.session))
    }

    /// The cookie by which further calls find the session, on any connection; `None` if the call has sent it.
    pub(super) fn cookie<T>(&self, call: &Request<T>, session: &Arc<Session>) -> Option<String> {
        let is_named = cookie(call.metadata()).is_some_and(|name| self.find_named(&name, &session.user).is_some());
        (!is_named).then(|| format!("{COOKIE}={}", self.add_name(session)))
    }

    /// Ends the session of a call and cancels its statements. The next call creates another one.
    pub(super) fn close<T>(&self, call: &Request<T>, session: &Arc<Session>) {
        self.named.lock().retain(|_, named| !Arc::ptr_eq(&named.session, session));
        if let Some(connection) = call.extensions().get::<ConnectionInfo>() {
            connection.sessions.lock().retain(|_, other| !Arc::ptr_eq(other, session));
        }
        session.client.cancel();
        session.statements.clear();
    }
}

/// The session name in the cookie of a call.
fn cookie(metadata: &MetadataMap) -> Option<String> {
    let texts = metadata.get_all("cookie").into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = texts.flat_map(|value| value.split(';'));
    let name = pairs.find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))?;
    Some(name.trim_matches('"').to_owned())
}
