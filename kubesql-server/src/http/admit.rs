//! The one place where a request becomes a client: who asks, and what it calls itself.

use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{AUTHORIZATION, USER_AGENT, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::api::Problem;
use super::connect::Caller;
use crate::listen::Access;
use crate::query::{Client, Door, Who};

/// What clients come in by, as other rooms call it.
const DOOR: &str = "http";

/// What the protocol of Presto and Trino has of its own to say who asks.
const USERS: [&str; 2] = ["x-trino-user", "x-presto-user"];

/// What says nothing of any cluster, and is asked before anybody can say who they are.
const FOR_EVERYBODY: [&str; 4] = ["/healthz", "/readyz", "/v1/info", "/v1/info/state"];

tokio::task_local! {
    /// Who makes the request that is answered.
    static WHO: Who;
}

/// Answers requests of those who may ask; all else comes behind this.
pub(super) async fn only_who_may(
    State(access): State<Arc<Access>>,
    ConnectInfo(Caller(peer)): ConnectInfo<Caller>,
    mut request: Request,
    next: Next,
) -> Response {
    if peer.secure && !request.headers().contains_key("x-forwarded-proto") {
        // Pages of answers are asked for as the first one was.
        request.headers_mut().insert("x-forwarded-proto", HeaderValue::from_static("https"));
    }
    if FOR_EVERYBODY.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    let (shown, claimed) = {
        let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        (text(AUTHORIZATION.as_str()), USERS.into_iter().find_map(text))
    };
    let who = access.auth.request(DOOR, &peer, shown.as_deref(), claimed.as_deref()).await;
    // Who has come in says no more who they are: nobody behind this should have to keep a secret.
    request.headers_mut().remove(AUTHORIZATION);
    match who {
        Ok(who) => WHO.scope(who, next.run(request)).await,
        Err(refused) => {
            let problem = Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", refused.message);
            let problem = problem.hint("send Authorization: Basic with a name and a password, or Bearer with a token");
            let mut response = problem.into_response();
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"kubesql\""));
            response
        }
    }
}

/// The client that a request comes from, in a session of its own; `program` is what it calls itself where the protocol
/// has a word for that.
pub(super) fn client(door: &Arc<Door>, headers: &HeaderMap, program: Option<&str>) -> Client {
    let who = WHO.try_with(Who::clone).unwrap_or_else(|_| Who { door: DOOR, ..Who::default() });
    let client = door.client_of(who);
    if let Some(name) = program.or_else(|| headers.get(USER_AGENT)?.to_str().ok()) {
        client.set_application_name(name);
    }
    client
}
