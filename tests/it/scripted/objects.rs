//! Generated objects of the scripted server: every column is random, and no two objects are equal.

use rand::Rng;
use rand::rngs::StdRng;
use serde_json::{Value, json};

/// The kinds that change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    Pods,
    Nodes,
    ConfigMaps,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Pods, Self::Nodes, Self::ConfigMaps];

    pub(crate) fn plural(self) -> &'static str {
        match self {
            Self::Pods => "pods",
            Self::Nodes => "nodes",
            Self::ConfigMaps => "configmaps",
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pods => "Pod",
            Self::Nodes => "Node",
            Self::ConfigMaps => "ConfigMap",
        }
    }

    pub(crate) fn is_namespaced(self) -> bool {
        self != Self::Nodes
    }
}

/// Namespaces of pods and config maps.
pub(crate) const NAMESPACES: [&str; 5] = ["default", "kube-system", "shop", "shop-test", "ops"];

/// The identity of an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) kind: Kind,
    pub(crate) namespace: &'static str,
    pub(crate) name: String,
}

impl Key {
    /// Picks one of a few names, so that deleted names are used again.
    pub(crate) fn random(random: &mut StdRng, kind: Kind) -> Self {
        let names = if kind == Kind::Nodes { 25 } else { 40 };
        let namespace = if kind.is_namespaced() { pick(random, &NAMESPACES) } else { "" };
        Self { kind, namespace, name: format!("{}-{}", &kind.plural()[..2], random.random_range(0..names)) }
    }
}

/// The size of the largest objects in bytes: etcd's limit.
const LARGE: usize = 1_500_000;

/// An object of this key. Generations are almost unique.
pub(crate) fn object(random: &mut StdRng, key: &Key, uid: &str, version: u64, large: bool) -> Value {
    let generation: u32 = random.random();
    let mut metadata = json!({
        "name": key.name,
        "uid": uid,
        "resourceVersion": version.to_string(),
        "generation": generation,
        "creationTimestamp": time(random),
        "labels": {"app": pick(random, &["web", "db", "queue", "say \"hi\"\\\n", "größe"]), "of": key.name},
    });
    if key.kind.is_namespaced() {
        metadata["namespace"] = json!(key.namespace);
    }
    if random.random_bool(0.5) {
        metadata["labels"]["tier"] = json!(pick(random, &["front", "back"]));
    }
    if random.random_bool(0.5) {
        metadata["annotations"] = json!({"note": format!("n{}", random.random::<u16>())});
    }
    if large {
        metadata["annotations"]["blob"] = json!("x".repeat(LARGE));
    }
    let mut object = match key.kind {
        Kind::Pods => pod(random, generation),
        Kind::Nodes => node(random),
        Kind::ConfigMaps => json!({
            "data": {"color": pick(random, &["red", "green"]), "lines": format!("a\nb{}\n", random.random::<u8>())},
        }),
    };
    if key.kind == Kind::ConfigMaps && random.random_bool(0.3) {
        object["immutable"] = json!(random.random_bool(0.5));
    }
    if random.random_bool(0.1) {
        metadata["deletionTimestamp"] = json!(time(random));
    }
    object["kind"] = json!(key.kind.name());
    object["apiVersion"] = json!("v1");
    object["metadata"] = metadata;
    object
}

fn pod(random: &mut StdRng, generation: u32) -> Value {
    let names: Vec<String> = (0..random.random_range(1..4)).map(|number| format!("c{number}")).collect();
    let containers: Vec<Value> = names.iter().map(|name| container(random, name, generation)).collect();
    // Statuses have another order, and containers that have not started have none.
    let mut statuses: Vec<Value> = names
        .iter()
        .filter_map(|name| {
            let begun = random.random_bool(0.8);
            begun.then(|| status(random, name))
        })
        .collect();
    if random.random_bool(0.5) {
        statuses.reverse();
    }
    let mut pod = json!({
        "spec": {"containers": containers, "serviceAccountName": pick(random, &["default", "robot"])},
        "status": {
            "phase": pick(random, &["Pending", "Running", "Succeeded", "Failed"]),
            "qosClass": "Burstable",
            "conditions": conditions(random, &["PodScheduled", "Ready", "Initialized"]),
        },
    });
    if !statuses.is_empty() {
        pod["status"]["containerStatuses"] = json!(statuses);
    }
    if random.random_bool(0.8) {
        pod["spec"]["nodeName"] = json!(format!("no-{}", random.random_range(0..25)));
        pod["status"]["podIP"] = json!(format!("10.0.{}.{}", random.random::<u8>(), random.random::<u8>()));
        pod["status"]["startTime"] = json!(time(random));
    }
    if random.random_bool(0.3) {
        pod["spec"]["priority"] = json!(random.random_range(-5..5));
        pod["spec"]["hostNetwork"] = json!(true);
        pod["status"]["reason"] = json!("Evicted");
    }
    pod
}

fn container(random: &mut StdRng, name: &str, generation: u32) -> Value {
    // The image identifies the state of the pod.
    let mut container = json!({"name": name, "image": format!("registry/{name}:{generation}"), "resources": {}});
    if random.random_bool(0.6) {
        container["resources"]["requests"] = json!({"cpu": format!("{}m", random.random_range(1..4000))});
    }
    if random.random_bool(0.6) {
        container["resources"]["limits"] = json!({"memory": format!("{}Mi", random.random_range(1..4000))});
    }
    if random.random_bool(0.5) {
        container["imagePullPolicy"] = json!("Always");
    }
    container
}

fn status(random: &mut StdRng, name: &str) -> Value {
    let state = match random.random_range(0..3) {
        0 => json!({"running": {"startedAt": time(random)}}),
        1 => json!({"waiting": {"reason": "CrashLoopBackOff"}}),
        _ => json!({"terminated": {"exitCode": random.random_range(0..256), "reason": "Error"}}),
    };
    json!({
        "name": name,
        "image": format!("resolved/{name}"),
        "imageID": format!("sha256:{:x}", random.random::<u64>()),
        "ready": random.random_bool(0.5),
        "restartCount": random.random_range(0..100),
        "state": state,
        "lastState": {},
    })
}

fn node(random: &mut StdRng) -> Value {
    let mut node = json!({
        "spec": {"podCIDR": format!("10.{}.0.0/24", random.random::<u8>())},
        "status": {
            "capacity": {"cpu": random.random_range(1..64).to_string(), "memory": format!("{}Ki", random.random_range(1..1_000_000))},
            "conditions": conditions(random, &["MemoryPressure", "Ready"]),
            "nodeInfo": {"kubeletVersion": pick(random, &["v1.34.1", "v1.35.0"])},
        },
    });
    if random.random_bool(0.2) {
        node["spec"]["unschedulable"] = json!(true);
    }
    node
}

fn conditions(random: &mut StdRng, types: &[&str]) -> Vec<Value> {
    let chosen = types.iter().filter_map(|kind| {
        let there = random.random_bool(0.8);
        there.then(|| json!({"type": kind, "status": pick(random, &["True", "False", "Unknown"])}))
    });
    chosen.collect()
}

fn time(random: &mut StdRng) -> String {
    let [hour, minute, second] = [24, 60, 60].map(|end: u32| random.random_range(0..end));
    format!("2026-03-{:02}T{hour:02}:{minute:02}:{second:02}Z", random.random_range(1..29))
}

pub(crate) fn pick<T: Copy>(random: &mut StdRng, from: &[T]) -> T {
    from[random.random_range(0..from.len())]
}
