//! Who may cancel whose statement: whoever has the number and the key that a connection was given when it started.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use pgwire::api::{ClientInfo, PidSecretKeyGenerator, RandomPidSecretKeyGenerator};
use pgwire::messages::startup::SecretKey;

use crate::auth::same;
use crate::query::Client;

/// The clients that can be cancelled.
#[derive(Default)]
pub(super) struct Clients {
    ids: RandomPidSecretKeyGenerator,
    by_id: Mutex<HashMap<i32, (SecretKey, Weak<Client>)>>,
}

impl Clients {
    /// Lets the client be cancelled by its number and key, as long as it is there.
    pub(super) fn register<C: ClientInfo>(&self, connection: &mut C, client: &Arc<Client>) {
        let mut clients = self.by_id.lock();
        let (id, key) = loop {
            let (id, key) = self.ids.generate(connection);
            if clients.get(&id).is_none_or(|(_, client)| client.strong_count() == 0) {
                break (id, key);
            }
        };
        clients.insert(id, (key.clone(), Arc::downgrade(client)));
        connection.set_pid_and_secret_key(id, key);
    }

    /// Forgets a client whose connection has ended.
    pub(super) fn forget(&self, id: i32) {
        self.by_id.lock().remove(&id);
    }

    /// Cancels what a client runs, if this is its key.
    pub(super) fn cancel(&self, id: i32, key: &[u8]) {
        if let Some((theirs, client)) = self.by_id.lock().get(&id)
            && same(&theirs.to_bytes(), key)
            && let Some(client) = client.upgrade()
        {
            client.cancel();
        }
    }
}
