//! Why an API server did not answer, in words for people and in classes for the code.

use std::error::Error;
use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use kube::core::Status;

/// A request that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(super) struct Failure {
    /// What sort of failure it is.
    pub(super) class: Class,
    /// In words, and what to do about it where that is known.
    pub(super) message: String,
    /// How long the server asks to be left alone.
    pub(super) retry_after: Option<Duration>,
}

/// Sorts of failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// The server cannot be reached, or broke off.
    Unreachable,
    /// The server has stopped answering, but not broken off.
    Silent,
    /// The server's certificate, or ours, is not accepted.
    Certificate,
    /// The credentials are missing, wrong, or expired.
    Unauthorized,
    /// The account may not do this.
    Forbidden,
    /// The server does not have the resource.
    NotServed,
    /// The version or token asked for is too old, or of another history: all must be listed anew.
    Expired,
    /// The server does not understand the request, as older ones do not know streaming lists.
    Refused,
    /// The server has too much to do.
    Busy,
    /// Something that was answered cannot be read.
    Unreadable,
}

impl Class {
    /// Whether trying again soon can help without anybody doing something.
    pub(super) fn is_passing(self) -> bool {
        matches!(self, Self::Unreachable | Self::Silent | Self::Expired | Self::Busy | Self::Unreadable)
    }
}

impl Failure {
    pub(super) fn new(class: Class, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), retry_after: None }
    }

    /// An answer that is not a success; its body is a `Status` where it comes from an API server.
    pub(super) fn answer(code: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let status: Option<Status> = serde_json::from_slice(body).ok();
        let said = status.as_ref().map(|status| status.message.clone()).filter(|message| !message.is_empty());
        let said = said.unwrap_or_else(|| {
            let text = String::from_utf8_lossy(body);
            let line: String = text.lines().next().unwrap_or_default().chars().take(200).collect();
            if line.is_empty() { code.to_string() } else { line }
        });
        let asked = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let details = status.and_then(|status| status.details).map(|details| u64::from(details.retry_after_seconds));
        let retry_after = asked.or(details.filter(|seconds| *seconds > 0)).map(Duration::from_secs);
        Self { retry_after, ..Self::status(code.as_u16(), said) }
    }

    /// What a server said, by its HTTP code.
    pub(super) fn status(code: u16, said: String) -> Self {
        let class = match code {
            // A server that was set back to an earlier state: what was seen of it is of another history.
            500..=599 if said.contains("Too large resource version") => Class::Expired,
            401 => Class::Unauthorized,
            403 => Class::Forbidden,
            404 => Class::NotServed,
            410 => Class::Expired,
            429 | 500..=599 => Class::Busy,
            _ => Class::Refused,
        };
        let message = match class {
            Class::Unauthorized => format!("the credentials are not accepted, or have expired ({said})"),
            Class::Busy if code == 429 => format!("the server has too many requests ({said})"),
            Class::Busy => format!("the server failed: {said} (HTTP {code})"),
            _ => said,
        };
        Self::new(class, message)
    }

    /// A body that broke off, or stood still for too long.
    pub(super) fn body(error: &(dyn Error + 'static)) -> Self {
        Self::new(Class::Unreachable, format!("the connection broke off: {}", innermost(error)))
    }

    /// No answer within this time.
    pub(super) fn silent(time: Duration) -> Self {
        Self::new(Class::Silent, format!("no answer for {} s", time.as_secs()))
    }
}

impl From<kube::Error> for Failure {
    fn from(error: kube::Error) -> Self {
        match &error {
            kube::Error::Api(status) => return Self::status(status.code, status.message.clone()),
            kube::Error::Auth(auth) => {
                return Self::new(Class::Unauthorized, format!("no credentials can be had: {auth}{}", cause(auth)));
            }
            _ => {}
        }
        let said = innermost(&error);
        let lower = said.to_lowercase();
        if ["certificate", "tls", "handshake", "notvalidforname"].iter().any(|word| lower.contains(word)) {
            return Self::new(Class::Certificate, certificate(&lower, &said));
        }
        Self::new(Class::Unreachable, format!("the server cannot be reached: {said}"))
    }
}

fn certificate(lower: &str, said: &str) -> String {
    let what = if lower.contains("expired") {
        "a certificate has expired"
    } else if lower.contains("unknownissuer") || lower.contains("unknown issuer") {
        "the server's certificate is of an authority that the kubeconfig does not name"
    } else if lower.contains("name") {
        "the server's certificate is for another name"
    } else {
        "the certificate is not accepted"
    };
    format!("{what} ({said})")
}

/// The error that all others around it only pass on.
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
    fn answers_in_words() {
        let status = br#"{"kind":"Status","status":"Failure","message":"pods is forbidden: no","code":403}"#;
        let failure = Failure::answer(StatusCode::FORBIDDEN, &HeaderMap::new(), status);
        assert_eq!((failure.class, failure.message.as_str()), (Class::Forbidden, "pods is forbidden: no"));

        let mut headers = HeaderMap::new();
        headers.insert("retry-after", "7".parse().expect("a header"));
        let failure = Failure::answer(StatusCode::TOO_MANY_REQUESTS, &headers, b"slow down\nplease");
        assert_eq!(failure.class, Class::Busy);
        assert_eq!(failure.message, "the server has too many requests (slow down)");
        assert_eq!(failure.retry_after, Some(Duration::from_secs(7)));

        let status = br#"{"kind":"Status","message":"try later","details":{"retryAfterSeconds":2},"code":503}"#;
        let failure = Failure::answer(StatusCode::SERVICE_UNAVAILABLE, &HeaderMap::new(), status);
        assert_eq!(failure.message, "the server failed: try later (HTTP 503)");
        assert_eq!(failure.retry_after, Some(Duration::from_secs(2)));

        let status = br#"{"kind":"Status","message":"Too large resource version: 9, current: 5","code":504}"#;
        let failure = Failure::answer(StatusCode::GATEWAY_TIMEOUT, &HeaderMap::new(), status);
        assert_eq!(failure.class, Class::Expired);

        let failure = Failure::answer(StatusCode::GONE, &HeaderMap::new(), b"");
        assert_eq!((failure.class, failure.message.as_str()), (Class::Expired, "410 Gone"));
    }
}
