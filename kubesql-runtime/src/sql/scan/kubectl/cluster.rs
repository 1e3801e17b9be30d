//! Columns of nodes and namespaces.

use std::collections::BTreeSet;

use arrow::array::ArrayRef;

use super::arrays::{some_text, texts};
use super::fields::Fields;

pub(super) fn column(name: &str, object: &Fields<'_>) -> Option<ArrayRef> {
    let text = |path: &str| {
        let text = object.text(path);
        texts(object, |row| some_text(text.get(row)))
    };
    Some(match name {
        "status" if object.has("spec.unschedulable") => node_status(object),
        "status" => text("status.phase"),
        "roles" => {
            let labels = object.map("metadata.labels");
            texts(object, |row| {
                let role = |(key, value)| match (str::strip_prefix(key, "node-role.kubernetes.io/"), key) {
                    (Some(role), _) => Some(role),
                    (None, "kubernetes.io/role") => Some(value),
                    _ => None,
                };
                let roles: BTreeSet<&str> = labels.get(row).filter_map(role).filter(|role| !role.is_empty()).collect();
                (!roles.is_empty()).then(|| roles.into_iter().collect::<Vec<_>>().join(","))
            })
        }
        "version" => text("status.nodeInfo.kubeletVersion"),
        "os_image" => text("status.nodeInfo.osImage"),
        "kernel_version" => text("status.nodeInfo.kernelVersion"),
        "container_runtime" => text("status.nodeInfo.containerRuntimeVersion"),
        "internal_ip" => address(object, "InternalIP"),
        "external_ip" => address(object, "ExternalIP"),
        _ => return None,
    })
}

fn node_status(object: &Fields<'_>) -> ArrayRef {
    let conditions = object.list("status.conditions");
    let (types, status) = (conditions.items.text("type"), conditions.items.text("status"));
    let unschedulable = object.boolean("spec.unschedulable");
    texts(object, |row| {
        let last = conditions.get(row).rfind(|&at| types.get(at) == Some("Ready"));
        let ready = match last.map(|at| status.get(at) == Some("True")) {
            Some(true) => "Ready",
            Some(false) => "NotReady",
            None => "Unknown",
        };
        Some(format!("{ready}{}", if unschedulable.is_true(row) { ",SchedulingDisabled" } else { "" }))
    })
}

fn address(object: &Fields<'_>, of: &str) -> ArrayRef {
    let addresses = object.list("status.addresses");
    let (types, address) = (addresses.items.text("type"), addresses.items.text("address"));
    texts(object, |row| {
        let first = addresses.get(row).find(|&at| types.get(at) == Some(of))?;
        address.get(first).map(str::to_owned)
    })
}
