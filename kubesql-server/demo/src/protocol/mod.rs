//! The Kubernetes API over HTTP: routes requests by path and method.

mod convert;
mod defaults;
mod delete;
mod discovery;
mod list;
mod openapi;
mod patch;
mod query;
mod render;
mod review;
mod status;
mod table;
mod target;
mod token;
mod watch;
mod write;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri, header};
use axum::response::{IntoResponse, Response};

use super::cluster::Cluster;
use super::resource::Resource;
use super::selector::Selection;
use query::Query;
use render::Renderer;
use review::REVIEWS;
use status::{ApiError, ApiResult, json_response, text_response};
use target::Target;
pub(crate) use watch::at_revision;

/// Maximum size of a request body in bytes, as in API servers.
const MAX_BODY: usize = 3 << 20;

/// The path segment before a token in a URL: `/token/TOKEN/api/v1/pods`.
pub(crate) const PATH_OF_TOKEN: &str = "token";

/// The router of all requests.
pub(crate) fn router(cluster: Arc<Cluster>) -> Router {
    Router::new().fallback(serve).layer(axum::extract::DefaultBodyLimit::max(MAX_BODY)).with_state(cluster)
}

/// A request.
struct Request {
    method: Method,
    headers: HeaderMap,
    query: Query,
    body: Bytes,
}

async fn serve(
    State(cluster): State<Arc<Cluster>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    respond(&cluster, method, &uri, headers, body).await
}

/// Handles a request.
pub(crate) async fn respond(
    cluster: &Arc<Cluster>,
    method: Method,
    uri: &Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    answer(cluster, method, uri, headers, body).await.unwrap_or_else(IntoResponse::into_response)
}

async fn answer(cluster: &Arc<Cluster>, method: Method, uri: &Uri, headers: HeaderMap, body: Bytes) -> ApiResult {
    let path = percent_encoding::percent_decode_str(uri.path()).decode_utf8_lossy().into_owned();
    let words: Vec<&str> = path.split('/').filter(|word| !word.is_empty()).collect();
    // Go clients do not send tokens without TLS, so the kubeconfig has the token in its URL.
    let (in_path, words) = match &words[..] {
        [PATH_OF_TOKEN, token, rest @ ..] => (Some(*token), rest.to_vec()),
        _ => (None, words),
    };
    // Paths without authentication.
    match words[..] {
        ["healthz" | "livez" | "readyz", ..] => return Ok(text_response("text/plain; charset=utf-8", "ok")),
        ["version"] => return Ok(json_response(&discovery::version(cluster))),
        _ => {}
    }
    authenticate(cluster, &headers, in_path)?;
    let request = Request { method, headers, query: Query::parse(uri.query().unwrap_or_default())?, body };
    match words[..] {
        [] => Ok(json_response(&discovery::paths(cluster))),
        ["api"] => discovery::core(cluster, &request.headers),
        ["apis"] => discovery::groups(cluster, &request.headers),
        ["apis", group] => discovery::group(cluster, group),
        ["openapi", "v3", ref rest @ ..] => openapi::v3(cluster, rest, in_path),
        ["openapi", "v2"] => openapi::v2(cluster, &request.headers),
        ["api", "v1"] => discovery::resources(cluster, "", "v1"),
        ["apis", group, version] => discovery::resources(cluster, group, version),
        ["api", "v1", ref rest @ ..] => resource(cluster, "", "v1", rest, request).await,
        ["apis", group, version, ref rest @ ..] => resource(cluster, group, version, rest, request).await,
        _ => Err(ApiError::no_such_path()),
    }
}

fn authenticate(cluster: &Cluster, headers: &HeaderMap, in_path: Option<&str>) -> ApiResult<()> {
    let given = match headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap_or_default().split_once(' '))
    {
        Some(Some((scheme, token))) if scheme.eq_ignore_ascii_case("bearer") => Some(token.trim()),
        Some(_) => None,
        None => in_path,
    };
    if given == Some(cluster.token.as_str()) { Ok(()) } else { Err(ApiError::unauthorized()) }
}

