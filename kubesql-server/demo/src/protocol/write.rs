//! Creation and update of objects by clients.

use std::sync::Arc;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use rand::random;
use serde_json::{Map, Value, json};

use super::patch::{self, Kind};
use super::query::{Form, Query};
use super::render::Renderer;
use super::status::{ApiError, ApiResult};
use super::target::{Target, no_finalizers, now, put};
use super::{Request, convert, defaults, one};
use crate::cluster::Cluster;
use crate::content::fields::Writes;
use crate::content::random::{suffix, uid};
use crate::resource::Resource;

/// Parses the object in a request's body, and checks its kind.
pub(crate) fn body(resource: &Resource, request: &Request) -> ApiResult<Value> {
    let content_type = request.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if content_type.is_some_and(|content_type| content_type.contains("protobuf")) {
        return Err(ApiError::unsupported_media_type("the demo cluster reads JSON only"));
    }
    let object: Value = serde_json::from_slice(&request.body)
        .map_err(|error| ApiError::bad_request(format!("the object provided is not JSON: {error}")))?;
    for (key, expected) in [("apiVersion", resource.api_version()), ("kind", resource.kind.kind.clone())] {
        match object[key].as_str() {
            Some(given) if given != expected => {
                return Err(ApiError::bad_request(format!(
                    "the {key} in the data ({given}) does not match the expected {key} ({expected})"
                )));
            }
            _ => {}
        }
    }
    if !object.is_object() || !matches!(object["metadata"], Value::Object(_) | Value::Null) {
        return Err(ApiError::bad_request("the object provided is not an object with metadata"));
    }
    Ok(object)
}

/// Handles the creation of an object.
pub(crate) fn create(
    cluster: &Cluster,
    resource: Arc<Resource>,
    namespace: Option<&str>,
    request: &Request,
) -> ApiResult {
    let object = body(&resource, request)?;
    let created = create_object(cluster, &resource, namespace, object, &request.query, &manager(request), "Update")?;
    Ok(created_response(one(&Renderer::new(resource, Form::Object, ""), &created)))
}

fn created_response(response: Response) -> Response {
    (axum::http::StatusCode::CREATED, response).into_response()
}

