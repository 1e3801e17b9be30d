//! Deletion of objects, with their dependents.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use super::query::Form;
use super::render::Renderer;
use super::status::{ApiError, ApiResult, json_response};
use super::target::{Target, no_finalizers, now, put};
use super::watch::at_revision;
use super::{Request, one};
use crate::cluster::Cluster;
use crate::json_path;
use crate::resource::Resource;
use crate::selector::Selection;
use crate::store::{Owner, Writer};

/// Resources whose objects own dependents.
const OWNERS: &[&str] = &[
    "deployments",
    "replicasets",
    "statefulsets",
    "daemonsets",
    "jobs",
    "cronjobs",
    "replicationcontrollers",
    "services",
];

/// Resources whose objects have owners.
const OWNED: &[(&str, &str)] = &[
    ("apps", "replicasets"),
    ("batch", "jobs"),
    ("", "pods"),
    ("apps", "controllerrevisions"),
    ("discovery.k8s.io", "endpointslices"),
];

/// Handles the deletion of an object.
pub(crate) fn delete(cluster: &Cluster, target: &Target, request: &Request) -> ApiResult {
    let options: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let mut writer = cluster.store.write();
    let entry = writer.get(target.resource.collection, &target.key()).ok_or_else(|| target.not_found())?;
    let mut object: Value = serde_json::from_slice(&entry.bytes).unwrap_or_default();
    for key in ["uid", "resourceVersion"] {
        let wanted = &options["preconditions"][key];
        if wanted.is_string() && *wanted != object["metadata"][key] {
            return Err(ApiError::conflict(&target.resource, &target.name));
        }
    }
    let is_dry = request.query.dry_run || options["dryRun"].as_array().is_some_and(|list| !list.is_empty());
    if !no_finalizers(&object["metadata"]) {
        // The object is deleted when its finalizers are removed.
        if object["metadata"]["deletionTimestamp"].is_null() {
            object["metadata"]["deletionTimestamp"] = json!(now());
            object["metadata"]["deletionGracePeriodSeconds"] = json!(0);
            let stored = put(&mut writer, target, object, is_dry);
            return Ok(one(&Renderer::new(target.resource.clone(), Form::Object, ""), &stored));
        }
        return Ok(one(&Renderer::new(target.resource.clone(), Form::Object, ""), &Bytes::from(object.to_string())));
    }
    if !is_dry {
        remove(cluster, &mut writer, target, &target.key(), None);
        drop(writer);
        let policy = options["propagationPolicy"].as_str().unwrap_or(&request.query.propagation);
        follow(cluster, target, &object, policy);
    }
    let kind = &target.resource.kind;
    Ok(json_response(&json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
        "details": {"name": target.name, "group": kind.group, "kind": kind.plural, "uid": object["metadata"]["uid"]},
    })))
}

/// Handles the deletion of all selected objects.
pub(crate) fn delete_all(
    cluster: &Cluster,
    resource: &Arc<Resource>,
    prefix: &str,
    selection: &Selection,
    request: &Request,
) -> ApiResult {
    let all = cluster.store.snapshot(resource.collection).objects.all(prefix);
    for entry in all.filter(|entry| selection.matches(&entry.key, &entry.bytes)) {
        match delete(cluster, &target(resource, &entry.key), request) {
            // The object was deleted or recreated in the meantime.
            Ok(_) | Err(_) => {}
        }
    }
    Ok(json_response(&json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"})))
}

fn target(resource: &Arc<Resource>, key: &str) -> Target {
    let (namespace, name) = match key.split_once('/') {
        Some((namespace, name)) if resource.kind.namespaced => (Some(namespace.to_owned()), name),
        _ => (None, key),
    };
    Target { resource: resource.clone(), namespace, name: name.to_owned(), status: false }
}

/// Deletes an object; `last` is its last state if that differs from the stored one.
pub(crate) fn remove(cluster: &Cluster, writer: &mut Writer<'_>, target: &Target, key: &str, last: Option<Value>) {
    let of = target.resource.collection;
    let owner = writer.get(of, key).map(|entry| entry.owner);
    writer.delete(of, key, |entry, revision| {
        let last = last.map_or_else(|| entry.bytes.clone(), |last| Bytes::from(last.to_string()));
        Bytes::from(at_revision(&last, revision))
    });
    if let Some(Owner::Content(number)) = owner {
        cluster.note_deleted(of, number);
    }
}

/// Deletes the dependents of a deleted object.
pub(crate) fn follow(cluster: &Cluster, target: &Target, object: &Value, policy: &str) {
    let resource = &target.resource;
    if resource.is("", "namespaces") {
        let prefix = format!("{}/", target.name);
        cluster.resources().iter().filter(|resource| resource.kind.namespaced).for_each(|resource| {
            remove_all(cluster, resource, &prefix, |_| true);
        });
    } else if resource.is("apiextensions.k8s.io", "customresourcedefinitions") {
        let resources = cluster.resources();
        let is_its = |of: &&Arc<Resource>| of.custom.as_ref().is_some_and(|custom| custom.definition == target.name);
        resources.iter().filter(is_its).for_each(|resource| remove_all(cluster, resource, "", |_| true));
        cluster.define(&target.name, None);
    } else if policy != "Orphan" && (resource.custom.is_some() || OWNERS.contains(&resource.kind.plural.as_str())) {
        let uid = object["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
        let prefix = target.namespace.as_ref().map_or_else(String::new, |namespace| format!("{namespace}/"));
        let resources = cluster.resources();
        let owned = OWNED.iter().filter_map(|(group, plural)| resources.any_version(group, plural));
        let owned: Vec<&Arc<Resource>> =
            owned.chain(resources.iter().filter(|resource| resource.custom.is_some())).collect();
        for resource in owned {
            remove_all(cluster, resource, &prefix, |bytes| is_owned(bytes, &uid));
        }
    }
}

/// Whether an object's metadata refers to this owner.
fn is_owned(bytes: &[u8], uid: &str) -> bool {
    // A cheap check first: few objects contain the text at all.
    if uid.is_empty() || !std::str::from_utf8(bytes).is_ok_and(|text| text.contains(uid)) {
        return false;
    }
    let object: Value = serde_json::from_slice(bytes).unwrap_or_default();
    object["metadata"]["ownerReferences"].as_array().is_some_and(|list| list.iter().any(|owner| owner["uid"] == uid))
}

fn remove_all(cluster: &Cluster, resource: &Arc<Resource>, prefix: &str, which: impl Fn(&[u8]) -> bool) {
    for entry in cluster.store.snapshot(resource.collection).objects.all(prefix).filter(|entry| which(&entry.bytes)) {
        let target = target(resource, &entry.key);
        let uid = json_path::text_at(&entry.bytes, &["metadata", "uid"]);
        remove(cluster, &mut cluster.store.write(), &target, &entry.key, None);
        follow(cluster, &target, &json!({"metadata": {"uid": uid}}), "");
    }
}
