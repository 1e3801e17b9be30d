//! The start of a connection: authentication, the client's session, and the parameters that the server reports.

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

use super::error_response;
use super::frame_limit::FRAME_LIMIT;
use super::shared::Shared;
use crate::auth::scram::{Exchange, Malformed};
use crate::auth::{Peer, Refused, TOKEN_USER};
use crate::query::Principal;

/// The name of this protocol in the audit log and in `system.queries`.
const PROTOCOL: &str = "postgresql";

/// Authenticates a client and creates its session.
pub(super) struct Startup {
    shared: Arc<Shared>,
    peer: Peer,
    /// The maximum length of the client's messages.
    frame_limit: Arc<AtomicUsize>,
    is_authenticated: AtomicBool,
    stage: Mutex<Stage>,
}

/// The message that is expected from the client.
enum Stage {
    None,
    /// A token in clear text.
    Token,
    /// The first message of SCRAM.
    ScramFirst(Exchange),
    /// The last message of SCRAM.
    ScramLast(Exchange),
}

impl Startup {
    pub(super) fn new(shared: Arc<Shared>, peer: Peer, frame_limit: Arc<AtomicUsize>) -> Self {
        let (is_authenticated, stage) = (AtomicBool::new(false), Mutex::new(Stage::None));
        Self { shared, peer, frame_limit, is_authenticated, stage }
    }

    pub(super) fn is_authenticated(&self) -> bool {
        self.is_authenticated.load(Ordering::Relaxed)
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
                self.request_credentials(connection).await
            }
            PgWireFrontendMessage::PasswordMessageFamily(message) => self.check_credentials(connection, message).await,
            _ => Err(fatal("08P01", "unexpected message during authentication".to_owned())),
        }
    }
}

