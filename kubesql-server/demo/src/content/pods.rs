//! Pods: one template for each shape and state.

use serde_json::{Value, json};

use super::fields::Writes;
use super::shapes::{Container, OwnedBy, SHAPES, Shape, image};
use super::template::{Template, template_values};

/// The state of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Running,
    /// Running, after its container failed.
    Restarted,
    /// Running, after its container ran out of memory.
    OutOfMemory,
    /// Running but not ready.
    NotReady,
    CrashLoop,
    ImagePull,
    Creating,
    Initializing,
    /// No node has room.
    Unschedulable,
    Terminating,
    Succeeded,
    Failed,
    Evicted,
}

impl State {
    pub(crate) const ALL: [Self; 13] = [
        Self::Running,
        Self::Restarted,
        Self::OutOfMemory,
        Self::NotReady,
        Self::CrashLoop,
        Self::ImagePull,
        Self::Creating,
        Self::Initializing,
        Self::Unschedulable,
        Self::Terminating,
        Self::Succeeded,
        Self::Failed,
        Self::Evicted,
    ];

    /// Whether it counts as a replica: it is neither finished nor terminating.
    pub(crate) fn is_active(self) -> bool {
        !matches!(self, Self::Terminating | Self::Succeeded | Self::Failed | Self::Evicted)
    }

    /// Whether it is terminating.
    pub(crate) fn is_going(self) -> bool {
        self == Self::Terminating
    }

    /// Whether it counts as ready.
    pub(crate) fn is_ready(self) -> bool {
        matches!(self, Self::Running | Self::Restarted | Self::OutOfMemory)
    }

    /// Whether it uses resources of its node.
    pub(crate) fn takes_resources(self) -> bool {
        !matches!(self, Self::Unschedulable | Self::Succeeded | Self::Failed | Self::Evicted)
    }

    /// Whether it has, or had, an address.
    pub(crate) fn has_address(self) -> bool {
        !matches!(self, Self::Unschedulable | Self::Evicted | Self::Creating)
    }

    fn phase(self) -> &'static str {
        match self {
            Self::Creating | Self::ImagePull | Self::Initializing | Self::Unschedulable => "Pending",
            Self::Succeeded => "Succeeded",
            Self::Failed | Self::Evicted => "Failed",
            _ => "Running",
        }
    }
}

template_values! {
    /// Values that differ between the pods of a shape.
    PodValues {
        name, uid, revision, generate, namespace, app, owner, owner_uid, hash, node, host_ip, ip, created, started,
        changed, before, deadline, tag, digest, run, restarts, token, team, env, checksum, nodes,
    }
}

/// The pod templates of all shapes and states.
#[derive(Debug)]
pub(crate) struct PodTemplates(Vec<Template>);

impl PodTemplates {
    pub(crate) fn new() -> Self {
        let states = |shape| State::ALL.map(|state| Template::new(&pod(shape, state), PodValues::NAMES));
        Self(SHAPES.iter().flat_map(states).collect())
    }

    /// The template of a shape, by its index, and a state.
    pub(crate) fn get(&self, shape: usize, state: State) -> &Template {
        &self.0[shape * State::ALL.len() + state as usize]
    }
}

/// The labels of a workload's pods, without those of the controller.
pub(crate) fn labels() -> Value {
    json!({
        "app.kubernetes.io/name": "«app»", "app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/version": "«tag»",
        "team": "«team»", "env": "«env»",
    })
}

