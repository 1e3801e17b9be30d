"""Makes an object with every field of every custom resource from its definition, and looks for each leaf in the columns.

What a leaf has to be is worked out here, from the definition alone: nothing is asked of kubesql but which column has
which path, and its rows. Definitions in YAML are read where PyYAML is installed.

usage: custom.py KUBESQL FOLDER_OR_FILE...
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections import defaultdict

from objects import base_units, cores, micros, quantity

QUANTITY = r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|"
META = {"name": "made", "uid": "u-1", "labels": {"a.b/c": "d"}, "creationTimestamp": "2026-01-02T03:04:05Z"}


def documents(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if path.endswith(".json"):
        return [json.loads(text)]
    try:
        import yaml
    except ImportError:
        print(f"SKIPPED {path}: PYYAML IS NOT INSTALLED")
        return []
    # An unquoted `=` is a value of its own in YAML 1.1.
    yaml.SafeLoader.add_constructor("tag:yaml.org,2002:value", lambda loader, node: loader.construct_scalar(node))
    return [document for document in yaml.safe_load_all(text) if document]


def definitions(paths):
    for path in paths:
        if os.path.isdir(path):
            yield from definitions(sorted(os.path.join(path, name) for name in os.listdir(path)))
        elif path.endswith((".json", ".yaml", ".yml")):
            for document in documents(path):
                for item in document.get("items", [document]):
                    if item.get("kind") == "CustomResourceDefinition":
                        yield item


class Maker:
    """Makes a value of a schema, and notes what has to be found: path, sort, value."""

    def __init__(self):
        self.number = 0
        self.leaves = []

    def scalar(self, schema):
        """(sort, value), or nothing where it is no single value."""
        self.number += 1
        n = self.number
        if schema.get("pattern", "").startswith(QUANTITY) or schema.get("format") == "quantity":
            return "quantity", f"{n}500m"
        if schema.get("x-kubernetes-int-or-string"):
            return "text of", n
        kind = schema.get("type")
        if kind == "string":
            if schema.get("format") == "date-time":
                return "time", f"2026-01-02T03:04:{n % 60:02}.{n % 1000:03}Z"
            return "text", f"text {n}"
        if kind == "integer":
            return "number", n
        if kind == "number":
            return "number", n + 0.5
        if kind == "boolean":
            return "boolean", n % 2 == 0
        return None

    def note(self, path, sort, value):
        self.leaves.append((path, sort, value))
        return value

    def make(self, schema, path):
        if len(schema.get("allOf", [])) == 1 and "type" not in schema:
            schema = schema["allOf"][0]
        found = self.scalar(schema)
        if found:
            return self.note(path, *found)
        fields, values, items = schema.get("properties"), schema.get("additionalProperties"), schema.get("items")
        if fields:
            if schema.get("x-kubernetes-embedded-resource"):
                text = {"type": "string"}
                fields = {"metadata": {}, **fields, "apiVersion": text, "kind": text}
            return {name: self.make(inner, join(path, name)) for name, inner in fields.items()}
        if isinstance(values, dict) and values:
            single = self.scalar(values)
            if single:
                sort = "quantities" if single[0] == "quantity" else "map"
                return self.note(path, sort, {"some.key/x": single[1], "cpu": single[1]})
            return self.note(path, "map of json", {"k": self.anything(values)})
        if schema.get("type") == "array":
            inner = items or {}
            if self.scalar(inner):
                pairs = self.note(path, "list", [self.scalar(inner) for _ in range(2)])
                return [value for _, value in pairs]
            if inner.get("properties"):
                return [self.make(inner, f"{path}[]") for _ in range(2)]
            return self.note(path, "list of json", [self.anything(inner), {"more": [1, None, "x"]}])
        return self.note(path, "json", {"any": [self.number, "é"], "x": None})

    def anything(self, schema):
        """A value whose parts have no columns."""
        before = len(self.leaves)
        value = self.make(schema, "?")
        del self.leaves[before:]
        return value


def join(path, name):
    # A dot of a name is told from one between names.
    escaped = name.replace(".", "\\.")
    return f"{path}.{escaped}" if path else escaped


def stability(version):
    match = re.fullmatch(r"v(\d+)(?:(alpha|beta)(\d+))?", version)
    major, level, minor = match.groups() if match else ("0", "", "0")
    return {None: 3, "beta": 2, "alpha": 1}.get(level, 0), int(major), int(minor or 0)


def made(crd):
    """An object of the best version, and its leaves. One that says nothing of its objects has parts all the same."""
    versions = [v for v in crd["spec"]["versions"] if v.get("served", True)] or crd["spec"]["versions"]
    best = max(versions, key=lambda version: stability(version["name"]))
    schema = best.get("schema", {}).get("openAPIV3Schema", {})
    fields = {k: v for k, v in (schema.get("properties") or {}).items() if k not in ("apiVersion", "kind", "metadata")}
    maker = Maker()
    body = {name: maker.make(inner, join("", name)) for name, inner in (fields or {"spec": {}, "status": {}}).items()}
    api = f"{crd['spec']['group']}/{best['name']}"
    return {"apiVersion": api, "kind": crd["spec"]["names"]["kind"], "metadata": META, **body}, maker.leaves


def run(kubesql, file, statements):
    """The rows of each statement."""
    rows = [[] for _ in statements]
    sql = "; ".join(f"select {at} as \"?\"; {statement}" for at, statement in enumerate(statements))
    done = subprocess.run([kubesql, "query", f"--file={file}", "-o", "ndjson", "-f", "-"], input=sql,
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip()[-500:])
    current = 0
    for line in done.stdout.splitlines():
        row = json.loads(line)
        if list(row) == ["?"]:
            current = row["?"]
        else:
            rows[current].append(row)
    return rows


def same(sort, leaf, found, row, column):
    if found is None:
        return False
    if sort == "time":
        return micros(found) == micros(leaf)
    if sort == "quantity":
        # Of several types in several versions it may be text.
        return found == leaf or isinstance(found, float) and abs(found - float(quantity(leaf))) < 1e-9 * max(1, found)
    if sort == "text of":
        return found == str(leaf)
    if sort in ("map", "quantities"):
        flat = row.get(f"{column}.some.key/x"), row.get(f"{column}.cpu")
        texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in leaf.items()}
        wanted = (base_units(leaf["some.key/x"]), cores(leaf["cpu"])) if sort == "quantities" else (
            texts["some.key/x"], texts["cpu"])
        return found == texts and flat == wanted
    if sort == "map of json":
        return {key: json.loads(value) for key, value in found.items()} == leaf
    if sort == "list":
        return len(found) == len(leaf) and all(
            micros(a) == micros(b) if kind == "time" else float(quantity(b)) == a if kind == "quantity" else
            a == (str(b) if kind == "text of" else b) for a, (kind, b) in zip(found, leaf))
    if sort == "list of json":
        return [json.loads(value) for value in found] == leaf
    if sort == "json":
        return json.loads(found) == leaf
    return found == leaf or json.dumps(leaf) == found


def main():
    kubesql, *paths = sys.argv[1:]
    checked = wrong = kinds = 0
    for crd in definitions(paths):
        group, name = crd["spec"]["group"], crd.get("metadata", {}).get("name")
        thing, leaves = made(crd)
        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, "all.json")
            with open(file, "w", encoding="utf-8") as out:
                json.dump({"apiVersion": "v1", "kind": "List", "items": [crd, thing]}, out)
            kind = crd["spec"]["names"]["kind"]
            listed = run(kubesql, file, [f"select name from system.tables where schema = '{group}' and kind = '{kind}'"])
            tables = [row["name"] for row in listed[0]]
            described = run(kubesql, file, [f'describe "{group}"."{table}"' for table in tables])
            rows = dict(zip(tables, run(kubesql, file, [f'select * from "{group}"."{table}"' for table in tables])))
        columns = defaultdict(list)
        for table, of_table in zip(tables, described):
            for row in of_table:
                columns[row["path"]].append((table, row["column"]))
        kinds += 1
        for path, sort, leaf in leaves:
            checked += 1
            places = columns.get(path, [])
            good = any(same(sort, leaf, row.get(column), row, column) for table, column in places for row in rows[table])
            if not good:
                wrong += 1
                found = [row.get(column) for table, column in places for row in rows[table]][:3]
                print(f"DIFFERS {name} {path} = {leaf!r}: {places} has {found!r}")
    print(f"{checked} leaves of {kinds} kinds looked for, {wrong} not found")
    sys.exit(1 if wrong or not kinds else 0)


if __name__ == "__main__":
    main()
