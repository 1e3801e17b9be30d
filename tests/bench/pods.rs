//! Realistic pods: of a thousand workloads on five hundred nodes, with sidecars, probes, volumes,
//! conditions, statuses and managedFields, about 6.6 KB each. They are deterministic, in the order of a server's list or
//! in random order.

use crate::json::{Json, object};

/// A deterministic random number generator (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ bits >> 31
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        let index = self.below(from.len() as u64);
        from[usize::try_from(index).unwrap_or_default()]
    }

    fn hex(&mut self, digits: usize) -> String {
        let mut hex = String::new();
        while hex.len() < digits {
            hex.push_str(&format!("{:016x}", self.next()));
        }
        hex.truncate(digits);
        hex
    }

    fn uuid(&mut self) -> String {
        let hex = self.hex(32);
        format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
    }

    fn suffix(&mut self) -> String {
        (0..5).map(|_| char::from(self.pick(b"bcdfghjklmnpqrstvwxz2456789"))).collect()
    }

    fn time(&mut self) -> String {
        let (day, hour, minute, second) = (self.below(28) + 1, self.below(24), self.below(60), self.below(60));
        format!("2026-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z", self.below(3) + 8)
    }

    fn ip(&mut self) -> String {
        format!("10.{}.{}.{}", self.below(64) + 64, self.below(256), self.below(256))
    }
}

/// The common fields of a controller's pods.
struct Workload {
    name: String,
    namespace: String,
    app: &'static str,
    owner: &'static str,
    owner_uid: String,
    hash: String,
    checksum: String,
    containers: Vec<Container>,
}

struct Container {
    name: String,
    image: String,
    digest: String,
    requests: (&'static str, &'static str),
    limits: (&'static str, &'static str),
}

/// Sorts pods by namespace and name, the order of API servers.
pub(crate) fn listed(mut pods: Vec<String>) -> Vec<String> {
    /// The first text with a key, which is the pod's own.
    fn value<'p>(pod: &'p str, key: &str) -> &'p str {
        let behind = pod.split_once(key).map_or("", |(_, behind)| behind);
        behind.split('"').next().unwrap_or_default()
    }
    pods.sort_by_cached_key(|pod| {
        [r#""namespace":""#, r#"{"metadata":{"name":""#].map(|key| value(pod, key).to_owned())
    });
    // Copied, so that they are also consecutive in memory, as in a page.
    pods.iter().map(|pod| pod.as_str().to_owned()).collect()
}

/// The JSON text of pods, in random order.
pub(crate) fn pods(count: usize) -> Vec<String> {
    let mut random = Random(42);
    let nodes: Vec<String> = (0..500)
        .map(|index| {
            format!("ip-10-{}-{}-{}.eu-central-1.compute.internal", index / 250, index % 250, random.below(256))
        })
        .collect();
    let workloads: Vec<Workload> = (0..1000).map(|index| workload(&mut random, index)).collect();
    (0..count)
        .map(|_| {
            let workload = &workloads[usize::try_from(random.below(1000)).unwrap_or_default()];
            let node = &nodes[usize::try_from(random.below(500)).unwrap_or_default()];
            pod(&mut random, workload, node).0
        })
        .collect()
}

fn workload(random: &mut Random, index: usize) -> Workload {
    let team =
        random.pick(&["billing", "catalog", "checkout", "fraud", "identity", "maps", "media", "search", "web", "ml"]);
    let stage = random.pick(&["prod", "staging", "dev", "test", "load"]);
    let app = random.pick(&["springboot", "golang", "nodejs", "python", "rails", "flink", "kafka", "redis", "envoy"]);
    let role = random.pick(&["api", "worker", "gateway", "sync", "cron", "store", "feed"]);
    let (namespace, name) = (format!("{team}-{stage}"), format!("{app}-{role}-{index}"));
    let mut container = |name: String, image: String| Container {
        name,
        image,
        digest: random.hex(64),
        requests: (
            random.pick(&["50m", "100m", "250m", "500m", "1", "2"]),
            random.pick(&["128Mi", "256Mi", "512Mi", "1Gi"]),
        ),
        limits: (random.pick(&["500m", "1", "2", "4"]), random.pick(&["1Gi", "2Gi", "4Gi"])),
    };
    let version = format!("v2.{}.{}", index % 60, index % 17);
    let mut containers =
        vec![container(format!("{app}-main"), format!("registry.example.com/{namespace}/{name}:{version}"))];
    if index.is_multiple_of(3) {
        containers.push(container("mesh-proxy".to_owned(), "registry.example.com/mesh/proxy:1.27.1".to_owned()));
    }
    if index.is_multiple_of(6) {
        containers.push(container("log-agent".to_owned(), "registry.example.com/infra/log-agent:3.2.2".to_owned()));
    }
    let owner = ["ReplicaSet", "ReplicaSet", "ReplicaSet", "ReplicaSet", "StatefulSet", "DaemonSet", "Job"][index % 7];
    let (owner_uid, hash, checksum) = (random.uuid(), random.hex(9), random.hex(64));
    Workload { name, namespace, app, owner, owner_uid, hash, checksum, containers }
}

