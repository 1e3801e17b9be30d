//! Requests to an API server.

use std::fmt::Write;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Request, header};
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;

use super::backoff::Backoff;
use super::failure::{Class, Failure};
use crate::schema::KindDef;
use crate::store::Selection;

/// The time limit for the start of a response, and between parts of a response that is not a watch.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The resource of a kind in one version, in one namespace or in all.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Resource {
    /// The API group; empty for the core group.
    pub(super) group: String,
    /// The version.
    pub(super) version: String,
    /// The plural, `pods`.
    pub(super) plural: String,
    /// The namespace; `None` for all namespaces, and for cluster-scoped kinds.
    pub(super) namespace: Option<String>,
    /// A field selector; empty for all objects.
    pub(super) fields: String,
    /// A label selector; empty for all objects.
    pub(super) labels: String,
}

impl Resource {
    /// All objects of a kind in a version.
    pub(super) fn new(kind: &KindDef, version: &str, namespace: Option<&str>) -> Self {
        Self {
            group: kind.group.to_owned(),
            version: version.to_owned(),
            plural: kind.plural.to_owned(),
            namespace: namespace.map(str::to_owned),
            fields: String::new(),
            labels: String::new(),
        }
    }

    /// Restricts the resource to selected objects.
    pub(super) fn select(&mut self, selection: &Selection) {
        let both = [std::mem::take(&mut self.fields), selection.field_selector()];
        self.fields = both.into_iter().filter(|fields| !fields.is_empty()).collect::<Vec<_>>().join(",");
        self.labels = selection.label_selector();
    }

    /// The path of a request with these parameters. Their values are escaped.
    pub(super) fn path(&self, parameters: &[(&str, &str)]) -> String {
        let mut path = if self.group.is_empty() { "/api/".to_owned() } else { format!("/apis/{}/", self.group) };
        path.push_str(&self.version);
        if let Some(namespace) = &self.namespace {
            path.push_str("/namespaces/");
            percent_encode(namespace, &mut path);
        }
        path.push('/');
        path.push_str(&self.plural);
        let selectors = [("fieldSelector", self.fields.as_str()), ("labelSelector", self.labels.as_str())];
        let selectors = selectors.into_iter().filter(|(_, selector)| !selector.is_empty());
        for (at, (name, value)) in parameters.iter().copied().chain(selectors).enumerate() {
            path.push(if at == 0 { '?' } else { '&' });
            path.push_str(name);
            path.push('=');
            percent_encode(value, &mut path);
        }
        path
    }
}

/// Appends percent-encoded text.
fn percent_encode(text: &str, to: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => to.push(char::from(byte)),
            other => _ = write!(to, "%{other:02X}"),
        }
    }
}

/// A response whose body is read in chunks.
pub(super) struct Response {
    body: Body,
    /// The time limit for the next chunk.
    pub(super) timeout: Duration,
}

/// Sends a GET request. An unsuccessful status is a failure. `timeout` is the time limit between chunks of the body.
pub(super) async fn get(client: &Client, path: &str, timeout: Duration) -> Result<Response, Failure> {
    let request = Request::get(path)
        .header(header::ACCEPT, "application/json")
        // Servers compress each event of a watch separately. Compressing lists costs more than it saves on a local network.
        .header(header::ACCEPT_ENCODING, "identity")
        .body(Body::empty())
        .map_err(|error| Failure::new(Class::Rejected, format!("{path}: {error}")))?;
    let response = tokio::time::timeout(TIMEOUT, client.send(request));
    let response = response.await.map_err(|_| Failure::timeout(TIMEOUT))??;
    let (head, body) = response.into_parts();
    let mut response = Response { body, timeout };
    if head.status.is_success() {
        return Ok(response);
    }
    response.timeout = TIMEOUT;
    let body = response.read_all().await.unwrap_or_default();
    Err(Failure::from_response(head.status, &head.headers, &body))
}

/// Like [`fetch`], with up to `attempts` requests while the server is overloaded.
pub(super) async fn fetch_with_retry(client: &Client, path: &str, attempts: u32) -> Result<Bytes, Failure> {
    let mut backoff = Backoff::default();
    let mut attempt = 1;
    loop {
        match fetch(client, path).await {
            // The first failure may be a kept-alive connection that the server closed.
            Err(failure)
                if attempt < attempts
                    && (failure.class == Class::Busy || failure.class == Class::Unreachable && attempt == 1) =>
            {
                attempt += 1;
                tokio::time::sleep(backoff.next(failure.retry_after).total()).await;
            }
            other => return other,
        }
    }
}

/// Sends a GET request and reads the whole response.
pub(super) async fn fetch(client: &Client, path: &str) -> Result<Bytes, Failure> {
    get(client, path, TIMEOUT).await?.read_all().await
}

impl Response {
    /// The next chunk; `None` at the end.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            let frame = tokio::time::timeout(self.timeout, self.body.frame());
            match frame.await.map_err(|_| Failure::timeout(self.timeout))? {
                None => return Ok(None),
                Some(Err(error)) => return Err(Failure::from_body_error(&error)),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }

    /// Reads the whole body.
    async fn read_all(mut self) -> Result<Bytes, Failure> {
        let Some(first) = self.chunk().await? else { return Ok(Bytes::new()) };
        let Some(second) = self.chunk().await? else { return Ok(first) };
        let mut all = BytesMut::with_capacity((first.len() + second.len()) * 8);
        all.extend_from_slice(&first);
        all.extend_from_slice(&second);
        while let Some(chunk) = self.chunk().await? {
            all.extend_from_slice(&chunk);
        }
        Ok(all.freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::Resource;

    #[test]
    fn paths_are_escaped() {
        let resource = |group: &str, namespace: Option<&str>| Resource {
            group: group.into(),
            version: "v1".into(),
            plural: "things".into(),
            namespace: namespace.map(str::to_owned),
            fields: String::new(),
            labels: String::new(),
        };
        assert_eq!(resource("", None).path(&[]), "/api/v1/things");
        assert_eq!(
            resource("a.b", Some("x/y")).path(&[("labelSelector", "a in (b,c)"), ("limit", "5")]),
            "/apis/a.b/v1/namespaces/x%2Fy/things?labelSelector=a%20in%20%28b%2Cc%29&limit=5"
        );
    }
}
