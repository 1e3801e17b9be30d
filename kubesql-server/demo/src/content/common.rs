//! Objects that every cluster has.

use bytes::Bytes;
use serde_json::{Value, json};

use super::random::{mix, uid};
use super::topology::{Topology, time};
use crate::cluster::Cluster;
use crate::store::Owner;

/// Writes the objects.
pub(super) fn write(cluster: &Cluster, topology: &Topology) {
    for (number, (group, plural, namespace, name, object)) in objects(topology).into_iter().enumerate() {
        put(cluster, topology, (group, plural), namespace, name, object, 0x0063_6f6d + number as u64);
    }
}

/// Writes an object, if the release has its kind.
pub(super) fn put(
    cluster: &Cluster,
    topology: &Topology,
    (group, plural): (&str, &str),
    namespace: &str,
    name: &str,
    mut object: Value,
    key: u64,
) {
    let resources = cluster.resources();
    let Some(resource) = resources.any_version(group, plural) else { return };
    let metadata = &mut object["metadata"];
    metadata["name"] = json!(name);
    metadata["uid"] = json!(uid(mix(topology.seed, key)));
    metadata["creationTimestamp"] = json!(time(topology.now - 86_400 * 300));
    let mut place = name.to_owned();
    if !namespace.is_empty() {
        metadata["namespace"] = json!(namespace);
        place = format!("{namespace}/{name}");
    }
    cluster.store.write().put(resource.collection, &place, Owner::Content(u32::MAX), |revision| {
        object["metadata"]["resourceVersion"] = json!(revision.to_string());
        Bytes::from(object.to_string())
    });
}

type Common = (&'static str, &'static str, &'static str, &'static str, Value);

fn objects(topology: &Topology) -> Vec<Common> {
    const RBAC: &str = "rbac.authorization.k8s.io";
    let all = json!(["*"]);
    let rules = |verbs: Value, resources: Value| json!([{"apiGroups": ["", "apps", "batch"], "resources": resources, "verbs": verbs}]);
    let class = |value: u64, description: &str| json!({"value": value, "description": description, "preemptionPolicy": "PreemptLowerPriority"});
    let bound = |role: &str, kind: &str, name: &str| {
        json!({"roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role},
            "subjects": [{"kind": kind, "apiGroup": RBAC, "name": name}]})
    };
    let storage = |kind: &str, is_default: bool| {
        json!({"metadata": {"annotations": {"storageclass.kubernetes.io/is-default-class": is_default.to_string()}},
            "provisioner": "disk.csi.demo.example", "parameters": {"type": kind}, "reclaimPolicy": "Delete",
            "volumeBindingMode": "WaitForFirstConsumer", "allowVolumeExpansion": true})
    };
    let lease = |holder: &str| {
        json!({"spec": {"holderIdentity": holder, "leaseDurationSeconds": 15, "leaseTransitions": 3,
            "acquireTime": time(topology.now - 86_400 * 20).replace('Z', ".000000Z"),
            "renewTime": time(topology.now).replace('Z', ".000000Z")}})
    };
    let available = json!({"conditions": [{"type": "Available", "status": "True", "reason": "Local",
        "message": "Local APIServices are always available", "lastTransitionTime": time(topology.now - 86_400 * 300)}]});
    let service = json!({"metadata": {"labels": {"component": "apiserver", "provider": "kubernetes"}},
        "spec": {"type": "ClusterIP", "clusterIP": "100.127.0.1", "clusterIPs": ["100.127.0.1"], "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack", "sessionAffinity": "None", "internalTrafficPolicy": "Cluster",
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}]},
        "status": {"loadBalancer": {}}});
    vec![
        ("", "services", "default", "kubernetes", service),
        ("storage.k8s.io", "storageclasses", "", "fast", storage("ssd", true)),
        ("storage.k8s.io", "storageclasses", "", "slow", storage("hdd", false)),
        (
            "storage.k8s.io",
            "csidrivers",
            "",
            "disk.csi.demo.example",
            json!({"spec": {"attachRequired": true, "podInfoOnMount": false, "volumeLifecycleModes": ["Persistent"]}}),
        ),
        ("networking.k8s.io", "ingressclasses", "", "edge", json!({"spec": {"controller": "demo.example/edge"}})),
        (
            "scheduling.k8s.io",
            "priorityclasses",
            "",
            "system-cluster-critical",
            class(2_000_000_000, "For what the cluster needs."),
        ),
        (
            "scheduling.k8s.io",
            "priorityclasses",
            "",
            "system-node-critical",
            class(2_000_001_000, "For what each node needs."),
        ),
        ("scheduling.k8s.io", "priorityclasses", "", "data", class(100_000, "For what keeps data.")),
        ("node.k8s.io", "runtimeclasses", "", "sandboxed", json!({"handler": "sandbox"})),
        (
            RBAC,
            "clusterroles",
            "",
            "cluster-admin",
            json!({"rules": [{"apiGroups": all, "resources": all, "verbs": all}, {"nonResourceURLs": all, "verbs": all}]}),
        ),
        (
            RBAC,
            "clusterroles",
            "",
            "view",
            json!({"rules": rules(json!(["get", "list", "watch"]), json!(["pods", "services", "deployments", "jobs"]))}),
        ),
        (
            RBAC,
            "clusterroles",
            "",
            "edit",
            json!({"rules": rules(json!(["create", "delete", "patch", "update"]), json!(["pods", "services", "deployments", "jobs"]))}),
        ),
        (
            RBAC,
            "clusterroles",
            "",
            "system:node",
            json!({"rules": rules(json!(["get", "update"]), json!(["nodes", "pods"]))}),
        ),
        (RBAC, "clusterrolebindings", "", "cluster-admin", bound("cluster-admin", "Group", "system:masters")),
        (RBAC, "clusterrolebindings", "", "developers-view", bound("view", "Group", "developers")),
        (RBAC, "clusterrolebindings", "", "system:node", bound("system:node", "Group", "system:nodes")),
        (
            "apiregistration.k8s.io",
            "apiservices",
            "",
            "v1.",
            json!({"spec": {"version": "v1", "groupPriorityMinimum": 18_000, "versionPriority": 1}, "status": available}),
        ),
        (
            "apiregistration.k8s.io",
            "apiservices",
            "",
            "v1.apps",
            json!({"spec": {"group": "apps", "version": "v1", "groupPriorityMinimum": 17_800, "versionPriority": 15}, "status": available}),
        ),
        ("coordination.k8s.io", "leases", "kube-system", "kube-scheduler", lease("control-0000_1f7b")),
        ("coordination.k8s.io", "leases", "kube-system", "kube-controller-manager", lease("control-0001_90ac")),
    ]
}
