//! Generated objects, and the same objects as flat tables with one column for each key.

use std::collections::BTreeMap;
use std::path::Path;

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::{Map as JsonMap, Value as Json, json};

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    Integer,
    Float,
}

/// A table that statements read.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    /// Its columns, except those that come from maps and conditions. In none of the tables is a column of these names
    /// missing here, so that a name without a qualifier means the same to both sides.
    pub(super) columns: &'static [(&'static str, Type)],
    pub(super) maps: &'static [&'static str],
    /// Whether objects of the table have conditions.
    pub(super) conditions: bool,
}

pub(super) const TABLES: &[Table] = &[
    Table {
        name: "pods",
        columns: &[
            ("namespace", Type::Text),
            ("name", Type::Text),
            ("nodename", Type::Text),
            ("phase", Type::Text),
            ("uid", Type::Text),
        ],
        maps: &["labels", "annotations"],
        conditions: true,
    },
    Table {
        name: "containers",
        columns: &[
            ("namespace", Type::Text),
            ("pod", Type::Text),
            ("uid", Type::Text),
            ("name", Type::Text),
            ("image", Type::Text),
        ],
        maps: &["requests", "limits"],
        conditions: false,
    },
    Table {
        name: "nodes",
        columns: &[("namespace", Type::Text), ("name", Type::Text), ("phase", Type::Text), ("uid", Type::Text)],
        maps: &["labels", "annotations", "allocatable", "capacity"],
        conditions: true,
    },
    Table {
        name: "services",
        columns: &[("namespace", Type::Text), ("name", Type::Text), ("type", Type::Text), ("uid", Type::Text)],
        maps: &["labels", "annotations", "selector"],
        conditions: true,
    },
];

/// Keys of text: with capitals, dots, slashes and dashes, one that is a field of conditions, one that no object has.
const TEXTS: &[&str] =
    &["app", "tier", "Team", "a-b", "x.y", "app.kubernetes.io/name", "example.com/owner", "status", "nowhere"];

/// Keys of quantities.
const QUANTITIES: &[&str] = &["cpu", "memory", "nvidia.com/gpu", "nowhere"];

/// Types of conditions, as objects have them; columns have them in lower case.
const CONDITIONS: &[&str] = &["Ready", "PodScheduled", "DiskPressure"];

/// The fields of a condition that statements name.
pub(super) const FIELDS: &[&str] = &["status", "reason"];

pub(super) fn is_quantities(map: &str) -> bool {
    matches!(map, "requests" | "limits" | "allocatable" | "capacity")
}

/// The keys that statements name of a map, with the types of their columns.
pub(super) fn keys(map: &str) -> impl Iterator<Item = (&'static str, Type)> {
    let quantities = is_quantities(map);
    let keys = if quantities { QUANTITIES } else { TEXTS };
    keys.iter().map(move |&key| {
        let of_quantity = if key == "cpu" { Type::Float } else { Type::Integer };
        (key, if quantities { of_quantity } else { Type::Text })
    })
}

/// The conditions that statements name, as type and field.
pub(super) fn conditions() -> impl Iterator<Item = (String, &'static str)> {
    let each = |of: &'static &'static str| FIELDS.iter().map(move |&field| (of.to_lowercase(), field));
    CONDITIONS.iter().flat_map(each)
}

/// The flat column of a map's key, the same in every table.
pub(super) fn key_column(map: &str, key: &str) -> String {
    flat(map, keys(map).position(|(known, _)| known == key).expect("a known key"))
}

/// The flat column of a condition's field, the same in every table.
pub(super) fn condition_column(of: &str, field: &str) -> String {
    flat("condition", conditions().position(|known| (known.0.as_str(), known.1) == (of, field)).expect("a known one"))
}

fn flat(prefix: &str, number: usize) -> String {
    format!("{prefix}_{number}")
}

/// Flat tables: names of columns, and rows.
pub(super) type Flat = BTreeMap<&'static str, (Vec<String>, Vec<Vec<Json>>)>;

