//! Objects that support a workload: services, configuration, accounts, claims, limits.

use serde_json::{Value, json};

use super::pods::labels;
use super::template::{Template, template_values};

template_values! {
    /// Values that differ between supporting objects.
    SupportingValues {
        name, uid, revision, namespace, created, app, app_uid, team, env, tag, port, address, endpoints, replicas, most,
        secret, selector_name, percent, volume, volume_uid, zone, node, node_uid, changed, allowed, healthy, service_uid,
    }
}

/// A kind of supporting object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Supporting {
    Service,
    EndpointSlice,
    ConfigMap,
    Secret,
    ServiceAccount,
    Autoscaler,
    DisruptionBudget,
    Ingress,
    Claim,
    Volume,
    Role,
    RoleBinding,
    RootCertificate,
    DefaultAccount,
    NetworkPolicy,
    Quota,
    Lease,
    CsiNode,
}

impl Supporting {
    pub(super) const ALL: [Self; 18] = [
        Self::Service,
        Self::EndpointSlice,
        Self::ConfigMap,
        Self::Secret,
        Self::ServiceAccount,
        Self::Autoscaler,
        Self::DisruptionBudget,
        Self::Ingress,
        Self::Claim,
        Self::Volume,
        Self::Role,
        Self::RoleBinding,
        Self::RootCertificate,
        Self::DefaultAccount,
        Self::NetworkPolicy,
        Self::Quota,
        Self::Lease,
        Self::CsiNode,
    ];

    /// Group and plural.
    pub(super) fn resource(self) -> (&'static str, &'static str) {
        match self {
            Self::Service => ("", "services"),
            Self::EndpointSlice => ("discovery.k8s.io", "endpointslices"),
            Self::ConfigMap | Self::RootCertificate => ("", "configmaps"),
            Self::Secret => ("", "secrets"),
            Self::ServiceAccount | Self::DefaultAccount => ("", "serviceaccounts"),
            Self::Autoscaler => ("autoscaling", "horizontalpodautoscalers"),
            Self::DisruptionBudget => ("policy", "poddisruptionbudgets"),
            Self::Ingress => ("networking.k8s.io", "ingresses"),
            Self::Claim => ("", "persistentvolumeclaims"),
            Self::Volume => ("", "persistentvolumes"),
            Self::Role => ("rbac.authorization.k8s.io", "roles"),
            Self::RoleBinding => ("rbac.authorization.k8s.io", "rolebindings"),
            Self::NetworkPolicy => ("networking.k8s.io", "networkpolicies"),
            Self::Quota => ("", "resourcequotas"),
            Self::Lease => ("coordination.k8s.io", "leases"),
            Self::CsiNode => ("storage.k8s.io", "csinodes"),
        }
    }

    pub(super) fn template(self) -> Template {
        let mut object = self.object();
        let metadata = object["metadata"].as_object_mut().expect("every object here has metadata");
        metadata.extend([
            ("name".to_owned(), json!("«name»")),
            ("uid".to_owned(), json!("«uid»")),
            ("resourceVersion".to_owned(), json!("«revision»")),
            ("creationTimestamp".to_owned(), json!("«created»")),
        ]);
        if !matches!(self, Self::Volume | Self::CsiNode) {
            metadata.insert("namespace".to_owned(), json!("«namespace»"));
        }
        Template::new(&object, SupportingValues::NAMES)
    }

