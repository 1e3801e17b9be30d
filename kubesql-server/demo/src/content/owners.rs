//! Controllers that own pods, and their statuses.

use serde_json::{Value, json};

use super::fields::Writes;
use super::pods::labels;
use super::shapes::{OwnedBy, SHAPES, Shape};
use super::template::{Template, template_values};
use super::topology::{App, Counts, time};

template_values! {
    /// Values that differ between the controllers of a shape.
    OwnerValues {
        name, uid, revision, namespace, app, hash, created, changed, tag, team, env, checksum, replicas, parent, parent_uid,
        status,
    }
}

/// The controller templates of all shapes.
#[derive(Debug)]
pub(super) struct OwnerTemplates {
    /// Deployments, for the shapes that have one.
    pub(super) deployments: Vec<Option<Template>>,
    /// The direct owners of pods.
    pub(super) owners: Vec<Template>,
    pub(super) cron_job: Vec<Option<Template>>,
}

impl OwnerTemplates {
    pub(super) fn new() -> Self {
        let of = |owner: OwnedBy, make: fn(&Shape) -> Value| {
            let template =
                |shape: &Shape| (shape.owner == owner).then(|| Template::new(&make(shape), OwnerValues::NAMES));
            SHAPES.iter().map(template).collect()
        };
        Self {
            deployments: of(OwnedBy::ReplicaSet, deployment),
            owners: SHAPES.iter().map(|shape| Template::new(&owner(shape), OwnerValues::NAMES)).collect(),
            cron_job: of(OwnedBy::Job, cron_job),
        }
    }
}

/// The pod template in its owner.
fn pod_template(shape: &Shape, hash: bool) -> Value {
    let mut labels = labels();
    if hash {
        labels["pod-template-hash"] = json!("«hash»");
    }
    json!({
        "metadata": {"labels": labels, "annotations": {"checksum/config": "«checksum»", "metrics.demo.example/scrape": "true"}},
        "spec": shape.pod_spec(),
    })
}

fn object(name: &str, mut metadata: Value, spec: &Value, api_version: &str) -> Value {
    let write = Writes { manager: "helm", operation: "Update", api_version, time: "«created»", subresource: "" };
    let entry = write.of(&json!({"metadata": metadata, "spec": {"replicas": 1, "selector": {}, "template": {}}}));
    metadata.as_object_mut().expect("an object").extend([
        ("name".to_owned(), json!(name)),
        ("namespace".to_owned(), json!("«namespace»")),
        ("uid".to_owned(), json!("«uid»")),
        ("resourceVersion".to_owned(), json!("«revision»")),
        ("generation".to_owned(), json!(1)),
        ("creationTimestamp".to_owned(), json!("«created»")),
        ("managedFields".to_owned(), json!([entry])),
    ]);
    json!({"metadata": metadata, "spec": spec, "status": "«#status»"})
}

fn parent(api_version: &str, kind: &str) -> Value {
    json!([{"apiVersion": api_version, "kind": kind, "name": "«parent»", "uid": "«parent_uid»", "controller": true,
        "blockOwnerDeletion": true}])
}

fn deployment(shape: &Shape) -> Value {
    let spec = json!({
        "replicas": "«#replicas»", "selector": {"matchLabels": {"app.kubernetes.io/name": "«app»"}},
        "template": pod_template(shape, false), "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
    });
    let annotations = json!({"deployment.kubernetes.io/revision": "2", "meta.helm.sh/release-name": "«app»"});
    object("«name»", json!({"labels": labels(), "annotations": annotations}), &spec, "apps/v1")
}

fn owner(shape: &Shape) -> Value {
    let selector = json!({"matchLabels": {"app.kubernetes.io/name": "«app»"}});
    match shape.owner {
        OwnedBy::ReplicaSet => {
            let mut labels = labels();
            labels["pod-template-hash"] = json!("«hash»");
            let selector = json!({"matchLabels": {"app.kubernetes.io/name": "«app»", "pod-template-hash": "«hash»"}});
            let spec = json!({"replicas": "«#replicas»", "selector": selector, "template": pod_template(shape, true)});
            let annotations = json!({"deployment.kubernetes.io/desired-replicas": "«replicas»",
                "deployment.kubernetes.io/max-replicas": "«replicas»", "deployment.kubernetes.io/revision": "2"});
            let metadata = json!({"labels": labels, "annotations": annotations, "ownerReferences": parent("apps/v1", "Deployment")});
            object("«name»", metadata, &spec, "apps/v1")
        }
        OwnedBy::StatefulSet => {
            let claim = json!({"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "20Gi"}}, "storageClassName": "fast", "volumeMode": "Filesystem"},
                "status": {"phase": "Pending"}});
            let spec = json!({
                "replicas": "«#replicas»", "selector": selector, "serviceName": "«app»", "template": pod_template(shape, false),
                "podManagementPolicy": "OrderedReady", "revisionHistoryLimit": 10, "volumeClaimTemplates": [claim],
                "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
                "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
            });
            object("«name»", json!({"labels": labels()}), &spec, "apps/v1")
        }
        OwnedBy::DaemonSet => {
            let spec = json!({
                "selector": selector, "template": pod_template(shape, false), "revisionHistoryLimit": 10,
                "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
            });
            object("«name»", json!({"labels": labels()}), &spec, "apps/v1")
        }
        OwnedBy::Job => {
            let spec = json!({
                "parallelism": "«#replicas»", "completions": "«#replicas»", "backoffLimit": 6, "suspend": false,
                "completionMode": "NonIndexed", "selector": {"matchLabels": {"batch.kubernetes.io/controller-uid": "«uid»"}},
                "template": pod_template(shape, false), "podReplacementPolicy": "TerminatingOrFailed",
            });
            let metadata = json!({"labels": labels(), "ownerReferences": parent("batch/v1", "CronJob")});
            object("«name»", metadata, &spec, "batch/v1")
        }
    }
}

