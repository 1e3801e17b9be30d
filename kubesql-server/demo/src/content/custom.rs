//! Custom resources: CRDs of several groups, with a few objects each.

use serde_json::{Value, json};

use super::common::put;
use super::random::{mix, pick};
use super::topology::{Topology, time};
use crate::cluster::Cluster;

const GROUPS: [&str; 5] =
    ["shop.demo.example", "data.demo.example", "net.demo.example", "build.example.org", "policy.example.net"];
const NOUNS: [&str; 10] =
    ["Widget", "Pipeline", "Gateway", "Backup", "Tenant", "Cache", "Topic", "Certificate", "Dashboard", "Schedule"];

/// Writes the CRDs and their objects.
pub(super) fn write(cluster: &Cluster, topology: &Topology) {
    for number in 0..u64::from(cluster.options.crds) {
        let at = |length: usize, by: u64| usize::try_from(number / by).unwrap_or(0) % length;
        let (noun, group) = (NOUNS[at(NOUNS.len(), 1)], GROUPS[at(GROUPS.len(), 1)]);
        let round = number / NOUNS.len() as u64;
        let kind = if round == 0 { noun.to_owned() } else { format!("{noun}{round}") };
        let plural = format!("{}s", kind.to_lowercase());
        let namespaced = !number.is_multiple_of(3);
        let name = format!("{plural}.{group}");
        let definition = definition(topology, &kind, &plural, group, namespaced, number);
        put(
            cluster,
            topology,
            ("apiextensions.k8s.io", "customresourcedefinitions"),
            "",
            &name,
            definition.clone(),
            0x0063_7264 + number * 100,
        );
        cluster.define(&name, Some(&definition));
        for object in 0..3 + number % 5 {
            let key = mix(topology.seed, number * 100 + object + 1);
            let namespace = if namespaced { pick(key, &topology.namespaces).name.as_str() } else { "" };
            let phase = *pick(key, &["Ready", "Ready", "Pending", "Failed"]);
            let body = json!({
                "metadata": {"labels": {"team": pick(mix(key, 1), &topology.namespaces).team}, "generation": 1},
                "spec": {"size": mix(key, 2) % 100, "enabled": key.is_multiple_of(2), "owner": format!("team-{}", key % 7),
                    "limits": {"cpu": format!("{}m", key % 900 + 100), "memory": "256Mi"},
                    "steps": [{"name": "first", "timeout": "30s"}, {"name": "second", "timeout": "5m"}]},
                "status": {"phase": phase, "conditions": [{"type": "Ready", "status": if phase == "Ready" { "True" } else { "False" },
                    "reason": phase, "message": "", "lastTransitionTime": time(topology.now - 3600)}]},
            });
            let name = format!("{}-{object}", kind.to_lowercase());
            put(cluster, topology, (group, &plural), namespace, &name, body, 0x0063_7264 + number * 100 + object + 1);
        }
    }
}

fn definition(topology: &Topology, kind: &str, plural: &str, group: &str, namespaced: bool, number: u64) -> Value {
    let text = json!({"type": "string"});
    let quantity = json!({"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}]});
    let condition = json!({"type": "object", "properties": {"type": text, "status": text, "reason": text, "message": text,
        "lastTransitionTime": {"type": "string", "format": "date-time"}}});
    let schema = json!({"type": "object", "properties": {
        "spec": {"type": "object", "properties": {
            "size": {"type": "integer", "format": "int64"}, "enabled": {"type": "boolean"}, "owner": text,
            "limits": {"type": "object", "additionalProperties": quantity},
            "steps": {"type": "array", "items": {"type": "object", "properties": {"name": text, "timeout": text}}},
        }},
        "status": {"type": "object", "properties": {"phase": text, "conditions": {"type": "array", "items": condition,
            "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}}},
    }});
    let names = json!({"kind": kind, "listKind": format!("{kind}List"), "plural": plural, "singular": kind.to_lowercase(),
        "categories": ["demo"]});
    let version = |name: &str, storage: bool| {
        json!({"name": name, "served": true, "storage": storage, "subresources": {"status": {}},
            "schema": {"openAPIV3Schema": schema}, "selectableFields": [{"jsonPath": ".spec.owner"}],
            "additionalPrinterColumns": [
                {"name": "Phase", "type": "string", "jsonPath": ".status.phase"},
                {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}]})
    };
    // Some CRDs also serve an older version.
    let mut versions = vec![version("v1", true)];
    if number % 4 == 1 {
        versions.push(version("v1alpha1", false));
    }
    let since = time(topology.now - 86_400 * 300);
    let condition = |kind: &str, reason: &str| json!({"type": kind, "status": "True", "reason": reason, "message": "", "lastTransitionTime": since});
    json!({
        "metadata": {"generation": 1},
        "spec": {"group": group, "names": names, "scope": if namespaced { "Namespaced" } else { "Cluster" },
            "versions": versions, "conversion": {"strategy": "None"}},
        "status": {"acceptedNames": names, "storedVersions": ["v1"],
            "conditions": [condition("NamesAccepted", "NoConflicts"), condition("Established", "InitialNamesAccepted")]},
    })
}
