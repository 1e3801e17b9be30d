//! A source of objects in memory that returns only what is requested.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::buffer::BooleanBuffer;
use async_trait::async_trait;
use serde_json::{Value, json};

use crate::flatten::{Flattener, Interpreter, RawObjectsBuilder};
use crate::store::{KindRequest, Request, Segment, Snapshot, Source, SourceError, Warning};

/// Objects of some clusters.
#[derive(Debug, Default, Clone)]
pub(super) struct World {
    /// Clusters and objects, and whether they are alive. Dead objects are stored but not visible.
    objects: Vec<(&'static str, Value, bool)>,
    warnings: Vec<Warning>,
    /// Number of objects in a segment.
    segment: usize,
    broken: bool,
    snapshots: Arc<AtomicUsize>,
}

impl World {
    pub(super) fn new() -> Self {
        Self { segment: 2, ..Self::default() }
    }

    pub(super) fn with(mut self, cluster: &'static str, object: Value) -> Self {
        self.objects.push((cluster, object, true));
        self
    }

    pub(super) fn with_dead(mut self, cluster: &'static str, object: Value) -> Self {
        self.objects.push((cluster, object, false));
        self
    }

    pub(super) fn warning(mut self, message: &str) -> Self {
        self.warnings.push(Warning { place: "pods.json".into(), message: message.into(), count: 1 });
        self
    }

    pub(super) fn segments_of(mut self, objects: usize) -> Self {
        self.segment = objects;
        self
    }

    pub(super) fn broken(mut self) -> Self {
        self.broken = true;
        self
    }

    pub(super) fn source(&self) -> Arc<dyn Source> {
        Arc::new(self.clone())
    }

    /// Number of snapshots taken.
    pub(super) fn snapshots(&self) -> usize {
        self.snapshots.load(Ordering::SeqCst)
    }

    fn segments(&self, request: &KindRequest, cluster: &'static str) -> Vec<Arc<Segment>> {
        let of_kind = |object: &Value| object["kind"] == request.kind.kind;
        let objects: Vec<_> =
            self.objects.iter().filter(|(name, object, _)| *name == cluster && of_kind(object)).collect();
        let segment = |objects: &[&(&str, Value, bool)]| {
            let mut rows = Interpreter::new(request.kind.root, &request.fields);
            let mut texts = RawObjectsBuilder::default();
            for (_, object, _) in objects {
                let text = object.to_string();
                rows.push(&text).expect("a good object");
                texts.push(&text).expect("a good object");
            }
            let alive: BooleanBuffer = objects.iter().map(|(.., alive)| *alive).collect();
            Arc::new(Segment {
                cluster: cluster.into(),
                kind: request.kind,
                columns: Arc::new(rows.finish().columns),
                alive: (alive.count_set_bits() < objects.len()).then_some(alive),
                objects: request.objects.then(|| Arc::new(texts.finish())),
                sources: None,
                derived: Arc::default(),
            })
        };
        objects.chunks(self.segment).map(segment).collect()
    }
}

#[async_trait]
impl Source for World {
    fn clusters(&self) -> Vec<Arc<str>> {
        let mut clusters: Vec<Arc<str>> = self.objects.iter().map(|(cluster, ..)| Arc::from(*cluster)).collect();
        clusters.dedup();
        clusters
    }