fn cron_job(shape: &Shape) -> Value {
    let spec = json!({
        "schedule": "15 */6 * * *", "concurrencyPolicy": "Forbid", "suspend": false, "successfulJobsHistoryLimit": 3,
        "failedJobsHistoryLimit": 1,
        "jobTemplate": {"metadata": {}, "spec": {"parallelism": "«#replicas»", "completions": "«#replicas»",
            "template": pod_template(shape, false)}},
    });
    object("«name»", json!({"labels": labels()}), &spec, "batch/v1")
}

/// The status of a deployment.
pub(super) fn deployment_status(app: &App, counts: Counts) -> String {
    let enough = counts.ready * 4 >= app.replicas * 3;
    let condition = |kind: &str, holds: bool, reason: &str, message: &str| {
        json!({"type": kind, "status": if holds { "True" } else { "False" }, "reason": reason, "message": message,
            "lastUpdateTime": time(app.changed), "lastTransitionTime": time(app.changed)})
    };
    let available = if enough {
        condition("Available", true, "MinimumReplicasAvailable", "Deployment has minimum availability.")
    } else {
        condition("Available", false, "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    };
    let message = format!("ReplicaSet \"{}-{}\" has successfully progressed.", app.name, app.hash);
    let progressing = condition("Progressing", true, "NewReplicaSetAvailable", &message);
    with_counts(
        json!({"observedGeneration": 1, "conditions": [available, progressing]}),
        &[
            ("replicas", counts.active),
            ("updatedReplicas", counts.active),
            ("readyReplicas", counts.ready),
            ("availableReplicas", counts.ready),
            ("unavailableReplicas", app.replicas.saturating_sub(counts.ready)),
        ],
    )
}

/// The status of the direct owner of a workload's pods.
pub(super) fn owner_status(app: &App, counts: Counts) -> String {
    let Counts { active, ready, succeeded, failed } = counts;
    match SHAPES[app.shape].owner {
        OwnedBy::ReplicaSet => with_counts(
            // The API includes the number of replicas even if it is zero.
            json!({"observedGeneration": 1, "replicas": active}),
            &[("fullyLabeledReplicas", active), ("readyReplicas", ready), ("availableReplicas", ready)],
        ),
        OwnedBy::StatefulSet => with_counts(
            json!({"observedGeneration": 1, "replicas": active, "availableReplicas": ready, "collisionCount": 0,
                "currentRevision": format!("{}-{}", app.name, app.hash),
                "updateRevision": format!("{}-{}", app.name, app.hash)}),
            &[("readyReplicas", ready), ("currentReplicas", active), ("updatedReplicas", active)],
        ),
        OwnedBy::DaemonSet => with_counts(
            json!({"observedGeneration": 1, "currentNumberScheduled": active, "desiredNumberScheduled": app.replicas,
                "numberMisscheduled": 0, "numberReady": ready}),
            &[
                ("updatedNumberScheduled", active),
                ("numberAvailable", ready),
                ("numberUnavailable", app.replicas.saturating_sub(ready)),
            ],
        ),
        OwnedBy::Job => {
            let mut status = json!({"startTime": time(app.changed), "uncountedTerminatedPods": {}, "ready": ready, "terminating": 0});
            if active == 0 {
                let done = failed == 0;
                let (kind, reason) =
                    if done { ("Complete", "CompletionsReached") } else { ("Failed", "BackoffLimitExceeded") };
                let at = time(app.changed + 90);
                status["conditions"] = json!([{"type": kind, "status": "True", "reason": reason, "message": "",
                    "lastProbeTime": at, "lastTransitionTime": at}]);
                if done {
                    status["completionTime"] = json!(at);
                }
            }
            with_counts(status, &[("active", active), ("succeeded", succeeded), ("failed", failed)])
        }
    }
}

/// Adds counts that are not zero, since the API omits zeros.
fn with_counts(mut status: Value, counts: &[(&str, u32)]) -> String {
    for (key, count) in counts.iter().filter(|(_, count)| *count > 0) {
        status[*key] = json!(count);
    }
    status.to_string()
}
