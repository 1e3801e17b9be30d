"""Asks kubesql and plain Python the same questions about the same files, and compares the answers.

usage: questions.py KUBESQL [--kubeconfig PATH] FILE_OR_FOLDER...

With a kubeconfig, kubesql queries its cluster, and the files are the output of kubectl for that cluster.
"""

import json
import os
import subprocess
import sys
from collections import Counter, defaultdict

import kinds as other_kinds
import relations
from objects import base_units, cores, get, micros, objects_of

# The groups of kinds outside the core group.
GROUPS = {
    **dict.fromkeys(("Deployment", "ReplicaSet", "DaemonSet"), ("apps", "extensions")), "StatefulSet": ("apps",),
    "Ingress": ("networking.k8s.io", "extensions"), "CronJob": ("batch",),
    **dict.fromkeys(("Role", "RoleBinding"), ("rbac.authorization.k8s.io",)),
}


def newest(objects):
    """One of each object: the one with the newest resource version, the last one without."""
    found = {}
    for item in objects:
        key = get(item, "metadata.uid") or (get(item, "metadata.namespace") or "", get(item, "metadata.name"))
        version = str(get(item, "metadata.resourceVersion") or "")
        version = int(version) if version.isdigit() else -1
        if key == ("", None):
            found[id(item)] = (version, item)
        elif key not in found or found[key][0] <= version:
            found[key] = (version, item)
    return [item for _, item in found.values()]


def load(paths):
    """The files all of whose objects have a kind, and the objects by kind."""
    files, kinds = [], defaultdict(list)
    for path in paths:
        found = [path] if os.path.isfile(path) else []
        for folder, _, names in os.walk(path):
            found += [os.path.join(folder, name) for name in names if name.endswith(".json")]
        for file in sorted(found):
            try:
                objects = objects_of(file)
            except (ValueError, AttributeError, TypeError):
                continue  # not JSON, or no object: what becomes of those is tested elsewhere
            if not objects:
                continue
            files.append(file)
            for version, kind, item in objects:
                group = version.rpartition("/")[0]
                if group in GROUPS.get(kind, ("",)):
                    kinds[kind].append(item)
    return files, defaultdict(list, {kind: newest(objects) for kind, objects in kinds.items()})


def containers(pods, field="containers"):
    return [(pod, c, i) for pod in pods for i, c in enumerate(get(pod, f"spec.{field}") or [])]


def status_of(pod, container, field="containerStatuses"):
    return next((s for s in get(pod, f"status.{field}") or [] if s.get("name") == container.get("name")), {})


def condition(item, name):
    return next((c for c in get(item, "status.conditions") or [] if c.get("type", "").lower() == name), {})


def name(item):
    return get(item, "metadata.name")


def namespace(item):
    return get(item, "metadata.namespace")


def count(rows):
    return [(*key, n) for key, n in Counter(rows).items()]


def total(rows):
    """Sums by key; the sum of NULLs only is NULL."""
    sums = {}
    for key, value in rows:
        before = sums.get(key)
        sums[key] = before if value is None else value + (before or 0)
    return [(*key, value) for key, value in sums.items()]


