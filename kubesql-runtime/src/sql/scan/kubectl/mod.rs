//! The columns that `kubectl get` prints for built-in kinds, computed from the columns of a segment.
//!
//! The values are those of the API server's tables, except that `<none>` and the like are NULL, numbers are numbers, and
//! times since something are intervals. Absent numbers are 0, as in the API.

mod arrays;
mod cluster;
mod events;
mod fields;
mod network;
mod pods;
mod scaling;
mod storage;
mod workloads;

use std::cell::RefCell;

use arrow::array::ArrayRef;

use crate::flatten::{ColumnGroup, FieldMask};
use crate::schema::KindDef;
use arrays::intervals;
use fields::Fields;

/// Adds the fields that a column is computed from to a mask.
pub(crate) fn add_fields(kind: &KindDef, name: &str, mask: &mut FieldMask) {
    let used = RefCell::new(FieldMask::none());
    // All fields are looked up before the first row.
    _ = column(kind, name, &Fields::new(kind.root, None, &used), 0);
    mask.merge(&used.into_inner());
}

/// Computes a column over all objects of a segment, at a time in microseconds since 1970.
pub(crate) fn compute(kind: &KindDef, name: &str, group: &ColumnGroup, now: i64) -> Option<ArrayRef> {
    column(kind, name, &Fields::new(kind.root, Some(group), &RefCell::new(FieldMask::none())), now)
}

fn column(kind: &KindDef, name: &str, object: &Fields<'_>, now: i64) -> Option<ArrayRef> {
    if name == "age" {
        let created = object.time("metadata.creationTimestamp");
        return Some(intervals(object, |row| now.checked_sub(created.get(row)?)));
    }
    match kind.kind {
        "Pod" => pods::column(name, object),
        "ReplicaSet" | "ReplicationController" | "Deployment" | "StatefulSet" | "DaemonSet" | "Job" | "CronJob" => {
            workloads::column(kind.kind, name, object, now)
        }
        "Service" | "Ingress" => network::column(name, object),
        "Node" | "Namespace" => cluster::column(name, object),
        "PersistentVolume" | "PersistentVolumeClaim" => storage::column(name, object),
        "Event" => events::column(name, object, now),
        "HorizontalPodAutoscaler" => scaling::column(name, object),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
