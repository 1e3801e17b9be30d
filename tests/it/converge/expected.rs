//! The rows that tables must have, computed from the server's own objects without any code under test.

use serde_json::Value;

use crate::scripted::{Kind, World};
use crate::sessions::Rows;

/// A statement, and the rows that it must return now.
pub(crate) struct Question {
    pub(crate) sql: &'static str,
    pub(crate) rows: Rows,
}

/// All statements for the current state of the server.
pub(crate) fn questions(cluster: &str, world: &World) -> Vec<Question> {
    let of = |kind| world.objects.iter().filter(move |(key, _)| key.kind == kind).map(|(_, stored)| &stored.value);
    let mut questions = vec![
        Question {
            sql: "select cluster, namespace, name, uid, resourceversion, generation, apiversion, kind, \
                  creationtimestamp, deletiontimestamp, \"labels.app\", \"labels.tier\", \"labels.nowhere\", \
                  \"annotations.note\", length(\"annotations.blob\"), serviceaccountname, nodename, priority, \
                  hostnetwork, phase, qosclass, podip, starttime, reason, \"ready.status\", \"podscheduled.status\" \
                  from pods",
            rows: of(Kind::Pods).map(|pod| pod_row(cluster, pod)).collect(),
        },
        Question {
            sql: "select cluster, namespace, pod, uid, index, name, image, imagepullpolicy, \"requests.cpu\", \
                  \"limits.memory\", status.image, imageid, ready, restartcount, state.running.startedat, \
                  state.waiting.reason, state.terminated.exitcode, state.terminated.reason, laststate.waiting.reason \
                  from containers",
            rows: of(Kind::Pods).flat_map(|pod| container_rows(cluster, pod)).collect(),
        },
        Question {
            sql: "select cluster, name, uid, resourceversion, generation, unschedulable, podcidr, kubeletversion, \
                  \"capacity.cpu\", \"capacity.memory\", \"labels.app\", \"ready.status\", \"memorypressure.status\" \
                  from nodes",
            rows: of(Kind::Nodes).map(|node| node_row(cluster, node)).collect(),
        },
        Question {
            sql: "select cluster, namespace, name, uid, resourceversion, generation, immutable, \"data.color\", \
                  \"data.lines\", \"labels.of\", length(\"annotations.blob\") from configmaps",
            rows: of(Kind::ConfigMaps).map(|map| map_row(cluster, map)).collect(),
        },
    ];
    questions.iter_mut().for_each(|question| question.rows.sort());
    questions
}

/// The statements that return the objects themselves.
pub(crate) const WHOLE: [(Kind, &str); 3] = [
    (Kind::Pods, "select object from pods"),
    (Kind::Nodes, "select object from nodes"),
    (Kind::ConfigMaps, "select object from configmaps"),
];