/// Handles requests for a resource: `pods`, `namespaces/NAME/pods/NAME/status`.
async fn resource(cluster: &Arc<Cluster>, group: &str, version: &str, words: &[&str], request: Request) -> ApiResult {
    let resources = cluster.resources();
    let find = |plural: &str| resources.find(group, version, plural).cloned();
    let (namespace, rest) = match words {
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() && find(rest[0]).is_some() => (Some(*namespace), rest),
        rest => (None, rest),
    };
    let (plural, rest) = rest.split_first().ok_or_else(ApiError::no_such_path)?;
    let is_review =
        REVIEWS.iter().any(|(of, _, reviews, _)| *of == group && rest.is_empty() && words.ends_with(&[reviews]));
    if is_review && version == "v1" && request.method == Method::POST {
        return Ok(review::review(words.last().copied().unwrap_or_default(), &request));
    }
    let resource = find(plural).ok_or_else(ApiError::no_such_path)?;
    if namespace.is_some() && !resource.kind.namespaced {
        return Err(ApiError::no_such_path());
    }
    let target = |name: &str, status| Target {
        resource: resource.clone(),
        namespace: namespace.map(str::to_owned),
        name: name.to_owned(),
        status,
    };
    match rest {
        [] => collection(cluster, resource, namespace, request).await,
        // Objects with namespaces have paths below their namespace only.
        [_, ..] if resource.kind.namespaced && namespace.is_none() => Err(ApiError::no_such_path()),
        [name] => object(cluster, &target(name, false), &request),
        [name, "status"] if resource.status_subresource() => object(cluster, &target(name, true), &request),
        _ => Err(ApiError::no_such_path()),
    }
}

/// The key of an object in its collection.
fn key(namespace: Option<&str>, name: &str) -> String {
    namespace.map_or_else(|| name.to_owned(), |namespace| format!("{namespace}/{name}"))
}

/// Handles requests for a collection, of all namespaces or one.
async fn collection(
    cluster: &Arc<Cluster>,
    resource: Arc<Resource>,
    namespace: Option<&str>,
    request: Request,
) -> ApiResult {
    let query = &request.query;
    match request.method {
        Method::GET | Method::DELETE => {}
        Method::POST if namespace.is_some() == resource.kind.namespaced && resource.can("create") => {
            return write::create(cluster, resource, namespace, &request);
        }
        _ => return Err(ApiError::method_not_allowed()),
    }
    let selection = Selection::parse(&resource, &query.label_selector, &query.field_selector);
    let selection = selection.map_err(ApiError::bad_request)?;
    let prefix = namespace.map_or_else(String::new, |namespace| format!("{namespace}/"));
    if request.method == Method::DELETE {
        if !resource.can("deletecollection") || namespace.is_some() != resource.kind.namespaced {
            return Err(ApiError::method_not_allowed());
        }
        return delete::delete_all(cluster, &resource, &prefix, &selection, &request);
    }
    let form = query::form(&request.headers)?;
    let renderer = Renderer::new(resource, form, &query.include_object);
    if !query.watch {
        return list::list(cluster, renderer, prefix, query, selection).await;
    }
    if !renderer.resource().can("watch") {
        return Err(ApiError::method_not_allowed());
    }
    watch::watch(cluster, renderer, prefix, query, selection)
}

/// Handles requests for one object.
fn object(cluster: &Arc<Cluster>, target: &Target, request: &Request) -> ApiResult {
    let resource = &target.resource;
    match request.method {
        Method::GET => {
            let form = query::form(&request.headers)?;
            let bytes = cluster.store.write().get(resource.collection, &target.key()).map(|entry| entry.bytes.clone());
            let bytes = bytes.ok_or_else(|| target.not_found())?;
            Ok(one(&Renderer::new(resource.clone(), form, &request.query.include_object), &bytes))
        }
        Method::PUT if resource.can("update") => write::update(cluster, target, request),
        Method::PATCH if resource.can("patch") => write::patch(cluster, target, request),
        Method::DELETE if resource.can("delete") && !target.status => delete::delete(cluster, target, request),
        _ => Err(ApiError::method_not_allowed()),
    }
}

/// A response with one object.
fn one(renderer: &Renderer, object: &[u8]) -> Response {
    let mut text = Vec::with_capacity(object.len() + 100);
    renderer.object(object, &mut text);
    text.push(b'\n');
    text_response("application/json", text)
}
