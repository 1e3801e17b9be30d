//! Reading one upstream document, Swagger 2.0 or OpenAPI 3.0, as far as kinds need it.
//!
//! The two differ only in where definitions lie, so that one reader serves both.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::SpecError;

/// A document as it was handed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// A name for messages: a path or a URL.
    pub name: String,
    /// Its JSON text.
    pub text: String,
}

/// Group, version and kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct GroupVersionKind {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) kind: String,
}

impl GroupVersionKind {
    /// Reads `{"group": "", "version": "v1", "kind": "Pod"}`.
    pub(super) fn read(value: &Value) -> Option<Self> {
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        Some(Self { group: text("group")?, version: text("version")?, kind: text("kind")? })
    }

    /// `v1` or `apps/v1`.
    pub(super) fn group_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }
}

/// A collection of objects that can be listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Collection {
    pub(super) gvk: GroupVersionKind,
    pub(super) plural: String,
    pub(super) namespaced: bool,
    pub(super) verbs: BTreeSet<String>,
}

/// What one upstream document holds.
#[derive(Debug)]
pub(super) struct Source {
    /// The document's name.
    pub(super) name: String,
    /// `info.version` as it stands.
    pub(super) info_version: String,
    /// Keyed by the path that lists over all namespaces.
    pub(super) collections: BTreeMap<String, Collection>,
    /// The definitions, not yet looked into.
    pub(super) definitions: Map<String, Value>,
}

/// The extension that tells which kind a definition or an operation is about.
pub(super) const GROUP_VERSION_KIND: &str = "x-kubernetes-group-version-kind";

impl Source {
    /// Reads a document of either format.
    pub(super) fn read(input: &Input) -> Result<Self, SpecError> {
        let document = || input.name.clone();
        let mut root: Value =
            serde_json::from_str(&input.text).map_err(|source| SpecError::NotJson { document: document(), source })?;
        let marked = |key: &str, version: &str| {
            root.get(key).and_then(Value::as_str).is_some_and(|found| found.starts_with(version))
        };
        let definitions = if marked("swagger", "2.") {
            "/definitions"
        } else if marked("openapi", "3.0") {
            "/components/schemas"
        } else {
            return Err(SpecError::NotOpenApi { document: document() });
        };
        let info_version = root.pointer("/info/version").and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut object = |pointer: &str| match root.pointer_mut(pointer).map(Value::take) {
            None => Ok(Map::new()),
            Some(Value::Object(map)) => Ok(map),
            Some(_) => Err(SpecError::Malformed {
                document: document(),
                at: pointer.to_owned(),
                reason: "not an object".to_owned(),
            }),
        };
        let definitions = object(definitions)?;
        let paths = object("/paths")?;
        Ok(Self { collections: collections(&input.name, &paths)?, name: input.name.clone(), info_version, definitions })
    }
}

/// A path of the API, taken apart.
struct ApiPath<'a> {
    /// `/api/v1` or `/apis/apps/v1`.
    prefix: String,
    namespaced: bool,
    plural: &'a str,
}

impl<'a> ApiPath<'a> {
    /// Takes the paths of a collection and of its objects; `None` for every other path,
    /// subresources (`pods/{name}/log`) included.
    fn parse(path: &'a str) -> Option<Self> {
        let mut words: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
        let length = match *words.first()? {
            "api" => 2,
            "apis" => 3,
            _ => return None,
        };
        if words.len() <= length {
            return None;
        }
        let rest = words.split_off(length);
        let prefix = format!("/{}", words.join("/"));
        // The old watch paths tell that a collection can be watched, nothing else.
        let rest = rest.strip_prefix(&["watch"]).filter(|rest| !rest.is_empty()).unwrap_or(&rest);
        let (namespaced, rest) = match rest {
            ["namespaces", "{namespace}", rest @ ..] => (true, rest),
            rest => (false, rest),
        };
        match rest {
            [plural] | [plural, "{name}"] if !plural.starts_with('{') => Some(Self { prefix, namespaced, plural }),
            _ => None,
        }
    }
}

/// The verb of an `x-kubernetes-action`; `None` for those that are not about objects.
fn verb(action: &str) -> Option<&'static str> {
    Some(match action {
        "delete" => "delete",
        "deletecollection" => "deletecollection",
        "get" => "get",
        "list" => "list",
        "patch" => "patch",
        "post" => "create",
        "put" => "update",
        "watch" | "watchlist" => "watch",
        _ => return None,
    })
}

/// Finds the collections that can be listed.
fn collections(document: &str, paths: &Map<String, Value>) -> Result<BTreeMap<String, Collection>, SpecError> {
    let mut verbs: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut listed: BTreeMap<String, Collection> = BTreeMap::new();
    for (path, item) in paths {
        let Some(parsed) = ApiPath::parse(path) else {
            continue;
        };
        let Some(item) = item.as_object() else {
            continue;
        };
        let key = format!("{}/{}", parsed.prefix, parsed.plural);
        let operations = item.values().filter_map(|op| Some((op, op.get("x-kubernetes-action")?.as_str()?)));
        for (operation, action) in operations {
            verbs.entry(key.clone()).or_default().extend(verb(action).map(str::to_owned));
            if action != "list" {
                continue;
            }
            let gvk = operation.get(GROUP_VERSION_KIND).and_then(GroupVersionKind::read).ok_or_else(|| {
                SpecError::Malformed {
                    document: document.to_owned(),
                    at: path.clone(),
                    reason: format!("lists objects without telling their {GROUP_VERSION_KIND}"),
                }
            })?;
            let collection = listed.entry(key.clone()).or_insert_with(|| Collection {
                gvk,
                plural: parsed.plural.to_owned(),
                namespaced: false,
                verbs: BTreeSet::new(),
            });
            collection.namespaced |= parsed.namespaced;
        }
    }
    for (path, collection) in &mut listed {
        collection.verbs = verbs.remove(path).unwrap_or_default();
    }
    Ok(listed)
}
