//! Reads upstream documents, Swagger 2.0 or OpenAPI 3.0. For the parts that matter, the formats differ only in the location
//! of definitions.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::SpecError;

/// An input document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// The name in messages: a path or a URL.
    pub name: String,
    /// The JSON text.
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

/// The definitions of each kind.
pub(super) type Kinds = BTreeMap<GroupVersionKind, Vec<String>>;

/// The definition of the kind that a path lists.
pub(super) fn schema_name(
    kinds: &Kinds,
    document: &str,
    path: &str,
    gvk: &GroupVersionKind,
) -> Result<String, SpecError> {
    let (document, path, kind) = (document.to_owned(), path.to_owned(), gvk.kind.clone());
    match kinds.get(gvk).map(Vec::as_slice) {
        None | Some([]) => {
            let group_version = gvk.group_version();
            Err(SpecError::NoSchema { document, path, kind, group_version })
        }
        Some([name]) => Ok(name.clone()),
        Some([first, second, ..]) => {
            let (first, second) = (first.clone(), second.clone());
            Err(SpecError::TwoSchemas { document, path, kind, first, second })
        }
    }
}

/// The extension with the kind of a definition or operation.
pub(super) const GROUP_VERSION_KIND: &str = "x-kubernetes-group-version-kind";

/// The relevant parts of a document in either format.
pub(super) struct Document {
    pub(super) name: String,
    /// `info.version`.
    pub(super) version: String,
    pub(super) paths: Map<String, Value>,
    pub(super) definitions: Map<String, Value>,
}

impl Document {
    /// Parses a document in either format.
    pub(super) fn open(name: &str, text: &str) -> Result<Self, SpecError> {
        let document = name.to_owned();
        let mut root: Value = match serde_json::from_str(text) {
            Ok(root) => root,
            Err(source) => return Err(SpecError::NotJson { document, source }),
        };
        let marked = |key: &str, version: &str| {
            let found = root.get(key).and_then(Value::as_str);
            found.is_some_and(|found| found.starts_with(version))
        };
        let definitions = if marked("swagger", "2.") {
            "/definitions"
        } else if marked("openapi", "3.0") {
            "/components/schemas"
        } else {
            return Err(SpecError::NotOpenApi { document });
        };
        let version = root.pointer("/info/version").and_then(Value::as_str).unwrap_or_default();
        let version = version.to_owned();
        let mut object = |pointer: &str| match root.pointer_mut(pointer).map(Value::take) {
            None => Ok(Map::new()),
            Some(Value::Object(map)) => Ok(map),
            Some(_) => Err(SpecError::Malformed {
                document: name.to_owned(),
                at: pointer.to_owned(),
                reason: "not an object".to_owned(),
            }),
        };
        let (definitions, paths) = (object(definitions)?, object("/paths")?);
        Ok(Self { name: document, version, paths, definitions })
    }
}

/// A parsed API path.
struct ApiPath<'a> {
    /// `/api/v1` or `/apis/apps/v1`.
    prefix: String,
    namespaced: bool,
    plural: &'a str,
}

impl<'a> ApiPath<'a> {
    /// Parses the path of a collection or of its objects; `None` for other paths, including subresources
    /// (`pods/{name}/log`).
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
        // The deprecated watch paths only show that a collection can be watched.
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

/// The verb of an `x-kubernetes-action`; `None` for actions that are not on objects.
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

/// The collections that can be listed, by the path that lists all namespaces.
pub(super) fn collections(document: &Document) -> Result<BTreeMap<String, Collection>, SpecError> {
    let mut verbs: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut listed: BTreeMap<String, Collection> = BTreeMap::new();
    for (path, item) in &document.paths {
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
                    document: document.name.clone(),
                    at: path.clone(),
                    reason: format!("the list operation has no {GROUP_VERSION_KIND}"),
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