impl Startup {
    /// Decides how the client has to authenticate, and asks for it.
    async fn request_credentials<C>(&self, connection: &mut C) -> PgWireResult<()>
    where
        C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let access = &self.shared.access;
        if access.requires_tls() && !self.peer.is_tls {
            let mut info = error_response::fatal("28000", "TLS is required");
            info.hint = Some("connect with sslmode=verify-full, or at least sslmode=require".to_owned());
            return Err(PgWireError::UserError(Box::new(info)));
        }
        let user = user_name(connection)?;
        if access.auth.allows_anonymous() {
            return self.start_session(connection, user).await;
        }
        if let Some(name) = &self.peer.certificate_name {
            if *name == user {
                return self.start_session(connection, user).await;
            }
            let message =
                format!("certificate authentication failed for user \"{user}\": the certificate is for \"{name}\"");
            return Err(fatal("28000", message));
        }
        let is_private = self.peer.is_tls || self.peer.address.ip().is_loopback();
        let (stage, request) = if user == TOKEN_USER && access.auth.has_tokens() && is_private {
            (Stage::Token, Authentication::CleartextPassword)
        } else if access.auth.has_users() {
            let exchange = access.auth.scram_exchange(&user, self.peer.channel_binding.clone());
            let mechanisms = exchange.mechanisms();
            (Stage::ScramFirst(exchange), Authentication::SASL(mechanisms))
        } else {
            let hint = match (access.auth.has_tokens(), is_private) {
                (true, true) => "connect as user \"token\" with a token as the password",
                (true, false) => "connect over TLS as user \"token\" with a token as the password",
                (false, _) => "connect with a client certificate (sslcert, sslkey)",
            };
            let mut info = error_response::fatal(
                "28000",
                &format!("password authentication is not available for user \"{user}\""),
            );
            info.hint = Some(hint.to_owned());
            return Err(PgWireError::UserError(Box::new(info)));
        };
        *self.stage.lock() = stage;
        connection.set_state(PgWireConnectionState::AuthenticationInProgress);
        connection.send(PgWireBackendMessage::Authentication(request)).await?;
        Ok(())
    }

    /// Checks the credentials in a message of the client.
    async fn check_credentials<C>(&self, connection: &mut C, message: PasswordMessageFamily) -> PgWireResult<()>
    where
        C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let PasswordMessageFamily::Raw(body) = message else {
            return Err(fatal("08P01", "unexpected message during authentication".to_owned()));
        };
        let (auth, user) = (&self.shared.access.auth, user_name(connection)?);
        let stage = std::mem::replace(&mut *self.stage.lock(), Stage::None);
        match stage {
            Stage::None => Err(fatal("08P01", "unexpected password message".to_owned())),
            Stage::Token => {
                let token = body.strip_suffix(&[0]).and_then(|token| std::str::from_utf8(token).ok()).unwrap_or("");
                let name = auth.authenticate_token(PROTOCOL, &self.peer, token).await.map_err(rejected)?;
                self.start_session(connection, name).await
            }
            Stage::ScramFirst(mut exchange) => {
                let (mechanism, message) = parse_initial_response(&body)
                    .ok_or_else(|| malformed(Malformed("the message has no mechanism")))?;
                let answer = exchange.first(mechanism, message).map_err(malformed)?;
                *self.stage.lock() = Stage::ScramLast(exchange);
                let answer = Authentication::SASLContinue(answer.into());
                connection.send(PgWireBackendMessage::Authentication(answer)).await?;
                Ok(())
            }
            Stage::ScramLast(mut exchange) => {
                let attempt = auth.begin_attempt(PROTOCOL, &self.peer, &user).await.map_err(rejected)?;
                let proof = match exchange.last(&body) {
                    Ok(proof) => proof,
                    Err(error) => {
                        attempt.fail(error.0).await;
                        return Err(malformed(error));
                    }
                };
                let Some(answer) = proof else {
                    return Err(rejected(attempt.fail("wrong password").await));
                };
                attempt.succeed();
                let answer = Authentication::SASLFinal(answer.into());
                connection.feed(PgWireBackendMessage::Authentication(answer)).await?;
                self.start_session(connection, user).await
            }
        }
    }

    /// Creates the session of an authenticated client.
    async fn start_session<C>(&self, connection: &mut C, user: String) -> PgWireResult<()>
    where
        C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        connection.metadata_mut().insert(METADATA_USER.to_owned(), user.clone());
        let address = Some(self.peer.address.to_string());
        let client = Arc::new(self.shared.frontend.client(Principal { user: Some(user), protocol: PROTOCOL, address }));
        if let Some(name) = connection.metadata().get(METADATA_APPLICATION_NAME) {
            client.set_application_name(name);
        }
        self.shared.cancel_keys.register(connection, &client);
        connection.session_extensions().insert(client);
        self.frame_limit.store(FRAME_LIMIT, Ordering::Relaxed);
        self.is_authenticated.store(true, Ordering::Relaxed);
        finish_authentication(connection, &ReportedParameters).await
    }
}

/// The user name in the startup message.
fn user_name(connection: &impl ClientInfo) -> PgWireResult<String> {
    let user = connection.metadata().get(METADATA_USER).filter(|user| !user.is_empty());
    user.cloned().ok_or_else(|| fatal("28000", "no PostgreSQL user name specified in startup packet".to_owned()))
}

/// Parses a `SASLInitialResponse`: the mechanism and the first message of SCRAM.
fn parse_initial_response(body: &[u8]) -> Option<(&str, &[u8])> {
    let end = body.iter().position(|byte| *byte == 0)?;
    let mechanism = std::str::from_utf8(&body[..end]).ok()?;
    let (length, message) = body[end + 1..].split_first_chunk::<4>()?;
    (usize::try_from(u32::from_be_bytes(*length)).ok()? == message.len()).then_some((mechanism, message))
}

fn fatal(code: &str, message: String) -> PgWireError {
    PgWireError::UserError(Box::new(ErrorInfo::new("FATAL".to_owned(), code.to_owned(), message)))
}

fn rejected(refusal: Refused) -> PgWireError {
    fatal("28P01", refusal.message)
}

fn malformed(error: Malformed) -> PgWireError {
    fatal("08P01", format!("malformed SCRAM message: {}", error.0))
}

/// The parameters that the server reports to drivers at the start.
struct ReportedParameters;

impl ServerParameterProvider for ReportedParameters {
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
