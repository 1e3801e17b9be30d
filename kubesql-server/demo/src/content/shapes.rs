//! Kinds of workloads, and the containers of their pods.

use serde_json::{Value, json};

/// The kind of controller that owns a workload's pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OwnedBy {
    ReplicaSet,
    StatefulSet,
    DaemonSet,
    Job,
}

/// A container of a shape.
#[derive(Debug)]
pub(crate) struct Container {
    pub(crate) name: &'static str,
    /// Without a tag, the workload's tag is used; with a tag, the image is shared.
    pub(crate) image: &'static str,
    /// Requested thousandths of a core, and MiB.
    pub(crate) cpu: u32,
    pub(crate) memory: u32,
    /// 0 is no port.
    pub(crate) port: u16,
}

/// A kind of workload.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    pub(crate) owner: OwnedBy,
    /// If a container fails, it is the first.
    pub(crate) containers: &'static [Container],
    pub(crate) init: &'static [Container],
    /// Init containers that keep running.
    pub(crate) sidecars: &'static [Container],
    /// Whether each pod has a volume claim.
    pub(crate) claim: bool,
    /// Whether pods use the node's network and run on every node.
    pub(crate) host: bool,
    pub(crate) class: &'static str,
}

const fn part(name: &'static str, image: &'static str, cpu: u32, memory: u32, port: u16) -> Container {
    Container { name, image, cpu, memory, port }
}

const PLAIN: Shape = Shape {
    name: "",
    owner: OwnedBy::ReplicaSet,
    containers: &[],
    init: &[],
    sidecars: &[],
    claim: false,
    host: false,
    class: "",
};

const PROXY: &[Container] = &[part("mesh-proxy", "registry.demo.example/mesh/proxy:1.27.3", 50, 64, 15_090)];
const MIGRATE: &[Container] = &[part("migrate", "", 100, 128, 0)];
const EXPORTER: Container = part("metrics-exporter", "registry.demo.example/metrics/exporter:0.19.1", 10, 32, 9102);

/// All shapes. Daemon sets come first, then those with volume claims, then jobs.
pub(crate) const SHAPES: &[Shape] = &[
    Shape {
        name: "node-agent",
        owner: OwnedBy::DaemonSet,
        containers: &[part("agent", "registry.demo.example/platform/node-agent:3.4.0", 50, 64, 9100)],
        host: true,
        class: "system-node-critical",
        ..PLAIN
    },
    Shape {
        name: "log-collector",
        owner: OwnedBy::DaemonSet,
        containers: &[
            part("collector", "registry.demo.example/platform/log-collector:2.11.4", 100, 128, 2020),
            part("reloader", "registry.demo.example/platform/reloader:0.9.2", 10, 16, 0),
        ],
        class: "system-node-critical",
        ..PLAIN
    },
    Shape {
        name: "postgres",
        owner: OwnedBy::StatefulSet,
        containers: &[part("postgres", "registry.demo.example/data/postgres", 500, 1024, 5432), EXPORTER],
        claim: true,
        class: "data",
        ..PLAIN
    },
    Shape {
        name: "cache",
        owner: OwnedBy::StatefulSet,
        containers: &[part("redis", "registry.demo.example/data/redis", 100, 256, 6379), EXPORTER],
        claim: true,
        class: "data",
        ..PLAIN
    },
    Shape { name: "import", owner: OwnedBy::Job, containers: &[part("import", "", 250, 256, 0)], ..PLAIN },
    Shape {
        name: "backup",
        owner: OwnedBy::Job,
        containers: &[part("backup", "", 100, 128, 0)],
        init: &[part("fetch-keys", "registry.demo.example/platform/keys:1.0.3", 10, 16, 0)],
        ..PLAIN
    },
    Shape { name: "api", containers: &[part("api", "", 250, 512, 8080)], sidecars: PROXY, init: MIGRATE, ..PLAIN },
    Shape { name: "web", containers: &[part("web", "", 100, 128, 3000), EXPORTER], ..PLAIN },
    Shape { name: "worker", containers: &[part("worker", "", 500, 512, 9090)], init: MIGRATE, ..PLAIN },
    Shape { name: "gateway", containers: &[part("gateway", "", 200, 192, 8443)], sidecars: PROXY, ..PLAIN },
    Shape { name: "search", containers: &[part("search", "", 1000, 2048, 9200), EXPORTER], class: "data", ..PLAIN },
];

impl Shape {
    /// Requests of a pod in thousandths of a core and MiB; init containers run before the others.
    pub(crate) fn requests(&self) -> (u32, u32) {
        let sum = |parts: &[Container]| parts.iter().fold((0, 0), |sum, part| (sum.0 + part.cpu, sum.1 + part.memory));
        let (running, beside) = (sum(self.containers), sum(self.sidecars));
        let most =
            self.init.iter().fold((0, 0), |most: (u32, u32), part| (most.0.max(part.cpu), most.1.max(part.memory)));
        (running.0.max(most.0) + beside.0, running.1.max(most.1) + beside.1)
    }

