"""Questions about joins, set operations, windows, groups, NULLs and order."""

from collections import Counter, defaultdict
from itertools import groupby

from objects import get


def distinct(rows):
    return list(dict.fromkeys(rows))


def left(rows, others, on, width):
    """A left join: rows without a partner get NULLs."""
    out = []
    for row in rows:
        found = [other for other in others if on(row, other)]
        out += [(*row, *other) for other in found] or [(*row, *[None] * width)]
    return out


def same(a, b):
    """`=` in a join: never true for NULL."""
    return a is not None and a == b


def last(value):
    """A key for ascending order with NULLs last."""
    return (value is None, value or "")


def windows(rows, by, order):
    parts = defaultdict(list)
    for row in rows:
        parts[by(row)].append(row)
    return [sorted(part, key=order) for part in parts.values()]


def running(part, value):
    out, total = [], None
    for row in part:
        total = total if value(row) is None else (total or 0) + value(row)
        out.append(total)
    return out


def questions(k):
    """(SQL, rows)"""
    meta = lambda item, field: get(item, f"metadata.{field}")
    pods = [(meta(p, "namespace"), meta(p, "name"), meta(p, "uid"), get(p, "spec.nodeName"), get(p, "status.phase"),
             get(p, "spec.priority")) for p in k["Pod"]]
    nodes = [(meta(n, "name"),) for n in k["Node"]]
    services = [(meta(s, "namespace"), meta(s, "name")) for s in k["Service"]]
    order = lambda p: (last(p[1]), last(p[0]), last(p[2]))
    ordered = "name, namespace, uid"
    node_names = {n for (n,) in nodes}
    pod_node = lambda p: p[3]

    # Joins.
    yield "select p.name as p, n.name as n from pods p left join nodes n on p.nodename = n.name", [
        (row[1], row[6]) for row in left(pods, nodes, lambda p, n: same(p[3], n[0]), 1)]
    matched = [(p[1], n[0]) for p in pods for n in nodes if same(p[3], n[0])]
    yield "select p.name as p, n.name as n from pods p full join nodes n on p.nodename = n.name", [
        *matched, *((p[1], None) for p in pods if p[3] is None or p[3] not in node_names),
        *((None, n) for (n,) in nodes if not any(same(p[3], n) for p in pods))]
    yield "select p.name as p, n.name as n from pods p right join nodes n on p.nodename = n.name", [
        *matched, *((None, n) for (n,) in nodes if not any(same(p[3], n) for p in pods))]
    yield "select n.name as n, s.name as s from nodes n cross join services s", [
        (n, s[1]) for (n,) in nodes for s in services]
    yield "select a.name as a, b.name as b from pods a join pods b on a.nodename = b.nodename and a.name < b.name", [
        (a[1], b[1]) for a in pods for b in pods
        if same(a[3], b[3]) and a[1] is not None and b[1] is not None and a[1].encode() < b[1].encode()]
    yield "select namespace as n, s.name as s, p.name as p from services s join pods p using (namespace)", [
        (s[0], s[1], p[1]) for s in services for p in pods if same(s[0], p[0])]
    yield "select p.name as p, s.name as s from pods p left join services s on s.namespace = p.namespace " \
        "where s.name is null", [
        (row[1], None) for row in left(pods, services, lambda p, s: same(p[0], s[0]), 2) if row[7] is None]

    # Semi and anti joins.
    yield "select name from nodes n where exists (select 1 from pods p where p.nodename = n.name)", [
        (n,) for (n,) in nodes if any(same(p[3], n) for p in pods)]
    yield "select name from nodes n where not exists (select 1 from pods p where p.nodename = n.name)", [
        (n,) for (n,) in nodes if not any(same(p[3], n) for p in pods)]
    yield "select name from pods where nodename in (select name from nodes)", [
        (p[1],) for p in pods if p[3] is not None and p[3] in node_names]
    none_in = lambda value, values: not values or value is not None and None not in values and value not in values
    yield "select name from nodes where name not in (select nodename from pods)", [
        (n,) for (n,) in nodes if none_in(n, [p[3] for p in pods])]
    yield "select name from nodes where name not in (select nodename from pods where nodename is not null)", [
        (n,) for (n,) in nodes if none_in(n, [p[3] for p in pods if p[3] is not None])]
    yield "select name from pods where nodename not in (select name from nodes where false)", [(p[1],) for p in pods]
    yield "select name from pods where nodename not in (select name from nodes where name is not null)", [
        (p[1],) for p in pods if none_in(p[3], [n for (n,) in nodes if n is not None])]

    # Windows.
    by_node = windows(pods, pod_node, order)
    over = f"over (partition by nodename order by {ordered})"
    yield f"select name, row_number() {over} as n from pods", [
        (p[1], i) for part in by_node for i, p in enumerate(part, 1)]
    yield f"select name, lag(name) {over} as b, lead(name) {over} as a from pods", [
        (p[1], part[i - 1][1] if i else None, part[i + 1][1] if i + 1 < len(part) else None)
        for part in by_node for i, p in enumerate(part)]
    phases = lambda p: last(p[4])
    yield "select name, rank() over (order by phase) as r, dense_rank() over (order by phase) as d from pods", [
        (p[1], 1 + sum(phases(q) < phases(p) for q in pods), 1 + len({phases(q) for q in pods if phases(q) < phases(p)}))
        for p in pods]
    yield f"select name, sum(priority) {over} as s from pods", [
        (p[1], s) for part in by_node for p, s in zip(part, running(part, lambda p: p[5]))]
    yield "select name, count(*) over (partition by namespace) as c from pods", [
        (p[1], sum(q[0] == p[0] for q in pods)) for p in pods]
    yield f"select name, first_value(name) {over} as f from pods", [(p[1], part[0][1]) for part in by_node for p in part]
    yield f"select name from (select name, row_number() {over} as n from pods) x where n = 1", [
        (part[0][1],) for part in by_node]

    # Set operations.
    a, b = [(p[0],) for p in pods], [(s[0],) for s in services]
    both = "select namespace as n from pods {} select namespace from services"
    yield both.format("union all"), a + b
    yield both.format("union"), distinct(a + b)
    yield both.format("intersect"), [row for row in distinct(a) if row in b]
    yield both.format("except"), [row for row in distinct(a) if row not in b]

    # Groups.
    yield "select namespace, phase, count(*) as n from pods group by grouping sets ((namespace), (phase), ())", [
        *((n, None, c) for n, c in Counter(p[0] for p in pods).items()),
        *((None, f, c) for f, c in Counter(p[4] for p in pods).items()), (None, None, len(pods))]
    pairs = [(*key, c) for key, c in Counter((p[0], p[4]) for p in pods).items()]
    per_namespace = [(n, None, c) for n, c in Counter(p[0] for p in pods).items()]
    yield "select namespace, phase, count(*) as n from pods group by rollup (namespace, phase)", [
        *pairs, *per_namespace, (None, None, len(pods))]
    yield "select namespace, phase, count(*) as n from pods group by cube (namespace, phase)", [
        *pairs, *per_namespace, *((None, f, c) for f, c in Counter(p[4] for p in pods).items()), (None, None, len(pods))]
    yield "select nodename, count(*) as n from pods group by nodename having count(*) > 1", [
        (n, c) for n, c in Counter(p[3] for p in pods).items() if c > 1]
    yield "select count(priority) as p, count(distinct nodename) as n, count(*) as a from pods", [
        (sum(p[5] is not None for p in pods), len({p[3] for p in pods} - {None}), len(pods))]

    # Correlated subqueries.
    yield "select name, (select count(*) from pods p where p.nodename = n.name) as c from nodes n", [
        (n, sum(same(p[3], n) for p in pods)) for (n,) in nodes]
    priorities = lambda p: [q[5] for q in pods if same(q[0], p[0]) and q[5] is not None]
    yield "select name from pods p where priority >= (select max(q.priority) from pods q where q.namespace = p.namespace)", [
        (p[1],) for p in pods if p[5] is not None and priorities(p) and p[5] >= max(priorities(p))]

    # NULLs, order and letter case.
    yield f"select name, row_number() over (order by nodename, {ordered}) as n from pods", [
        (p[1], i) for i, p in enumerate(sorted(pods, key=lambda p: (last(p[3]), order(p))), 1)]
    first = sorted(pods, key=lambda p: (p[3] is not None, p[3] or "", order(p)))
    yield f"select name from pods order by nodename nulls first, {ordered} limit 3", [(p[1],) for p in first[:3]]
    yield f"select name from pods order by nodename nulls first, {ordered} limit 2 offset 3", [(p[1],) for p in first[3:5]]
    falling = [p for _, part in groupby(sorted(sorted(pods, key=order), key=lambda p: last(p[3]), reverse=True), pod_node)
               for p in sorted(part, key=order)]
    yield f"select name from pods order by nodename desc, {ordered} limit 4", [(p[1],) for p in falling[:4]]
    yield "select name from pods where (nodename is distinct from 'n1') and (phase is not distinct from phase)", [
        (p[1],) for p in pods if p[3] != "n1"]
    yield "SELECT P.NAME AS \"Name\", upper(P.Phase) AS U FROM Pods AS P WHERE P.PHASE ILIKE 'running'", [
        (p[1], p[4].upper()) for p in pods if p[4] is not None and p[4].lower() == "running"]
    yield "select name, coalesce(nodename, phase, '-') as c, nullif(phase, 'Running') as n from pods", [
        (p[1], next((v for v in (p[3], p[4]) if v is not None), "-"), None if p[4] == "Running" else p[4]) for p in pods]
