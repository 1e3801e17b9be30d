//! The begin of a connection: what the server says of itself, and the client's session.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use futures::Sink;
use pgwire::api::auth::{
    ServerParameterProvider, StartupHandler, finish_authentication, protocol_negotiation,
    save_startup_parameters_to_metadata,
};
use pgwire::api::{
    ClientInfo, METADATA_APPLICATION_NAME, METADATA_USER, PidSecretKeyGenerator, RandomPidSecretKeyGenerator,
};
use pgwire::error::{PgWireError, PgWireResult};
use pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage};

use super::Shared;
use crate::query::Client;

/// Makes a session for each client. Everybody is let in: the door listens on loopback only.
pub(super) struct Startup {
    shared: Arc<Shared>,
}

impl Startup {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
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
        let PgWireFrontendMessage::Startup(startup) = message else { return Ok(()) };
        protocol_negotiation(connection, &startup).await?;
        save_startup_parameters_to_metadata(connection, &startup);
        let client = Arc::new(self.shared.door.client());
        if let Some(name) = connection.metadata().get(METADATA_APPLICATION_NAME) {
            client.set_application_name(name);
        }
        self.register(connection, &client);
        connection.session_extensions().insert(client);
        finish_authentication(connection, &Parameters).await
    }
}

impl Startup {
    /// Lets the client be cancelled by its process ID and key, as long as it is there.
    fn register<C: ClientInfo>(&self, connection: &mut C, client: &Arc<Client>) {
        let mut clients = self.shared.clients.lock();
        clients.retain(|_, (_, client)| client.strong_count() > 0);
        let (pid, key) = loop {
            let (pid, key) = self.shared.ids.generate(connection);
            if !clients.contains_key(&pid) {
                break (pid, key);
            }
        };
        clients.insert(pid, (key.clone(), Arc::downgrade(client)));
        connection.set_pid_and_secret_key(pid, key);
    }
}

/// What drivers want to know of a server before they ask.
struct Parameters;

impl ServerParameterProvider for Parameters {
    fn server_parameters<C: ClientInfo>(&self, connection: &C) -> Option<HashMap<String, String>> {
        let given = |name: &str| connection.metadata().get(name).cloned().unwrap_or_default();
        let version = format!("16.6 (kubesql {})", env!("CARGO_PKG_VERSION"));
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

/// Gives connections their process IDs and keys.
pub(super) type Ids = RandomPidSecretKeyGenerator;
