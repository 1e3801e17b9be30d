//! JSON patches, merge patches, strategic merge patches and server-side apply.

use serde_json::{Map, Value};

use super::status::{ApiError, ApiResult};
use crate::resource::Resource;

/// The type of a patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Operations,
    Merge,
    Strategic,
    /// Server-side apply: like a strategic merge patch, and creates missing objects.
    Apply,
}

impl Kind {
    /// The type for a content type.
    pub(crate) fn of(content_type: &str) -> ApiResult<Self> {
        match content_type.split(';').next().unwrap_or_default().trim() {
            "application/json-patch+json" => Ok(Self::Operations),
            "application/merge-patch+json" => Ok(Self::Merge),
            "application/strategic-merge-patch+json" => Ok(Self::Strategic),
            "application/apply-patch+yaml" => Ok(Self::Apply),
            other => Err(ApiError::unsupported_media_type(format!(
                "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml; got {other:?}"
            ))),
        }
    }
}

/// Applies a patch to an object.
pub(crate) fn patch(
    schemas: &Map<String, Value>,
    resource: &Resource,
    kind: Kind,
    object: &mut Value,
    patch: &Value,
) -> ApiResult<()> {
    match kind {
        Kind::Operations => {
            let operations: json_patch::Patch =
                serde_json::from_value(patch.clone()).map_err(|error| ApiError::bad_request(error.to_string()))?;
            json_patch::patch(object, &operations).map_err(|error| {
                ApiError::new(
                    422,
                    "Invalid",
                    format!("the server rejected our request due to an error in our request: {error}"),
                )
            })
        }
        Kind::Merge => {
            json_patch::merge(object, patch);
            Ok(())
        }
        Kind::Strategic if resource.custom.is_some() => Err(ApiError::unsupported_media_type(
            "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
        )),
        Kind::Strategic | Kind::Apply => {
            let merging = Merging { schemas, is_apply: kind == Kind::Apply };
            let custom = resource.custom.as_ref().map(|custom| &custom.schema);
            let schema = custom.or_else(|| schemas.get(&resource.kind.schema));
            merging.merge(schema, object, patch);
            Ok(())
        }
    }
}

struct Merging<'a> {
    schemas: &'a Map<String, Value>,
    is_apply: bool,
}

const DIRECTIVE: &str = "$patch";
const PRIMITIVES: &str = "$deleteFromPrimitiveList/";
const RETAINED: &str = "$retainKeys";

