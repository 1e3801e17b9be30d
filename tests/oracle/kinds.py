"""Questions about kinds other than pods and nodes, and about unusual values."""

import json

from objects import base_units, cores, get, micros


def at(value, *path):
    """The value at a path of words, which may contain dots."""
    for word in path:
        value = value.get(word) if isinstance(value, dict) else None
    return value


def each(value, path):
    return enumerate(get(value, path) or [])


def text(value):
    return None if value is None else str(value)


def meta(item, *names):
    return tuple(at(item, "metadata", name) for name in names)


def questions(k):
    """(SQL, rows)"""
    pods = k["Pod"]
    yield "select namespace, name, uid, labels, annotations from pods", [
        meta(p, "namespace", "name", "uid", "labels", "annotations") for p in pods]
    yield 'select name, "labels.app", "labels.App", "labels.a.b/c.d", "labels.sp ace" from pods', [
        (*meta(p, "name"), *(at(p, "metadata", "labels", key) for key in ("app", "App", "a.b/c.d", "sp ace"))) for p in pods]
    yield 'select pod, "requests.cpu", "requests.memory", "limits.cpu", "limits.memory", "requests.ephemeral-storage" ' \
        "from containers", [
        (*meta(p, "name"), *(unit(at(c, "resources", kind, name)) for kind, name, unit in (
            ("requests", "cpu", cores), ("requests", "memory", base_units), ("limits", "cpu", cores),
            ("limits", "memory", base_units), ("requests", "ephemeral-storage", base_units))))
        for p in pods for _, c in each(p, "spec.containers")]
    yield "select name, deletiontimestamp, starttime from pods", [
        (*meta(p, "name"), micros(at(p, "metadata", "deletionTimestamp")), micros(get(p, "status.startTime"))) for p in pods]
    yield "select name, object from pods", [
        (*meta(p, "name"), json.dumps({**p, "metadata": {n: v for n, v in p["metadata"].items() if n != "managedFields"}}))
        for p in pods]
    yield 'select namespace, name, generation, "strategy.rollingupdate.maxsurge", "selector.matchlabels", ' \
        '"template.metadata.labels" from deployments', [
        (*meta(d, "namespace", "name", "generation"), text(get(d, "spec.strategy.rollingUpdate.maxSurge")),
         get(d, "spec.selector.matchLabels"), get(d, "spec.template.metadata.labels")) for d in k["Deployment"]]
    yield "select name from deployments where replicas <> coalesce(readyreplicas, 0)", [
        meta(d, "name") for d in k["Deployment"]
        if get(d, "spec.replicas") is not None and get(d, "spec.replicas") != get(d, "status.readyReplicas", 0)]
    yield "select namespace, name, type, clusterip, externalips, selector from services", [
        (*meta(s, "namespace", "name"), *(get(s, "spec." + f) for f in ("type", "clusterIP", "externalIPs", "selector")))
        for s in k["Service"]]
    yield "select service, index, name, port, targetport, nodeport, protocol from service_ports", [
        (*meta(s, "name"), i, p.get("name"), p.get("port"), text(p.get("targetPort")), p.get("nodePort"), p.get("protocol"))
        for s in k["Service"] for i, p in each(s, "spec.ports")]
    yield 'select namespace, name, data, immutable, "data.A", "data.a" from configmaps', [
        (*meta(c, "namespace", "name"), c.get("data"), c.get("immutable"), at(c, "data", "A"), at(c, "data", "a"))
        for c in k["ConfigMap"]]
    yield "select name, type, data from secrets", [(*meta(s, "name"), s.get("type"), s.get("data")) for s in k["Secret"]]
    yield "select role, index, apigroups, resources, resourcenames, verbs from role_rules", [
        (*meta(r, "name"), i, *(rule.get(f) for f in ("apiGroups", "resources", "resourceNames", "verbs")))
        for r in k["Role"] for i, rule in each(r, "rules")]
    yield 'select rolebinding, index, kind, name, "subject.namespace" from rolebinding_subjects', [
        (*meta(b, "name"), i, s.get("kind"), s.get("name"), s.get("namespace"))
        for b in k["RoleBinding"] for i, s in each(b, "subjects")]
    yield 'select ingress, rule_index, index, path, pathtype, "backend.service.name", "backend.service.port.number", ' \
        '"backend.resource.kind" from ingress_rule_paths', [
        (*meta(g, "name"), i, j, p.get("path"), p.get("pathType"), get(p, "backend.service.name"),
         get(p, "backend.service.port.number"), get(p, "backend.resource.kind"))
        for g in k["Ingress"] for i, rule in each(g, "spec.rules") for j, p in each(rule, "http.paths")]
    yield 'select name, "hard.cpu", "hard.limits.cpu", "hard.requests.memory", "hard.pods", "used.cpu" ' \
        "from resourcequotas", [
        (*meta(q, "name"), *(cores(at(q, "spec", "hard", key)) for key in ("cpu", "limits.cpu")),
         *(base_units(at(q, "spec", "hard", key)) for key in ("requests.memory", "pods")), cores(get(q, "status.used.cpu")))
        for q in k["ResourceQuota"]]
    yield "select cronjob, name, command from cronjob_containers", [
        (*meta(j, "name"), c.get("name"), None if c.get("command") is None else json.dumps(c["command"]))
        for j in k["CronJob"] for _, c in each(j, "spec.jobTemplate.spec.template.spec.containers")]
    yield "select name, replicas from replicasets union all select name, replicas from statefulsets", [
        (*meta(s, "name"), get(s, "spec.replicas")) for kind in ("ReplicaSet", "StatefulSet") for s in k[kind]]
