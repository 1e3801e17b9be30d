//! Defaults that the server adds to new objects, and the validation of names.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::target::now;
use crate::resource::Resource;

/// The message for an invalid name.
pub(crate) const NAMES: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";

/// Whether objects of the resource may have this name.
pub(crate) fn is_name(resource: &Resource, name: &str) -> bool {
    // Names of roles need only be valid path segments.
    if resource.kind.group == "rbac.authorization.k8s.io" {
        return !name.contains(['/', '%']) && name != "." && name != "..";
    }
    let is_inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.len() <= 253
        && name.chars().all(|c| is_inside(c) || matches!(c, '-' | '.'))
        && name.starts_with(is_inside)
        && name.ends_with(is_inside)
}

/// Adds the default fields of a kind.
pub(crate) fn fill(resource: &Resource, name: &str, object: &mut Map<String, Value>) {
    match (resource.kind.group.as_str(), resource.kind.plural.as_str()) {
        ("", "namespaces") => {
            object.entry("spec").or_insert_with(|| json!({"finalizers": ["kubernetes"]}));
            object.entry("status").or_insert_with(|| json!({"phase": "Active"}));
            if let Some(metadata) = object.get_mut("metadata") {
                // The namespace controller does not exist here, so the finalizer is not needed.
                metadata["labels"]["kubernetes.io/metadata.name"] = json!(name);
            }
        }
        ("", "secrets") => secret(object),
        ("", "pods") => {
            object.entry("status").or_insert_with(|| json!({"phase": "Pending", "qosClass": "BestEffort"}));
            if let Some(Value::Object(spec)) = object.get_mut("spec") {
                for (key, value) in [
                    ("restartPolicy", json!("Always")),
                    ("schedulerName", json!("default-scheduler")),
                    ("serviceAccountName", json!("default")),
                    ("terminationGracePeriodSeconds", json!(30)),
                    ("dnsPolicy", json!("ClusterFirst")),
                ] {
                    spec.entry(key).or_insert(value);
                }
            }
        }
        ("apps", "deployments" | "replicasets" | "statefulsets") => {
            if let Some(Value::Object(spec)) = object.get_mut("spec") {
                spec.entry("replicas").or_insert(json!(1));
            }
        }
        ("apiextensions.k8s.io", "customresourcedefinitions") => definition(object),
        _ => {}
    }
}

/// Moves `stringData` to `data`.
fn secret(object: &mut Map<String, Value>) {
    object.entry("type").or_insert(json!("Opaque"));
    if let Some(Value::Object(texts)) = object.remove("stringData") {
        let data = object.entry("data").or_insert_with(|| json!({}));
        for (key, text) in texts {
            data[key] = json!(STANDARD.encode(text.as_str().unwrap_or_default()));
        }
    }
}

/// A CRD is established immediately.
fn definition(object: &mut Map<String, Value>) {
    let spec = object.get("spec").cloned().unwrap_or_default();
    let mut names = spec["names"].clone();
    let kind = names["kind"].as_str().unwrap_or_default().to_owned();
    if let Value::Object(names) = &mut names {
        names.entry("singular").or_insert_with(|| json!(kind.to_lowercase()));
        names.entry("listKind").or_insert_with(|| json!(format!("{kind}List")));
    }
    let versions = spec["versions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let stored: Vec<&Value> =
        versions.iter().filter(|version| version["storage"] == true).map(|version| &version["name"]).collect();
    let since = object
        .get("status")
        .and_then(|status| status["conditions"][0]["lastTransitionTime"].as_str().map(str::to_owned));
    let since = since.unwrap_or_else(now);
    let condition = |kind: &str, reason: &str, message: &str| json!({"type": kind, "status": "True", "reason": reason, "message": message, "lastTransitionTime": since});
    let status = json!({
        "acceptedNames": names, "storedVersions": stored,
        "conditions": [
            condition("NamesAccepted", "NoConflicts", "no conflicts found"),
            condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        ],
    });
    if let Some(spec) = object.get_mut("spec") {
        spec["names"] = names;
        if spec["conversion"].is_null() {
            spec["conversion"] = json!({"strategy": "None"});
        }
    }
    object.insert("status".to_owned(), status);
}
