"""Makes objects with every field of custom resources from their definitions, and looks for each leaf in the columns.

The expected values are computed here from the definition alone. kubesql is asked only for the paths of columns, and for
rows. Definitions in YAML need PyYAML.

With --kubeconfig, the definitions, without validations, and two objects of each are written to a cluster that a running
`kubesql serve` follows, and the rows are compared with the objects that the cluster has then. The first object is
written before its kind is queried, the second one while the kind is watched. This needs kubectl, and replaces
definitions that exist already: use a cluster for tests.

usage: custom.py [--kubeconfig FILE] KUBESQL FOLDER_OR_FILE...
"""

import argparse
import base64
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter, defaultdict

from objects import base_units, cores, micros, quantity

QUANTITY = r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|"
TEXT = {"type": "string"}
# Validations of values, which columns do not have.
VALIDATIONS = {"allOf", "anyOf", "enum", "exclusiveMaximum", "exclusiveMinimum", "maximum", "maxItems", "maxLength",
               "maxProperties", "minimum", "minItems", "minLength", "minProperties", "multipleOf", "not", "oneOf",
               "pattern", "uniqueItems", "x-kubernetes-validations"}
# Fields that a server adds to objects and that have columns.
METADATA = {**dict.fromkeys(("name", "namespace", "uid", "resourceVersion"), TEXT), "generation": {"type": "integer"},
            "creationTimestamp": {"type": "string", "format": "date-time"},
            **dict.fromkeys(("labels", "annotations"), {"type": "object", "additionalProperties": TEXT})}
ADDED = {"properties": {"apiVersion": TEXT, "kind": TEXT, "metadata": {"properties": METADATA}}}
# Seconds until a written object must be visible.
PATIENCE = 20
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
    # An unquoted `=` is a special value in YAML 1.1.
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


def single(schema):
    """The inner schema, if a schema has only that part."""
    of = schema.get("allOf", [])
    return of[0] if len(of) == 1 and "type" not in schema else schema


def sort_of(schema):
    """The type of a single value, or None."""
    if schema.get("pattern", "").startswith(QUANTITY) or schema.get("format") == "quantity":
        return "quantity"
    if schema.get("x-kubernetes-int-or-string"):
        return "text of"
    if schema.get("type") == "string":
        return "time" if schema.get("format") == "date-time" else "text"
    return {"integer": "number", "number": "number", "boolean": "boolean"}.get(schema.get("type"))


def parts(schema):
    """The fields of an object, including those of an embedded object."""
    fields = schema.get("properties")
    if fields and schema.get("x-kubernetes-embedded-resource"):
        return {"metadata": {}, **fields, "apiVersion": TEXT, "kind": TEXT}
    return fields


class Maker:
    """Makes values for schemas, no two alike."""

    def __init__(self):
        self.number = 0

    def scalar(self, schema):
        self.number += 1
        n = self.number
        sort = sort_of(schema)
        if sort == "quantity":
            return f"{n}500m"
        if sort == "time":
            return f"2026-01-02T03:04:{n % 60:02}.{n % 1000:03}Z"
        if sort == "boolean":
            return n % 2 == 0
        if sort == "text of":
            return n if n % 3 else f"{n}%"
        if sort == "number":
            return n if schema["type"] == "integer" else n + 0.5
        if schema.get("format") == "byte":
            return base64.b64encode(f"bytes {n}".encode()).decode()
        if schema.get("format") == "cidr":
            return f"10.{n // 256 % 256}.{n % 256}.0/24"
        return f"text {n}"

    def make(self, schema):
        schema = single(schema)
        if sort_of(schema):
            return self.scalar(schema)
        # Servers validate embedded objects.
        embedded = {"apiVersion": "v1", "kind": "Made", "metadata": {"name": f"made-{self.number}"}}
        embedded = embedded if schema.get("x-kubernetes-embedded-resource") else {}
        fields, values = parts(schema), schema.get("additionalProperties")
        if fields:
            return {name: self.make(inner) for name, inner in fields.items()} | embedded
        if isinstance(values, dict) and values:
            return {key: self.make(values) for key in (["some.key/x", "cpu"] if sort_of(values) else ["k"])}
        if schema.get("type") == "array":
            inner = schema.get("items") or {}
            free = not inner.get("type") and not sort_of(inner)
            return [self.make(inner), {"more": [1, None, "x"]} if free else self.make(inner)]
        self.number += 1
        return {"any": [self.number, "é"], "x": None} | embedded


