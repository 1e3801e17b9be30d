//! Nodes: their objects and capacity.

use serde_json::{Value, json};

use super::fields::Writes;
use super::template::{Template, template_values};

/// Maximum number of pods of a node, as many as its address range has.
pub(crate) const MAX_PODS: u32 = 250;

/// The zones of the region.
pub(crate) const ZONES: [&str; 3] = ["north-1a", "north-1b", "north-1c"];

/// Machine types: name, cores and GiB.
pub(crate) const MACHINES: [(&str, u32, u32); 7] = [
    ("std.large", 2, 8),
    ("std.xlarge", 4, 16),
    ("std.2xlarge", 8, 32),
    ("std.4xlarge", 16, 64),
    ("std.8xlarge", 32, 128),
    ("std.16xlarge", 64, 256),
    ("std.32xlarge", 128, 512),
];

/// A node of the cluster.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) role: Role,
    /// Index in [`MACHINES`].
    pub(crate) machine: usize,
    pub(crate) zone: usize,
    /// Seconds since 1970.
    pub(crate) created: i64,
    pub(crate) heartbeat: i64,
    /// The time of the last lease renewal.
    pub(crate) renewed: i64,
    /// Unrequested resources: thousandths of a core, MiB.
    pub(crate) free: (u32, u32),
    /// Last bytes of unused addresses.
    pub(crate) slots: Vec<u8>,
}

/// The role of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Runs any pod.
    Worker,
    /// Runs only pods that tolerate its taint.
    ControlPlane,
    /// Runs no new pods.
    Cordoned,
}

impl Node {
    /// Resources that pods can request on a machine: thousandths of a core, MiB.
    pub(crate) fn allocatable(machine: usize) -> (u32, u32) {
        let (_, cores, memory) = MACHINES[machine];
        (cores * 1000 - 110, memory * 1024 - 1024)
    }

    /// Reserves resources for a pod; returns its address slot.
    pub(crate) fn reserve(&mut self, (cpu, memory): (u32, u32)) -> Option<u8> {
        if self.free.0 < cpu || self.free.1 < memory {
            return None;
        }
        let slot = self.slots.pop()?;
        self.free = (self.free.0 - cpu, self.free.1 - memory);
        Some(slot)
    }

    /// Releases resources.
    pub(crate) fn release(&mut self, (cpu, memory): (u32, u32)) {
        self.free = (self.free.0 + cpu, self.free.1 + memory);
    }
}

/// The address of a node.
pub(crate) fn address(number: usize) -> String {
    format!("172.{}.{}.{}", 16 + number / 62_500 % 16, number / 250 % 250, number % 250 + 2)
}

/// The address of a pod on a node.
pub(crate) fn pod_address(node: usize, slot: u8) -> String {
    format!("10.{}.{}.{slot}", node / 256 % 256, node % 256)
}

template_values! {
    /// Values that differ between nodes.
    NodeValues {
        name, uid, revision, zone, machine, pool, created, heartbeat, address, range, provider, cores, memory,
        allocatable_cpu, allocatable_memory, machine_id, system_id, boot_id, version, digest,
    }
}

/// The template of a node with this role.
pub(crate) fn template(role: Role) -> Template {
    let mut labels = json!({
        "kubernetes.io/hostname": "«name»", "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/os": "linux", "beta.kubernetes.io/arch": "amd64",
        "node.kubernetes.io/instance-type": "«machine»", "topology.kubernetes.io/region": "north-1",
        "topology.kubernetes.io/zone": "«zone»", "demo.example/pool": "«pool»",
    });
    let mut spec = json!({"podCIDR": "«range»", "podCIDRs": ["«range»"], "providerID": "demo:///«zone»/«provider»"});
    match role {
        Role::Worker => {}
        Role::ControlPlane => {
            labels["node-role.kubernetes.io/control-plane"] = json!("");
            spec["taints"] = json!([{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]);
        }
        Role::Cordoned => {
            spec["unschedulable"] = json!(true);
            let key = "node.kubernetes.io/unschedulable";
            spec["taints"] = json!([{"key": key, "effect": "NoSchedule", "timeAdded": "«created»"}]);
        }
    }
    let metadata = json!({
        "labels": labels,
        "annotations": {"node.alpha.kubernetes.io/ttl": "0", "volumes.kubernetes.io/controller-managed-attach-detach": "true"},
    });
    let status = status();
    let write = |subresource: &'static str| Writes {
        manager: "kubelet",
        operation: "Update",
        api_version: "v1",
        time: if subresource.is_empty() { "«created»" } else { "«heartbeat»" },
        subresource,
    };
    let managed = json!([
        write("").of(&json!({"metadata": metadata, "spec": {"providerID": ""}})),
        write("status").of(&json!({"status": {"conditions": status["conditions"], "images": []}})),
    ]);
    let mut node = json!({"metadata": metadata, "spec": spec, "status": status});
    node["metadata"].as_object_mut().expect("an object").extend([
        ("name".to_owned(), json!("«name»")),
        ("uid".to_owned(), json!("«uid»")),
        ("resourceVersion".to_owned(), json!("«revision»")),
        ("creationTimestamp".to_owned(), json!("«created»")),
        ("managedFields".to_owned(), managed),
    ]);
    Template::new(&node, NodeValues::NAMES)
}

fn status() -> Value {
    let condition = |kind: &str, status: &str, reason: &str, message: &str| {
        json!({"type": kind, "status": status, "reason": reason, "message": message,
            "lastHeartbeatTime": "«heartbeat»", "lastTransitionTime": "«created»"})
    };
    let images: Vec<Value> = ["platform/node-agent:3.4.0", "platform/log-collector:2.11.4", "platform/reloader:0.9.2",
        "mesh/proxy:1.27.3", "metrics/exporter:0.19.1", "data/postgres:17.2", "data/redis:7.4.1", "platform/keys:1.0.3"]
    .iter()
    .zip(1_u64..)
    .map(|(image, number)| {
        let repository = image.split(':').next().unwrap_or_default();
        json!({"names": [format!("registry.demo.example/{repository}@sha256:«digest»"), format!("registry.demo.example/{image}")],
            "sizeBytes": 41_000_000 * number + 7919 * number * number})
    })
    .collect();
    json!({
        "capacity": {"cpu": "«cores»", "memory": "«memory»Mi", "pods": MAX_PODS.to_string(),
            "ephemeral-storage": "209702892Ki", "hugepages-2Mi": "0"},
        "allocatable": {"cpu": "«allocatable_cpu»m", "memory": "«allocatable_memory»Mi", "pods": MAX_PODS.to_string(),
            "ephemeral-storage": "193262185Ki", "hugepages-2Mi": "0"},
        "conditions": [
            condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
            condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
            condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
            condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
        ],
        "addresses": [{"type": "InternalIP", "address": "«address»"}, {"type": "Hostname", "address": "«name»"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        "nodeInfo": {
            "machineID": "«machine_id»", "systemUUID": "«system_id»", "bootID": "«boot_id»",
            "kernelVersion": "6.12.40-cloud-amd64", "osImage": "Debian GNU/Linux 13 (trixie)",
            "containerRuntimeVersion": "containerd://2.1.4", "kubeletVersion": "«version»",
            "kubeProxyVersion": "", "operatingSystem": "linux", "architecture": "amd64",
        },
        "images": images,
    })
}
