//! The `Authorization` of HTTP and of what goes over it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Auth, Peer, Refused};
use crate::query::Who;

impl Auth {
    /// Lets in whoever asks over HTTP: by what stands in `Authorization`, or by their certificate; where everybody is
    /// let in, by the name that they give themselves.
    pub(crate) async fn request(
        &self,
        door: &'static str,
        peer: &Peer,
        authorization: Option<&str>,
        claimed: Option<&str>,
    ) -> Result<Who, Refused> {
        let from = Some(peer.address.to_string());
        let who = |user: Option<String>| Who { user, door, from };
        if self.is_open() {
            return Ok(who(claimed.map(str::to_owned)));
        }
        let nothing = |message: &str| Refused { message: message.to_owned(), nothing_shown: true };
        let Some(authorization) = authorization else {
            return match &peer.certificate {
                Some(name) => Ok(who(Some(name.clone()))),
                None => Err(nothing("say who you are: a name and a password, or a token, in Authorization")),
            };
        };
        let (scheme, value) = authorization.split_once(' ').unwrap_or((authorization, ""));
        let user = match scheme.to_ascii_lowercase().as_str() {
            "basic" => {
                let decoded = STANDARD.decode(value.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
                let shown = decoded.as_deref().and_then(|text| text.split_once(':'));
                let (user, password) = shown.ok_or_else(|| nothing("Authorization has no name and password"))?;
                self.password(door, peer, user, password).await?
            }
            "bearer" => self.token(door, peer, value.trim()).await?,
            _ => return Err(nothing("Authorization takes Basic, or Bearer with a token")),
        };
        Ok(who(Some(user)))
    }
}