    async fn snapshot(&self, request: &Request) -> Result<Snapshot, SourceError> {
        self.snapshots.fetch_add(1, Ordering::SeqCst);
        if self.broken {
            return Err(SourceError::Unreadable { place: "east".into(), message: "connection refused".into() });
        }
        let mut clusters: Vec<&'static str> = self.objects.iter().map(|(cluster, ..)| *cluster).collect();
        clusters.dedup();
        let wanted = request.kinds.iter();
        let segments = wanted
            .flat_map(|wanted| clusters.iter().flat_map(|cluster| self.segments(wanted, cluster)).collect::<Vec<_>>());
        Ok(Snapshot { segments: segments.collect(), warnings: self.warnings.clone(), ..Snapshot::default() })
    }
}

/// Two clusters with a few pods, nodes and others, chosen so that every optional field is absent somewhere.
pub(super) fn usual() -> World {
    World::new()
        .with("east", node("n1", "e-n1", json!({"cpu": "4", "memory": "8Gi", "pods": "110"}), "True"))
        .with("east", node("n2", "e-n2", json!({"cpu": "1930m", "memory": "1000000Ki"}), "False"))
        .with("east", web("e-1"))
        .with_dead("east", web("e-dead"))
        .with(
            "east",
            json!({"apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": "web-2", "namespace": "shop", "uid": "e-2", "creationTimestamp": "2020-05-12T00:00:00Z",
                    "labels": {"app": "web", "appid": "springboot", "Team": "x"}},
                "spec": {"containers": [{"name": "web", "image": "web:2",
                    "resources": {"requests": {"cpu": "0.25", "nvidia.com/gpu": "2"}}}]},
                "status": {"phase": "Pending"}}),
        )
        .with(
            "east",
            json!({"apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": "bare", "namespace": "default", "uid": "e-3", "creationTimestamp": "2020-05-11T23:59:59Z"},
                "spec": {"nodeName": "n1", "containers": []},
                "status": {"phase": "Running", "conditions": [
                    {"type": "Ready", "status": "False", "reason": "ContainersNotReady", "lastTransitionTime": "2021-01-01T00:00:00Z"},
                    {"type": "PodScheduled", "status": "True"}]}}),
        )
        .with(
            "east",
            json!({"apiVersion": "v1", "kind": "Service",
                "metadata": {"name": "web", "namespace": "shop", "uid": "e-s", "labels": {"app": "svc"}},
                "spec": {"selector": {"app": "web"}, "type": "ClusterIP",
                    "ports": [{"name": "http", "port": 80, "targetPort": "web"}, {"name": "admin", "port": 81, "targetPort": 8081}]}}),
        )
        .with(
            "east",
            json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
                "metadata": {"name": "shop", "namespace": "shop", "uid": "e-i"},
                "spec": {"rules": [
                    {"host": "a", "http": {"paths": [{"path": "/x", "pathType": "Prefix"}, {"path": "/y", "pathType": "Exact"}]}},
                    {"host": "b"},
                    {"host": "c", "http": {"paths": [{"path": "/z", "pathType": "Prefix"}]}}]}}),
        )
        .with(
            "east",
            json!({"apiVersion": "v1", "kind": "ResourceQuota",
                "metadata": {"name": "q", "namespace": "shop", "uid": "e-q"},
                "spec": {"hard": {"requests.cpu": "1500m", "limits.memory": "1Gi", "pods": "10"}}}),
        )
        .with("west", node("n1", "w-n1", json!({"cpu": "2"}), "True"))
        .with(
            "west",
            json!({"apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": "web-1", "namespace": "shop", "uid": "w-1", "creationTimestamp": "2024-01-01T00:00:00Z",
                    "labels": {"app": "db", "tier": "back"}, "annotations": {"prometheus.io/port": "8080"}},
                "spec": {"nodeName": "n1", "containers": [{"name": "db", "image": "db:1",
                    "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}}}]},
                "status": {"phase": "Running"}}),
        )
}

fn node(name: &str, uid: &str, allocatable: Value, ready: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "uid": uid},
        "status": {"allocatable": allocatable, "nodeInfo": {"kubeletVersion": "v1.35.0", "osImage": "Linux"},
            "conditions": [{"type": "Ready", "status": ready, "lastHeartbeatTime": "2024-01-01T00:00:00Z"}]}})
}

/// A pod with two containers, whose statuses are in another order, and one status without a container.
fn web(uid: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "web-1", "namespace": "shop", "uid": uid, "creationTimestamp": "2020-05-13T10:00:00Z",
            "labels": {"app": "web", "tier": "front"}, "annotations": {"note": "a \"quoted\" text"}},
        "spec": {"nodeName": "n1", "terminationGracePeriodSeconds": 30, "containers": [
            {"name": "web", "image": "web:1", "args": ["-v", "--x"],
                "ports": [{"name": "http", "containerPort": 8080}],
                "env": [{"name": "A", "value": "1"}, {"name": "B"}],
                "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "1", "memory": "1.5Gi"}}},
            {"name": "sidecar", "image": "proxy:1", "ports": [{"name": "mesh", "containerPort": 15000}]}]},
        "status": {"phase": "Running", "startTime": "2020-05-13T10:00:05Z",
            "conditions": [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "True"}],
            "containerStatuses": [
                {"name": "gone", "restartCount": 99, "ready": false, "image": "gone", "imageID": ""},
                {"name": "sidecar", "restartCount": 3, "ready": false, "image": "proxy@1", "imageID": "i2",
                    "state": {"waiting": {"reason": "CrashLoopBackOff"}}},
                {"name": "web", "restartCount": 0, "ready": true, "image": "web@1", "imageID": "i1",
                    "state": {"running": {"startedAt": "2020-05-13T10:00:06Z"}}}]}})
}
