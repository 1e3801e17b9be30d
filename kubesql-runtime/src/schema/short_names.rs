//! The short names that `kubectl` accepts for the kinds that are compiled in.

use super::KindDef;

/// By group and plural.
const SHORT_NAMES: &[(&str, &str, &[&str])] = &[
    ("", "componentstatuses", &["cs"]),
    ("", "configmaps", &["cm"]),
    ("", "endpoints", &["ep"]),
    ("", "events", &["ev"]),
    ("", "limitranges", &["limits"]),
    ("", "namespaces", &["ns"]),
    ("", "nodes", &["no"]),
    ("", "persistentvolumeclaims", &["pvc"]),
    ("", "persistentvolumes", &["pv"]),
    ("", "pods", &["po"]),
    ("", "replicationcontrollers", &["rc"]),
    ("", "resourcequotas", &["quota"]),
    ("", "serviceaccounts", &["sa"]),
    ("", "services", &["svc"]),
    ("apiextensions.k8s.io", "customresourcedefinitions", &["crd", "crds"]),
    ("apps", "daemonsets", &["ds"]),
    ("apps", "deployments", &["deploy"]),
    ("apps", "replicasets", &["rs"]),
    ("apps", "statefulsets", &["sts"]),
    ("autoscaling", "horizontalpodautoscalers", &["hpa"]),
    ("batch", "cronjobs", &["cj"]),
    ("certificates.k8s.io", "certificatesigningrequests", &["csr"]),
    ("certificates.k8s.io", "podcertificaterequests", &["pcr"]),
    ("events.k8s.io", "events", &["ev"]),
    ("networking.k8s.io", "ingresses", &["ing"]),
    ("networking.k8s.io", "ipaddresses", &["ip"]),
    ("networking.k8s.io", "networkpolicies", &["netpol"]),
    ("policy", "poddisruptionbudgets", &["pdb"]),
    ("scheduling.k8s.io", "priorityclasses", &["pc"]),
    ("storage.k8s.io", "storageclasses", &["sc"]),
    ("storage.k8s.io", "volumeattributesclasses", &["vac"]),
    // Custom resources. A definition that a cluster or a file has gives its own.
    ("autoscaling.k8s.io", "verticalpodautoscalercheckpoints", &["vpacheckpoint"]),
    ("autoscaling.k8s.io", "verticalpodautoscalers", &["vpa"]),
    ("cert-manager.io", "certificaterequests", &["cr", "crs"]),
    ("cert-manager.io", "certificates", &["cert", "certs"]),
    ("gateway.networking.k8s.io", "backendtlspolicies", &["btlspolicy"]),
    ("gateway.networking.k8s.io", "gatewayclasses", &["gc"]),
    ("gateway.networking.k8s.io", "gateways", &["gtw"]),
    ("gateway.networking.k8s.io", "referencegrants", &["refgrant"]),
    ("groupsnapshot.storage.k8s.io", "volumegroupsnapshotclasses", &["vgsclass", "vgsclasses"]),
    ("groupsnapshot.storage.k8s.io", "volumegroupsnapshotcontents", &["vgsc", "vgscs"]),
    ("groupsnapshot.storage.k8s.io", "volumegroupsnapshots", &["vgs"]),
    ("snapshot.storage.k8s.io", "volumesnapshotclasses", &["vsclass", "vsclasses"]),
    ("snapshot.storage.k8s.io", "volumesnapshotcontents", &["vsc", "vscs"]),
    ("snapshot.storage.k8s.io", "volumesnapshots", &["vs"]),
];

/// The short names of a kind.
#[must_use]
pub fn short_names(kind: &KindDef) -> &'static [&'static str] {
    let found = SHORT_NAMES.iter().find(|(group, plural, _)| (*group, *plural) == (kind.group, kind.plural));
    found.map_or(&[], |(.., names)| names)
}
