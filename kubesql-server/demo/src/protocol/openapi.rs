//! OpenAPI documents, generated from the release's structural document and the CRDs.

use std::collections::BTreeSet;

use axum::http::HeaderMap;
use serde_json::{Map, Value, json};

use super::PATH_OF_TOKEN;
use super::query::accepted;
use super::status::{ApiError, ApiResult, json_response};
use crate::cluster::Cluster;
use crate::resource::Resource;

const REFERENCE: &str = "#/components/schemas/";

/// `/openapi/v3` and paths below it; `token` is the token in the request's path.
pub(crate) fn v3(cluster: &Cluster, path: &[&str], token: Option<&str>) -> ApiResult {
    let resources = cluster.resources();
    let (group, version) = match path {
        [] => {
            let prefix = token.map_or_else(String::new, |token| format!("/{PATH_OF_TOKEN}/{token}"));
            let mut paths = Map::new();
            for resource in resources.iter() {
                let root = root(resource);
                let hash = format!("{:X}", resources.of(&resource.kind.group, &resource.kind.version).count());
                let url = format!("{prefix}/openapi/v3{root}?hash={hash}");
                paths.insert(root.trim_start_matches('/').to_owned(), json!({ "serverRelativeURL": url }));
            }
            return Ok(json_response(&json!({ "paths": paths })));
        }
        ["api", version] => ("", *version),
        ["apis", group, version] => (*group, *version),
        _ => return Err(ApiError::no_such_path()),
    };
    let parts = Parts::of(cluster, resources.of(group, version).map(AsRef::as_ref));
    if parts.paths.is_empty() {
        return Err(ApiError::no_such_path());
    }
    Ok(json_response(&json!({
        "openapi": "3.0.0", "info": {"title": "Kubernetes", "version": cluster.options.release.git_version()},
        "paths": parts.paths, "components": {"schemas": parts.schemas},
    })))
}

/// `/openapi/v2`
pub(crate) fn v2(cluster: &Cluster, headers: &HeaderMap) -> ApiResult {
    let accepted = accepted(headers);
    if !accepted.is_empty() && !accepted.iter().any(super::query::Media::is_json) {
        return Err(ApiError::not_acceptable("only the following media types are accepted: application/json"));
    }
    let resources = cluster.resources();
    let mut parts = Parts::of(cluster, resources.iter().map(AsRef::as_ref));
    parts.schemas.values_mut().for_each(to_v2);
    Ok(json_response(&json!({
        "swagger": "2.0", "info": {"title": "Kubernetes", "version": cluster.options.release.git_version()},
        "paths": parts.paths, "definitions": parts.schemas,
    })))
}

/// Version 2 has the definitions in another place.
fn to_v2(value: &mut Value) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                match value {
                    Value::String(text) if key == "$ref" => *text = text.replace(REFERENCE, "#/definitions/"),
                    value => to_v2(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(to_v2),
        _ => {}
    }
}

/// `/api/v1` or `/apis/apps/v1`
fn root(resource: &Resource) -> String {
    let prefix = if resource.kind.group.is_empty() { "api" } else { "apis" };
    format!("/{prefix}/{}", resource.api_version())
}

/// Collects the paths and types of resources.
struct Parts<'a> {
    cluster: &'a Cluster,
    paths: Map<String, Value>,
    schemas: Map<String, Value>,
    /// Schemas that are included or queued.
    seen: BTreeSet<String>,
}