    fn object(self) -> Value {
        let labelled = json!({"labels": labels()});
        let selector = json!({"app.kubernetes.io/name": "«app»"});
        match self {
            Self::Service => json!({"metadata": labelled, "status": {"loadBalancer": {}}, "spec": {
                "type": "ClusterIP", "clusterIP": "«address»", "clusterIPs": ["«address»"], "selector": selector,
                "ports": [{"name": "main", "port": 80, "protocol": "TCP", "targetPort": "main"}],
                "sessionAffinity": "None", "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack",
                "internalTrafficPolicy": "Cluster"}}),
            Self::EndpointSlice => json!({"addressType": "IPv4", "endpoints": "«#endpoints»",
                "ports": [{"name": "main", "port": "«#port»", "protocol": "TCP"}],
                "metadata": {"generateName": "«app»-", "generation": 1,
                    "labels": {"kubernetes.io/service-name": "«app»",
                        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"},
                    "ownerReferences": [{"apiVersion": "v1", "kind": "Service", "name": "«app»", "uid": "«service_uid»",
                        "controller": true, "blockOwnerDeletion": true}]}}),
            Self::ConfigMap => json!({"metadata": labelled, "data": {
                "app.properties": "name=«app»\nenvironment=«env»\npool.size=16\nfeature.fast-path=true\n",
                "log-level": "info"}}),
            Self::Secret => json!({"metadata": labelled, "type": "Opaque", "data": {"token": "«secret»"}}),
            Self::ServiceAccount => json!({"metadata": labelled, "automountServiceAccountToken": true}),
            Self::DefaultAccount => json!({"metadata": {}}),
            Self::RootCertificate => json!({
                "metadata": {"annotations": {"kubernetes.io/description": "Contains a CA bundle that can be used to verify the kube-apiserver."}},
                "data": {"ca.crt": "-----BEGIN CERTIFICATE-----\nZGVtbyBjbHVzdGVyLCBubyByZWFsIGNlcnRpZmljYXRl\n-----END CERTIFICATE-----\n"}}),
            Self::Autoscaler => json!({"metadata": labelled,
                "spec": {"minReplicas": 1, "maxReplicas": "«#most»",
                    "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "«app»"},
                    "metrics": [{"type": "Resource", "resource": {"name": "cpu",
                        "target": {"type": "Utilization", "averageUtilization": 70}}}]},
                "status": {"currentReplicas": "«#replicas»", "desiredReplicas": "«#replicas»", "lastScaleTime": "«created»",
                    "currentMetrics": [{"type": "Resource", "resource": {"name": "cpu",
                        "current": {"averageUtilization": "«#percent»", "averageValue": "«percent»m"}}}],
                    "conditions": [{"type": "AbleToScale", "status": "True", "reason": "ReadyForNewScale",
                        "message": "recommended size matches current size", "lastTransitionTime": "«created»"}]}}),
            Self::DisruptionBudget => json!({"metadata": labelled,
                "spec": {"maxUnavailable": 1, "selector": {"matchLabels": selector}},
                "status": {"observedGeneration": 1, "expectedPods": "«#replicas»", "currentHealthy": "«#healthy»",
                    "desiredHealthy": "«#most»", "disruptionsAllowed": "«#allowed»",
                    "conditions": [{"type": "DisruptionAllowed", "status": "True", "reason": "SufficientPods",
                        "message": "", "observedGeneration": 1, "lastTransitionTime": "«created»"}]}}),
            Self::Ingress => json!({"metadata": labelled,
                "spec": {"ingressClassName": "edge", "tls": [{"hosts": ["«app».«env».demo.example"], "secretName": "«app»-tls"}],
                    "rules": [{"host": "«app».«env».demo.example", "http": {"paths": [{"path": "/", "pathType": "Prefix",
                        "backend": {"service": {"name": "«app»", "port": {"name": "main"}}}}]}}]},
                "status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.10"}]}}}),
            Self::Claim => json!({"metadata": {"labels": selector, "finalizers": ["kubernetes.io/pvc-protection"],
                    "annotations": {"pv.kubernetes.io/bind-completed": "yes"}},
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "20Gi"}},
                    "storageClassName": "fast", "volumeMode": "Filesystem", "volumeName": "«volume»"},
                "status": {"phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "20Gi"}}}),
            Self::Volume => json!({
                "metadata": {"finalizers": ["kubernetes.io/pv-protection"],
                    "annotations": {"pv.kubernetes.io/provisioned-by": "disk.csi.demo.example"}},
                "spec": {"capacity": {"storage": "20Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "fast",
                    "persistentVolumeReclaimPolicy": "Delete", "volumeMode": "Filesystem",
                    "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": "«namespace»",
                        "name": "«selector_name»", "uid": "«volume_uid»"},
                    "csi": {"driver": "disk.csi.demo.example", "volumeHandle": "disk-«uid»", "fsType": "ext4"},
                    "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [
                        {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["«zone»"]}]}]}}},
                "status": {"phase": "Bound", "lastPhaseTransitionTime": "«created»"}}),
            Self::Role => json!({"metadata": labelled, "rules": [
                {"apiGroups": [""], "resources": ["configmaps", "secrets"], "verbs": ["get", "list", "watch"], "resourceNames": ["«app»-config"]},
                {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "create", "update"]}]}),
            Self::RoleBinding => json!({"metadata": labelled,
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "«app»"},
                "subjects": [{"kind": "ServiceAccount", "name": "«app»", "namespace": "«namespace»"}]}),
            Self::NetworkPolicy => json!({"metadata": {}, "spec": {"podSelector": {}, "policyTypes": ["Ingress"],
                "ingress": [{"from": [{"namespaceSelector": {"matchLabels": {"team": "«team»"}}}]}]}}),
            Self::Quota => json!({"metadata": {},
                "spec": {"hard": {"pods": "10k", "requests.cpu": "20k", "requests.memory": "64Ti"}},
                "status": {"hard": {"pods": "10k", "requests.cpu": "20k", "requests.memory": "64Ti"}}}),
            Self::Lease => json!({
                "metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": "«node»", "uid": "«node_uid»"}]},
                "spec": {"holderIdentity": "«node»", "leaseDurationSeconds": 40, "renewTime": "«changed»"}}),
            Self::CsiNode => json!({
                "metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": "«node»", "uid": "«node_uid»"}]},
                "spec": {"drivers": [{"name": "disk.csi.demo.example", "nodeID": "«node»",
                    "topologyKeys": ["topology.kubernetes.io/zone"], "allocatable": {"count": 25}}]}}),
        }
    }
}
