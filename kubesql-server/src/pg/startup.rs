//! The begin of a connection: who the client is, what the server says of itself, and the client's session.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use futures::{Sink, SinkExt};
use kubesql_runtime::sql::POSTGRES_VERSION;
use parking_lot::Mutex;
use pgwire::api::auth::{
    ServerParameterProvider, StartupHandler, finish_authentication, protocol_negotiation,
    save_startup_parameters_to_metadata,
};
use pgwire::api::{ClientInfo, METADATA_APPLICATION_NAME, METADATA_USER, PgWireConnectionState};
use pgwire::error::{ErrorInfo, PgWireError, PgWireResult};
use pgwire::messages::startup::{Authentication, PasswordMessageFamily};
use pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage};

use super::frames::KNOWN;
use super::{Shared, failure};
use crate::auth::scram::{Exchange, Malformed};
use crate::auth::{Peer, Refused, TOKEN};
use crate::query::Who;

/// What clients come in by, as other rooms call it.
pub(super) const DOOR: &str = "postgresql";

/// Lets one client in, or not, and makes a session for it.
pub(super) struct Startup {
    shared: Arc<Shared>,
    peer: Peer,
    /// How long its messages may be.
    longest: Arc<AtomicUsize>,
    known: AtomicBool,
    stage: Mutex<Stage>,
}

/// What is asked of the client.
enum Stage {
    Nothing,
    /// To send a token.
    Token,
    /// The first message of SCRAM.
    First(Exchange),
    /// The last one.
    Last(Exchange),
}

impl Startup {
    pub(super) fn new(shared: Arc<Shared>, peer: Peer, longest: Arc<AtomicUsize>) -> Self {
        Self { shared, peer, longest, known: AtomicBool::new(false), stage: Mutex::new(Stage::Nothing) }
    }

    /// Whether the client was let in.
    pub(super) fn is_known(&self) -> bool {
        self.known.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl StartupHandler for Startup {
    async fn on_startup<C>(&self, connection: &mut C, message: PgWireFrontendMessage) -> PgWireResult<()>
    where
        C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        match message {
            PgWireFrontendMessage::Startup(startup) => {
                protocol_negotiation(connection, &startup).await?;
                save_startup_parameters_to_metadata(connection, &startup);
                self.begin(connection).await
            }
            PgWireFrontendMessage::PasswordMessageFamily(shown) => self.shown(connection, shown).await,
            _ => Err(refused("08P01", "this is no answer to what was asked".to_owned())),
        }
    }
}

impl Startup {
    /// Decides what the client has to show.
    async fn begin<C>(&self, connection: &mut C) -> PgWireResult<()>
    where
        C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let access = &self.shared.access;
        if access.wants_tls() && !self.peer.secure {
            let mut info = failure::fatal("28000", "connections without TLS are refused here");
            info.hint = Some("connect with sslmode=require, or better verify-full".to_owned());
            return Err(PgWireError::UserError(Box::new(info)));
        }
        let user = user_of(connection)?;
        if access.auth.is_open() {
            return self.welcome(connection, user).await;
        }
        if let Some(name) = &self.peer.certificate {
            if *name == user {
                return self.welcome(connection, user).await;
            }
            let message = format!("the client's certificate is that of \"{name}\", and not of \"{user}\"");
            return Err(refused("28000", message));
        }
        let private = self.peer.secure || self.peer.address.ip().is_loopback();
        let (stage, question) = if user == TOKEN && access.auth.has_tokens() && private {
            (Stage::Token, Authentication::CleartextPassword)
        } else if access.auth.has_users() {
            let exchange = access.auth.exchange(&user, self.peer.binding.clone());
            let mechanisms = exchange.mechanisms();
            (Stage::First(exchange), Authentication::SASL(mechanisms))
        } else {
            let hint = match (access.auth.has_tokens(), private) {
                (true, true) => "connect as the user \"token\" with the token as password",
                (true, false) => "connect with TLS as the user \"token\" with the token as password",
                (false, _) => "connect with a client certificate (sslcert, sslkey)",
            };
            let mut info = failure::fatal("28000", &format!("there are no passwords here, also not for \"{user}\""));
            info.hint = Some(hint.to_owned());
            return Err(PgWireError::UserError(Box::new(info)));
        };
        *self.stage.lock() = stage;
        connection.set_state(PgWireConnectionState::AuthenticationInProgress);
        connection.send(PgWireBackendMessage::Authentication(question)).await?;
        Ok(())
    }