fn pod(random: &mut Random, workload: &Workload, node: &str) -> Json {
    let phase = match random.below(100) {
        0..3 => "Pending",
        3 => "Failed",
        _ if workload.owner == "Job" => "Succeeded",
        _ => "Running",
    };
    let ready = phase == "Running" && random.percent(97);
    let (time, ip, token) = (random.time(), random.ip(), format!("kube-api-access-{}", random.suffix()));
    let containers: Vec<Json> = workload.containers.iter().map(|container| spec(container, &token)).collect();
    let statuses: Vec<Json> =
        workload.containers.iter().map(|container| status(random, container, phase, ready, &time)).collect();
    let mut spec = vec![
        ("volumes", vec![config_volume(workload), token_volume(&token)].into()),
        ("containers", containers.into()),
        ("restartPolicy", if workload.owner == "Job" { "Never" } else { "Always" }.into()),
        ("terminationGracePeriodSeconds", 30.into()),
        ("dnsPolicy", "ClusterFirst".into()),
        ("serviceAccountName", Json::from(&workload.name)),
        ("serviceAccount", Json::from(&workload.name)),
    ];
    if phase != "Pending" || random.percent(50) {
        spec.push(("nodeName", node.into()));
    }
    spec.extend([
        ("securityContext", object!("runAsNonRoot" => true, "fsGroup" => 2000)),
        ("schedulerName", "default-scheduler".into()),
        ("tolerations", vec![toleration("not-ready"), toleration("unreachable")].into()),
        ("priority", 0.into()),
        ("enableServiceLinks", true.into()),
        ("preemptionPolicy", "PreemptLowerPriority".into()),
    ]);
    let mut status = vec![("phase", phase.into()), ("conditions", conditions(workload, phase, ready, &time))];
    if phase != "Pending" {
        status.extend([
            ("hostIP", "10.0.0.1".into()),
            ("hostIPs", vec![object!("ip" => "10.0.0.1")].into()),
            ("podIP", Json::from(&ip)),
            ("podIPs", vec![object!("ip" => &ip)].into()),
        ]);
    }
    status.extend([
        ("startTime", Json::from(&time)),
        ("containerStatuses", statuses.into()),
        ("qosClass", "Burstable".into()),
    ]);
    let part =
        |fields: Vec<(&str, Json)>| fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Json>();
    object!("metadata" => metadata(random, workload, &time, &ip), "spec" => part(spec), "status" => part(status))
}

fn metadata(random: &mut Random, workload: &Workload, time: &str, ip: &str) -> Json {
    let prefix = format!("{}-{}-", workload.name, workload.hash);
    let (team, stage) = workload.namespace.split_once('-').unwrap_or_default();
    object!(
        "name" => format!("{prefix}{}", random.suffix()),
        "generateName" => &prefix,
        "namespace" => &workload.namespace,
        "uid" => random.uuid(),
        "resourceVersion" => (1_000_000_000 + random.below(900_000_000)).to_string(),
        "creationTimestamp" => time,
        "labels" => object!(
            "app" => &workload.name,
            "appid" => workload.app,
            "pod-template-hash" => &workload.hash,
            "app.kubernetes.io/name" => &workload.name,
            "app.kubernetes.io/managed-by" => "Helm",
            "team" => team,
            "env" => stage,
        ),
        "annotations" => object!(
            "checksum/config" => &workload.checksum,
            "prometheus.io/scrape" => "true",
            "prometheus.io/port" => "8080",
            "kubectl.kubernetes.io/restartedAt" => time,
        ),
        "ownerReferences" => vec![object!(
            "apiVersion" => "apps/v1",
            "kind" => workload.owner,
            "name" => format!("{}-{}", workload.name, workload.hash),
            "uid" => &workload.owner_uid,
            "controller" => true,
            "blockOwnerDeletion" => true,
        )],
        "managedFields" => managed_fields(workload, time, ip),
    )
}