/// Creates an object.
fn create_object(
    cluster: &Cluster,
    resource: &Arc<Resource>,
    namespace: Option<&str>,
    mut object: Value,
    query: &Query,
    manager: &str,
    operation: &str,
) -> ApiResult<Bytes> {
    let written = object.clone();
    let fields = fields(resource, &mut object);
    let metadata = metadata(fields);
    let text = |metadata: &Map<String, Value>, key: &str| {
        metadata.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let (mut name, prefix, given) =
        (text(metadata, "name"), text(metadata, "generateName"), text(metadata, "namespace"));
    if name.is_empty() && !prefix.is_empty() {
        name = format!("{prefix}{}", suffix(random(), 5));
    }
    if name.is_empty() {
        return Err(ApiError::invalid(
            resource,
            "",
            "metadata.name",
            "Required value: name or generateName is required",
        ));
    }
    if !defaults::is_name(resource, &name) {
        return Err(ApiError::invalid(
            resource,
            &name,
            "metadata.name",
            &format!("Invalid value: {name:?}: {}", defaults::NAMES),
        ));
    }
    if !given.is_empty() && namespace.is_none_or(|namespace| namespace != given) {
        let message = "the namespace of the provided object does not match the namespace sent on the request";
        return Err(ApiError::bad_request(message));
    }
    if !text(metadata, "resourceVersion").is_empty() {
        return Err(ApiError::bad_request("resourceVersion should not be set on objects to be created"));
    }
    metadata.insert("name".to_owned(), json!(name));
    if let Some(namespace) = namespace {
        metadata.insert("namespace".to_owned(), json!(namespace));
    }
    metadata.insert("uid".to_owned(), json!(uid(random())));
    metadata.insert("creationTimestamp".to_owned(), json!(now()));
    ["deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"].iter().for_each(|key| _ = metadata.remove(*key));
    if fields.contains_key("spec") {
        self::metadata(fields).insert("generation".to_owned(), json!(1));
    }
    if resource.status_subresource() {
        fields.remove("status");
    }
    defaults::fill(resource, &name, fields);
    manage(resource, fields, &written, manager, operation, "");
    let target = Target { resource: resource.clone(), namespace: namespace.map(str::to_owned), name, status: false };
    let mut writer = cluster.store.write();
    if let Some(namespace) = namespace {
        let resources = cluster.resources();
        let namespaces = resources.find("", "v1", "namespaces").ok_or_else(ApiError::no_such_path)?;
        if writer.get(namespaces.collection, namespace).is_none() {
            return Err(ApiError::not_found(namespaces, namespace));
        }
    }
    if writer.get(resource.collection, &target.key()).is_some() {
        return Err(ApiError::already_exists(resource, &target.name));
    }
    let stored = put(&mut writer, &target, object, query.dry_run);
    drop(writer);
    defined(cluster, &target, Some(&stored), query);
    Ok(stored)
}

/// Handles the replacement of an object.
pub(crate) fn update(cluster: &Cluster, target: &Target, request: &Request) -> ApiResult {
    let object = body(&target.resource, request)?;
    let renderer = Renderer::new(target.resource.clone(), Form::Object, "");
    let stored = change(cluster, target, request, "Update", |current| {
        *current = object.clone();
        Ok(())
    })?;
    Ok(one(&renderer, &stored))
}

/// Handles a patch of an object.
pub(crate) fn patch(cluster: &Cluster, target: &Target, request: &Request) -> ApiResult {
    let content_type = request.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = Kind::of(content_type.unwrap_or_default())?;
    let change_by: Value = serde_json::from_slice(&request.body).map_err(|error| {
        ApiError::bad_request(format!("the patch is not JSON, which is all that the demo cluster reads: {error}"))
    })?;
    let renderer = Renderer::new(target.resource.clone(), Form::Object, "");
    let operation = if kind == Kind::Apply { "Apply" } else { "Update" };
    if kind == Kind::Apply
        && !target.status
        && cluster.store.write().get(target.resource.collection, &target.key()).is_none()
    {
        let mut object = body(&target.resource, request)?;
        metadata(object.as_object_mut().ok_or_else(|| ApiError::bad_request("not an object"))?)
            .insert("name".to_owned(), json!(target.name));
        let (manager, query) = (manager(request), &request.query);
        let namespace = target.namespace.as_deref();
        let created = create_object(cluster, &target.resource, namespace, object, query, &manager, operation)?;
        return Ok(created_response(one(&renderer, &created)));
    }
    let schemas = &cluster.structure.schemas;
    let stored = change(cluster, target, request, operation, |current| {
        patch::patch(schemas, &target.resource, kind, current, &change_by)
    })?;
    Ok(one(&renderer, &stored))
}

/// Changes an object while the store is locked.
fn change(
    cluster: &Cluster,
    target: &Target,
    request: &Request,
    operation: &str,
    by: impl FnOnce(&mut Value) -> ApiResult<()>,
) -> ApiResult<Bytes> {
    let (resource, key) = (&target.resource, target.key());
    let mut writer = cluster.store.write();
    let before = writer.get(resource.collection, &key).ok_or_else(|| target.not_found())?.bytes.clone();
    let stored: Value = serde_json::from_slice(&before).unwrap_or_default();
    // The change applies to the object in the version of the request.
    let mut object: Value = serde_json::from_slice(&convert::to_version(resource, &before)).unwrap_or_default();
    object["apiVersion"] = json!(resource.api_version());
    object["kind"] = json!(resource.kind.kind);
    by(&mut object)?;
    let written = object.clone();
    if !object.is_object() || !object["metadata"].is_object() {
        return Err(ApiError::invalid(resource, &target.name, "metadata", "Required value"));
    }
    let text = |object: &Value, key: &str| object["metadata"][key].as_str().unwrap_or_default().to_owned();
    if text(&object, "name") != target.name {
        return Err(ApiError::bad_request(format!(
            "the name of the object ({}) does not match the name on the URL ({})",
            text(&object, "name"),
            target.name
        )));
    }
    let (given, current) = (text(&object, "resourceVersion"), text(&stored, "resourceVersion"));
    let (given_uid, current_uid) = (text(&object, "uid"), text(&stored, "uid"));
    if !given.is_empty() && given != current || !given_uid.is_empty() && given_uid != current_uid {
        return Err(ApiError::conflict(resource, &target.name));
    }
    let fields = fields(resource, &mut object);
    if target.status {
        let status = fields.get("status").cloned();
        *fields = stored.as_object().cloned().unwrap_or_default();
        status.into_iter().for_each(|status| _ = fields.insert("status".to_owned(), status));
    } else {
        if resource.status_subresource() {
            fields.remove("status");
            stored.get("status").into_iter().for_each(|status| _ = fields.insert("status".to_owned(), status.clone()));
        }
        defaults::fill(resource, &target.name, fields);
        for key in [
            "uid",
            "creationTimestamp",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "generation",
            "namespace",
            "managedFields",
            "resourceVersion",
        ] {
            match stored["metadata"].get(key) {
                Some(value) => _ = metadata(fields).insert(key.to_owned(), value.clone()),
                None => _ = metadata(fields).remove(key),
            }
        }
        if fields.get("spec") != stored.get("spec") && fields.contains_key("spec") {
            let generation = stored["metadata"]["generation"].as_i64().unwrap_or(0) + 1;
            metadata(fields).insert("generation".to_owned(), json!(generation));
        }
    }
    // An update without a change keeps the revision.
    if Some(&*fields) == stored.as_object() {
        return Ok(before);
    }
    let subresource = if target.status { "status" } else { "" };
    manage(resource, fields, &written, &manager(request), operation, subresource);
    let is_gone = fields.get("metadata").is_some_and(|it| it.get("deletionTimestamp").is_some() && no_finalizers(it));
    if is_gone && !request.query.dry_run {
        let last = Value::Object(fields.clone());
        super::delete::remove(cluster, &mut writer, target, &key, Some(last));
        drop(writer);
        super::delete::follow(cluster, target, &stored, "");
        return Ok(Bytes::from(object.to_string()));
    }
    let stored = put(&mut writer, target, object, request.query.dry_run);
    drop(writer);
    defined(cluster, target, Some(&stored), &request.query);
    Ok(stored)
}

/// Serves the resource of a CRD.
fn defined(cluster: &Cluster, target: &Target, stored: Option<&Bytes>, query: &Query) {
    if target.resource.is("apiextensions.k8s.io", "customresourcedefinitions") && !query.dry_run {
        let definition: Option<Value> = stored.and_then(|stored| serde_json::from_slice(stored).ok());
        cluster.define(&target.name, definition.as_ref());
    }
}

/// The fields of an object as stored: without kind and version.
fn fields<'a>(resource: &Resource, object: &'a mut Value) -> &'a mut Map<String, Value> {
    if !object.is_object() {
        *object = json!({});
    }
    let Value::Object(fields) = object else { unreachable!("it was made an object") };
    fields.remove("apiVersion");
    fields.remove("kind");
    convert::from_version(resource, fields);
    fields
}

