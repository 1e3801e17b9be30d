//! The one place where a request becomes a client: who asks, and what it calls itself.

use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::USER_AGENT;

use crate::query::{Client, Door};

/// The client that a request comes from, in a session of its own; `program` is what it calls itself where the protocol
/// has a word for that. Everybody is let in: the door listens on loopback only.
pub(super) fn client(door: &Arc<Door>, headers: &HeaderMap, program: Option<&str>) -> Client {
    let client = door.client();
    if let Some(name) = program.or_else(|| headers.get(USER_AGENT)?.to_str().ok()) {
        client.set_application_name(name);
    }
    client
}
