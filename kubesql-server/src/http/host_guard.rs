//! Protects a server that listens on localhost without authentication from web pages: by DNS rebinding, a page of
//! another site can make a browser on this machine send requests here, but only with a foreign `Host`.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::HOST;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Middleware that rejects requests whose host is neither `localhost` nor an IP address.
pub(super) async fn reject_foreign_hosts(request: Request, next: Next) -> Response {
    let host = request.headers().get(HOST).map(|host| host.to_str().unwrap_or_default());
    let host = host.or_else(|| request.uri().authority().map(|authority| authority.as_str()));
    if host.is_none_or(is_local) {
        return next.run(request).await;
    }
    let message = "this server only answers requests for localhost or an IP address: use http://localhost:PORT\n";
    (StatusCode::MISDIRECTED_REQUEST, message).into_response()
}

/// Whether a host, with or without a port, is `localhost`, a name below it, or an IP address.
fn is_local(host: &str) -> bool {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split_once(']').is_some_and(|(address, _)| address.parse::<IpAddr>().is_ok());
    }
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let name = name.trim_end_matches('.');
    name.parse::<IpAddr>().is_ok() || name.eq_ignore_ascii_case("localhost") || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_local_hosts_from_foreign_ones() {
        for (host, expect) in [
            ("localhost:8080", true),
            ("LOCALHOST", true),
            ("kubesql.localhost:1", true),
            ("127.0.0.1:8080", true),
            ("10.1.2.3", true),
            ("[::1]:8080", true),
            ("attacker.example:8080", false),
            ("localhost.attacker.example", false),
            ("[attacker.example]", false),
            ("", false),
        ] {
            assert_eq!(is_local(host), expect, "{host}");
        }
    }
}
