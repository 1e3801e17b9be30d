"""Compares the columns that `kubectl get` prints with the tables of a real API server, kind by kind.

Objects that reach the branches of the server's printers are written to the server, with their statuses. Then each kind is
read as a `Table`, as kubectl reads it, and as rows of kubesql. This needs kubectl. The objects are written to a
namespace of their own.

usage: kubectl.py KUBESQL KUBECONFIG
"""

import json
import re
import ssl
import subprocess
import sys
import urllib.request

NAMESPACE = "printed"
NONE = {"<none>", "<unset>", "<unknown>", ""}
# Headers whose columns have other names, or none: the column of that name is a field.
OTHER = {"port(s)": "ports", "object": "target"}
# By table: the path of its list, and the headers that a field of the same name takes.
KINDS = {
    "pods": ("/api/v1", set()),
    "replicationcontrollers": ("/api/v1", {"selector"}),
    "replicasets": ("/apis/apps/v1", set()),
    "deployments": ("/apis/apps/v1", set()),
    "statefulsets": ("/apis/apps/v1", set()),
    "daemonsets": ("/apis/apps/v1", set()),
    "jobs": ("/apis/batch/v1", {"completions"}),
    "cronjobs": ("/apis/batch/v1", {"schedule", "timezone", "suspend", "active"}),
    "services": ("/api/v1", {"type", "selector"}),
    "ingresses": ("/apis/networking.k8s.io/v1", set()),
    "nodes": ("/api/v1", set()),
    "namespaces": ("/api/v1", set()),
    "persistentvolumes": ("/api/v1", {"capacity", "reason", "volumemode"}),
    "persistentvolumeclaims": ("/api/v1", {"capacity", "volumemode"}),
    "events": ("/api/v1", {"type", "reason", "message", "count"}),
    "horizontalpodautoscalers": ("/apis/autoscaling/v2", set()),
}
CONTAINER = {"name": "c", "image": "i:1"}
AT = "2026-01-02T03:04:05Z"


def made(kind, name, spec=None, status=None, deleted=False, **more):
    group = {"Pod": "v1", "Node": "v1", "Service": "v1", "Namespace": "v1", "Event": "v1", "PersistentVolume": "v1",
             "PersistentVolumeClaim": "v1", "ReplicationController": "v1", "Ingress": "networking.k8s.io/v1",
             "Job": "batch/v1", "CronJob": "batch/v1", "HorizontalPodAutoscaler": "autoscaling/v2"}
    object = {"apiVersion": group.get(kind, "apps/v1"), "kind": kind, "metadata": {"name": name}, **more}
    object["metadata"] = {"name": name, **more.get("metadata", {})}
    if kind not in ("Node", "Namespace", "PersistentVolume"):
        object["metadata"]["namespace"] = NAMESPACE
    if deleted:
        object["metadata"]["finalizers"] = ["test.example/kept"]
    if spec is not None:
        object["spec"] = spec
    return object, status, deleted


def pod(name, phase, statuses=(), init=(), spec=None, deleted=False, conditions=(), containers=None, **status):
    spec = {"containers": containers or [CONTAINER], **(spec or {})}

    def of(all):
        return [{"image": "i:1", "imageID": "", "name": "c", "ready": False, "restartCount": 0, **one} for one in all]

    status = {"phase": phase, "containerStatuses": of(statuses), "initContainerStatuses": of(init),
              "conditions": list(conditions), **status}
    return made("Pod", name, spec, status, deleted)


def ended(code, reason=None, signal=None):
    state = {"exitCode": code, "startedAt": AT, "finishedAt": AT}
    return {"terminated": {**state, **({"reason": reason} if reason else {}), **({"signal": signal} if signal else {})}}