fn pod(shape: &Shape, state: State) -> Value {
    let mut labels = labels();
    let (api, kind) = match shape.owner {
        OwnedBy::ReplicaSet => {
            labels["pod-template-hash"] = json!("«hash»");
            ("apps/v1", "ReplicaSet")
        }
        OwnedBy::StatefulSet => {
            labels["controller-revision-hash"] = json!("«app»-«hash»");
            labels["statefulset.kubernetes.io/pod-name"] = json!("«name»");
            ("apps/v1", "StatefulSet")
        }
        OwnedBy::DaemonSet => {
            labels["controller-revision-hash"] = json!("«hash»");
            labels["pod-template-generation"] = json!("1");
            ("apps/v1", "DaemonSet")
        }
        OwnedBy::Job => {
            labels["batch.kubernetes.io/job-name"] = json!("«owner»");
            labels["batch.kubernetes.io/controller-uid"] = json!("«owner_uid»");
            labels["job-name"] = json!("«owner»");
            labels["controller-uid"] = json!("«owner_uid»");
            ("batch/v1", "Job")
        }
    };
    let mut metadata = json!({
        "generateName": "«generate»", "labels": labels,
        "annotations": {"checksum/config": "«checksum»", "metrics.demo.example/scrape": "true"},
        "ownerReferences": [{"apiVersion": api, "kind": kind, "name": "«owner»", "uid": "«owner_uid»",
            "controller": true, "blockOwnerDeletion": true}],
    });
    if shape.owner == OwnedBy::Job {
        metadata["finalizers"] = json!(["batch.kubernetes.io/job-tracking"]);
        if !state.is_active() {
            metadata.as_object_mut().expect("an object").remove("finalizers");
        }
    }
    let spec = spec(shape);
    let status = status(shape, state);
    let made = Writes {
        manager: "kube-controller-manager",
        operation: "Update",
        api_version: "v1",
        time: "«created»",
        subresource: "",
    };
    let seen =
        Writes {
            manager: "kubelet", operation: "Update", api_version: "v1", time: "«changed»", subresource: "status"
        };
    let managed = json!([
        made.of(&json!({"metadata": metadata, "spec": spec_fields(&shape.pod_spec())})),
        seen.of(&json!({"status": status_fields(&status)})),
    ]);
    let metadata = metadata.as_object_mut().expect("an object");
    metadata.extend([
        ("name".to_owned(), json!("«name»")),
        ("namespace".to_owned(), json!("«namespace»")),
        ("uid".to_owned(), json!("«uid»")),
        ("resourceVersion".to_owned(), json!("«revision»")),
        ("generation".to_owned(), json!(1)),
        ("creationTimestamp".to_owned(), json!("«created»")),
        ("managedFields".to_owned(), managed),
    ]);
    if state == State::Terminating {
        metadata.insert("deletionTimestamp".to_owned(), json!("«deadline»"));
        metadata.insert("deletionGracePeriodSeconds".to_owned(), json!(30));
    }
    let mut pod = json!({"metadata": metadata, "spec": spec, "status": status});
    if state == State::Unschedulable {
        pod["spec"].as_object_mut().expect("an object").remove("nodeName");
    }
    pod
}

/// The fields of a spec that its owner manages; those of one container stand for all.
fn spec_fields(spec: &Value) -> Value {
    let mut written = spec.clone();
    let first = &spec["containers"][0];
    let kept = ["name", "image", "imagePullPolicy", "resources"];
    let kept = kept.iter().filter(|key| !first[**key].is_null());
    let container: Value = kept.map(|key| ((*key).to_owned(), first[*key].clone())).collect();
    written["containers"] = json!([container]);
    let object = written.as_object_mut().expect("an object");
    ["initContainers", "tolerations", "topologySpreadConstraints", "volumes"].iter().for_each(|key| {
        object.remove(*key);
    });
    written
}

/// The fields of a status that the kubelet manages.
fn status_fields(status: &Value) -> Value {
    let mut reported = status.clone();
    for key in ["containerStatuses", "initContainerStatuses", "hostIPs", "podIPs"] {
        if let Some(list) = reported.get_mut(key) {
            *list = json!({});
        }
    }
    for condition in reported.get_mut("conditions").and_then(Value::as_array_mut).into_iter().flatten() {
        *condition = json!({"type": condition["type"], "status": "", "lastTransitionTime": ""});
    }
    reported
}

