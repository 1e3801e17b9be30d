//! Authentication by the `Authorization` header, which HTTP and gRPC share.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Auth, Peer, Refused};
use crate::query::Principal;

impl Auth {
    /// Authenticates a request by its `Authorization` header, or else by the client certificate of its connection. With
    /// anonymous access, the user is the name that the client claims.
    pub(crate) async fn authenticate_request(
        &self,
        protocol: &'static str,
        peer: &Peer,
        authorization: Option<&str>,
        claimed_user: Option<&str>,
    ) -> Result<Principal, Refused> {
        let address = Some(peer.address.to_string());
        let principal = |user: Option<String>| Principal { user, protocol, address };
        if self.allows_anonymous() {
            return Ok(principal(claimed_user.map(str::to_owned)));
        }
        let missing = |message: &str| Refused { message: message.to_owned(), no_credentials: true };
        let Some(authorization) = authorization else {
            return match &peer.certificate_name {
                Some(name) => Ok(principal(Some(name.clone()))),
                None => Err(missing("authentication is required: a name and a password, or a token, in Authorization")),
            };
        };
        let (scheme, value) = authorization.split_once(' ').unwrap_or((authorization, ""));
        let user = match scheme.to_ascii_lowercase().as_str() {
            "basic" => {
                let decoded = STANDARD.decode(value.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
                let credentials = decoded.as_deref().and_then(|text| text.split_once(':'));
                let (user, password) =
                    credentials.ok_or_else(|| missing("the Authorization header has no name and password"))?;
                self.authenticate_password(protocol, peer, user, password).await?
            }
            "bearer" => self.authenticate_token(protocol, peer, value.trim()).await?,
            _ => return Err(missing("the scheme of the Authorization header must be Basic or Bearer")),
        };
        Ok(principal(Some(user)))
    }
}
