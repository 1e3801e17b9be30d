//! Generated objects, in which every field may be absent.

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, IteratorRandom};
use serde_json::{Map, Value as Json, json};

/// Makes nodes and pods.
pub(super) fn make(rng: &mut StdRng) -> Vec<Json> {
    let nodes = (0..6).map(|number| node(rng, number)).collect::<Vec<_>>();
    let pods = (0..30).map(|number| pod(rng, number)).collect::<Vec<_>>();
    [nodes, pods].concat()
}

/// Sets a field, or leaves it out.
fn maybe(rng: &mut StdRng, fields: &mut Map<String, Json>, name: &str, value: impl FnOnce(&mut StdRng) -> Json) {
    if rng.random_bool(0.7) {
        let value = value(rng);
        fields.insert(name.to_owned(), value);
    }
}

fn one<T: Clone>(rng: &mut StdRng, of: &[T]) -> T {
    of.choose(rng).expect("one of them").clone()
}

fn time(rng: &mut StdRng) -> Json {
    let (month, day, hour) = (rng.random_range(1..=12), rng.random_range(1..=28), rng.random_range(0..24));
    json!(format!("2026-{month:02}-{day:02}T{hour:02}:{:02}:{:02}Z", rng.random_range(0..60), rng.random_range(0..60)))
}

fn labels(rng: &mut StdRng) -> Json {
    let mut labels = Map::new();
    for key in ["app", "tier", "x.y"] {
        maybe(rng, &mut labels, key, |rng| json!(one(rng, &["web", "db", "Cache", "a b", "", "été"])));
    }
    Json::Object(labels)
}

fn node(rng: &mut StdRng, number: u32) -> Json {
    let (mut metadata, mut spec) = (Map::new(), Map::new());
    metadata.insert("name".to_owned(), json!(format!("node-{number}")));
    metadata.insert("uid".to_owned(), json!(format!("n{number}")));
    maybe(rng, &mut metadata, "creationTimestamp", time);
    maybe(rng, &mut metadata, "labels", labels);
    maybe(rng, &mut spec, "unschedulable", |rng| json!(rng.random_bool(0.5)));
    maybe(rng, &mut spec, "podCIDRs", |_| json!([format!("10.{number}.0.0/24"), format!("fd00:{number}::/64")]));
    let allocatable = json!({"cpu": one(rng, &["2", "4", "0.5"]), "memory": one(rng, &["8589934592", "123456789"])});
    json!({"kind": "Node", "apiVersion": "v1", "metadata": metadata, "spec": spec, "status": {"allocatable": allocatable}})
}

fn pod(rng: &mut StdRng, number: u32) -> Json {
    let (mut metadata, mut spec, mut status) = (Map::new(), Map::new(), Map::new());
    metadata.insert("name".to_owned(), json!(format!("pod-{number:02}")));
    metadata.insert("uid".to_owned(), json!(format!("p{number:02}")));
    metadata.insert("namespace".to_owned(), json!(one(rng, &["shop", "kube-system", "Dev"])));
    maybe(rng, &mut metadata, "creationTimestamp", time);
    maybe(rng, &mut metadata, "labels", labels);
    maybe(rng, &mut metadata, "generation", |rng| json!(rng.random_range(1..10)));
    maybe(rng, &mut metadata, "finalizers", |rng| {
        let count = rng.random_range(1..4);
        json!(["a", "b", "c d", "e,f"].into_iter().choose_multiple(rng, count))
    });
    maybe(rng, &mut spec, "nodeName", |rng| json!(format!("node-{}", rng.random_range(0..6))));
    maybe(rng, &mut spec, "priority", |rng| json!(one(rng, &[0, -5, 7, 100, 1000, 2_000_000_000])));
    maybe(rng, &mut spec, "hostNetwork", |rng| json!(rng.random_bool(0.5)));
    maybe(rng, &mut spec, "activeDeadlineSeconds", |rng| json!(one(rng, &[0, 60, 3600, 86400])));
    maybe(rng, &mut status, "phase", |rng| json!(one(rng, &["Running", "Pending", "Failed"])));
    maybe(rng, &mut status, "startTime", time);
    let (mut containers, mut statuses) = (Vec::new(), Vec::new());
    for index in 0..rng.random_range(0..4) {
        let (mut container, mut requests) = (Map::new(), Map::new());
        container.insert("name".to_owned(), json!(format!("c{index}")));
        maybe(rng, &mut container, "image", |rng| {
            json!(one(rng, &["nginx:1.2", "docker.io/library/redis@sha256:ab", "Img_%x"]))
        });
        maybe(rng, &mut requests, "cpu", |rng| json!(one(rng, &["0.1", "0.25", "1", "2.5"])));
        maybe(rng, &mut requests, "memory", |rng| json!(one(rng, &["1048576", "1073741824", "1000"])));
        container.insert("resources".to_owned(), json!({"requests": requests}));
        maybe(rng, &mut container, "securityContext", |rng| json!({"privileged": rng.random_bool(0.5)}));
        containers.push(container);
        if rng.random_bool(0.8) {
            let (ready, restarts) = (rng.random_bool(0.5), rng.random_range(0..8));
            statuses.push(json!({"name": format!("c{index}"), "ready": ready, "restartCount": restarts}));
        }
    }
    spec.insert("containers".to_owned(), json!(containers));
    status.insert("containerStatuses".to_owned(), json!(statuses));
    json!({"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "spec": spec, "status": status})
}
