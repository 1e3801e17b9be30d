//! Lists, in one response or in pages, of all namespaces or one.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use futures::stream;
use serde_json::{Value, json};

use super::query::Query;
use super::render::Renderer;
use super::status::{ApiError, ApiResult, text_response};
use super::token::Token;
use crate::cluster::Cluster;
use crate::selector::Selection;
use crate::store::{Entry, Iter, Snapshot};

/// Approximate size of a chunk in bytes.
const CHUNK: usize = 256 << 10;

/// Handles a list request.
pub(crate) async fn list(
    cluster: &Arc<Cluster>,
    renderer: Renderer,
    prefix: String,
    query: &Query,
    selection: Selection,
) -> ApiResult {
    let (snapshot, start) = from(cluster, &renderer, &prefix, query)?;
    // Lists from the API server's cache (`resourceVersion=0`) have no pages.
    let limit = if query.limit == 0 || query.revision == Some(0) { usize::MAX } else { query.limit };
    let entries = snapshot.objects.from(&start, &prefix);
    let page = if selection.is_everything() {
        Page::of_all(entries, limit)
    } else {
        // Checking many objects against a selector takes a while.
        let chosen = tokio::task::spawn_blocking(move || Page::of_chosen(entries, limit, &selection));
        chosen.await.map_err(|_| ApiError::new(500, "InternalError", "the list was interrupted"))?
    };
    let mut metadata = json!({"resourceVersion": snapshot.revision.to_string()});
    if let Some(next) = page.next {
        let token = Token { revision: Some(snapshot.revision), start: next };
        metadata["continue"] = json!(token.encode());
        if let Some(left) = page.left {
            metadata["remainingItemCount"] = json!(left);
        }
        cluster.store.keep_pages(renderer.resource().collection, snapshot);
    }
    Ok(text_response("application/json", body(renderer, page.entries, &metadata)))
}

/// The objects that a list reads, and its first key.
fn from(cluster: &Cluster, renderer: &Renderer, prefix: &str, query: &Query) -> ApiResult<(Snapshot, String)> {
    let of = renderer.resource().collection;
    if !query.token.is_empty() {
        if query.revision.is_some_and(|revision| revision != 0) || !query.revision_match.is_empty() {
            return Err(ApiError::bad_request("specifying resource version is not allowed when using continue"));
        }
        let token = Token::decode(&query.token)?;
        if !token.start.starts_with(prefix) {
            return Err(ApiError::bad_request("continue key is not valid: it is of another list"));
        }
        let snapshot = match token.revision {
            None => cluster.store.snapshot(of),
            Some(revision) => cluster
                .store
                .pages(of, revision)
                .ok_or_else(|| ApiError::page_expired(Token { revision: None, start: token.start.clone() }.encode()))?,
        };
        return Ok((snapshot, token.start));
    }
    let snapshot = cluster.store.snapshot(of);
    let wanted = query.revision.filter(|revision| *revision != 0);
    match query.revision_match.as_str() {
        "" | "NotOlderThan" | "Exact" => {}
        other => return Err(ApiError::bad_request(format!("resourceVersionMatch: Unsupported value: {other:?}"))),
    }
    if query.revision.is_none() && !query.revision_match.is_empty() {
        let message = "resourceVersionMatch is forbidden unless resourceVersion is provided";
        return Err(ApiError::bad_request(message));
    }
    match wanted {
        Some(wanted) if wanted > snapshot.revision => Err(ApiError::too_large(wanted, snapshot.revision)),
        // Without a match parameter, the revision of a list in pages is exact.
        Some(wanted)
            if wanted < snapshot.revision
                && (query.revision_match == "Exact" || query.revision_match.is_empty() && query.limit > 0) =>
        {
            match cluster.store.pages(of, wanted) {
                Some(snapshot) => Ok((snapshot, prefix.to_owned())),
                None => Err(ApiError::new(410, "Expired", "The resourceVersion for the provided list is too old.")),
            }
        }
        None if query.revision_match == "Exact" => {
            Err(ApiError::bad_request("resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\""))
        }
        _ => Ok((snapshot, prefix.to_owned())),
    }
}

/// The objects of a page.
struct Page {
    entries: Box<dyn Iterator<Item = Entry> + Send>,
    /// The key of the next page's first object.
    next: Option<String>,
    /// Number of remaining objects, if known.
    left: Option<usize>,
}

impl Page {
    fn of_all(entries: Iter, limit: usize) -> Self {
        let all = entries.left();
        if all <= limit {
            return Self { entries: Box::new(entries), next: None, left: None };
        }
        let next = entries.clone().nth(limit).map(|entry| entry.key.to_string());
        Self { entries: Box::new(entries.take(limit)), next, left: Some(all - limit) }
    }

    fn of_chosen(entries: Iter, limit: usize, selection: &Selection) -> Self {
        let mut chosen = entries.filter(|entry| selection.matches(&entry.key, &entry.bytes));
        let page: Vec<Entry> = chosen.by_ref().take(limit).collect();
        let next = chosen.next().map(|entry| entry.key.to_string());
        Self { entries: Box::new(page.into_iter()), next, left: None }
    }
}

/// Streams a list, so that memory does not grow with its size.
fn body(renderer: Renderer, mut entries: Box<dyn Iterator<Item = Entry> + Send>, metadata: &Value) -> Body {
    let (kind, version) = renderer.list_type();
    let mut text =
        format!(r#"{{"kind":"{kind}","apiVersion":"{version}","metadata":{metadata},{}:["#, renderer.items())
            .into_bytes();
    let mut is_first = true;
    let mut fill = move |mut text: Vec<u8>| -> (Vec<u8>, bool) {
        while text.len() < CHUNK {
            let Some(entry) = entries.next() else {
                text.extend_from_slice(b"]}\n");
                return (text, true);
            };
            if !std::mem::take(&mut is_first) {
                text.push(b',');
            }
            renderer.item(&entry.bytes, &mut text);
        }
        (text, false)
    };
    let is_whole;
    (text, is_whole) = fill(text);
    if is_whole {
        return Body::from(text);
    }
    let mut first = Some(text);
    let mut done = false;
    let chunks = std::iter::from_fn(move || {
        if let Some(first) = first.take() {
            return Some(first);
        }
        if done {
            return None;
        }
        let (text, is_last) = fill(Vec::with_capacity(CHUNK + (32 << 10)));
        done = is_last;
        Some(text)
    });
    Body::from_stream(stream::iter(chunks.map(|chunk| Ok::<_, Infallible>(Bytes::from(chunk)))))
}