fn metadata(fields: &mut Map<String, Value>) -> &mut Map<String, Value> {
    let metadata = fields.entry("metadata").or_insert_with(|| json!({}));
    if !metadata.is_object() {
        *metadata = json!({});
    }
    let Value::Object(metadata) = metadata else { unreachable!("it was made an object") };
    metadata
}

/// The field manager: given by the request, or the name of the client program.
fn manager(request: &Request) -> String {
    if !request.query.field_manager.is_empty() {
        return request.query.field_manager.clone();
    }
    let agent = request.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or("unknown");
    agent.split(['/', ' ']).next().unwrap_or_default().to_owned()
}

/// Updates the managed fields.
fn manage(
    resource: &Resource,
    fields: &mut Map<String, Value>,
    written: &Value,
    manager: &str,
    operation: &str,
    subresource: &str,
) {
    let (api_version, time) = (resource.api_version(), now());
    let mut written = written.clone();
    if let Value::Object(written) = &mut written {
        written.retain(|key, _| {
            !matches!(key.as_str(), "apiVersion" | "kind") && (key == "status") == (subresource == "status")
        });
        if let Some(Value::Object(metadata)) = written.get_mut("metadata") {
            metadata
                .retain(|key, _| matches!(key.as_str(), "labels" | "annotations" | "finalizers" | "ownerReferences"));
        }
    }
    let entry = Writes { manager, operation, api_version: &api_version, time: &time, subresource }.of(&written);
    let entries = metadata(fields).entry("managedFields").or_insert_with(|| json!([]));
    if let Value::Array(entries) = entries {
        entries.retain(|it| {
            it["manager"] != manager || it["operation"] != operation || it["subresource"] != entry["subresource"]
        });
        entries.push(entry);
    }
}
