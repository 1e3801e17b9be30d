//! Failures of requests to API servers: a message for people, and a class for the code.

use std::error::Error;
use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use kube::core::Status;

/// A request that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(super) struct Failure {
    /// The class of the failure.
    pub(super) class: Class,
    /// The message, in some cases with advice.
    pub(super) message: String,
    /// The delay before a retry that the server header for.
    pub(super) retry_after: Option<Duration>,
}

/// The classes of failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// The connection failed.
    Unreachable,
    /// The server did not respond in time.
    TimedOut,
    /// The server's certificate, or the client's, was rejected.
    Certificate,
    /// The credentials are missing, wrong, or expired.
    Unauthorized,
    /// The account lacks permission.
    Forbidden,
    /// The server does not have the resource.
    NotServed,
    /// The resource version or continue token is too old, or of another history. All objects must be listed again.
    Expired,
    /// The server rejected the request; for example, older servers do not support streaming lists.
    Rejected,
    /// The server is overloaded, or failed internally.
    Busy,
    /// The response is malformed.
    Unreadable,
}

impl Class {
    /// Whether a retry may succeed without any intervention.
    pub(super) fn is_transient(self) -> bool {
        matches!(self, Self::Unreachable | Self::TimedOut | Self::Expired | Self::Busy | Self::Unreadable)
    }
}

impl Failure {
    pub(super) fn new(class: Class, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), retry_after: None }
    }

    /// From an unsuccessful response. The body is a `Status` if it is from an API server, and not from a proxy.
    pub(super) fn from_response(code: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let status: Option<Status> = serde_json::from_slice(body).ok();
        let said = status.as_ref().map(|status| status.message.clone()).filter(|message| !message.is_empty());
        let said = said.unwrap_or_else(|| {
            let text = String::from_utf8_lossy(body);
            let line: String = text.lines().next().unwrap_or_default().chars().take(200).collect();
            if line.is_empty() { code.to_string() } else { line }
        });
        let header = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let details = status.and_then(|status| status.details).map(|details| u64::from(details.retry_after_seconds));
        let retry_after = header.or(details.filter(|seconds| *seconds > 0)).map(Duration::from_secs);
        Self { retry_after, ..Self::from_status(code.as_u16(), said) }
    }

    /// From an HTTP status code and the server's message.
    pub(super) fn from_status(code: u16, said: String) -> Self {
        let class = match code {
            // The server was restored to an earlier state, so that the resource version is of another history. Only the
            // message identifies this error.
            500..=599 if said.contains("Too large resource version") => Class::Expired,
            401 => Class::Unauthorized,
            403 => Class::Forbidden,
            404 => Class::NotServed,
            410 => Class::Expired,
            429 | 500..=599 => Class::Busy,
            _ => Class::Rejected,
        };
        let message = match class {
            Class::Unauthorized => format!("the credentials were rejected, or have expired ({said})"),
            Class::Busy if code == 429 => format!("the server has too many requests ({said})"),
            Class::Busy => format!("the server failed: {said} (HTTP {code})"),
            _ => said,
        };
        Self::new(class, message)
    }

    /// From an error while reading a response body.
    pub(super) fn from_body_error(error: &(dyn Error + 'static)) -> Self {
        Self::new(Class::Unreachable, format!("connection lost: {}", innermost(error)))
    }

    /// No response within this time.
    pub(super) fn timeout(time: Duration) -> Self {
        Self::new(Class::TimedOut, format!("no response within {} s", time.as_secs()))
    }
}

impl From<kube::Error> for Failure {
    fn from(error: kube::Error) -> Self {
        match &error {
            kube::Error::Api(status) => return Self::from_status(status.code, status.message.clone()),
            kube::Error::Auth(auth) => {
                return Self::new(Class::Unauthorized, format!("could not obtain credentials: {auth}{}", cause(auth)));
            }
            _ => {}
        }
        let said = innermost(&error);
        let lower = said.to_lowercase();
        if ["certificate", "tls", "handshake", "notvalidforname"].iter().any(|word| lower.contains(word)) {
            return Self::new(Class::Certificate, certificate(&lower, &said));
        }
        Self::new(Class::Unreachable, format!("could not connect to the server: {said}"))
    }
}

fn certificate(lower: &str, said: &str) -> String {
    let what = if lower.contains("expired") {
        "a certificate has expired"
    } else if lower.contains("unknownissuer") || lower.contains("unknown issuer") {
        "the server's certificate is signed by an unknown authority"
    } else if lower.contains("name") {
        "the server's certificate is for another name"
    } else {
        "the certificate was rejected"
    };
    format!("{what} ({said})")
}

/// The innermost source of an error.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

fn cause(error: &(dyn Error + 'static)) -> String {
    error.source().map_or_else(String::new, |source| format!(": {}", innermost(source)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{HeaderMap, StatusCode};

    use super::{Class, Failure};

    #[test]
    fn responses_have_classes_and_messages() {
        let status = br#"{"kind":"Status","status":"Failure","message":"pods is forbidden: no","code":403}"#;
        let failure = Failure::from_response(StatusCode::FORBIDDEN, &HeaderMap::new(), status);
        assert_eq!((failure.class, failure.message.as_str()), (Class::Forbidden, "pods is forbidden: no"));

        let mut headers = HeaderMap::new();
        headers.insert("retry-after", "7".parse().expect("a header"));
        let failure = Failure::from_response(StatusCode::TOO_MANY_REQUESTS, &headers, b"slow down\nplease");
        assert_eq!(failure.class, Class::Busy);
        assert_eq!(failure.message, "the server has too many requests (slow down)");
        assert_eq!(failure.retry_after, Some(Duration::from_secs(7)));

        let status = br#"{"kind":"Status","message":"try later","details":{"retryAfterSeconds":2},"code":503}"#;
        let failure = Failure::from_response(StatusCode::SERVICE_UNAVAILABLE, &HeaderMap::new(), status);
        assert_eq!(failure.message, "the server failed: try later (HTTP 503)");
        assert_eq!(failure.retry_after, Some(Duration::from_secs(2)));

        let status = br#"{"kind":"Status","message":"Too large resource version: 9, current: 5","code":504}"#;
        let failure = Failure::from_response(StatusCode::GATEWAY_TIMEOUT, &HeaderMap::new(), status);
        assert_eq!(failure.class, Class::Expired);

        let failure = Failure::from_response(StatusCode::GONE, &HeaderMap::new(), b"");
        assert_eq!((failure.class, failure.message.as_str()), (Class::Expired, "410 Gone"));
    }
}