/// Field names with empty objects, as in managedFields.
fn names(names: &[&str]) -> Json {
    names.iter().map(|name| (if *name == "." { (*name).to_owned() } else { format!("f:{name}") }, object!())).collect()
}

fn managed_fields(workload: &Workload, time: &str, ip: &str) -> Json {
    let resources = names(&[".", "limits", "requests"]);
    let container = object!(
        "." => object!(),
        "f:args" => object!(),
        "f:env" => object!(r#"k:{"name":"LOG_LEVEL"}"# => names(&[".", "name", "value"])),
        "f:image" => object!(),
        "f:imagePullPolicy" => object!(),
        "f:livenessProbe" => names(&[".", "failureThreshold", "httpGet", "periodSeconds", "timeoutSeconds"]),
        "f:name" => object!(),
        "f:ports" => object!(r#"k:{"containerPort":8080,"protocol":"TCP"}"# => names(&[".", "containerPort", "name"])),
        "f:resources" => resources,
        "f:volumeMounts" => object!(r#"k:{"mountPath":"/etc/config"}"# => names(&[".", "mountPath", "name"])),
    );
    let spec = object!(
        "f:containers" => object!(format!(r#"k:{{"name":"{}-main"}}"#, workload.app) => container),
        "f:dnsPolicy" => object!(),
        "f:restartPolicy" => object!(),
        "f:schedulerName" => object!(),
        "f:volumes" => object!(r#"k:{"name":"config"}"# => names(&[".", "configMap", "name"])),
    );
    let metadata = object!(
        "f:annotations" => names(&[".", "checksum/config", "prometheus.io/scrape", "prometheus.io/port"]),
        "f:generateName" => object!(),
        "f:labels" => names(&[".", "app", "appid", "pod-template-hash", "team", "env"]),
        "f:ownerReferences" => object!(format!(r#"k:{{"uid":"{}"}}"#, workload.owner_uid) => object!()),
    );
    let conditions: Json = ["ContainersReady", "Initialized", "Ready"]
        .iter()
        .map(|kind| {
            (
                format!(r#"k:{{"type":"{kind}"}}"#),
                names(&[".", "lastProbeTime", "lastTransitionTime", "status", "type"]),
            )
        })
        .collect();
    let status = object!(
        "f:conditions" => conditions,
        "f:containerStatuses" => object!(),
        "f:hostIP" => object!(),
        "f:phase" => object!(),
        "f:podIPs" => object!("." => object!(), format!(r#"k:{{"ip":"{ip}"}}"#) => names(&[".", "ip"])),
        "f:startTime" => object!(),
    );
    let entry = |manager: &str, fields: Json, subresource: Option<&str>| {
        let fields = [
            Some(("manager", manager.into())),
            Some(("operation", "Update".into())),
            Some(("apiVersion", "v1".into())),
            Some(("time", time.into())),
            Some(("fieldsType", "FieldsV1".into())),
            Some(("fieldsV1", fields)),
            subresource.map(|subresource| ("subresource", subresource.into())),
        ];
        fields.into_iter().flatten().map(|(key, value)| (key.to_owned(), value)).collect::<Json>()
    };
    let controller = entry("kube-controller-manager", object!("f:metadata" => metadata, "f:spec" => spec), None);
    vec![controller, entry("kubelet", object!("f:status" => status), Some("status"))].into()
}

fn config_volume(workload: &Workload) -> Json {
    let config = object!("name" => format!("{}-config", workload.name), "defaultMode" => 420);
    object!("name" => "config", "configMap" => config)
}

fn token_volume(name: &str) -> Json {
    let namespace = object!("apiVersion" => "v1", "fieldPath" => "metadata.namespace");
    let sources = vec![
        object!("serviceAccountToken" => object!("expirationSeconds" => 3607, "path" => "token")),
        object!("configMap" => object!(
            "name" => "kube-root-ca.crt",
            "items" => vec![object!("key" => "ca.crt", "path" => "ca.crt")],
        )),
        object!("downwardAPI" => object!("items" => vec![object!("path" => "namespace", "fieldRef" => namespace)])),
    ];
    object!("name" => name, "projected" => object!("sources" => sources, "defaultMode" => 420))
}

fn toleration(key: &str) -> Json {
    object!(
        "key" => format!("node.kubernetes.io/{key}"),
        "operator" => "Exists",
        "effect" => "NoExecute",
        "tolerationSeconds" => 300,
    )
}

fn spec(container: &Container, token: &str) -> Json {
    let amounts = |(cpu, memory): (&str, &str)| object!("cpu" => cpu, "memory" => memory);
    let pod_ip = object!("fieldRef" => object!("apiVersion" => "v1", "fieldPath" => "status.podIP"));
    object!(
        "name" => &container.name,
        "image" => &container.image,
        "args" => vec!["--port=8080".into(), "--profile=production".into()],
        "ports" => vec![object!("name" => "http", "containerPort" => 8080, "protocol" => "TCP")],
        "env" => vec![
            object!("name" => "LOG_LEVEL", "value" => "info"),
            object!("name" => "POD_IP", "valueFrom" => pod_ip),
        ],
        "resources" => object!("limits" => amounts(container.limits), "requests" => amounts(container.requests)),
        "volumeMounts" => vec![
            object!("name" => "config", "mountPath" => "/etc/config"),
            object!("name" => token, "readOnly" => true, "mountPath" => "/var/run/secrets/kubernetes.io/serviceaccount"),
        ],
        "livenessProbe" => object!(
            "httpGet" => object!("path" => "/healthz", "port" => 8080, "scheme" => "HTTP"),
            "initialDelaySeconds" => 10,
            "timeoutSeconds" => 1,
            "periodSeconds" => 10,
            "successThreshold" => 1,
            "failureThreshold" => 3,
        ),
        "terminationMessagePath" => "/dev/termination-log",
        "terminationMessagePolicy" => "File",
        "imagePullPolicy" => "IfNotPresent",
        "securityContext" => object!(
            "runAsUser" => 1000,
            "readOnlyRootFilesystem" => true,
            "allowPrivilegeEscalation" => false,
        ),
    )
}

fn status(random: &mut Random, container: &Container, phase: &str, ready: bool, time: &str) -> Json {
    let ended = |random: &mut Random, code: i64, reason: &str| {
        object!("terminated" => object!(
            "exitCode" => code,
            "reason" => reason,
            "startedAt" => time,
            "finishedAt" => random.time(),
            "containerID" => format!("containerd://{}", random.hex(64)),
        ))
    };
    let state = match phase {
        "Running" => object!("running" => object!("startedAt" => time)),
        "Pending" => object!("waiting" => object!("reason" => random.pick(&["ContainerCreating", "ImagePullBackOff"]))),
        "Failed" => ended(random, 1, "Error"),
        _ => ended(random, 0, "Completed"),
    };
    let restarts = random.pick(&[0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 7]);
    let last_state = if restarts > 0 { ended(random, 137, "OOMKilled") } else { object!() };
    let repository = container.image.split(':').next().unwrap_or_default();
    let id = if phase == "Pending" { String::new() } else { format!("containerd://{}", random.hex(64)) };
    object!(
        "name" => &container.name,
        "state" => state,
        "lastState" => last_state,
        "ready" => ready,
        "restartCount" => restarts,
        "image" => &container.image,
        "imageID" => format!("{repository}@sha256:{}", container.digest),
        "containerID" => id,
        "started" => ready,
    )
}

fn conditions(workload: &Workload, phase: &str, ready: bool, time: &str) -> Json {
    let condition = |kind: &str| {
        let depends = matches!(kind, "Ready" | "ContainersReady");
        let holds = if depends { ready } else { phase != "Pending" };
        let mut fields = vec![
            ("type", Json::from(kind)),
            ("status", if holds { "True" } else { "False" }.into()),
            ("lastProbeTime", Json("null".to_owned())),
            ("lastTransitionTime", time.into()),
        ];
        if depends && !ready {
            fields.push(("reason", "ContainersNotReady".into()));
            fields.push(("message", format!("containers with unready status: [{}-main]", workload.app).into()));
        }
        fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Json>()
    };
    let kinds = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"];
    kinds.iter().map(|kind| condition(kind)).collect::<Vec<Json>>().into()
}
