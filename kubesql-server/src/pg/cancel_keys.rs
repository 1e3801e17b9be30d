//! Cancel requests. A connection receives a number and a secret key when it starts; another connection that sends both
//! cancels its statement.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use pgwire::api::{ClientInfo, PidSecretKeyGenerator, RandomPidSecretKeyGenerator};
use pgwire::messages::startup::SecretKey;

use crate::auth::constant_time_eq;
use crate::query::Client;

/// The connected clients and their keys.
#[derive(Default)]
pub(super) struct CancelKeys {
    ids: RandomPidSecretKeyGenerator,
    by_id: Mutex<HashMap<i32, (SecretKey, Weak<Client>)>>,
}

impl CancelKeys {
    /// Assigns a number and a key to a client. They are valid as long as the client lives.
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

    /// Removes a client whose connection has ended.
    pub(super) fn remove(&self, id: i32) {
        self.by_id.lock().remove(&id);
    }

    /// Cancels the statement of a client, if the key is right.
    pub(super) fn cancel(&self, id: i32, key: &[u8]) {
        if let Some((expected, client)) = self.by_id.lock().get(&id)
            && constant_time_eq(&expected.to_bytes(), key)
            && let Some(client) = client.upgrade()
        {
            client.cancel();
        }
    }
}
