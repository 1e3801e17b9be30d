//! Lists in pages. The next page is requested while the previous one is processed.

use std::borrow::Cow;
use std::ops::Range;

use kube::Client;
use tokio::task::JoinSet;

use super::failure::{Class, Failure};
use super::page::Page;
use super::request::{Resource, fetch_with_retry};

/// Objects of a page. This is the page size of client-go.
const PAGE_SIZE: &str = "500";

/// The pages of a list.
pub(super) struct Pages {
    client: Client,
    resource: Resource,
    limit: Option<&'static str>,
    /// The number of attempts for each page while the server is overloaded.
    attempts: u32,
    /// The request for the next page. Dropping it cancels the request.
    next: JoinSet<Result<PageText, Failure>>,
    resource_version: Option<String>,
}

/// A page and its text.
pub(super) struct PageText {
    text: String,
    page: Page,
}

impl Pages {
    /// Lists all objects in pages; with `single_page`, in one page.
    pub(super) fn new(client: Client, resource: Resource, single_page: bool) -> Self {
        Self::with_attempts(client, resource, single_page, 1)
    }

    /// Like [`Pages::new`], with up to `attempts` requests for each page while the server is overloaded.
    pub(super) fn with_attempts(client: Client, resource: Resource, single_page: bool, attempts: u32) -> Self {
        let limit = (!single_page).then_some(PAGE_SIZE);
        let mut pages = Self { client, resource, limit, attempts, next: JoinSet::new(), resource_version: None };
        pages.request_page("");
        pages
    }

    fn request_page(&mut self, token: &str) {
        let mut parameters: Vec<(&str, &str)> = self.limit.iter().map(|limit| ("limit", *limit)).collect();
        if !token.is_empty() {
            parameters.push(("continue", token));
        }
        let (client, path, attempts) = (self.client.clone(), self.resource.path(&parameters), self.attempts);
        self.next.spawn(async move { PageText::new(fetch_with_retry(&client, &path, attempts).await?.into()) });
    }

    /// The next page; `None` after the last.
    pub(super) async fn next(&mut self) -> Result<Option<PageText>, Failure> {
        let Some(page) = self.next.join_next().await else { return Ok(None) };
        let page = page.map_err(|error| Failure::new(Class::Unreadable, error.to_string()))??;
        if !page.page.next.is_empty() {
            self.request_page(&page.page.next);
        }
        // All pages have the resource version of the first.
        if self.resource_version.is_none() {
            self.resource_version = Some(page.page.resource_version.clone());
        }
        Ok(Some(page))
    }

    /// Whether all objects are requested in a single page.
    pub(super) fn is_single_page(&self) -> bool {
        self.limit.is_none()
    }

    /// Lists all objects again, in a single page, which cannot expire.
    pub(super) fn restart_as_single_page(self) -> Self {
        Self::with_attempts(self.client, self.resource, true, self.attempts)
    }

    /// The resource version of the list.
    pub(super) fn into_resource_version(self) -> String {
        self.resource_version.unwrap_or_default()
    }
}

impl PageText {
    fn new(bytes: Vec<u8>) -> Result<Self, Failure> {
        let text = match simdutf8::basic::from_utf8(&bytes) {
            Ok(_) => String::from_utf8(bytes).unwrap_or_default(),
            Err(_) => String::from_utf8_lossy(&bytes).into_owned(),
        };
        let page = Page::parse(&text)?;
        Ok(Self { text, page })
    }

    /// The text of its objects. Items of a list have no `kind` and `apiVersion`, which are added.
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
