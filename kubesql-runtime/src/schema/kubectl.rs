//! The columns that `kubectl get` prints for built-in kinds, and `age` of all kinds.
//!
//! They are columns of a kind's own table if their name is free, and not part of `*`. Custom resources define theirs
//! themselves ([`PrintedDef`](super::PrintedDef)).

use super::{KindDef, Scalar};

/// Names, and the types of their values: `None` for lengths of time.
type Columns = &'static [(&'static str, Option<Scalar>)];

const TEXT: Option<Scalar> = Some(Scalar::Text);
const INTEGER: Option<Scalar> = Some(Scalar::Int64);
const TIME: Option<Scalar> = Some(Scalar::Time);
const INTERVAL: Option<Scalar> = None;

/// The column that all kinds have.
const AGE: (&str, Option<Scalar>) = ("age", INTERVAL);

const ANY: Columns = &[AGE];

const POD: Columns = &[
    ("ready", TEXT),
    ("status", TEXT),
    ("restarts", INTEGER),
    ("last_restart", TIME),
    AGE,
    ("ip", TEXT),
    ("node", TEXT),
    ("nominated_node", TEXT),
    ("readiness_gates", TEXT),
];

/// By group and kind. A name is the header in lower case, with underscores for spaces and hyphens.
const KINDS: &[(&str, &str, Columns)] = &[
    ("", "Pod", POD),
    (
        "apps",
        "ReplicaSet",
        &[
            ("desired", INTEGER),
            ("current", INTEGER),
            ("ready", INTEGER),
            AGE,
            ("containers", TEXT),
            ("images", TEXT),
            ("selector", TEXT),
        ],
    ),
    (
        "",
        "ReplicationController",
        &[("desired", INTEGER), ("current", INTEGER), ("ready", INTEGER), AGE, ("containers", TEXT), ("images", TEXT)],
    ),
    (
        "apps",
        "Deployment",
        &[
            ("ready", TEXT),
            ("up_to_date", INTEGER),
            ("available", INTEGER),
            AGE,
            ("containers", TEXT),
            ("images", TEXT),
            ("selector", TEXT),
        ],
    ),
    ("apps", "StatefulSet", &[("ready", TEXT), AGE, ("containers", TEXT), ("images", TEXT)]),
    (
        "apps",
        "DaemonSet",
        &[
            ("desired", INTEGER),
            ("current", INTEGER),
            ("ready", INTEGER),
            ("up_to_date", INTEGER),
            ("available", INTEGER),
            ("node_selector", TEXT),
            AGE,
            ("containers", TEXT),
            ("images", TEXT),
            ("selector", TEXT),
        ],
    ),
    (
        "batch",
        "Job",
        &[
            ("status", TEXT),
            ("completions", TEXT),
            ("duration", INTERVAL),
            AGE,
            ("containers", TEXT),
            ("images", TEXT),
            ("selector", TEXT),
        ],
    ),
    (
        "batch",
        "CronJob",
        &[
            ("active", INTEGER),
            ("last_schedule", INTERVAL),
            AGE,
            ("containers", TEXT),
            ("images", TEXT),
            ("selector", TEXT),
        ],
    ),
    ("", "Service", &[("cluster_ip", TEXT), ("external_ip", TEXT), ("ports", TEXT), AGE, ("selector", TEXT)]),
    ("networking.k8s.io", "Ingress", &[("class", TEXT), ("hosts", TEXT), ("address", TEXT), ("ports", TEXT), AGE]),
    (
        "",
        "Node",
        &[
            ("status", TEXT),
            ("roles", TEXT),
            AGE,
            ("version", TEXT),
            ("internal_ip", TEXT),
            ("external_ip", TEXT),
            ("os_image", TEXT),
            ("kernel_version", TEXT),
            ("container_runtime", TEXT),
        ],
    ),
    ("", "Namespace", &[("status", TEXT), AGE]),
    (
        "",
        "PersistentVolume",
        &[
            ("access_modes", TEXT),
            ("reclaim_policy", TEXT),
            ("status", TEXT),
            ("claim", TEXT),
            ("storageclass", TEXT),
            ("volumeattributesclass", TEXT),
            AGE,
        ],
    ),
    (
        "",
        "PersistentVolumeClaim",
        &[
            ("status", TEXT),
            ("volume", TEXT),
            ("access_modes", TEXT),
            ("storageclass", TEXT),
            ("volumeattributesclass", TEXT),
            AGE,
        ],
    ),
    ("", "Event", EVENT),
    ("events.k8s.io", "Event", EVENT),
    (
        "autoscaling",
        "HorizontalPodAutoscaler",
        &[
            ("reference", TEXT),
            ("targets", TEXT),
            ("minpods", INTEGER),
            ("maxpods", INTEGER),
            ("replicas", INTEGER),
            AGE,
        ],
    ),
];

/// `target` is what `kubectl` heads OBJECT: the column `object` is the event itself.
const EVENT: Columns = &[
    ("last_seen", INTERVAL),
    ("target", TEXT),
    ("subobject", TEXT),
    ("source", TEXT),
    ("first_seen", INTERVAL),
    ("count", INTEGER),
    AGE,
];

/// The columns of a kind, in the order in which `kubectl get -o wide` prints them.
pub(super) fn columns(kind: &KindDef) -> Columns {
    let found =
        KINDS.iter().find(|(group, name, _)| kind.custom.is_none() && (*group, *name) == (kind.group, kind.kind));
    found.map_or(ANY, |(.., columns)| columns)
}

/// Whether a kind may have a column of this name.
#[must_use]
pub fn is_name(name: &str) -> bool {
    KINDS.iter().flat_map(|(.., columns)| *columns).any(|(column, _)| *column == name)
}