def questions(k):
    """(SQL, rows)"""
    pods, nodes = k["Pod"], k["Node"]
    own = containers(pods)
    label = lambda item, key: (get(item, "metadata.labels") or {}).get(key)
    res = lambda c, kind, key: (get(c, f"resources.{kind}") or {}).get(key)
    uid = lambda item: get(item, "metadata.uid")
    yield "select nodename, count(*) as n from pods group by nodename", count((get(p, "spec.nodeName"),) for p in pods)
    yield "select namespace, phase, count(*) as n from pods group by 1, 2", count(
        (namespace(p), get(p, "status.phase")) for p in pods)
    yield 'select uid, sum("requests.cpu") as c from containers group by uid', total(
        ((uid(p),), cores(res(c, "requests", "cpu"))) for p, c, _ in own)
    yield 'select uid, sum("limits.memory") as m from containers group by uid', total(
        ((uid(p),), base_units(res(c, "limits", "memory"))) for p, c, _ in own)
    yield "select name, creationtimestamp as t from pods", [(name(p), micros(get(p, "metadata.creationTimestamp"))) for p in pods]
    yield "select name from pods where ready.status = 'True'", [
        (name(p),) for p in pods if condition(p, "ready").get("status") == "True"]
    yield 'select name, "ready.lasttransitiontime" as t, "ready.reason" as r, "podscheduled.message" as m from pods', [
        (name(p), micros(condition(p, "ready").get("lastTransitionTime")), condition(p, "ready").get("reason"),
         condition(p, "podscheduled").get("message")) for p in pods]
    yield "select name, labels['app'] as a, labels['k8s-app'] as k from pods", [
        (name(p), label(p, "app"), label(p, "k8s-app")) for p in pods]
    yield "select count(*) as n from pods where labels['app'] <> 'velero'", [
        (sum(label(p, "app") not in (None, "velero") for p in pods),)]
    yield "select count(*) as n from pods where labels['app'] not in ('velero', 'web') or labels['app'] is null", [
        (sum(label(p, "app") not in ("velero", "web") for p in pods),)]
    yield "select name, image, \"status.image\" as s, ready, restartcount as r, imageid as i from containers", [
        (c.get("name"), c.get("image"), *(status_of(p, c).get(f) for f in ("image", "ready", "restartCount", "imageID")))
        for p, c, _ in own]
    yield 'select name, "state.running.startedat" as s, "state.waiting.reason" as w, "state.terminated.exitcode" as e, ' \
        '"laststate.terminated.reason" as l from containers', [
        (c.get("name"), micros(get(status_of(p, c), "state.running.startedAt")), get(status_of(p, c), "state.waiting.reason"),
         get(status_of(p, c), "state.terminated.exitCode"), get(status_of(p, c), "lastState.terminated.reason"))
        for p, c, _ in own]
    yield "select pod, index, name from containers", [(name(p), i, c.get("name")) for p, c, i in own]
    yield "select pod, container, index, name, value from container_env", [
        (name(p), c.get("name"), i, e.get("name"), e.get("value")) for p, c, _ in own for i, e in enumerate(c.get("env") or [])]
    yield 'select pod, container, name, "containerport" as p, protocol as t from container_ports', [
        (name(p), c.get("name"), e.get("name"), e.get("containerPort"), e.get("protocol"))
        for p, c, _ in own for e in c.get("ports") or []]
    yield "select pod, container, mountpath as m, readonly as r from container_volumemounts", [
        (name(p), c.get("name"), m.get("mountPath"), m.get("readOnly")) for p, c, _ in own for m in c.get("volumeMounts") or []]
    yield 'select pod, name, ready, "state.terminated.reason" as r from initcontainers', [
        (name(p), c.get("name"), status_of(p, c, "initContainerStatuses").get("ready"),
         get(status_of(p, c, "initContainerStatuses"), "state.terminated.reason"))
        for p, c, _ in containers(pods, "initContainers")]
    yield 'select pod, name, "secret.secretname" as s, "configmap.name" as c from pod_volumes', [
        (name(p), v.get("name"), get(v, "secret.secretName"), get(v, "configMap.name"))
        for p in pods for v in get(p, "spec.volumes") or []]
    yield "select pod, volume, index, key, path from volume_configmap_items", [
        (name(p), v.get("name"), i, e.get("key"), e.get("path"))
        for p in pods for v in get(p, "spec.volumes") or [] for i, e in enumerate(get(v, "configMap.items") or [])]
    yield "select pod, key, operator as o, tolerationseconds as s from pod_tolerations", [
        (name(p), t.get("key"), t.get("operator"), t.get("tolerationSeconds")) for p in pods for t in get(p, "spec.tolerations") or []]
    yield 'select pod, kind, name, "ownerreference.uid" as u, controller as c from pod_ownerreferences', [
        (name(p), o.get("kind"), o.get("name"), o.get("uid"), o.get("controller"))
        for p in pods for o in get(p, "metadata.ownerReferences") or []]
    yield "select pod, type, status, lasttransitiontime as t from pod_conditions", [
        (name(p), c.get("type"), c.get("status"), micros(c.get("lastTransitionTime")))
        for p in pods for c in get(p, "status.conditions") or []]
    yield "select name, hostnetwork as h, priority as p, terminationgraceperiodseconds as g, \"securitycontext.runasuser\" as u, " \
        "schedulername as s from pods", [
        (name(p), get(p, "spec.hostNetwork"), get(p, "spec.priority"), get(p, "spec.terminationGracePeriodSeconds"),
         get(p, "spec.securityContext.runAsUser"), get(p, "spec.schedulerName")) for p in pods]
    yield "select name, securitycontext.capabilities.add as a from containers where securitycontext.capabilities.add is not null", [
        (c.get("name"), json.dumps(get(c, "securityContext.capabilities.add"))) for _, c, _ in own
        if get(c, "securityContext.capabilities.add") is not None]
    yield "select name, args from containers where args is not null", [
        (c.get("name"), json.dumps(c["args"], separators=(",", ":"), ensure_ascii=False)) for _, c, _ in own if c.get("args") is not None]
    yield 'select name, "allocatable.cpu" as c, "allocatable.memory" as m, "capacity.pods" as p, ' \
        '"capacity.ephemeral-storage" as e from nodes', [
        (name(n), cores((get(n, "status.allocatable") or {}).get("cpu")),
         base_units((get(n, "status.allocatable") or {}).get("memory")), base_units((get(n, "status.capacity") or {}).get("pods")),
         base_units((get(n, "status.capacity") or {}).get("ephemeral-storage"))) for n in nodes]
    yield "select name, kubeletversion as k, osimage as o, architecture as a, port, unschedulable as u, podcidr as c from nodes", [
        (name(n), get(n, "status.nodeInfo.kubeletVersion"), get(n, "status.nodeInfo.osImage"), get(n, "status.nodeInfo.architecture"),
         get(n, "status.daemonEndpoints.kubeletEndpoint.Port"), get(n, "spec.unschedulable"), get(n, "spec.podCIDR")) for n in nodes]
    yield 'select name, "memorypressure.status" as m, "ready.lastheartbeattime" as t from nodes', [
        (name(n), condition(n, "memorypressure").get("status"), micros(condition(n, "ready").get("lastHeartbeatTime"))) for n in nodes]
    yield "select node, type, address from node_addresses", [
        (name(n), a.get("type"), a.get("address")) for n in nodes for a in get(n, "status.addresses") or []]
    yield "select node, key, value, effect from node_taints", [
        (name(n), t.get("key"), t.get("value"), t.get("effect")) for n in nodes for t in get(n, "spec.taints") or []]
    yield "select node, index, sizebytes as s, array_length(names) as l from node_images", [
        (name(n), i, m.get("sizeBytes"), len(m["names"]) if m.get("names") else None)
        for n in nodes for i, m in enumerate(get(n, "status.images") or [])]
    yield 'select name, replicas, "status.replicas" as s, readyreplicas as r, "strategy.type" as t from deployments', [
        (name(d), get(d, "spec.replicas"), get(d, "status.replicas"), get(d, "status.readyReplicas"), get(d, "spec.strategy.type"))
        for d in k["Deployment"]]
    yield 'select deployment, name, image, "requests.cpu" as c from deployment_containers', [
        (name(d), c.get("name"), c.get("image"), cores(res(c, "requests", "cpu")))
        for d in k["Deployment"] for c in get(d, "spec.template.spec.containers") or []]
    yield "select p.name as p, n.name as n from pods p join nodes n on p.nodename = n.name", [
        (name(p), name(n)) for p in pods for n in nodes if get(p, "spec.nodeName") == name(n) and name(n) is not None]
    yield "select n.name as n, count(c.name) as c from nodes n left join pods p on p.nodename = n.name " \
        "left join containers c on c.uid = p.uid and c.pod = p.name group by n.name", [
        (node, n) for node, n in Counter(
            (name(n)) for n in nodes for p in pods if get(p, "spec.nodeName") == name(n)
            for q, _, _ in own if uid(q) is not None and uid(q) == uid(p) and name(q) == name(p)).items()]
    yield "select name, object->'metadata'->>'uid' as u from nodes", [(name(n), uid(n)) for n in nodes]
    yield "select name, reason, count, lasttimestamp as t, \"involvedobject.kind\" as k from core.events", [
        (name(e), e.get("reason"), e.get("count"), micros(e.get("lastTimestamp")), get(e, "involvedObject.kind")) for e in k["Event"]]
    yield 'select name, "capacity.storage" as s, "claimref.name" as c, phase from persistentvolumes', [
        (name(v), base_units((get(v, "spec.capacity") or {}).get("storage")), get(v, "spec.claimRef.name"), get(v, "status.phase"))
        for v in k["PersistentVolume"]]
    yield from other_kinds.questions(k)
    yield from relations.questions(k)


