//! What connections share, and the client of each.

use std::sync::Arc;

use pgwire::api::ClientInfo;
use pgwire::error::{ErrorInfo, PgWireError, PgWireResult};

use super::cancel_keys::CancelKeys;
use crate::listen::Access;
use crate::query::{Client, Frontend};

/// Shared by all connections.
pub(super) struct Shared {
    pub(super) frontend: Arc<Frontend>,
    pub(super) access: Arc<Access>,
    pub(super) cancel_keys: CancelKeys,
}

/// The client of a connection, which exists after authentication.
pub(super) fn client(connection: &impl ClientInfo) -> PgWireResult<Arc<Client>> {
    let client = connection.session_extensions().get::<Arc<Client>>();
    let missing = || ErrorInfo::new("FATAL".into(), "08P01".into(), "the client is not authenticated".into());
    client.map(|client| Arc::clone(&*client)).ok_or_else(|| PgWireError::UserError(Box::new(missing())))
}