/// The template's spec, with the fields that admission and the scheduler add.
fn spec(shape: &Shape) -> Value {
    let mut spec = shape.pod_spec();
    let access = "kube-api-access-«token»";
    for containers in ["containers", "initContainers"] {
        for container in spec.get_mut(containers).and_then(Value::as_array_mut).into_iter().flatten() {
            container["volumeMounts"].as_array_mut().expect("a list").push(json!({
                "name": access, "readOnly": true, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
            }));
        }
    }
    let volumes = spec["volumes"].as_array_mut().expect("a list");
    if shape.claim {
        volumes.insert(0, json!({"name": "data", "persistentVolumeClaim": {"claimName": "data-«name»"}}));
    }
    volumes.push(json!({"name": access, "projected": {"defaultMode": 420, "sources": [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [
            {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}},
    ]}}));
    spec["nodeName"] = json!("«node»");
    spec["enableServiceLinks"] = json!(true);
    spec["preemptionPolicy"] = json!("PreemptLowerPriority");
    spec["priority"] = json!(match shape.class {
        "system-node-critical" => 2_000_001_000,
        "data" => 100_000,
        _ => 0,
    });
    if shape.owner == OwnedBy::DaemonSet {
        spec["affinity"] = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchFields": [
                {"key": "metadata.name", "operator": "In", "values": ["«node»"]}]}]}}});
    } else {
        let tolerate = |key: &str| {
            json!({"key": format!("node.kubernetes.io/{key}"), "operator": "Exists", "effect": "NoExecute",
                "tolerationSeconds": 300})
        };
        spec["tolerations"] = json!([tolerate("not-ready"), tolerate("unreachable")]);
    }
    if shape.owner == OwnedBy::StatefulSet {
        spec["hostname"] = json!("«name»");
        spec["subdomain"] = json!("«app»");
    }
    spec
}

fn status(shape: &Shape, state: State) -> Value {
    if state == State::Evicted {
        return json!({
            "phase": "Failed", "reason": "Evicted", "startTime": "«created»", "qosClass": "Burstable",
            "message": "The node was low on resource: ephemeral-storage. Threshold quantity: 10Gi, available: 8203104Ki. ",
        });
    }
    let mut status = json!({
        "phase": state.phase(), "conditions": conditions(shape, state), "qosClass": "Burstable", "observedGeneration": 1,
    });
    if state == State::Unschedulable {
        return status;
    }
    status["hostIP"] = json!("«host_ip»");
    status["hostIPs"] = json!([{"ip": "«host_ip»"}]);
    status["startTime"] = json!("«created»");
    if state.has_address() {
        status["podIP"] = json!("«ip»");
        status["podIPs"] = json!([{"ip": "«ip»"}]);
    }
    let of = shape.containers.iter().enumerate();
    status["containerStatuses"] = of.map(|(at, part)| container_status(part, at, state)).collect();
    let sidecars = shape.sidecars.iter().enumerate().map(|(at, part)| {
        let started = state.phase() == "Running" || state.phase() == "Succeeded";
        container_status(part, at + 10, if started { State::Running } else { State::Creating })
    });
    let inits = shape.init.iter().enumerate().map(|(at, part)| init_status(part, at + 20, state));
    let inits: Vec<Value> = sidecars.chain(inits).collect();
    if !inits.is_empty() {
        status["initContainerStatuses"] = json!(inits);
    }
    status
}

fn conditions(shape: &Shape, state: State) -> Value {
    let condition = |kind: &str, holds: bool, reason: &str, message: &str| {
        let time = if kind == "PodScheduled" { "«created»" } else { "«changed»" };
        let mut condition = json!({
            "type": kind, "status": if holds { "True" } else { "False" }, "lastProbeTime": null,
            "lastTransitionTime": time, "observedGeneration": 1,
        });
        if !reason.is_empty() {
            condition["reason"] = json!(reason);
        }
        if !message.is_empty() {
            condition["message"] = json!(message);
        }
        condition
    };
    if state == State::Unschedulable {
        let message = "0/«nodes» nodes are available: «nodes» Insufficient cpu. preemption: 0/«nodes» nodes are available: «nodes» No preemption victims found for incoming pod.";
        return json!([condition("PodScheduled", false, "Unschedulable", message)]);
    }
    let is_done = state == State::Succeeded;
    let begun = !matches!(state, State::Creating | State::Initializing);
    let first = shape.containers.first().map_or("", |part| part.name);
    let unready = format!("containers with unready status: [{first}]");
    let (reason, message) = match state {
        _ if state.is_ready() => ("", ""),
        State::Succeeded => ("PodCompleted", ""),
        State::Failed => ("PodFailed", ""),
        State::Terminating => ("", ""),
        _ => ("ContainersNotReady", unready.as_str()),
    };
    let is_ready = state.is_ready() || state == State::Terminating;
    let initialized = match (begun, is_done) {
        (true, true) => condition("Initialized", true, "PodCompleted", ""),
        (true, false) => condition("Initialized", true, "", ""),
        (false, _) if shape.init.is_empty() => condition("Initialized", true, "", ""),
        (false, _) => condition("Initialized", false, "ContainersNotInitialized", "containers with incomplete status"),
    };
    json!([
        condition("PodReadyToStartContainers", state != State::Creating && !is_done && state != State::Failed, "", ""),
        initialized,
        condition("Ready", is_ready, reason, message),
        condition("ContainersReady", is_ready, reason, message),
        condition("PodScheduled", true, "", ""),
    ])
}

