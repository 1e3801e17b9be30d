//! Columns of the kinds that have a pod template.

use arrow::array::ArrayRef;

use super::arrays::{integers, intervals, texts};
use super::fields::Fields;

pub(super) fn column(kind: &str, name: &str, object: &Fields<'_>, now: i64) -> Option<ArrayRef> {
    let count = |path: &str| {
        let count = object.integer(path);
        integers(object, |row| Some(count.or_zero(row)))
    };
    Some(match (kind, name) {
        (_, "containers") => containers(kind, object, "name"),
        (_, "images") => containers(kind, object, "image"),
        (_, "selector") => {
            selector(object, if kind == "CronJob" { "spec.jobTemplate.spec.selector" } else { "spec.selector" })
        }
        ("Deployment" | "StatefulSet", "ready") => {
            let (ready, desired) = (object.integer("status.readyReplicas"), object.integer("spec.replicas"));
            // The API server sets the default.
            texts(object, |row| Some(format!("{}/{}", ready.or_zero(row), desired.get(row).unwrap_or(1))))
        }
        ("Deployment", "up_to_date") => count("status.updatedReplicas"),
        ("Deployment", "available") => count("status.availableReplicas"),
        ("ReplicaSet" | "ReplicationController", "desired") => {
            let desired = object.integer("spec.replicas");
            integers(object, |row| Some(desired.get(row).unwrap_or(1)))
        }
        ("ReplicaSet" | "ReplicationController", "current") => count("status.replicas"),
        ("ReplicaSet" | "ReplicationController", "ready") => count("status.readyReplicas"),
        ("DaemonSet", "desired") => count("status.desiredNumberScheduled"),
        ("DaemonSet", "current") => count("status.currentNumberScheduled"),
        ("DaemonSet", "ready") => count("status.numberReady"),
        ("DaemonSet", "up_to_date") => count("status.updatedNumberScheduled"),
        ("DaemonSet", "available") => count("status.numberAvailable"),
        ("DaemonSet", "node_selector") => {
            let selector = object.map("spec.template.spec.nodeSelector");
            texts(object, |row| selector.pairs(row))
        }
        ("Job", "status") => job_status(object),
        ("Job", "duration") => {
            let (start, end) = (object.time("status.startTime"), object.time("status.completionTime"));
            intervals(object, |row| end.get(row).unwrap_or(now).checked_sub(start.get(row)?))
        }
        ("Job", "completions") => {
            let (succeeded, wanted) = (object.integer("status.succeeded"), object.integer("spec.completions"));
            let parallelism = object.integer("spec.parallelism");
            texts(object, |row| {
                let succeeded = succeeded.or_zero(row);
                Some(match (wanted.get(row), parallelism.or_zero(row)) {
                    (Some(wanted), _) => format!("{succeeded}/{wanted}"),
                    (None, parallelism) if parallelism > 1 => format!("{succeeded}/1 of {parallelism}"),
                    _ => format!("{succeeded}/1"),
                })
            })
        }
        ("CronJob", "active") => {
            let active = object.list("status.active");
            integers(object, |row| i64::try_from(active.get(row).len()).ok())
        }
        ("CronJob", "last_schedule") => {
            let last = object.time("status.lastScheduleTime");
            intervals(object, |row| now.checked_sub(last.get(row)?))
        }
        _ => return None,
    })
}

/// A field of all containers of the pod template.
fn containers(kind: &str, object: &Fields<'_>, field: &str) -> ArrayRef {
    let path = if kind == "CronJob" {
        "spec.jobTemplate.spec.template.spec.containers"
    } else {
        "spec.template.spec.containers"
    };
    let list = object.list(path);
    let value = list.items.text(field);
    texts(object, |row| {
        let values: Vec<&str> = list.get(row).map(|at| value.get(at).unwrap_or_default()).collect();
        (!values.is_empty()).then(|| values.join(","))
    })
}

/// A label selector as `kubectl -l` reads it.
fn selector(object: &Fields<'_>, path: &str) -> ArrayRef {
    let labels = object.map(&format!("{path}.matchLabels"));
    // The selector of a replication controller is a map.
    let expressions = object.list(&format!("{path}.matchExpressions"));
    let (key, operator) = (expressions.items.text("key"), expressions.items.text("operator"));
    let values = expressions.items.texts("values");
    texts(object, |row| {
        let mut parts: Vec<(String, String)> =
            labels.get(row).map(|(key, value)| (key.to_owned(), format!("{key}={value}"))).collect();
        for at in expressions.get(row) {
            let key = key.get(at).unwrap_or_default();
            let mut values = values.get(at);
            values.sort();
            let text = match operator.get(at).unwrap_or_default() {
                "In" => format!("{key} in ({})", values.join(",")),
                "NotIn" => format!("{key} notin ({})", values.join(",")),
                "Exists" => key.to_owned(),
                "DoesNotExist" => format!("!{key}"),
                _ => continue,
            };
            parts.push((key.to_owned(), text));
        }
        // Stable: the labels precede the expressions.
        parts.sort_by(|(one, _), (other, _)| one.cmp(other));
        let parts: Vec<String> = parts.into_iter().map(|(_, text)| text).collect();
        (!parts.is_empty()).then(|| parts.join(","))
    })
}

fn job_status(object: &Fields<'_>) -> ArrayRef {
    let conditions = object.list("status.conditions");
    let (types, status) = (conditions.items.text("type"), conditions.items.text("status"));
    let deleted = object.time("metadata.deletionTimestamp");
    texts(object, |row| {
        let is_true = |of: &str| {
            let first = conditions.get(row).find(|&at| types.get(at) == Some(of));
            first.is_some_and(|at| status.get(at) == Some("True"))
        };
        let status = if is_true("Complete") {
            "Complete"
        } else if is_true("Failed") {
            "Failed"
        } else if deleted.get(row).is_some() {
            "Terminating"
        } else if is_true("Suspended") {
            "Suspended"
        } else if is_true("FailureTarget") {
            "FailureTarget"
        } else if is_true("SuccessCriteriaMet") {
            "SuccessCriteriaMet"
        } else {
            "Running"
        };
        Some(status.to_owned())
    })
}