def leaves(schema, value, path):
    """The leaves of a value: path, type, value."""
    schema = single(schema)
    sort, fields, values = sort_of(schema), parts(schema), schema.get("additionalProperties")
    if value is None:
        return
    if sort:
        yield path, sort, value
    elif fields:
        for name, inner in fields.items():
            yield from leaves(inner, value.get(name), join(path, name))
    elif isinstance(values, dict) and values:
        sort = sort_of(values)
        yield path, "quantities" if sort == "quantity" else "map" if sort else "map of json", value
    elif schema.get("type") == "array":
        inner = schema.get("items") or {}
        if sort_of(inner):
            yield path, "list", [(sort_of(inner), item) for item in value]
        elif inner.get("properties"):
            for item in value:
                yield from leaves(inner, item, f"{path}[]")
        else:
            yield path, "list of json", value
    else:
        yield path, "json", value


def mirror(value):
    """Gives statuses the names of their items, so that kubesql merges both into one row."""
    def rename(spec, status):
        for key, inner in status.items():
            if isinstance(inner, dict) and isinstance(spec.get(key), dict):
                rename(spec[key], inner)
            of = spec.get(f"{key.removesuffix('Statuses')}s") if key.endswith("Statuses") else None
            if isinstance(inner, list) and isinstance(of, list):
                for one, other in zip(inner, of):
                    if isinstance(one, dict) and isinstance(other, dict) and "name" in one and "name" in other:
                        one["name"] = other["name"]

    if isinstance(value, dict):
        if isinstance(value.get("spec"), dict) and isinstance(value.get("status"), dict):
            rename(value["spec"], value["status"])
        value = list(value.values())
    for inner in value if isinstance(value, list) else []:
        mirror(inner)


def mirrored(path):
    """The item that a status belongs to."""
    return re.sub(r"(^|\[\]\.)status\.([^\[\]]*)Statuses\[\]\.name$", r"\1spec.\2s[].name", path)


def join(path, name):
    # Dots inside of names are escaped.
    escaped = name.replace(".", "\\.")
    return f"{path}.{escaped}" if path else escaped


def stability(version):
    match = re.fullmatch(r"v(\d+)(?:(alpha|beta)(\d+))?", version)
    major, level, minor = match.groups() if match else ("0", "", "0")
    return {None: 3, "beta": 2, "alpha": 1}.get(level, 0), int(major), int(minor or 0)


def best(crd):
    """The most stable newest version."""
    versions = [v for v in crd["spec"]["versions"] if v.get("served", True)] or crd["spec"]["versions"]
    return max(versions, key=lambda version: stability(version["name"]))


def schema_of(crd):
    """The schema of an object, with metadata and status even if the schema does not mention them."""
    fields = best(crd).get("schema", {}).get("openAPIV3Schema", {}).get("properties") or {}
    fields = {k: v for k, v in fields.items() if k not in ("apiVersion", "kind", "metadata")}
    return {"type": "object", "properties": fields or {"spec": {}, "status": {}}}


def made(crd, maker, metadata):
    """An object of the most stable newest version."""
    body = maker.make(schema_of(crd))
    mirror(body)
    api = f"{crd['spec']['group']}/{best(crd)['name']}"
    return {"apiVersion": api, "kind": crd["spec"]["names"]["kind"], "metadata": metadata, **body}


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
        # A field with several types in several versions may be text.
        return found == leaf or isinstance(found, float) and abs(found - float(quantity(leaf))) < 1e-9 * max(1, found)
    if sort == "text of":
        return found == str(leaf)
    if sort in ("map", "quantities"):
        flat = {key: row.get(f"{column}.{key}") for key in leaf}
        texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in leaf.items()}
        number = {key: cores(value) if key == "cpu" else base_units(value) for key, value in leaf.items()}
        return found == texts and flat == (number if sort == "quantities" else texts)
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