    /// Looks at what the client shows.
    async fn shown<C>(&self, connection: &mut C, shown: PasswordMessageFamily) -> PgWireResult<()>
    where
        C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let PasswordMessageFamily::Raw(body) = shown else {
            return Err(refused("08P01", "this is no answer to what was asked".to_owned()));
        };
        let (auth, user) = (&self.shared.access.auth, user_of(connection)?);
        let stage = std::mem::replace(&mut *self.stage.lock(), Stage::Nothing);
        match stage {
            Stage::Nothing => Err(refused("08P01", "nothing was asked".to_owned())),
            Stage::Token => {
                let token = body.strip_suffix(&[0]).and_then(|token| std::str::from_utf8(token).ok()).unwrap_or("");
                let name = auth.token(DOOR, &self.peer, token).await.map_err(wrong)?;
                self.welcome(connection, name).await
            }
            Stage::First(mut exchange) => {
                let (mechanism, message) = initial(&body).ok_or_else(|| malformed(Malformed("it has no mechanism")))?;
                let answer = exchange.first(mechanism, message).map_err(malformed)?;
                *self.stage.lock() = Stage::Last(exchange);
                let answer = Authentication::SASLContinue(answer.into());
                connection.send(PgWireBackendMessage::Authentication(answer)).await?;
                Ok(())
            }
            Stage::Last(mut exchange) => {
                let attempt = auth.attempt(DOOR, &self.peer, &user).await.map_err(wrong)?;
                let proved = match exchange.last(&body) {
                    Ok(proved) => proved,
                    Err(error) => {
                        attempt.wrong(error.0).await;
                        return Err(malformed(error));
                    }
                };
                let Some(answer) = proved else {
                    return Err(wrong(attempt.wrong("wrong password").await));
                };
                attempt.right();
                let answer = Authentication::SASLFinal(answer.into());
                connection.feed(PgWireBackendMessage::Authentication(answer)).await?;
                self.welcome(connection, user).await
            }
        }
    }

    /// Lets the client in.
    async fn welcome<C>(&self, connection: &mut C, user: String) -> PgWireResult<()>
    where
        C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        connection.metadata_mut().insert(METADATA_USER.to_owned(), user.clone());
        let from = Some(self.peer.address.to_string());
        let client = Arc::new(self.shared.door.client_of(Who { user: Some(user), door: DOOR, from }));
        if let Some(name) = connection.metadata().get(METADATA_APPLICATION_NAME) {
            client.set_application_name(name);
        }
        self.shared.clients.register(connection, &client);
        connection.session_extensions().insert(client);
        self.longest.store(KNOWN, Ordering::Relaxed);
        self.known.store(true, Ordering::Relaxed);
        finish_authentication(connection, &Parameters).await
    }
}

/// The user that the client says it is.
fn user_of(connection: &impl ClientInfo) -> PgWireResult<String> {
    let user = connection.metadata().get(METADATA_USER).filter(|user| !user.is_empty());
    user.cloned().ok_or_else(|| refused("28000", "the client does not say which user it is".to_owned()))
}

/// The mechanism and the first message of SCRAM.
fn initial(body: &[u8]) -> Option<(&str, &[u8])> {
    let end = body.iter().position(|byte| *byte == 0)?;
    let mechanism = std::str::from_utf8(&body[..end]).ok()?;
    let (length, message) = body[end + 1..].split_first_chunk::<4>()?;
    (usize::try_from(u32::from_be_bytes(*length)).ok()? == message.len()).then_some((mechanism, message))
}

fn refused(code: &str, message: String) -> PgWireError {
    PgWireError::UserError(Box::new(ErrorInfo::new("FATAL".to_owned(), code.to_owned(), message)))
}

fn wrong(refusal: Refused) -> PgWireError {
    refused("28P01", refusal.message)
}

fn malformed(error: Malformed) -> PgWireError {
    refused("08P01", format!("this is no message of SCRAM: {}", error.0))
}

/// What drivers want to know of a server before they ask.
struct Parameters;

impl ServerParameterProvider for Parameters {
    fn server_parameters<C: ClientInfo>(&self, connection: &C) -> Option<HashMap<String, String>> {
        let given = |name: &str| connection.metadata().get(name).cloned().unwrap_or_default();
        let version = format!("{POSTGRES_VERSION} (kubesql {})", env!("CARGO_PKG_VERSION"));
        let parameters = [
            ("server_version", version),
            ("server_encoding", "UTF8".to_owned()),
            ("client_encoding", "UTF8".to_owned()),
            ("application_name", given(METADATA_APPLICATION_NAME)),
            ("session_authorization", given(METADATA_USER)),
            ("default_transaction_read_only", "on".to_owned()),
            ("in_hot_standby", "off".to_owned()),
            ("is_superuser", "off".to_owned()),
            ("DateStyle", "ISO, MDY".to_owned()),
            ("IntervalStyle", "postgres".to_owned()),
            ("TimeZone", "UTC".to_owned()),
            ("integer_datetimes", "on".to_owned()),
            ("standard_conforming_strings", "on".to_owned()),
        ];
        Some(parameters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }
}
