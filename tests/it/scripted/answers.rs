//! The answers of the scripted server: version, discovery, and lists in pages.

use std::fmt::Write;
use std::io::{Error, ErrorKind, Result};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::http::{Pipe, Request, status};
use super::{Discovery, Fault, Kind, NAMESPACES, Shared, lock, watches};

/// Answers the requests of a connection.
pub(super) async fn serve(shared: &Shared, mut stream: TcpStream) {
    // Small pieces must not be merged.
    _ = stream.set_nodelay(true);
    let mut rest = Vec::new();
    while let Ok(Some(request)) = Request::read(&mut stream, &mut rest).await {
        let cut = shared.trouble.strikes(Fault::CutHead).then(|| shared.trouble.below(80));
        let mut pipe = Pipe { stream: &mut stream, cut, slow: 0 };
        let asked = format!("{} {:?}", request.path, request.query);
        shared.log(&format!("asked {asked}"));
        let answered = answer(shared, &request, &mut pipe).await;
        shared.log(&format!("done {answered:?} {asked}"));
        if answered.is_err() {
            return;
        }
    }
}

async fn answer(shared: &Shared, request: &Request, pipe: &mut Pipe<'_>) -> Result<()> {
    let trouble = &shared.trouble;
    if request.header("authorization") != format!("Bearer {}", shared.token()) {
        trouble.count(Fault::Unauthorized);
        return pipe.answer(401, "", &status(401, "Unauthorized", "Unauthorized")).await;
    }
    if trouble.strikes(Fault::TooMany) {
        let wait = ["", "Retry-After: 0\r\n", "Retry-After: 1\r\n"][trouble.below(3)];
        return pipe.answer(429, wait, &status(429, "TooManyRequests", "too many requests")).await;
    }
    if trouble.strikes(Fault::Unavailable) {
        return pipe.answer(503, "", "upstream connect error").await;
    }
    if trouble.strikes(Fault::Nonsense) {
        // A page of a proxy or a captive portal with status 200.
        let said = ["{}", "[]", "null", "", "<html>please log in</html>", r#"{"items":[]}"#];
        let failure = status(500, "InternalError", "no");
        let at = trouble.below(said.len() + 1);
        return pipe.answer(200, "", said.get(at).unwrap_or(&failure.as_str())).await;
    }
    let manners = lock(&shared.manners).clone();
    let legacy = manners.discovery != Discovery::Aggregated;
    let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| manners.lacks != Some(*kind)).collect();
    match request.path.as_str() {
        "/version" => return pipe.answer(200, "", r#"{"major":"1","minor":"35","gitVersion":"v1.35.0"}"#).await,
        "/api" | "/apis" if manners.discovery == Discovery::Legacy && wants_all(request) => {
            return pipe.answer(406, "", &status(406, "NotAcceptable", "only application/json")).await;
        }
        "/api" if legacy => return pipe.answer(200, "", r#"{"kind":"APIVersions","versions":["v1"]}"#).await,
        "/apis" if legacy => {
            let version = json!({"groupVersion": "apps/v1", "version": "v1"});
            let apps = json!({"name": "apps", "versions": [version], "preferredVersion": version});
            let groups = json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": [apps]});
            return pipe.answer(200, "", &groups.to_string()).await;
        }
        "/apis/apps/v1" => {
            let none = r#"{"kind":"APIResourceList","groupVersion":"apps/v1","resources":[]}"#;
            return pipe.answer(200, "", none).await;
        }
        "/api" => return pipe.answer(200, "", &aggregated("", &kinds)).await,
        "/apis" => return pipe.answer(200, "", &aggregated("apps", &[])).await,
        "/api/v1" => return pipe.answer(200, "", &resources(&kinds)).await,
        "/api/v1/namespaces" => return pipe.answer(200, "", &namespaces()).await,
        _ => {}
    }
    shared.requests.fetch_add(1, Ordering::SeqCst);
    let path = request.path.strip_prefix("/api/v1/").unwrap_or_default();
    let (namespace, plural) = match path.strip_prefix("namespaces/").and_then(|rest| rest.split_once('/')) {
        Some((namespace, plural)) => (Some(namespace), plural),
        None => (None, path),
    };
    let kind = kinds.into_iter().find(|kind| kind.plural() == plural);
    let Some(kind) = kind else {
        return pipe
            .answer(404, "", &status(404, "NotFound", "the server could not find the requested resource"))
            .await;
    };
    let is_allowed = match (&manners.allowed, namespace) {
        (None, _) => true,
        (Some(allowed), Some(namespace)) => allowed.contains(namespace),
        (Some(_), None) => false,
    };
    if !is_allowed {
        let message = format!("{plural} is forbidden: User \"robot\" cannot list resource \"{plural}\"");
        return pipe.answer(403, "", &status(403, "Forbidden", &message)).await;
    }
    pipe.slow = if trouble.strikes(Fault::Slow) { 20 } else { 0 };
    if request.query.get("watch").is_some_and(|watch| watch == "true") {
        watches::watch(shared, request, kind, namespace, pipe).await
    } else {
        list(shared, request, kind, namespace, pipe).await
    }
}

fn wants_all(request: &Request) -> bool {
    request.header("accept").contains("apidiscovery.k8s.io")
}

fn aggregated(group: &str, kinds: &[Kind]) -> String {
    let resources: Vec<Value> = kinds
        .iter()
        .map(|kind| {
            json!({"resource": kind.plural(), "responseKind": {"group": "", "version": "v1", "kind": kind.name()},
                "scope": if kind.is_namespaced() { "Namespaced" } else { "Cluster" },
                "verbs": ["get", "list", "watch"]})
        })
        .collect();
    json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "items": [
        {"metadata": {"name": group}, "versions": [{"version": "v1", "freshness": "Current", "resources": resources}]}]})
    .to_string()
}