def compare(crd, found, ask, condition=""):
    """The leaves that are in no row, and how they differ."""
    kind, group = crd["spec"]["names"]["kind"], crd["spec"]["group"]
    listed = ask([f"select name from system.tables where schema = '{group}' and kind = '{kind}'"])
    tables = [row["name"] for row in listed[0]]
    described = ask([f'describe "{group}"."{table}"' for table in tables])
    rows = dict(zip(tables, ask([f'select * from "{group}"."{table}"{condition}' for table in tables])))
    columns = defaultdict(list)
    for table, of_table in zip(tables, described):
        for row in of_table:
            columns[row["path"]].append((table, row["column"]))
    differ = []
    for path, sort, leaf in found:
        places = columns.get(path) or columns.get(mirrored(path), [])
        if not any(same(sort, leaf, row.get(column), row, column) for table, column in places for row in rows[table]):
            has = [row.get(column) for table, column in places for row in rows[table]][:3]
            differ.append(f"{path} = {leaf!r}: {places} has {has!r}")
    return differ


def from_file(kubesql, crd, count):
    """Compares a generated object in a file."""
    thing = made(crd, Maker(), META)
    found = list(leaves(schema_of(crd), thing, ""))
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "all.json")
        with open(file, "w", encoding="utf-8") as out:
            json.dump({"apiVersion": "v1", "kind": "List", "items": [crd, thing]}, out)
        differ = compare(crd, found, lambda statements: run(kubesql, file, statements))
    count.update(objects=1, leaves=len(found), missing=len(differ))
    return differ


def lenient(schema):
    """A schema without validations, except those that identify quantities."""
    kept = {key: value for key, value in schema.items()
            if key not in VALIDATIONS or key == "pattern" and value.startswith(QUANTITY)}
    for key in ("items", "additionalProperties"):
        if isinstance(kept.get(key), dict):
            kept[key] = lenient(kept[key])
    if "properties" in kept:
        kept["properties"] = {name: lenient(inner) for name, inner in kept["properties"].items()}
    return kept


def request(method, url, body=None, accept="application/json"):
    """The status and the body of an answer."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", "Accept": accept}
    asked = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(asked, timeout=120) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@contextlib.contextmanager
def started(*command):
    """Starts a server, and returns the address in its first line."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            address = re.search(r"127\.0\.0\.1:\d+", server.stdout.readline())
            if not address:
                sys.exit(f"{' '.join(command)} does not start")
            yield f"http://{address.group()}"
        finally:
            server.terminate()