impl<'a> Parts<'a> {
    fn of<'r>(cluster: &'a Cluster, resources: impl Iterator<Item = &'r Resource>) -> Self {
        let mut parts = Self { cluster, paths: Map::new(), schemas: Map::new(), seen: BTreeSet::new() };
        resources.for_each(|resource| parts.add(resource));
        parts
    }

    fn add(&mut self, resource: &Resource) {
        let name = match &resource.custom {
            None => {
                self.schema(&resource.kind.schema);
                resource.kind.schema.clone()
            }
            Some(custom) => {
                let words: Vec<&str> = resource.kind.group.split('.').rev().collect();
                let name = format!("{}.{}.{}", words.join("."), resource.kind.version, resource.kind.kind);
                let schema = self.custom(resource, &custom.schema);
                self.schemas.insert(name.clone(), schema);
                name
            }
        };
        self.add_paths(resource, &name);
    }

    /// Includes a type of the release and all types it refers to.
    fn schema(&mut self, name: &str) {
        if !self.seen.insert(name.to_owned()) {
            return;
        }
        if let Some(schema) = self.cluster.structure.schemas.get(name) {
            self.references(schema);
            self.schemas.insert(name.to_owned(), schema.clone());
        }
    }

    fn references(&mut self, value: &Value) {
        match value {
            Value::Object(object) => {
                for (key, value) in object {
                    match value.as_str().and_then(|text| text.strip_prefix(REFERENCE)) {
                        Some(name) if key == "$ref" => self.schema(name),
                        _ => self.references(value),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.references(item)),
            _ => {}
        }
    }

    /// The schema of a CRD, with the fields that all objects have.
    fn custom(&mut self, resource: &Resource, schema: &Value) -> Value {
        const METADATA: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
        self.schema(METADATA);
        let mut schema = if schema.is_object() { schema.clone() } else { json!({"type": "object"}) };
        for (key, property) in [
            ("apiVersion", json!({"type": "string"})),
            ("kind", json!({"type": "string"})),
            ("metadata", json!({"allOf": [{"$ref": format!("{REFERENCE}{METADATA}")}]})),
        ] {
            schema["properties"][key] = property;
        }
        schema["x-kubernetes-group-version-kind"] = json!([gvk(resource)]);
        schema
    }

    fn add_paths(&mut self, resource: &Resource, schema: &str) {
        let (root, kind) = (root(resource), &resource.kind);
        let object = json!({"$ref": format!("{REFERENCE}{schema}")});
        let operation = |action: &str, parameters: &[&str]| {
            let parameters: Vec<Value> = parameters
                .iter()
                .map(|name| json!({"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true}}))
                .collect();
            json!({
                "operationId": format!("{action}{}{}{}", kind.group, kind.version, kind.kind),
                "parameters": parameters,
                "responses": {"200": {"description": "OK", "content": {"application/json": {"schema": object}}}},
                "x-kubernetes-action": action, "x-kubernetes-group-version-kind": gvk(resource),
            })
        };
        let writing = ["dryRun", "fieldManager", "fieldValidation"];
        let listing = ["labelSelector", "fieldSelector", "limit", "continue", "resourceVersion", "watch"];
        let mut add = |path: String, operations: &[(&str, &str, &str, &[&str])]| {
            let can = operations.iter().filter(|(verb, ..)| resource.can(verb));
            let item: Map<String, Value> = can
                .map(|(_, method, action, parameters)| ((*method).to_owned(), operation(action, parameters)))
                .collect();
            if !item.is_empty() {
                self.paths.insert(path, Value::Object(item));
            }
        };
        let all = format!("{root}/{}", kind.plural);
        let within = match kind.namespaced {
            true => format!("{root}/namespaces/{{namespace}}/{}", kind.plural),
            false => all.clone(),
        };
        add(format!("{root}/watch/{}", kind.plural), &[("watch", "get", "watchlist", &listing)]);
        add(all, &[("list", "get", "list", &listing)]);
        add(
            within.clone(),
            &[
                ("list", "get", "list", &listing),
                ("create", "post", "post", &writing),
                ("deletecollection", "delete", "deletecollection", &listing),
            ],
        );
        let one: [(&str, &str, &str, &[&str]); 4] = [
            ("get", "get", "get", &[]),
            ("update", "put", "put", &writing),
            ("patch", "patch", "patch", &["dryRun", "fieldManager", "fieldValidation", "force"]),
            ("delete", "delete", "delete", &["dryRun"]),
        ];
        add(format!("{within}/{{name}}"), &one);
        if resource.status_subresource() {
            add(format!("{within}/{{name}}/status"), &one[..3]);
        }
    }
}

fn gvk(resource: &Resource) -> Value {
    json!({"group": resource.kind.group, "version": resource.kind.version, "kind": resource.kind.kind})
}
