//! Tables of objects, as shown by `kubectl get`.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::resource::Resource;

/// The columns of a resource.
pub(crate) struct Table {
    columns: Vec<Column>,
    include: Include,
}

struct Column {
    name: String,
    kind: String,
    priority: i64,
    cell: Cell,
}

/// How to compute a cell.
enum Cell {
    Known(fn(&Value) -> Value),
    Path(String),
}

/// The part of the object that is returned with its row.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Include {
    None,
    Metadata,
    Object,
}

impl Table {
    pub(crate) fn new(resource: &Resource, include: &str) -> Self {
        let include = match include {
            "None" => Include::None,
            "Object" => Include::Object,
            _ => Include::Metadata,
        };
        let known = |name: &str, kind: &str, priority, cell| Column {
            name: name.to_owned(),
            kind: kind.to_owned(),
            priority,
            cell: Cell::Known(cell),
        };
        let mut columns = vec![known("Name", "string", 0, |object| object["metadata"]["name"].clone())];
        let age = known("Age", "string", 0, |object| age(&object["metadata"]["creationTimestamp"]));
        match &resource.custom {
            Some(custom) if !custom.columns.is_empty() => {
                let text = |column: &Value, key: &str| column[key].as_str().unwrap_or_default().to_owned();
                columns.extend(custom.columns.iter().map(|column| Column {
                    name: text(column, "name"),
                    kind: text(column, "type"),
                    priority: column["priority"].as_i64().unwrap_or(0),
                    cell: Cell::Path(text(column, "jsonPath")),
                }));
            }
            Some(_) => columns.push(age),
            None => {
                let of = KNOWN.iter().filter(|(plural, ..)| *plural == resource.kind.plural);
                columns.extend(of.map(|(_, name, priority, cell)| known(name, "string", *priority, *cell)));
                columns.push(age);
            }
        }
        Self { columns, include }
    }

    /// Column definitions.
    pub(crate) fn columns(&self) -> Value {
        let shown = |column: &Column| {
            let format = if column.name == "Name" { "name" } else { "" };
            json!({
                "name": column.name, "type": column.kind, "format": format, "description": "",
                "priority": column.priority,
            })
        };
        self.columns.iter().map(shown).collect()
    }

    /// The row of an object.
    pub(crate) fn row(&self, object: &Value) -> Value {
        let cell = |column: &Column| match &column.cell {
            Cell::Known(cell) => cell(object),
            Cell::Path(path) => {
                let value = at_path(object, path);
                if column.kind == "date" { age(&value) } else { value }
            }
        };
        let cells: Vec<Value> = self.columns.iter().map(cell).collect();
        match self.include {
            Include::None => json!({ "cells": cells }),
            Include::Object => json!({ "cells": cells, "object": object }),
            Include::Metadata => json!({"cells": cells, "object": {
                "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"],
            }}),
        }
    }
}

/// Plural, column name, priority and cell function.
type Known = (&'static str, &'static str, i64, fn(&Value) -> Value);

const KNOWN: &[Known] = &[
    ("pods", "Ready", 0, |pod| {
        let ready = list(pod, "/status/containerStatuses").iter().filter(|status| status["ready"] == true).count();
        json!(format!("{ready}/{}", list(pod, "/spec/containers").len()))
    }),
    ("pods", "Status", 0, |pod| json!(pod_status(pod))),
    ("pods", "Restarts", 0, |pod| {
        let counts = list(pod, "/status/containerStatuses").iter();
        json!(counts.filter_map(|status| status["restartCount"].as_u64()).sum::<u64>().to_string())
    }),
    ("pods", "IP", 1, |pod| or_none(&pod["status"]["podIP"])),
    ("pods", "Node", 1, |pod| or_none(&pod["spec"]["nodeName"])),
    ("nodes", "Status", 0, |node| {
        let is_ready =
            list(node, "/status/conditions").iter().any(|it| it["type"] == "Ready" && it["status"] == "True");
        let ready = if is_ready { "Ready" } else { "NotReady" };
        json!(if node["spec"]["unschedulable"] == true { format!("{ready},SchedulingDisabled") } else { ready.into() })
    }),
    ("nodes", "Roles", 0, |node| {
        let labels = node["metadata"]["labels"].as_object();
        let roles = labels.into_iter().flatten().filter_map(|(key, _)| key.strip_prefix("node-role.kubernetes.io/"));
        let roles = roles.collect::<Vec<_>>().join(",");
        json!(if roles.is_empty() { "<none>" } else { &roles })
    }),
    ("nodes", "Version", 0, |node| node["status"]["nodeInfo"]["kubeletVersion"].clone()),
    ("nodes", "Internal-IP", 1, |node| {
        let address = list(node, "/status/addresses").iter().find(|address| address["type"] == "InternalIP");
        or_none(&address.map_or(Value::Null, |address| address["address"].clone()))
    }),
    ("namespaces", "Status", 0, |namespace| namespace["status"]["phase"].clone()),
    ("deployments", "Ready", 0, ready),
    ("deployments", "Up-to-date", 0, |it| count(&it["status"]["updatedReplicas"])),
    ("deployments", "Available", 0, |it| count(&it["status"]["availableReplicas"])),
    ("statefulsets", "Ready", 0, ready),
    ("replicasets", "Desired", 0, |it| count(&it["spec"]["replicas"])),
    ("replicasets", "Current", 0, |it| count(&it["status"]["replicas"])),
    ("replicasets", "Ready", 0, |it| count(&it["status"]["readyReplicas"])),
    ("daemonsets", "Desired", 0, |it| count(&it["status"]["desiredNumberScheduled"])),
    ("daemonsets", "Ready", 0, |it| count(&it["status"]["numberReady"])),
    ("services", "Type", 0, |it| it["spec"]["type"].clone()),
    ("services", "Cluster-IP", 0, |it| or_none(&it["spec"]["clusterIP"])),
    ("jobs", "Status", 0, |it| {
        let done = list(it, "/status/conditions")
            .iter()
            .find(|it| it["status"] == "True" && it["type"] != "SuccessCriteriaMet");
        done.map_or(json!("Running"), |condition| condition["type"].clone())
    }),
    ("events", "Type", 0, |it| it["type"].clone()),
    ("events", "Reason", 0, |it| it["reason"].clone()),
    ("events", "Message", 0, |it| if it["message"].is_null() { it["note"].clone() } else { it["message"].clone() }),
    ("persistentvolumeclaims", "Status", 0, |it| it["status"]["phase"].clone()),
    ("persistentvolumes", "Status", 0, |it| it["status"]["phase"].clone()),
    ("secrets", "Type", 0, |it| it["type"].clone()),
];

