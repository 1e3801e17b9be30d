//! Authentication of requests, and the one way from a request to a [`Client`]: the [`Identity`] extractor.

use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::header::{AUTHORIZATION, USER_AGENT, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::api::problem::Problem;
use super::connection::RemotePeer;
use crate::listen::Access;
use crate::query::{Client, Frontend, Principal};

/// The name of this protocol in the audit log and in `system.queries`.
const PROTOCOL: &str = "http";

/// The headers in which clients of Trino and Presto send a user name.
const USER_HEADERS: [&str; 2] = ["x-trino-user", "x-presto-user"];

/// Paths that need no authentication. Their answers reveal nothing about clusters.
const PUBLIC_PATHS: [&str; 4] = ["/healthz", "/readyz", "/v1/info", "/v1/info/state"];

/// The authenticated sender of a request.
///
/// [`authenticate`] adds it to the extensions of the request. A handler that takes it is not called without: if a route
/// lacks the middleware, its requests fail with status 500 and are not served anonymously.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    principal: Principal,
    user_agent: Option<String>,
}

impl Identity {
    /// A client with a session of its own. Its `application_name` is `application`, or else the `User-Agent`.
    pub(super) fn into_client(self, frontend: &Arc<Frontend>, application: Option<&str>) -> Client {
        let client = frontend.client(self.principal);
        if let Some(name) = application.or(self.user_agent.as_deref()) {
            client.set_application_name(name);
        }
        client
    }

    /// An identity for tests.
    #[cfg(test)]
    pub(super) fn anonymous() -> Self {
        Self { principal: Principal { protocol: PROTOCOL, ..Principal::default() }, user_agent: None }
    }
}

impl<S: Sync> FromRequestParts<S> for Identity {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let missing = || Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the request has no identity");
        parts.extensions.get::<Self>().cloned().ok_or_else(missing)
    }
}

/// Middleware that adds the [`Identity`] of each request. Responds with status 401 if authentication fails.
pub(super) async fn authenticate(
    State(access): State<Arc<Access>>,
    ConnectInfo(RemotePeer(peer)): ConnectInfo<RemotePeer>,
    mut request: Request,
    next: Next,
) -> Response {
    if peer.is_tls && !request.headers().contains_key("x-forwarded-proto") {
        // Links in responses have the scheme of the request.
        request.headers_mut().insert("x-forwarded-proto", HeaderValue::from_static("https"));
    }
    if PUBLIC_PATHS.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    let (authorization, user, user_agent) = {
        let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        (text(AUTHORIZATION.as_str()), USER_HEADERS.into_iter().find_map(text), text(USER_AGENT.as_str()))
    };
    let identified = access.auth.authenticate_request(PROTOCOL, &peer, authorization.as_deref(), user.as_deref()).await;
    // Handlers do not need the credentials.
    request.headers_mut().remove(AUTHORIZATION);
    match identified {
        Ok(principal) => {
            request.extensions_mut().insert(Identity { principal, user_agent });
            next.run(request).await
        }
        Err(refused) => {
            let problem = Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", refused.message);
            let problem = problem.hint("send Authorization: Basic with a name and a password, or Bearer with a token");
            let mut response = problem.into_response();
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"kubesql\""));
            response
        }
    }
}