def plain(value):
    """A common representation of equal values."""
    if isinstance(value, bool) or value is None or isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value == int(value) else float(f"{value:.12g}")
    if isinstance(value, (list, dict)):
        return json.dumps(value, sort_keys=True)
    if value.startswith(("[", "{")):  # JSON text: white space and escapes are not part of what it says
        try:
            return json.dumps(json.loads(value), sort_keys=True)
        except ValueError:
            return value
    moment = micros(value)
    return value if moment is None else moment


def main():
    kubesql, *paths = sys.argv[1:]
    cluster = [f"--kubeconfig={paths[1]}"] if paths[0] == "--kubeconfig" else []
    files, kinds = load(paths[2:] if cluster else paths)
    asked = list(questions(kinds))
    sources = cluster or [f"--file={file}" if "=" not in file else f"--file=x={file}" for file in files]
    failed = empty = 0
    for sql, expected in asked:
        run = subprocess.run([kubesql, "query", *sources, "--show-secrets", "-o", "json", sql], capture_output=True, text=True)
        if run.returncode != 0:
            print(f"FAILED {sql}\n  {run.stderr.strip()}")
            failed += 1
            continue
        answer = Counter(tuple(plain(value) for value in row.values()) for row in json.loads(run.stdout))
        expected = Counter(tuple(plain(value) for value in row) for row in expected)
        if "left join containers" in sql:  # nodes without a container are not in the expectation
            answer = Counter({row: n for row, n in answer.items() if row[-1] != 0})
        empty += not expected
        if answer != expected:
            failed += 1
            print(f"DIFFERS {sql}")
            for side, rows in (("kubesql only", answer - expected), ("python only", expected - answer)):
                for row, n in list(rows.items())[:5]:
                    print(f"  {side}: {row}" + (f" x{n}" if n > 1 else ""))
    print(f"{len(asked) - failed} of {len(asked)} questions agree over {len(files)} files ({empty} of them without rows)")
    sys.exit(1 if failed or not files else 0)


if __name__ == "__main__":
    main()
