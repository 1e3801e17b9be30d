//! An API server that lists objects in pages, applies selectors strictly, and records requests.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::selectors::{Selectors, Unfit};

/// Called with each request for objects: an answer that replaces the normal one.
pub(crate) type Mood = Box<dyn Fn(&Asked) -> Option<Response> + Send + Sync>;

/// A recorded request for objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) plural: String,
    pub(crate) namespace: Option<String>,
    /// All parameters.
    pub(crate) query: BTreeMap<String, String>,
}

impl Asked {
    pub(crate) fn parameter(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }

    /// The selection, without parameters of pages: `shop/pods label=a=b`.
    pub(crate) fn selection(&self) -> String {
        let mut text = self.namespace.as_ref().map_or(String::new(), |namespace| format!("{namespace}/"));
        text.push_str(&self.plural);
        for (name, value) in self.query.iter().filter(|(name, _)| name.ends_with("Selector")) {
            write!(text, " {}={value}", name.trim_end_matches("Selector")).expect("a string takes anything");
        }
        text
    }
}

struct Shared {
    /// By plural.
    objects: BTreeMap<&'static str, Vec<Value>>,
    mood: Mood,
    asked: Mutex<Vec<Asked>>,
}

/// A running server; it stops when this is dropped.
pub(crate) struct Server {
    shared: Arc<Shared>,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        _ = self.stop.take().map(|stop| stop.send(()));
    }
}

/// Kinds: group, version, plural, kind, and whether they are namespaced.
const KINDS: [(&str, &str, &str, &str, bool); 6] = [
    ("", "v1", "pods", "Pod", true),
    ("", "v1", "secrets", "Secret", true),
    ("", "v1", "events", "Event", true),
    ("", "v1", "nodes", "Node", false),
    ("", "v1", "namespaces", "Namespace", false),
    ("apps", "v1", "deployments", "Deployment", true),
];

impl Server {
    /// A server with these objects, by plural.
    pub(crate) fn start(objects: &[(&'static str, Vec<Value>)]) -> Self {
        Self::moody(objects, |_| None)
    }

    /// The same, with other answers to some requests.
    pub(crate) fn moody(
        objects: &[(&'static str, Vec<Value>)],
        mood: impl Fn(&Asked) -> Option<Response> + Send + Sync + 'static,
    ) -> Self {
        let objects = objects.iter().cloned().collect();
        let shared = Arc::new(Shared { objects, mood: Box::new(mood), asked: Mutex::default() });
        let (stop, stopped) = oneshot::channel();
        let (ready, address) = std::sync::mpsc::channel();
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
                ready.send(listener.local_addr().expect("an address")).expect("somebody waits");
                tokio::select! {
                    served = axum::serve(listener, router) => served.expect("served"),
                    _ = stopped => {}
                }
            });
        });
        let address = address.recv().expect("the server starts");
        Self { shared, address, stop: Some(stop) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn kubeconfig(&self, name: &str) -> String {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: {name}\n\
             clusters: [{{name: c, cluster: {{server: '{}'}}}}]\n\
             users: [{{name: u, user: {{token: t}}}}]\n\
             contexts: [{{name: {name}, context: {{cluster: c, user: u}}}}]\n",
            self.url()
        )
    }

    /// Requests for objects since the last call.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let path: Vec<&str> = request.uri().path().trim_matches('/').split('/').collect();
    let (group, rest) = match path.as_slice() {
        ["version"] => return body(&json!({"gitVersion": "v1.35.0", "major": "1", "minor": "35"})),
        ["api"] => return groups(|group| group.is_empty()),
        ["apis"] => return groups(|group| !group.is_empty()),
        ["api", _, rest @ ..] => ("", rest),
        ["apis", group, _, rest @ ..] => (*group, rest),
        _ => return status(404, "NotFound", "no such path"),
    };
    let (namespace, plural) = match rest {
        ["namespaces", namespace, plural] => (Some((*namespace).to_owned()), *plural),
        [plural] => (None, *plural),
        _ => return status(404, "NotFound", "no such path"),
    };
    let Some(&(_, version, plural, kind, _)) = KINDS.iter().find(|(of, _, name, ..)| *of == group && *name == plural)
    else {
        return status(404, "NotFound", "no such kind");
    };
    let query = pairs(request.uri().query().unwrap_or_default());
    let asked = Asked { plural: plural.to_owned(), namespace, query };
    shared.asked.lock().unwrap_or_else(PoisonError::into_inner).push(asked.clone());
    if let Some(answer) = (shared.mood)(&asked) {
        return answer;
    }
    let selectors = match Selectors::parse(plural, asked.parameter("fieldSelector"), asked.parameter("labelSelector")) {
        Ok(selectors) => selectors,
        Err(Unfit(message)) => return status(400, "BadRequest", &message),
    };
    let of_namespace = |object: &&Value| {
        asked.namespace.as_ref().is_none_or(|namespace| object["metadata"]["namespace"] == **namespace)
    };
    let all = shared.objects.get(plural).map_or(&[][..], Vec::as_slice).iter().filter(of_namespace);
    let all: Vec<&Value> = all.filter(|object| selectors.select(object)).collect();
    let from: usize = asked.parameter("continue").parse().unwrap_or(0);
    let limit: usize = asked.parameter("limit").parse().unwrap_or(usize::MAX);
    let to = from.saturating_add(limit).min(all.len());
    let next = if to < all.len() { to.to_string() } else { String::new() };
    let api_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    body(&json!({"kind": format!("{kind}List"), "apiVersion": api_version,
        "metadata": {"resourceVersion": "10", "continue": next}, "items": &all[from..to]}))
}

fn groups(wanted: impl Fn(&str) -> bool) -> Response {
    let mut items: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for (group, version, plural, kind, namespaced) in KINDS.into_iter().filter(|(group, ..)| wanted(group)) {
        items.entry(group).or_default().push(json!({
            "resource": plural, "scope": if namespaced { "Namespaced" } else { "Cluster" },
            "responseKind": {"group": group, "version": version, "kind": kind},
            "singularResource": kind.to_lowercase(), "verbs": ["get", "list", "watch"]}));
    }
    let items: Vec<Value> = items
        .into_iter()
        .map(|(group, resources)| {
            json!({"metadata": {"name": group}, "versions": [{"version": "v1", "resources": resources}]})
        })
        .collect();
    let kind = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    let list = json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items});
    ([(header::CONTENT_TYPE, kind)], list.to_string()).into_response()
}

fn body(value: &Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}

/// An error response of an API server.
pub(crate) fn status(code: u16, reason: &str, message: &str) -> Response {
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code});
    (StatusCode::from_u16(code).expect("a code"), body(&status)).into_response()
}

fn pairs(query: &str) -> BTreeMap<String, String> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (name.to_owned(), decoded(value))
    };
    query.split('&').filter(|text| !text.is_empty()).map(pair).collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match first {
            b'%' => {
                let hex = std::str::from_utf8(&tail[..2]).expect("two digits");
                bytes.push(u8::from_str_radix(hex, 16).expect("two digits"));
                rest = &tail[2..];
            }
            b'+' => bytes.push(b' '),
            other => bytes.push(*other),
        }
    }
    String::from_utf8(bytes).expect("UTF-8")
}