fn list<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn or_none(value: &Value) -> Value {
    if value.is_null() { json!("<none>") } else { value.clone() }
}

fn count(value: &Value) -> Value {
    if value.is_null() { json!("0") } else { json!(value.to_string()) }
}

fn ready(object: &Value) -> Value {
    let number = |pointer| object.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    json!(format!("{}/{}", number("/status/readyReplicas"), number("/spec/replicas")))
}

/// The status of a pod as shown by `kubectl get pods`.
fn pod_status(pod: &Value) -> String {
    if !pod["metadata"]["deletionTimestamp"].is_null() {
        return "Terminating".to_owned();
    }
    if let Some(reason) = pod["status"]["reason"].as_str() {
        return reason.to_owned();
    }
    let reason = |status: &Value| {
        let reason =
            ["/state/waiting/reason", "/state/terminated/reason"].iter().find_map(|at| status.pointer(at)?.as_str());
        reason.map(str::to_owned)
    };
    let of_containers = list(pod, "/status/containerStatuses").iter().filter(|status| status["ready"] != true);
    let phase = || pod["status"]["phase"].as_str().unwrap_or("Unknown").to_owned();
    of_containers.filter_map(reason).next().unwrap_or_else(phase)
}

/// The time since a timestamp, in kubectl's format.
fn age(time: &Value) -> Value {
    let Some(then) = time.as_str().and_then(|time| time.parse::<Timestamp>().ok()) else { return json!("<unknown>") };
    let seconds = Timestamp::now().duration_since(then).as_secs().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    json!(match (days, hours, minutes) {
        (0, 0, 0..2) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m"),
        (0, 1..48, _) => format!("{hours}h"),
        (1, ..) => format!("{hours}h"),
        _ => format!("{days}d"),
    })
}

/// The value of a simple JSON path: `.spec.size`, `.status.conditions[?(@.type=="Ready")].status`, `.spec.a[0]`.
fn at_path(object: &Value, path: &str) -> Value {
    let mut value = object;
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix('[') {
            let Some((index, after)) = inside.split_once(']') else { return Value::Null };
            let found = match index.strip_prefix("?(@.").and_then(|test| test.trim_end_matches(')').split_once("==")) {
                Some((key, wanted)) => {
                    let wanted = wanted.trim_matches(['"', '\'']);
                    value.as_array().and_then(|items| items.iter().find(|item| item[key] == wanted))
                }
                None => index.parse::<usize>().ok().and_then(|index| value.get(index)),
            };
            let Some(found) = found else { return Value::Null };
            (value, rest) = (found, after);
        } else {
            let name = rest.strip_prefix('.').unwrap_or(rest);
            let end = name.find(['.', '[']).unwrap_or(name.len());
            value = &value[&name[..end]];
            rest = &name[end..];
        }
    }
    value.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evaluates_column_paths() {
        let object = json!({"spec": {"size": 3, "list": ["a", "b"]}, "status": {"conditions": [
            {"type": "Synced", "status": "False"}, {"type": "Ready", "status": "True"}]}});
        let cases = [
            (".spec.size", json!(3)),
            (".spec.list[1]", json!("b")),
            (r#".status.conditions[?(@.type=="Ready")].status"#, json!("True")),
            (r#".status.conditions[?(@.type=="Gone")].status"#, Value::Null),
            (".spec.nothing.below", Value::Null),
        ];
        for (path, expected) in cases {
            assert_eq!(at_path(&object, path), expected, "{path}");
        }
    }
}