fn resources(kinds: &[Kind]) -> String {
    let resources: Vec<Value> = kinds
        .iter()
        .map(|kind| {
            json!({"name": kind.plural(), "singularName": "", "namespaced": kind.is_namespaced(),
                "kind": kind.name(), "verbs": ["get", "list", "watch"]})
        })
        .collect();
    json!({"kind": "APIResourceList", "groupVersion": "v1", "resources": resources}).to_string()
}

fn namespaces() -> String {
    let items = NAMESPACES.map(|name| json!({"metadata": {"name": name}}));
    json!({"kind": "NamespaceList", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": items})
        .to_string()
}

async fn list(
    shared: &Shared,
    request: &Request,
    kind: Kind,
    namespace: Option<&str>,
    pipe: &mut Pipe<'_>,
) -> Result<()> {
    let Some(Page { version, objects, from, to, next }) = page(shared, request, kind, namespace) else {
        return pipe.answer(410, "", &status(410, "Expired", "the provided continue parameter is too old")).await;
    };
    let mut metadata = json!({"resourceVersion": version.to_string()});
    if let Some(next) = next {
        metadata["continue"] = next.into();
        metadata["remainingItemCount"] = (objects.len() - to).into();
    }
    let mut body = format!(r#"{{"kind":"{}List","apiVersion":"v1","metadata":{metadata},"items":["#, kind.name());
    // Objects of a list have no kind.
    let head = format!(r#"{{"apiVersion":"v1","kind":"{}","#, kind.name());
    for (at, object) in objects[from..to].iter().enumerate() {
        let bare = object.strip_prefix('{').unwrap_or(object);
        let object = object.strip_prefix(&head).unwrap_or(bare);
        write!(body, "{}{{{object}", if at == 0 { "" } else { "," }).expect("text");
    }
    body.push_str("]}\n");
    send(shared, pipe, &body).await
}

/// Some of the objects of a list.
struct Page {
    version: u64,
    objects: Arc<[Arc<str>]>,
    from: usize,
    to: usize,
    next: Option<String>,
}

/// The requested page; `None` if its token is unknown.
fn page(shared: &Shared, request: &Request, kind: Kind, namespace: Option<&str>) -> Option<Page> {
    let trouble = &shared.trouble;
    let limit = request.number("limit").and_then(|limit| usize::try_from(limit).ok()).filter(|limit| *limit > 0);
    // A server may return fewer objects than the limit.
    let limit = limit.map(|limit| limit.min(1 + trouble.below(60)));
    let mut world = lock(&shared.world);
    let token = request.query.get("continue").map(|token| token.split_once('.').unwrap_or((token, "0")));
    let (version, objects, from) = match token {
        None => {
            let (version, objects) = world.list(kind, namespace);
            (version, Arc::from(objects), 0)
        }
        Some((token, from)) => {
            let (version, objects) = world.kept(token).filter(|_| !trouble.strikes(Fault::GonePage))?;
            trouble.count(Fault::NextPage);
            (version, objects, from.parse().ok()?)
        }
    };
    let to = objects.len().min(limit.map_or(usize::MAX, |limit| from + limit));
    let next = (to < objects.len()).then(|| match token {
        Some((token, _)) => format!("{token}.{to}"),
        None => format!("{}.{to}", world.keep(version, Arc::clone(&objects))),
    });
    Some(Page { version, objects, from, to, next })
}

/// Sends a page, or a part of it if that fault is chosen.
async fn send(shared: &Shared, pipe: &mut Pipe<'_>, body: &str) -> Result<()> {
    let trouble = &shared.trouble;
    if trouble.strikes(Fault::CutSilently) {
        pipe.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n").await?;
        pipe.send(&body.as_bytes()[..trouble.below(body.len())]).await?;
        return Err(Error::from(ErrorKind::ConnectionAborted));
    }
    if trouble.strikes(Fault::CutPage) {
        pipe.cut = Some(100 + trouble.below(body.len()));
    }
    pipe.answer(200, "", body).await
}
