//! Events about pods.

use serde_json::json;

use super::pods::State;
use super::template::{Template, template_values};

template_values! {
    /// Values that differ between events.
    EventValues {
        name, uid, revision, namespace, pod, pod_uid, pod_revision, first, last, count, kind, reason, message, component, host,
        field,
    }
}

/// The template of an event about a pod.
pub(super) fn template() -> Template {
    let event = json!({
        "metadata": {"name": "«name»", "namespace": "«namespace»", "uid": "«uid»", "resourceVersion": "«revision»",
            "creationTimestamp": "«first»"},
        "involvedObject": {"apiVersion": "v1", "kind": "Pod", "name": "«pod»", "namespace": "«namespace»", "uid": "«pod_uid»",
            "resourceVersion": "«pod_revision»", "fieldPath": "«field»"},
        "type": "«kind»", "reason": "«reason»", "message": "«message»", "count": "«#count»", "firstTimestamp": "«first»",
        "lastTimestamp": "«last»", "eventTime": null, "source": {"component": "«component»", "host": "«host»"},
        "reportingComponent": "«component»", "reportingInstance": "«host»",
    });
    Template::new(&event, EventValues::NAMES)
}

/// Type, reason, message and component of an event.
pub(super) type EventMessage = (&'static str, &'static str, &'static str, &'static str);

/// Possible events about a pod in a state.
pub(super) fn messages_about(state: State) -> &'static [EventMessage] {
    match state {
        State::CrashLoop => &[
            ("Warning", "BackOff", "Back-off restarting failed container", "kubelet"),
            ("Normal", "Pulled", "Container image already present on machine", "kubelet"),
        ],
        State::ImagePull => &[
            ("Warning", "Failed", "Error: ImagePullBackOff", "kubelet"),
            ("Normal", "BackOff", "Back-off pulling image", "kubelet"),
        ],
        State::Unschedulable => {
            &[("Warning", "FailedScheduling", "0 nodes are available: Insufficient cpu.", "default-scheduler")]
        }
        State::NotReady => {
            &[("Warning", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503", "kubelet")]
        }
        State::OutOfMemory | State::Restarted => {
            &[("Warning", "Unhealthy", "Liveness probe failed: connection refused", "kubelet")]
        }
        State::Evicted => &[("Warning", "Evicted", "The node was low on resource: ephemeral-storage.", "kubelet")],
        State::Terminating => &[("Normal", "Killing", "Stopping container", "kubelet")],
        State::Running | State::Creating | State::Initializing | State::Succeeded | State::Failed => &[
            ("Normal", "Scheduled", "Successfully assigned pod to node", "default-scheduler"),
            ("Normal", "Pulled", "Container image already present on machine", "kubelet"),
            ("Normal", "Created", "Created container", "kubelet"),
            ("Normal", "Started", "Started container", "kubelet"),
        ],
    }
}
