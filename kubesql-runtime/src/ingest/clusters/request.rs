//! Requests to an API server, and their answers as bytes.

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

/// The longest that a server may take to begin an answer, or to go on with one that is not a watch.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where the objects of a kind are: a version of it, in one namespace or in all.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Resource {
    /// API group, empty for the core group.
    pub(super) group: String,
    /// A version that the server has.
    pub(super) version: String,
    /// `pods`.
    pub(super) plural: String,
    /// The only namespace; `None` for all, or where the kind has none.
    pub(super) namespace: Option<String>,
    /// A field selector; empty for all objects.
    pub(super) fields: String,
    /// A label selector; empty for all objects.
    pub(super) labels: String,
}

impl Resource {
    /// A kind in this version.
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

    /// Asks for a selection of the objects that are here.
    pub(super) fn select(&mut self, selection: &Selection) {
        let both = [std::mem::take(&mut self.fields), selection.field_selector()];
        self.fields = both.into_iter().filter(|fields| !fields.is_empty()).collect::<Vec<_>>().join(",");
        self.labels = selection.label_selector();
    }

    /// The path of a request with these parameters, whose values are escaped here.
    pub(super) fn path(&self, parameters: &[(&str, &str)]) -> String {
        let mut path = if self.group.is_empty() { "/api/".to_owned() } else { format!("/apis/{}/", self.group) };
        path.push_str(&self.version);
        if let Some(namespace) = &self.namespace {
            path.push_str("/namespaces/");
            escape(namespace, &mut path);
        }
        path.push('/');
        path.push_str(&self.plural);
        let selectors = [("fieldSelector", self.fields.as_str()), ("labelSelector", self.labels.as_str())];
        let selectors = selectors.into_iter().filter(|(_, selector)| !selector.is_empty());
        for (at, (name, value)) in parameters.iter().copied().chain(selectors).enumerate() {
            path.push(if at == 0 { '?' } else { '&' });
            path.push_str(name);
            path.push('=');
            escape(value, &mut path);
        }
        path
    }
}

/// Appends text with all but the plainest characters escaped.
fn escape(text: &str, to: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => to.push(char::from(byte)),
            other => _ = write!(to, "%{other:02X}"),
        }
    }
}

/// An answer whose body is read piece by piece.
pub(super) struct Answer {
    body: Body,
    /// The longest that is waited for the next piece.
    pub(super) patience: Duration,
}

/// Asks for a path; an answer that is not a success is a failure.
pub(super) async fn get(client: &Client, path: &str, patience: Duration) -> Result<Answer, Failure> {
    let request = Request::get(path)
        .header(header::ACCEPT, "application/json")
        // Servers compress each event of a watch by itself, and lists at a cost that a local network does not repay.
        .header(header::ACCEPT_ENCODING, "identity")
        .body(Body::empty())
        .map_err(|error| Failure::new(Class::Refused, format!("{path}: {error}")))?;
    let answer = tokio::time::timeout(PATIENCE, client.send(request));
    let answer = answer.await.map_err(|_| Failure::silent(PATIENCE))??;
    let (head, body) = answer.into_parts();
    let mut answer = Answer { body, patience };
    if head.status.is_success() {
        return Ok(answer);
    }
    answer.patience = PATIENCE;
    let body = answer.whole().await.unwrap_or_default();
    Err(Failure::answer(head.status, &head.headers, &body))
}

/// The same, so many times at most where the server has too much to do, as long after each as it asks for.
pub(super) async fn fetch_patiently(client: &Client, path: &str, attempts: u32) -> Result<Bytes, Failure> {
    let mut backoff = Backoff::default();
    let mut attempt = 1;
    loop {
        match fetch(client, path).await {
            // A connection that was kept open may have been closed meanwhile.
            Err(failure)
                if attempt < attempts
                    && (failure.class == Class::Busy || failure.class == Class::Unreachable && attempt == 1) =>
            {
                attempt += 1;
                tokio::time::sleep(backoff.next(failure.retry_after).whole()).await;
            }
            other => return other,
        }
    }
}

/// Asks for a path, and reads all of the answer.
pub(super) async fn fetch(client: &Client, path: &str) -> Result<Bytes, Failure> {
    get(client, path, PATIENCE).await?.whole().await
}

impl Answer {
    /// The next piece; `None` at the end.
    pub(super) async fn piece(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            let frame = tokio::time::timeout(self.patience, self.body.frame());
            match frame.await.map_err(|_| Failure::silent(self.patience))? {
                None => return Ok(None),
                Some(Err(error)) => return Err(Failure::body(&error)),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }

    /// All pieces.
    async fn whole(mut self) -> Result<Bytes, Failure> {
        let Some(first) = self.piece().await? else { return Ok(Bytes::new()) };
        let Some(second) = self.piece().await? else { return Ok(first) };
        let mut all = BytesMut::with_capacity((first.len() + second.len()) * 8);
        all.extend_from_slice(&first);
        all.extend_from_slice(&second);
        while let Some(piece) = self.piece().await? {
            all.extend_from_slice(&piece);
        }
        Ok(all.freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::Resource;

    #[test]
    fn paths() {
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