/// Makes objects, writes them into a folder, and returns them as flat tables.
pub(super) fn make(rng: &mut StdRng, folder: &Path) -> Flat {
    let mut objects = Vec::new();
    let mut rows: BTreeMap<&str, Vec<JsonMap<String, Json>>> = BTreeMap::new();
    for number in 0..6 {
        let name = format!("node-{number}");
        let (labels, annotations) = (texts(rng), texts(rng));
        let (allocatable, capacity) = (quantities(rng), quantities(rng));
        let conditions = some_conditions(rng);
        let mut row = row(&[("name", &name), ("uid", &format!("n{number}"))]);
        flatten(&mut row, "labels", &labels);
        flatten(&mut row, "annotations", &annotations);
        flatten(&mut row, "allocatable", &allocatable);
        flatten(&mut row, "capacity", &capacity);
        flatten_conditions(&mut row, &conditions);
        rows.entry("nodes").or_default().push(row);
        objects.push(json!({
            "kind": "Node", "apiVersion": "v1", "metadata": metadata(&name, None, &format!("n{number}"), labels, annotations),
            "status": {"allocatable": allocatable, "capacity": capacity, "conditions": conditions},
        }));
    }
    for number in 0..9 {
        let (name, namespace) = (format!("service-{number}"), namespace(rng));
        let (labels, annotations, selector) = (texts(rng), texts(rng), texts(rng));
        let sort = *["ClusterIP", "LoadBalancer"].choose(rng).expect("one");
        let uid = format!("s{number}");
        let mut row = row(&[("name", &name), ("namespace", namespace), ("type", sort), ("uid", &uid)]);
        flatten(&mut row, "labels", &labels);
        flatten(&mut row, "annotations", &annotations);
        flatten(&mut row, "selector", &selector);
        rows.entry("services").or_default().push(row);
        objects.push(json!({
            "kind": "Service", "apiVersion": "v1", "metadata": metadata(&name, Some(namespace), &uid, labels, annotations),
            "spec": {"type": sort, "selector": selector},
        }));
    }
    for number in 0..24 {
        let (name, namespace, uid) = (format!("pod-{number:02}"), namespace(rng), format!("p{number:02}"));
        let (labels, annotations, conditions) = (texts(rng), texts(rng), some_conditions(rng));
        let phase = *["Running", "Pending", "Failed"].choose(rng).expect("one");
        let node = format!("node-{}", rng.random_range(0..6));
        let mut row = row(&[("name", &name), ("namespace", namespace), ("phase", phase), ("uid", &uid)]);
        row.insert("nodename".to_owned(), json!(node));
        flatten(&mut row, "labels", &labels);
        flatten(&mut row, "annotations", &annotations);
        flatten_conditions(&mut row, &conditions);
        rows.entry("pods").or_default().push(row);
        let mut containers = Vec::new();
        for index in 0..rng.random_range(0..3) {
            containers.push(container(rng, &mut rows, (&name, namespace, &uid), index));
        }
        objects.push(json!({
            "kind": "Pod", "apiVersion": "v1", "metadata": metadata(&name, Some(namespace), &uid, labels, annotations),
            "spec": {"nodeName": node, "containers": containers},
            "status": {"phase": phase, "conditions": conditions},
        }));
    }
    let list = json!({"kind": "List", "apiVersion": "v1", "items": objects});
    std::fs::write(folder.join("objects.json"), list.to_string()).expect("the objects are written");
    TABLES.iter().map(|table| (table.name, table.flat(rows.remove(table.name).unwrap_or_default()))).collect()
}

impl Table {
    fn flat(&self, rows: Vec<JsonMap<String, Json>>) -> (Vec<String>, Vec<Vec<Json>>) {
        let mut columns: Vec<String> = self.columns.iter().map(|(name, _)| (*name).to_owned()).collect();
        for map in self.maps {
            columns.push((*map).to_owned());
            columns.extend(keys(map).map(|(key, _)| key_column(map, key)));
        }
        if self.conditions {
            columns.extend(conditions().map(|(of, field)| condition_column(&of, field)));
        }
        let value = |row: &JsonMap<String, Json>, column: &String| row.get(column).cloned().unwrap_or(Json::Null);
        let rows = rows.iter().map(|row| columns.iter().map(|column| value(row, column)).collect()).collect();
        (columns, rows)
    }
}