def pods():
    running, waiting = {"running": {"startedAt": AT}}, lambda reason: {"waiting": {"reason": reason}}
    two = [CONTAINER, {"name": "d", "image": "j:2"}]
    inits = {"initContainers": [{"name": "a", "image": "x"}, {"name": "b", "image": "y"}]}
    side = {"initContainers": [{"name": "a", "image": "x", "restartPolicy": "Always"}, {"name": "b", "image": "y"}]}
    ready = {"type": "Ready", "status": "True"}
    done = {"type": "Initialized", "status": "True"}
    return [
        pod("running", "Running", [{"ready": True, "state": running}], conditions=[ready], podIP="10.1.2.3",
            podIPs=[{"ip": "10.1.2.3"}], spec={"nodeName": "here"}),
        pod("pending", "Pending"),
        pod("empty-running", "Running", [{"ready": True, "state": {"running": {}}}]),
        pod("creating", "Pending", [{"state": waiting("ContainerCreating")}]),
        pod("crash", "Running", [{"restartCount": 5, "state": waiting("CrashLoopBackOff"), "lastState": ended(1)}]),
        pod("half", "Running", [{"ready": True, "state": running}, {"name": "d", "state": running}], containers=two),
        pod("completed", "Succeeded", [{"state": ended(0, "Completed")}]),
        pod("failed", "Failed", [{"state": ended(2)}]),
        pod("signal", "Failed", [{"state": ended(0, signal=9)}]),
        pod("oom", "Running", [{"state": ended(137, "OOMKilled")}]),
        pod("evicted", "Failed", reason="Evicted"),
        pod("lost", "Running", [{"ready": True, "state": running}], reason="NodeLost"),
        pod("lost-deleted", "Running", [{"ready": True, "state": running}], reason="NodeLost", deleted=True),
        pod("terminating", "Running", [{"ready": True, "state": running}], deleted=True),
        pod("terminated", "Succeeded", [{"state": ended(0, "Completed")}], deleted=True),
        pod("init-first", "Pending", init=[{"name": "a", "state": running}], spec=inits),
        pod("init-second", "Pending", init=[{"name": "a", "state": ended(0)}, {"name": "b", "state": waiting("PodInitializing")}],
            spec=inits),
        pod("init-crash", "Pending", init=[{"name": "a", "restartCount": 3, "state": waiting("CrashLoopBackOff")}],
            spec=inits),
        pod("init-error", "Pending", init=[{"name": "a", "state": ended(1, "Error")}], spec=inits),
        pod("init-code", "Pending", init=[{"name": "a", "state": ended(3)}], spec=inits),
        pod("init-signal", "Pending", init=[{"name": "a", "state": ended(3, signal=15)}], spec=inits),
        pod("init-done", "Running", [{"ready": True, "restartCount": 2, "state": running}],
            [{"name": "a", "restartCount": 7, "state": ended(0)}, {"name": "b", "state": ended(0)}], spec=inits),
        pod("init-again", "Running", [{"ready": True, "state": running}], [{"name": "a", "state": running}],
            spec=inits, conditions=[done]),
        pod("sidecar", "Running", [{"ready": True, "state": running}],
            [{"name": "a", "restartCount": 4, "started": True, "ready": True, "state": running},
             {"name": "b", "restartCount": 1, "state": ended(0)}], spec=side),
        pod("sidecar-starts", "Pending", init=[{"name": "a", "started": False, "state": running}], spec=side),
        pod("some-completed", "Running", [{"ready": True, "state": running}, {"name": "d", "state": ended(0, "Completed")}],
            containers=two, conditions=[ready]),
        pod("not-ready", "Running", [{"name": "d", "state": ended(0, "Completed")}, {"ready": True, "state": running}],
            containers=two),
        pod("not-ready-2", "Running", [{"state": ended(0, "Completed")}, {"name": "d", "ready": True, "state": running}],
            containers=two),
        pod("one-error", "Running", [{"state": ended(0, "Completed")}, {"name": "d", "state": ended(1, "Error")}],
            containers=two),
        pod("gated", "Pending", spec={"schedulingGates": [{"name": "g.example/x"}]},
            conditions=[{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]),
        pod("gates", "Running", spec={"readinessGates": [{"conditionType": "a.b/x"}, {"conditionType": "a.b/y"}]},
            conditions=[{"type": "a.b/x", "status": "True"}], nominatedNodeName="there"),
    ]


def objects():
    yield from pods()
    template = {"metadata": {"labels": {"app": "x"}},
                "spec": {"containers": [CONTAINER, {"name": "d", "image": "j:2"}], "nodeSelector": {"b": "2", "a": "1"}}}
    match = {"matchLabels": {"app": "x"}}
    rich = {**match, "matchExpressions": [{"key": "app", "operator": "In", "values": ["x", "a"]},
                                          {"key": "z", "operator": "DoesNotExist"},
                                          {"key": "b", "operator": "NotIn", "values": ["q"]},
                                          {"key": "app", "operator": "Exists"}]}
    replicas = {"replicas": 2, "readyReplicas": 1, "availableReplicas": 1, "updatedReplicas": 2}
    yield made("Deployment", "none", {"selector": match, "template": template})
    yield made("Deployment", "some", {"replicas": 3, "selector": rich, "template": template}, replicas)
    yield made("ReplicaSet", "none", {"selector": match, "template": template})
    yield made("ReplicaSet", "some", {"replicas": 0, "selector": rich, "template": template},
               {"replicas": 2, "readyReplicas": 1, "availableReplicas": 1})
    yield made("ReplicationController", "some", {"replicas": 2, "selector": {"app": "x"}, "template": template},
               {"replicas": 2, "readyReplicas": 1})
    yield made("StatefulSet", "some", {"replicas": 4, "serviceName": "s", "selector": match, "template": template},
               {"replicas": 2, "readyReplicas": 1})
    counts = {"currentNumberScheduled": 3, "desiredNumberScheduled": 4, "numberReady": 2, "updatedNumberScheduled": 1,
              "numberAvailable": 2, "numberMisscheduled": 0}
    yield made("DaemonSet", "none", {"selector": match, "template": template})
    yield made("DaemonSet", "some", {"selector": match, "template": template}, counts)
    once = {"metadata": {}, "spec": {"restartPolicy": "Never", "containers": [CONTAINER]}}
    yield made("Job", "running", {"template": once}, {"startTime": AT, "active": 1})
    yield made("Job", "suspended", {"suspend": True, "template": once},
               {"conditions": [{"type": "Suspended", "status": "True"}]})
    yield made("Job", "deleted", {"template": once}, deleted=True)
    met = [{"type": "SuccessCriteriaMet", "status": "True"}]
    yield made("Job", "met", {"template": once}, {"startTime": AT, "conditions": met})
    yield made("Job", "complete", {"completions": 1, "template": once}, {
        "startTime": AT, "completionTime": "2026-01-02T03:06:10Z", "succeeded": 1,
        "conditions": met + [{"type": "Complete", "status": "True"}]})
    yield made("Job", "failed", {"template": once}, {
        "startTime": AT, "conditions": [{"type": "FailureTarget", "status": "True"}, {"type": "Failed", "status": "True"}]})
    job = {"schedule": "0 * * * *", "jobTemplate": {"spec": {"template": once}}}
    yield made("CronJob", "never", {**job, "timeZone": "Etc/UTC", "suspend": True})
    yield made("CronJob", "active", job, {"lastScheduleTime": AT, "active": [{"name": "x"}, {"name": "y"}]})
    port = {"port": 80, "protocol": "TCP", "name": "a"}
    yield made("Service", "plain", {"ports": [port, {"port": 53, "protocol": "UDP", "name": "b"}], "selector": {"a": "b"}})
    yield made("Service", "headless", {"clusterIP": "None"})
    yield made("Service", "node-port", {"type": "NodePort", "ports": [port], "externalIPs": ["1.2.3.4", "1.2.3.5"]})
    yield made("Service", "pending", {"type": "LoadBalancer", "ports": [port]})
    yield made("Service", "balanced", {"type": "LoadBalancer", "ports": [port], "externalIPs": ["1.2.3.6"]},
               {"loadBalancer": {"ingress": [{"hostname": "z.example"}, {"ip": "5.6.7.8"}]}})
    yield made("Service", "external", {"type": "ExternalName", "externalName": "db.example"})
    backend = {"service": {"name": "s", "port": {"number": 80}}}
    yield made("Ingress", "any", {"defaultBackend": backend})
    yield made("Ingress", "hosts", {"ingressClassName": "nginx", "defaultBackend": backend, "tls": [{"hosts": ["a.example"]}],
                                    "rules": [{"host": f"{name}.example"} for name in "abcde"]},
               {"loadBalancer": {"ingress": [{"ip": "9.9.9.9"}, {"hostname": "lb.example"}]}})
    system = {key: "v" for key in ("machineID", "systemUUID", "bootID", "kernelVersion", "osImage", "kubeletVersion",
                                   "containerRuntimeVersion", "kubeProxyVersion", "operatingSystem", "architecture")}
    yield made("Node", "printed-bare", {})
    yield made("Node", "printed-ready", {"unschedulable": True}, {
        "nodeInfo": system, "conditions": [{"type": "Ready", "status": "True"}],
        "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}, {"type": "ExternalIP", "address": "8.8.8.8"}]},
        metadata={"labels": {"node-role.kubernetes.io/worker": "", "node-role.kubernetes.io/infra": "", "kubernetes.io/role": "old"}})
    yield made("Node", "printed-unready", {}, {"conditions": [{"type": "Ready", "status": "Unknown"}]})
    disk = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteMany", "ReadWriteOnce"], "hostPath": {"path": "/x"}}
    yield made("PersistentVolume", "printed-free", {**disk, "storageClassName": "fast"}, {"phase": "Available"})
    yield made("PersistentVolume", "printed-bound", {
        **disk, "volumeMode": "Block", "persistentVolumeReclaimPolicy": "Delete",
        "claimRef": {"namespace": "a", "name": "b"}}, {"phase": "Bound"},
        metadata={"annotations": {"volume.beta.kubernetes.io/storage-class": "old"}})
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    yield made("PersistentVolumeClaim", "pending", {**claim, "storageClassName": "fast"}, {"phase": "Pending"})
    yield made("PersistentVolumeClaim", "bound", {**claim, "volumeName": "v"}, {
        "phase": "Bound", "accessModes": ["ReadWriteOnce", "ReadOnlyMany"], "capacity": {"storage": "2Gi"}})
    yield made("PersistentVolumeClaim", "deleted", claim, {"phase": "Bound"}, deleted=True)
    about = {"kind": "Pod", "namespace": NAMESPACE, "name": "running", "fieldPath": "spec.containers{c}"}
    yield made("Event", "old", involvedObject=about, reason="Pulled", message=" text ", type="Normal", count=3,
               firstTimestamp=AT, lastTimestamp="2026-02-02T03:04:05Z", source={"component": "kubelet", "host": "n1"})
    yield made("Event", "new", involvedObject={"kind": "Namespace", "namespace": NAMESPACE}, reason="x", type="Warning",
               action="a", eventTime="2026-01-02T03:04:05.000000Z", reportingComponent="c.example/x", reportingInstance="i",
               series={"count": 8, "lastObservedTime": "2026-03-02T03:04:05.000000Z"})
    cpu = lambda target: {"type": "Resource", "resource": {"name": "cpu", "target": target}}
    scale = {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "some"}, "maxReplicas": 9}
    yield made("HorizontalPodAutoscaler", "unknown", {**scale, "metrics": [cpu({"type": "Utilization", "averageUtilization": 80})]})
    queue = {"name": "q"}
    yield made("HorizontalPodAutoscaler", "many", {**scale, "minReplicas": 2, "metrics": [
        cpu({"type": "Utilization", "averageUtilization": 70}),
        {"type": "Pods", "pods": {"metric": queue, "target": {"type": "AverageValue", "averageValue": "1500m"}}},
        {"type": "External", "external": {"metric": queue, "target": {"type": "Value", "value": "2k"}}}]}, {
        "currentReplicas": 4, "desiredReplicas": 4, "currentMetrics": [
            {"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 35, "averageValue": "1"}}},
            {"type": "Pods", "pods": {"metric": queue, "current": {"averageValue": "250m"}}}]})
    yield made("HorizontalPodAutoscaler", "external", {**scale, "metrics": [
        {"type": "External", "external": {"metric": queue, "target": {"type": "AverageValue", "averageValue": "30"}}},
        {"type": "Object", "object": {"metric": queue, "describedObject": {"kind": "Service", "name": "s"},
                                      "target": {"type": "Value", "value": "10"}}}]})


def kubectl(kubeconfig, args, input=None):
    done = subprocess.run(["kubectl", "--kubeconfig", kubeconfig, *args], input=input, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"kubectl {' '.join(args)}: {done.stderr}")
    return done.stdout


def write(kubeconfig):
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    all = list(objects())
    made = {"apiVersion": "v1", "kind": "List", "items": [namespace] + [object for object, _, _ in all]}
    kubectl(kubeconfig, ["apply", "--server-side", "-f", "-"], json.dumps(made))
    for object, status, deleted in all:
        place = [object["kind"], object["metadata"]["name"], "--namespace", NAMESPACE]
        if status:
            patch = ["patch", "--subresource=status", "--type=merge", "--patch", json.dumps({"status": status})]
            kubectl(kubeconfig, patch + place)
        if deleted:
            kubectl(kubeconfig, ["delete", "--wait=false"] + place)


def table(kubeconfig, path):
    """The rows of a table of the server, by name."""
    config = json.loads(kubectl(kubeconfig, ["config", "view", "--raw", "--output", "json", "--minify"]))
    url = config["clusters"][0]["cluster"]["server"] + path
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io"
    token = config["users"][0]["user"]["token"]
    request = urllib.request.Request(url, headers={"Accept": accept, "Authorization": f"Bearer {token}"})
    unchecked = ssl._create_unverified_context()
    with urllib.request.urlopen(request, context=unchecked) as answer:
        found = json.load(answer)
    headers = [column["name"].lower() for column in found["columnDefinitions"]]
    rows = {}
    for row in found["rows"]:
        meta = row["object"]["metadata"]
        rows[meta.get("namespace"), meta["name"]] = dict(zip(headers, row["cells"]))
    return rows


def seconds(text):
    """The seconds of `5d3h` and of `5 days 3 hours`."""
    units = {"y": 365 * 86400, "d": 86400, "h": 3600, "m": 60, "s": 1}
    return sum(float(number) * units[unit[0]] for number, unit in re.findall(r"([0-9.]+) ?([a-z])[a-z]*", text))


def same(header, printed, value):
    if header in ("age", "last seen", "first seen", "last schedule", "duration"):
        if printed in NONE or value is None:
            return printed in NONE and value is None
        # kubectl prints two units at most.
        return abs(seconds(printed) - seconds(value)) <= 60 + 0.1 * seconds(value)
    if header == "kernel-version":
        # Newer servers add the architecture.
        printed = printed.split(" (")[0]
    if header == "restarts":
        return int(printed.split()[0]) == value
    if isinstance(printed, str) and printed in NONE:
        return value is None
    return str(printed) == str(value)


def main(kubesql, kubeconfig):
    write(kubeconfig)
    wrong = compared = 0
    for name, (path, fields) in KINDS.items():
        rows = table(kubeconfig, f"{path}/{name}")
        assert rows, f"no {name}"
        headers = [header for header in next(iter(rows.values())) if header not in fields]
        columns = {header: OTHER.get(header, re.sub("[ -]", "_", header)) for header in headers}
        columns.pop("name")
        namespaced = name not in ("nodes", "namespaces", "persistentvolumes")
        selected = ["namespace"] * namespaced + ["name", *columns.values()]
        statement = f"select {', '.join(selected)} from {name}"
        done = subprocess.run([kubesql, "query", "--kubeconfig", kubeconfig, "--context", "default", "--output", "json",
                               statement], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{statement}: {done.stderr}")
        found = {(row.get("namespace"), row["name"]): row for row in read_rows(done.stdout)}
        for key, cells in rows.items():
            for header, column in columns.items():
                compared += 1
                if key not in found or not same(header, cells[header], found[key][column]):
                    wrong += 1
                    print(f"{name} {key} {header}: the server prints {cells[header]!r}, kubesql has "
                          f"{found.get(key, {}).get(column)!r}")
    print(f"{compared} cells of {len(KINDS)} kinds compared, {wrong} differ")
    sys.exit(bool(wrong))


def read_rows(text):
    return json.loads(text) if text.lstrip().startswith("[") else [json.loads(line) for line in text.splitlines()]


main(*sys.argv[1:])
