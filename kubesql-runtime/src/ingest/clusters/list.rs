//! Lists in pages: the next is on its way while one is taken in.

use std::borrow::Cow;
use std::ops::Range;

use kube::Client;
use tokio::task::JoinSet;

use super::failure::{Class, Failure};
use super::page::Page;
use super::request::{Resource, fetch_patiently};

/// Objects of a page: what client-go asks for.
const LIMIT: &str = "500";

/// The pages of a list.
pub(super) struct Pages {
    client: Client,
    resource: Resource,
    limit: Option<&'static str>,
    /// How often each page is asked for where the server is too busy.
    attempts: u32,
    /// The page that is on its way; dropped, it is given up.
    next: JoinSet<Result<Text, Failure>>,
    version: Option<String>,
}

/// A page and its text.
pub(super) struct Text {
    text: String,
    page: Page,
}

impl Pages {
    /// The pages of all objects; `at_once`, there is only one.
    pub(super) fn new(client: Client, resource: Resource, at_once: bool) -> Self {
        Self::patiently(client, resource, at_once, 1)
    }

    /// The same, each asked for so many times at most where the server is too busy.
    pub(super) fn patiently(client: Client, resource: Resource, at_once: bool, attempts: u32) -> Self {
        let limit = (!at_once).then_some(LIMIT);
        let mut pages = Self { client, resource, limit, attempts, next: JoinSet::new(), version: None };
        pages.ask("");
        pages
    }

    fn ask(&mut self, token: &str) {
        let mut parameters: Vec<(&str, &str)> = self.limit.iter().map(|limit| ("limit", *limit)).collect();
        if !token.is_empty() {
            parameters.push(("continue", token));
        }
        let (client, path, attempts) = (self.client.clone(), self.resource.path(&parameters), self.attempts);
        self.next.spawn(async move { Text::new(fetch_patiently(&client, &path, attempts).await?.into()) });
    }

    /// The next page; `None` after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Text>, Failure> {
        let Some(answer) = self.next.join_next().await else { return Ok(None) };
        let text = answer.map_err(|error| Failure::new(Class::Unreadable, error.to_string()))??;
        if !text.page.next.is_empty() {
            self.ask(&text.page.next);
        }
        // All pages are of the state of the first.
        if self.version.is_none() {
            self.version = Some(text.page.resource_version.clone());
        }
        Ok(Some(text))
    }

    /// Whether all objects are asked for at once.
    pub(super) fn is_at_once(&self) -> bool {
        self.limit.is_none()
    }

    /// The same list from its start, as it is by now, at once: it cannot expire.
    pub(super) fn again_at_once(self) -> Self {
        Self::patiently(self.client, self.resource, true, self.attempts)
    }

    /// The version of the state that the list is of.
    pub(super) fn into_version(self) -> String {
        self.version.unwrap_or_default()
    }
}

impl Text {
    fn new(bytes: Vec<u8>) -> Result<Self, Failure> {
        let text = match simdutf8::basic::from_utf8(&bytes) {
            Ok(_) => String::from_utf8(bytes).unwrap_or_default(),
            Err(_) => String::from_utf8_lossy(&bytes).into_owned(),
        };
        let page = Page::read(&text)?;
        Ok(Self { text, page })
    }

    /// Its objects, as they are by themselves: the items of a list of one kind do not say what they are.
    pub(super) fn objects(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.page.items.iter().map(|item| self.object(item))
    }

    fn object(&self, item: &Range<usize>) -> Cow<'_, str> {
        let object = &self.text[item.clone()];
        let inside = object.strip_prefix('{').map(str::trim_ascii_start);
        match inside {
            Some(inside) if !inside.starts_with("\"kind\"") && !inside.starts_with("\"apiVersion\"") => {
                let comma = if inside.starts_with('}') { "" } else { "," };
                let Page { api_version, kind, .. } = &self.page;
                let kind = kind.strip_suffix("List").unwrap_or(kind);
                Cow::Owned(format!(r#"{{"kind":"{kind}","apiVersion":"{api_version}"{comma}{inside}"#))
            }
            _ => Cow::Borrowed(object),
        }
    }
}