class Cluster:
    """A cluster, and a kubesql that follows it."""

    def __init__(self, api, sql):
        self.api, self.sql = api, sql

    def write(self, method, path, body=None):
        """The answer of the cluster. New kinds may need a moment."""
        until = time.monotonic() + PATIENCE
        while True:
            code, text = request(method, self.api + path, body)
            if code < 300:
                return json.loads(text)
            if code not in (403, 404, 429, 500, 503) or time.monotonic() > until:
                raise RuntimeError(f"{method} {path}: {text[:600]}")
            time.sleep(0.2)

    def ask(self, statements):
        """The rows of each statement."""
        answers = []
        for sql in statements:
            code, text = request("POST", f"{self.sql}/api/v1/query", {"sql": sql}, "application/x-ndjson")
            if code != 200:
                raise RuntimeError(f"{sql}: {text[:600]}")
            answers.append([json.loads(line) for line in text.splitlines() if line])
        return answers

    def define(self, crd):
        """Writes a definition, replacing an existing one."""
        path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        name = crd["metadata"]["name"]
        until = time.monotonic() + PATIENCE
        while request("DELETE", f"{self.api}{path}/{name}")[0] != 404:
            if time.monotonic() > until:
                raise RuntimeError("the one that is there does not go")
            time.sleep(0.2)
        # Without conversion, fields that the stored version lacks are lost: store the version that is compared.
        versions = [{**version, "schema": {"openAPIV3Schema": lenient(version["schema"]["openAPIV3Schema"])},
                     "storage": version["name"] == best(crd)["name"]} for version in crd["spec"]["versions"]]
        spec = {key: value for key, value in crd["spec"].items() if key != "conversion"} | {"versions": versions}
        approved = {"api-approved.kubernetes.io": "unapproved, for a test"}
        self.write("POST", path, {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                                  "metadata": {"name": name, "annotations": approved}, "spec": spec})

    def create(self, crd, thing):
        """Writes an object and its status, and returns the stored object."""
        spec = crd["spec"]
        place = "namespaces/default/" if spec["scope"] == "Namespaced" else ""
        path = f"/apis/{thing['apiVersion']}/{place}{spec['names']['plural']}"
        there = self.write("POST", path, thing)
        path = f"{path}/{thing['metadata']['name']}"
        if "status" in best(crd).get("subresources", {}) and "status" in thing:
            self.write("PUT", f"{path}/status", {**there, "status": thing["status"]})
        there = self.write("GET", path)
        # These are not compared.
        there["metadata"].pop("managedFields", None)
        return there

    def check(self, crd, count):
        """Compares generated objects, the first one listed and the second one watched."""
        self.define(crd)
        schema, maker, differ = schema_of(crd), Maker(), []
        for name in ("made-1", "made-2"):
            thing = made(crd, maker, {"name": name, "labels": META["labels"], "annotations": {"e.f/g": "h"}})
            there = self.create(crd, thing)
            since = time.monotonic()
            found = list(leaves(schema, there, ""))
            count["lost"] += sum(1 for _ in leaves(schema, thing, "")) - len(found)
            found += leaves(ADDED, there, "")
            while True:
                missing = self.missing(crd, found, there)
                took = time.monotonic() - since
                if not missing or took > PATIENCE:
                    break
                time.sleep(0.1)
            count.update(objects=1, leaves=len(found), missing=len(missing))
            count["slowest"] = max(count["slowest"], took)
            differ += [f"({name}) {one}" for one in missing]
        return differ

    def missing(self, crd, found, there):
        """The differences from the cluster, including the text of the object."""
        group, plural, uid = crd["spec"]["group"], crd["spec"]["names"]["plural"], there["metadata"]["uid"]
        condition = f" where uid = '{uid}'"
        try:
            differ = compare(crd, found, self.ask, condition)
            rows = self.ask([f'select object from "{group}"."{plural}"{condition}'])[0]
            texts = [json.loads(row["object"]) for row in rows]
        except RuntimeError as error:
            return [str(error)]
        return differ if texts == [there] else [*differ, f"object = {there!r}: {texts!r}"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kubeconfig")
    parser.add_argument("kubesql")
    parser.add_argument("paths", nargs="+")
    args = parser.parse_args()
    count = Counter()
    with contextlib.ExitStack() as stack:
        def check(crd):
            return cluster.check(crd, count) if args.kubeconfig else from_file(args.kubesql, crd, count)

        if args.kubeconfig:
            config = f"--kubeconfig={args.kubeconfig}"
            api = stack.enter_context(started("kubectl", config, "proxy", "--port=0", "--append-server-path"))
            sql = stack.enter_context(started(args.kubesql, "serve", config, "--pg=off", "--http=127.0.0.1:0"))
            cluster = Cluster(api, sql)
            # kubesql follows definitions from here on.
            cluster.ask(["select count(*) from system.tables"])
        for crd in definitions(args.paths):
            count["kinds"] += 1
            name = crd["metadata"]["name"]
            try:
                for one in check(crd):
                    print(f"DIFFERS {name} {one}")
            except RuntimeError as error:
                count["failed"] += 1
                print(f"FAILED {name} {error}")
    print(f"{count['leaves']} leaves of {count['objects']} objects of {count['kinds']} kinds looked for, "
          f"{count['missing']} not found; {count['failed']} kinds failed")
    if args.kubeconfig:
        print(f"{count['lost']} leaves that the cluster did not keep; all showed within {count['slowest']:.1f} s")
    sys.exit(1 if count["missing"] or count["failed"] or not count["kinds"] else 0)


if __name__ == "__main__":
    main()