impl<'a> Merging<'a> {
    /// Resolves a reference to a schema.
    fn resolve(&self, schema: Option<&'a Value>) -> Option<&'a Value> {
        let schema = schema?;
        let reference = schema.get("$ref").or_else(|| schema.pointer("/allOf/0/$ref")).and_then(Value::as_str);
        match reference {
            Some(reference) => self.schemas.get(reference.rsplit('/').next()?),
            None => Some(schema),
        }
    }

    fn merge(&self, schema: Option<&'a Value>, object: &mut Value, patch: &Value) {
        let schema = self.resolve(schema);
        let Value::Object(changes) = patch else {
            *object = patch.clone();
            return;
        };
        if !object.is_object() || changes.get(DIRECTIVE).is_some_and(|directive| directive == "replace") {
            *object = Value::Object(Map::new());
        }
        let Value::Object(fields) = object else { return };
        if let Some(Value::Array(retained)) = changes.get(RETAINED) {
            fields.retain(|key, _| retained.iter().any(|kept| kept == key));
        }
        for (key, change) in changes {
            if let Some(list) = key.strip_prefix(PRIMITIVES) {
                let removed = change.as_array().map(Vec::as_slice).unwrap_or_default();
                if let Some(Value::Array(items)) = fields.get_mut(list) {
                    items.retain(|item| !removed.contains(item));
                }
                continue;
            }
            if key.starts_with('$') {
                continue;
            }
            if change.is_null() {
                fields.remove(key);
                continue;
            }
            let of = schema.and_then(|schema| {
                schema
                    .get("properties")
                    .and_then(|properties| properties.get(key))
                    .or_else(|| schema.get("additionalProperties"))
            });
            let field = fields.entry(key.clone()).or_insert(Value::Null);
            match change {
                Value::Array(items) => self.merge_list(self.resolve(of), field, items),
                change => self.merge(of, field, change),
            }
        }
    }

    fn merge_list(&self, schema: Option<&'a Value>, list: &mut Value, changes: &[Value]) {
        let keys = self.keys(schema);
        let is_set = schema.and_then(|schema| schema.get("x-kubernetes-list-type")).is_some_and(|kind| kind == "set");
        let plain = |change: &&Value| change.get(DIRECTIVE).is_none();
        let replaces = changes.iter().any(|change| change.get(DIRECTIVE).is_some_and(|it| it == "replace"));
        let (Value::Array(items), false) = (&mut *list, replaces) else {
            *list = changes.iter().filter(plain).cloned().collect();
            return;
        };
        if is_set {
            let new: Vec<Value> = changes.iter().filter(|change| !items.contains(change)).cloned().collect();
            items.extend(new);
            return;
        }
        if keys.is_empty() {
            *items = changes.to_vec();
            return;
        }
        let of = schema.and_then(|schema| schema.get("items"));
        for change in changes {
            let is_same = |item: &Value| keys.iter().all(|key| item.get(key) == change.get(key));
            let found = items.iter().position(is_same);
            match (found, plain(&change)) {
                (Some(at), true) => self.merge(of, &mut items[at], change),
                (Some(at), false) => _ = items.remove(at),
                (None, true) => items.push(change.clone()),
                (None, false) => {}
            }
        }
    }

    /// The merge keys of a list; empty if the list is replaced as a whole.
    fn keys(&self, schema: Option<&'a Value>) -> Vec<&'a str> {
        let Some(schema) = schema else { return Vec::new() };
        let merge = schema.get("x-kubernetes-patch-merge-key").and_then(Value::as_str);
        let map = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
        match (self.is_apply, map, merge) {
            (true, Some(keys), _) => keys.iter().filter_map(Value::as_str).collect(),
            (_, _, Some(key)) => vec![key],
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::release::Release;
    use crate::resource::Resources;
    use crate::store::{Limits, Store};

    #[test]
    fn patches_a_deployment() {
        let structure = Release::NEWEST.open().expect("it opens");
        let limits = Limits { history_events: 1, page_age: Duration::ZERO, page_revisions: 0 };
        let resources = Resources::built_in(&structure, &Store::new(1, limits));
        let deployments = resources.find("apps", "v1", "deployments").expect("deployments").clone();
        let object = || {
            json!({"metadata": {"labels": {"a": "1", "b": "2"}, "finalizers": ["x"]}, "spec": {"replicas": 1, "template": {"spec": {
                "containers": [
                    {"name": "web", "image": "web:1", "args": ["a", "b"], "ports": [{"containerPort": 80, "protocol": "TCP"}]},
                    {"name": "side", "image": "side:1"},
                ],
                "tolerations": [{"key": "x"}],
            }}}})
        };
        let at = |pointer: &'static str| pointer;
        let cases = [
            (
                Kind::Merge,
                json!({"metadata": {"labels": {"a": null, "c": "3"}}}),
                at("/metadata/labels"),
                json!({"b": "2", "c": "3"}),
            ),
            (
                Kind::Operations,
                json!([{"op": "replace", "path": "/spec/replicas", "value": 3}, {"op": "remove", "path": "/metadata/labels/a"}]),
                at("/spec/replicas"),
                json!(3),
            ),
            (
                Kind::Strategic,
                json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "web:2"}]}}}}),
                at("/spec/template/spec/containers/0"),
                json!({"name": "web", "image": "web:2", "args": ["a", "b"], "ports": [{"containerPort": 80, "protocol": "TCP"}]}),
            ),
            (
                Kind::Strategic,
                json!({"spec": {"template": {"spec": {"containers": [{"$patch": "delete", "name": "side"}, {"name": "new", "image": "n"}]}}}}),
                at("/spec/template/spec/containers/1"),
                json!({"name": "new", "image": "n"}),
            ),
            (
                Kind::Strategic,
                json!({"spec": {"template": {"spec": {"$setElementOrder/containers": [], "containers": [{"name": "web", "args": ["c"]}]}}}}),
                at("/spec/template/spec/containers/0/args"),
                json!(["c"]),
            ),
            (
                Kind::Strategic,
                json!({"metadata": {"finalizers": ["y"]}}),
                at("/metadata/finalizers"),
                json!(["x", "y"]),
            ),
            (
                Kind::Strategic,
                json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["x"], "finalizers": ["y"]}}),
                at("/metadata/finalizers"),
                json!(["y"]),
            ),
            (
                Kind::Strategic,
                json!({"metadata": {"labels": {"$patch": "replace", "z": "1"}}}),
                at("/metadata/labels"),
                json!({"z": "1"}),
            ),
            (
                Kind::Apply,
                json!({"spec": {"template": {"spec": {"containers": [
                    {"name": "web", "ports": [{"containerPort": 80, "protocol": "UDP"}]}]}}}}),
                at("/spec/template/spec/containers/0/ports"),
                json!([{"containerPort": 80, "protocol": "TCP"}, {"containerPort": 80, "protocol": "UDP"}]),
            ),
            (
                Kind::Strategic,
                json!({"spec": {"template": {"spec": {"tolerations": [{"key": "y"}]}}}}),
                at("/spec/template/spec/tolerations"),
                json!([{"key": "y"}]),
            ),
        ];
        for (kind, change, pointer, expected) in cases {
            let mut object = object();
            patch(&structure.schemas, &deployments, kind, &mut object, &change).expect("it fits");
            assert_eq!(object.pointer(pointer), Some(&expected), "{kind:?} {change}");
        }
        let gone = json!([{"op": "test", "path": "/spec/replicas", "value": 2}]);
        assert!(patch(&structure.schemas, &deployments, Kind::Operations, &mut object(), &gone).is_err());
    }
}
