//! Keeps away the pages that a browser on this machine shows: they reach its ports, but under names of their own.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::HOST;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Answers requests for this machine by name or for an address. A name of somebody else's leads here only where its
/// owner wants scripts to read what they must not (DNS rebinding).
pub(super) async fn only_for_this_machine(request: Request, next: Next) -> Response {
    let host = request.headers().get(HOST).map(|host| host.to_str().unwrap_or_default());
    let host = host.or_else(|| request.uri().authority().map(|authority| authority.as_str()));
    if host.is_none_or(is_here) {
        return next.run(request).await;
    }
    let message = "this server answers requests for localhost or an IP address: ask for http://localhost:PORT\n";
    (StatusCode::MISDIRECTED_REQUEST, message).into_response()
}

/// Whether a host, with its port or without, is `localhost` or an address.
fn is_here(host: &str) -> bool {
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
    fn hosts() {
        for (host, here) in [
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
            assert_eq!(is_here(host), here, "{host}");
        }
    }
}