/// The container that causes the pod's state has `at` 0.
fn container_status(part: &Container, at: usize, state: State) -> Value {
    let image = image(part);
    let repository = image.rsplit_once(':').map_or(image.as_str(), |(repository, _)| repository);
    // 61 digits of the pod, one of the run, two of the container.
    let id = |run: &str| format!("containerd://«run»{run}{:02x}", at + 16);
    let mut status = json!({
        "name": part.name, "image": image, "imageID": format!("{repository}@sha256:«digest»"), "ready": false,
        "restartCount": 0, "started": false, "lastState": {},
    });
    let running = |since: &str| json!({"running": {"startedAt": since}});
    let ended = |code: u8, reason: &str, from: &str, to: &str| {
        json!({"terminated": {"exitCode": code, "reason": reason, "startedAt": from, "finishedAt": to,
            "containerID": id("a")}})
    };
    let waiting = |reason: &str, message: &str| {
        let mut state = json!({"waiting": {"reason": reason}});
        if !message.is_empty() {
            state["waiting"]["message"] = json!(message);
        }
        state
    };
    // The state of the first container does not affect the others.
    let own = if at == 0
        || !matches!(
            state,
            State::Restarted | State::OutOfMemory | State::NotReady | State::CrashLoop | State::ImagePull
        ) {
        state
    } else {
        State::Running
    };
    status["state"] = match own {
        State::Running | State::NotReady | State::Terminating => running("«started»"),
        State::Restarted | State::OutOfMemory => running("«changed»"),
        State::CrashLoop => {
            waiting("CrashLoopBackOff", &format!("back-off 5m0s restarting failed container={}", part.name))
        }
        State::ImagePull => waiting("ImagePullBackOff", &format!("Back-off pulling image \"{image}\"")),
        State::Initializing => waiting("PodInitializing", ""),
        State::Succeeded => ended(0, "Completed", "«started»", "«changed»"),
        State::Failed => ended(1, "Error", "«started»", "«changed»"),
        _ => waiting("ContainerCreating", ""),
    };
    match own {
        State::Restarted | State::CrashLoop => status["lastState"] = ended(1, "Error", "«started»", "«before»"),
        State::OutOfMemory => status["lastState"] = ended(137, "OOMKilled", "«started»", "«before»"),
        _ => {}
    }
    if at == 0 {
        status["restartCount"] = json!("«#restarts»");
    }
    let runs = status["state"].get("running").is_some();
    status["started"] = json!(runs);
    status["ready"] = json!(runs && own != State::NotReady);
    if runs || status["state"].get("terminated").is_some() || own == State::CrashLoop {
        status["containerID"] = json!(id("b"));
    } else {
        status["imageID"] = json!("");
    }
    status
}

fn init_status(part: &Container, at: usize, state: State) -> Value {
    let phase = match state {
        State::Creating => State::Initializing,
        State::Initializing => State::Running,
        _ => State::Succeeded,
    };
    let mut status = container_status(part, at, phase);
    if phase == State::Succeeded {
        status["ready"] = json!(true);
        status["state"]["terminated"]["finishedAt"] = json!("«started»");
        status["state"]["terminated"]["startedAt"] = json!("«created»");
    }
    status
}