    /// The port of the service.
    pub(crate) fn port(&self) -> u16 {
        self.containers.first().map_or(0, |part| part.port)
    }

    /// The `spec` of a pod template, with placeholders for what differs between workloads.
    pub(crate) fn pod_spec(&self) -> Value {
        let containers: Vec<Value> =
            self.containers.iter().enumerate().map(|(at, part)| self.container(part, at == 0)).collect();
        let sidecar = |part: &Container| {
            let mut container = self.container(part, false);
            container["restartPolicy"] = json!("Always");
            container
        };
        let init = |part: &Container| {
            let mut container = self.container(part, false);
            let object = container.as_object_mut().expect("a container is an object");
            object.retain(|key, _| !key.ends_with("Probe"));
            container["args"] = json!([part.name, "--wait"]);
            container
        };
        let init: Vec<Value> = self.sidecars.iter().map(sidecar).chain(self.init.iter().map(init)).collect();
        let mut volumes = vec![json!({"name": "config", "configMap": {"name": "«app»-config", "defaultMode": 420}})];
        if self.host {
            volumes.push(json!({"name": "host-sys", "hostPath": {"path": "/sys", "type": "Directory"}}));
        } else {
            volumes.push(json!({"name": "tmp", "emptyDir": {"sizeLimit": "256Mi"}}));
        }
        let mut spec = json!({
            "containers": containers, "volumes": volumes,
            "restartPolicy": if self.owner == OwnedBy::Job { "Never" } else { "Always" },
            "terminationGracePeriodSeconds": 30, "dnsPolicy": "ClusterFirst", "schedulerName": "default-scheduler",
            "serviceAccountName": "«app»", "serviceAccount": "«app»",
            "securityContext": {"runAsNonRoot": true, "runAsUser": 10001, "fsGroup": 10001,
                "seccompProfile": {"type": "RuntimeDefault"}},
        });
        if !init.is_empty() {
            spec["initContainers"] = json!(init);
        }
        if self.host {
            spec["hostNetwork"] = json!(true);
            spec["securityContext"] = json!({});
        }
        if self.owner == OwnedBy::DaemonSet {
            spec["tolerations"] = json!([{"operator": "Exists"}]);
        }
        if !self.class.is_empty() {
            spec["priorityClassName"] = json!(self.class);
        }
        if self.owner == OwnedBy::ReplicaSet {
            spec["topologySpreadConstraints"] = json!([{
                "maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": {"app.kubernetes.io/name": "«app»"}},
            }]);
        }
        spec
    }

    fn container(&self, part: &Container, is_first: bool) -> Value {
        let mut mounts = vec![json!({"name": "config", "mountPath": "/etc/config", "readOnly": true})];
        match (self.host, self.claim && is_first) {
            (true, _) => mounts.push(json!({"name": "host-sys", "mountPath": "/host/sys", "readOnly": true})),
            (_, true) => mounts.push(json!({"name": "data", "mountPath": "/var/lib/data"})),
            _ => mounts.push(json!({"name": "tmp", "mountPath": "/tmp"})),
        }
        let mut container = json!({
            "name": part.name, "image": image(part), "imagePullPolicy": "IfNotPresent",
            "resources": {
                "requests": {"cpu": cpu(part.cpu), "memory": format!("{}Mi", part.memory)},
                "limits": {"cpu": cpu(part.cpu * 4), "memory": format!("{}Mi", part.memory * 2)},
            },
            "env": [{"name": "LOG_LEVEL", "value": "info"}, {"name": "APP_ENV", "value": "«env»"}],
            "volumeMounts": mounts,
            "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
        });
        if is_first && !self.host {
            container["env"].as_array_mut().expect("a list").extend([
                json!({"name": "POD_IP", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.podIP"}}}),
                json!({"name": "API_TOKEN", "valueFrom": {"secretKeyRef": {"name": "«app»-credentials", "key": "token"}}}),
            ]);
            container["securityContext"] = json!({"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                "capabilities": {"drop": ["ALL"]}});
        }
        if part.port > 0 {
            let probe = |path: &str, period: u32| {
                json!({"httpGet": {"path": path, "port": part.port, "scheme": "HTTP"}, "timeoutSeconds": 1,
                    "periodSeconds": period, "successThreshold": 1, "failureThreshold": 3})
            };
            let name = if is_first { "main" } else { "metrics" };
            container["ports"] = json!([{"name": name, "containerPort": part.port, "protocol": "TCP"}]);
            if is_first {
                container["livenessProbe"] = probe("/livez", 10);
                container["readinessProbe"] = probe("/readyz", 5);
            }
        }
        container
    }
}

/// The image of a container, with a placeholder for the workload's tag.
pub(crate) fn image(part: &Container) -> String {
    match part.image {
        "" => "registry.demo.example/«team»/«app»:«tag»".to_owned(),
        image if image.contains(':') => image.to_owned(),
        image => format!("{image}:«tag»"),
    }
}

fn cpu(thousandths: u32) -> String {
    if thousandths.is_multiple_of(1000) { (thousandths / 1000).to_string() } else { format!("{thousandths}m") }
}