/// The value at a path, as a column shows it.
fn at(object: &Value, path: &[&str]) -> String {
    let value = path.iter().fold(object, |value, field| &value[*field]);
    match value {
        Value::Null => "NULL".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The values at paths of dots.
fn all(object: &Value, paths: &[&str]) -> Vec<String> {
    paths.iter().map(|path| at(object, &path.split('.').collect::<Vec<_>>())).collect()
}

fn condition(object: &Value, kind: &str) -> String {
    let conditions = object["status"]["conditions"].as_array().expect("conditions");
    conditions.iter().find(|condition| condition["type"] == kind).map_or("NULL".to_owned(), |it| at(it, &["status"]))
}

fn length(object: &Value, path: &[&str]) -> String {
    let value = path.iter().fold(object, |value, field| &value[*field]);
    value.as_str().map_or("NULL".to_owned(), |text| text.chars().count().to_string())
}

fn pod_row(cluster: &str, pod: &Value) -> Vec<String> {
    let mut row = vec![cluster.to_owned()];
    row.extend(all(
        pod,
        &[
            "metadata.namespace",
            "metadata.name",
            "metadata.uid",
            "metadata.resourceVersion",
            "metadata.generation",
            "apiVersion",
            "kind",
            "metadata.creationTimestamp",
            "metadata.deletionTimestamp",
            "metadata.labels.app",
            "metadata.labels.tier",
            "metadata.labels.nowhere",
            "metadata.annotations.note",
        ],
    ));
    row.push(length(pod, &["metadata", "annotations", "blob"]));
    row.extend(all(
        pod,
        &[
            "spec.serviceAccountName",
            "spec.nodeName",
            "spec.priority",
            "spec.hostNetwork",
            "status.phase",
            "status.qosClass",
            "status.podIP",
            "status.startTime",
            "status.reason",
        ],
    ));
    row.extend([condition(pod, "Ready"), condition(pod, "PodScheduled")]);
    row
}

fn container_rows(cluster: &str, pod: &Value) -> Rows {
    let containers = pod["spec"]["containers"].as_array().expect("containers");
    let statuses = pod["status"]["containerStatuses"].as_array().map_or(&[][..], Vec::as_slice);
    let row = |(index, container): (usize, &Value)| {
        let status = statuses.iter().find(|status| status["name"] == container["name"]).unwrap_or(&Value::Null);
        let mut row = vec![cluster.to_owned()];
        row.extend(all(pod, &["metadata.namespace", "metadata.name", "metadata.uid"]));
        row.push(index.to_string());
        row.extend(all(container, &["name", "image", "imagePullPolicy"]));
        row.push(cores(&container["resources"]["requests"]["cpu"]));
        row.push(bytes(&container["resources"]["limits"]["memory"]));
        row.extend(all(
            status,
            &[
                "image",
                "imageID",
                "ready",
                "restartCount",
                "state.running.startedAt",
                "state.waiting.reason",
                "state.terminated.exitCode",
                "state.terminated.reason",
                "lastState.waiting.reason",
            ],
        ));
        row
    };
    containers.iter().enumerate().map(row).collect()
}

fn node_row(cluster: &str, node: &Value) -> Vec<String> {
    let mut row = vec![cluster.to_owned()];
    row.extend(all(
        node,
        &[
            "metadata.name",
            "metadata.uid",
            "metadata.resourceVersion",
            "metadata.generation",
            "spec.unschedulable",
            "spec.podCIDR",
            "status.nodeInfo.kubeletVersion",
        ],
    ));
    let capacity = &node["status"]["capacity"];
    row.extend([cores(&capacity["cpu"]), bytes(&capacity["memory"])]);
    row.extend(all(node, &["metadata.labels.app"]));
    row.extend([condition(node, "Ready"), condition(node, "MemoryPressure")]);
    row
}

fn map_row(cluster: &str, map: &Value) -> Vec<String> {
    let mut row = vec![cluster.to_owned()];
    row.extend(all(
        map,
        &[
            "metadata.namespace",
            "metadata.name",
            "metadata.uid",
            "metadata.resourceVersion",
            "metadata.generation",
            "immutable",
            "data.color",
            "data.lines",
            "metadata.labels.of",
        ],
    ));
    row.push(length(map, &["metadata", "annotations", "blob"]));
    row
}

/// Cores as a float is shown.
fn cores(quantity: &Value) -> String {
    let Some(text) = quantity.as_str() else { return "NULL".to_owned() };
    let (number, per) = text.strip_suffix('m').map_or((text, 1.0), |number| (number, 1000.0));
    format!("{:?}", f64::from(number.parse::<u32>().expect("a number")) / per)
}

fn bytes(quantity: &Value) -> String {
    let Some(text) = quantity.as_str() else { return "NULL".to_owned() };
    let (number, unit) = text.split_at(text.len() - 2);
    let unit = if unit == "Mi" { 1 << 20 } else { 1 << 10 };
    (number.parse::<u64>().expect("a number") * unit).to_string()
}