fn container(
    rng: &mut StdRng,
    rows: &mut BTreeMap<&str, Vec<JsonMap<String, Json>>>,
    (pod, namespace, uid): (&str, &str, &str),
    index: usize,
) -> Json {
    let (requests, limits) = (quantities(rng), quantities(rng));
    let name = *["main", "proxy", "init"].choose(rng).expect("one");
    let name = format!("{name}-{index}");
    let mut row = row(&[("name", &name), ("pod", pod), ("namespace", namespace), ("uid", uid), ("image", "busybox")]);
    flatten(&mut row, "requests", &requests);
    flatten(&mut row, "limits", &limits);
    rows.entry("containers").or_default().push(row);
    json!({"name": name, "image": "busybox", "resources": {"requests": requests, "limits": limits}})
}

fn namespace(rng: &mut StdRng) -> &'static str {
    ["shop", "web", "kube-system"].choose(rng).expect("one")
}

fn metadata(name: &str, namespace: Option<&str>, uid: &str, labels: Json, annotations: Json) -> Json {
    json!({"name": name, "namespace": namespace, "uid": uid, "labels": labels, "annotations": annotations})
}

/// A map of texts with some of the keys; often none.
fn texts(rng: &mut StdRng) -> Json {
    let mut map = JsonMap::new();
    if rng.random_bool(0.8) {
        for key in TEXTS.iter().filter(|key| **key != "nowhere") {
            if rng.random_bool(0.5) {
                let value = *["web", "db", "cart", "True"].choose(rng).expect("one");
                map.insert((*key).to_owned(), json!(value));
            }
        }
    }
    if map.is_empty() { Json::Null } else { Json::Object(map) }
}

/// A map of quantities whose sums are exact in floating point.
fn quantities(rng: &mut StdRng) -> Json {
    let mut map = JsonMap::new();
    for (key, values) in [
        ("cpu", &["250m", "500m", "1", "2"][..]),
        ("memory", &["64Mi", "1Gi", "1000"]),
        ("nvidia.com/gpu", &["1", "2"]),
    ] {
        if rng.random_bool(0.6) {
            map.insert(key.to_owned(), json!(values.choose(rng).expect("one")));
        }
    }
    if map.is_empty() { Json::Null } else { Json::Object(map) }
}

fn some_conditions(rng: &mut StdRng) -> Json {
    let mut conditions = Vec::new();
    for of in CONDITIONS {
        if rng.random_bool(0.6) {
            let status = ["True", "False", "Unknown"].choose(rng).expect("one");
            let mut condition = json!({"type": of, "status": status});
            if rng.random_bool(0.5) {
                condition["reason"] = json!(["Started", "Late"].choose(rng).expect("one"));
            }
            conditions.push(condition);
        }
    }
    Json::Array(conditions)
}

fn row(values: &[(&str, &str)]) -> JsonMap<String, Json> {
    values.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect()
}

/// Adds a map to a flat row: its text as arrow shows it, and a column for each key.
fn flatten(row: &mut JsonMap<String, Json>, name: &str, map: &Json) {
    let Json::Object(map) = map else { return };
    let shown: Vec<String> =
        map.iter().map(|(key, value)| format!("{key}: {}", value.as_str().expect("a text"))).collect();
    row.insert(name.to_owned(), json!(format!("{{{}}}", shown.join(", "))));
    for (key, value) in map {
        let value = if is_quantities(name) { number(key, value.as_str().expect("a text")) } else { value.clone() };
        row.insert(key_column(name, key), value);
    }
}

/// One of the quantities above as a number, without any code of the product.
fn number(key: &str, quantity: &str) -> Json {
    match quantity {
        "250m" => json!(0.25),
        "500m" => json!(0.5),
        "64Mi" => json!(67_108_864),
        "1Gi" => json!(1_073_741_824),
        whole if key == "cpu" => json!(whole.parse::<f64>().expect("a number")),
        whole => json!(whole.parse::<i64>().expect("a whole number")),
    }
}

fn flatten_conditions(row: &mut JsonMap<String, Json>, conditions: &Json) {
    for condition in conditions.as_array().into_iter().flatten() {
        let of = condition["type"].as_str().expect("a type").to_lowercase();
        for field in FIELDS {
            if let Some(value) = condition.get(*field) {
                row.insert(condition_column(&of, field), value.clone());
            }
        }
    }
}
