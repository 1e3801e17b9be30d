"""Looks for every leaf of every object in the columns of its kind's tables, and compares.

Of several versions of a kind, the most stable newest one is used, as for tables.
Ignored: managedFields, which are dropped when objects are read, and the name of a status that is merged into a list by
this name.

usage: every_field.py KUBESQL TABLES_TSV FOLDER
"""

import json
import os
import re
import subprocess
import sys
from collections import defaultdict

from objects import base_units, cores, micros, quantity


def tables(listing):
    """(schema, table) -> [(column, type, path)]"""
    own = defaultdict(list)
    with open(listing, encoding="utf-8") as file:
        for line in list(file)[1:]:
            schema, table, column, kind, path = line.rstrip("\n").split("\t")
            own[(schema, table)].append((column, kind, path))
    return own


def leaves(value, path=()):
    """(path, value); list indexes are numbers in the path. Empty objects and empty lists of objects are not leaves."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list) and any(isinstance(item, (dict, list)) for item in value):
        for index, inner in enumerate(value):
            yield from leaves(inner, (*path, index))
    else:
        yield path, value


def dotted(path):
    out = ""
    for word in path:
        out = f"{out}[]" if isinstance(word, int) else f"{out}.{word}" if out else word
    return out


def stability(version):
    """The order of API versions, the most stable newest last."""
    match = re.fullmatch(r"v(\d+)(?:(alpha|beta)(\d+))?", version)
    major, level, minor = match.groups() if match else ("0", "alpha", "0")
    return {None: 2, "beta": 1, "alpha": 0}[level], int(major), int(minor or 0)


def newest(folder):
    """The file of the most stable newest version of each kind."""
    best = {}
    for name in sorted(os.listdir(folder)):
        if name.endswith(".json"):
            with open(os.path.join(folder, name), encoding="utf-8") as opened:
                document = json.load(opened)
            group, _, version = document.get("apiVersion", "").rpartition("/")
            key, rank = (group or "core", document.get("kind")), stability(version)
            if key not in best or rank > best[key][0]:
                best[key] = rank, name, document
    return best


def is_left_out(path):
    return "managedFields" in path or (path[0] == "status" and path[1].endswith("Statuses") and path[-1] == "name")


def equal(kind, found, leaf):
    if found is None or leaf is None:
        return found is leaf
    if kind == "timestamp with time zone":
        return micros(found) == micros(leaf)
    if kind == "double precision":
        number = quantity(leaf)
        return number is not None and abs(found - float(number)) <= 1e-12 * max(1, abs(found))
    if kind == "text" and not isinstance(leaf, str):
        return found == json.dumps(leaf)
    return found == leaf


def find(columns, path):
    """(table, column, type, rest of the path below a map or JSON column), the nearest table first."""
    text = dotted(path)
    best = None
    for table, column, kind, at in columns:
        if at == text:
            return table, column, kind, ()
        below = text.startswith((at + ".", at + "[]")) if at else False
        if below and (kind == "json" or kind.endswith("[]") or kind.startswith("map")) and (best is None or len(at) > len(best[3])):
            best = (table, column, kind, at)
    if best is None:
        return None
    words, consumed = list(path), ()
    while dotted(consumed) != best[3]:
        consumed = (*consumed, words.pop(0))
    return best[0], best[1], best[2], tuple(words)


def main():
    kubesql, listing, folder = sys.argv[1:]
    own = tables(listing)
    checked = missing = objects = 0
    listed = subprocess.run([kubesql, "tables", f"--file={folder}", "--all", "-o", "json"], capture_output=True, text=True, check=True)
    of_kind = defaultdict(list)
    for row in json.loads(listed.stdout):
        of_kind[(row["schema"], row["kind"])].append((row["table"], row["path"]))
    for (group, kind_name), (_, name, document) in newest(folder).items():
        # A kind that is inferred from the objects is in no listing.
        here = [row for row in of_kind.get((group, kind_name), []) if (group, row[0]) in own]
        if not here:
            continue
        file = os.path.join(folder, name)
        # The columns of the kind, and those of its lists except keys of outer lists.
        columns = [(t, c, k, p) for t, _ in sorted(here, key=lambda row: len(row[1])) for c, k, p in own[(group, t)]]
        run = subprocess.run([kubesql, "query", f"--file={file}", "--show-secrets", "-o", "ndjson", "--cluster-name", "c",
                              "; ".join(f"select '{t}' as \"?\"; select * from \"{group}\".\"{t}\"" for t, _ in here)],
                             capture_output=True, text=True)
        if run.returncode != 0:
            print(f"FAILED {name}: {run.stderr.strip()}")
            missing += 1
            continue
        rows, current = defaultdict(list), None
        for line in run.stdout.splitlines():
            row = json.loads(line)
            if list(row) == ["?"]:
                current = row["?"]
            else:
                rows[current].append(row)
        objects += 1
        for path, leaf in leaves(document):
            if is_left_out(path):
                continue
            checked += 1
            place = find(columns, path)
            if place is None:
                print(f"NOWHERE {name} {dotted(path)} = {leaf!r}")
                missing += 1
                continue
            table, column, kind, rest = place
            found = [row.get(column) for row in rows[table]]
            if kind.startswith("map") and rest:
                key = rest[0]
                values = [value.get(key) for value in found if isinstance(value, dict)]
                deep = rest[1:]
                if kind == "map of json":
                    values = [walk(json.loads(value), deep) if value is not None else None for value in values]
                good = any(value == (leaf if leaf is None or isinstance(leaf, str) or kind == "map of json" else json.dumps(leaf)) for value in values)
                # And its own column.
                if kind != "map of json":
                    flat = [row.get(f"{column}.{key}") for row in rows[table]]
                    want = leaf if kind == "map" else cores(leaf) if key in ("cpu", "requests.cpu", "limits.cpu") else base_units(leaf)
                    good = good and want in flat
            elif kind == "json":
                good = any(walk(json.loads(value), rest) == leaf for value in found if value is not None)
            elif kind.endswith("[]") and rest:
                good = any(walk_texts(value, rest) == leaf for value in found if value is not None)
            else:
                good = any(equal(kind, value, leaf) for value in found)
            if not good:
                print(f"DIFFERS {name} {dotted(path)} = {leaf!r}: {table}.\"{column}\" has {found[:3]!r}")
                missing += 1
    print(f"{checked} leaves of {objects} objects looked for, {missing} not found")
    sys.exit(1 if missing or not objects else 0)


def walk(value, path):
    for word in path:
        try:
            value = value[word]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def walk_texts(value, path):
    """A list whose items are JSON text."""
    first = walk(value, path[:1])
    return walk(json.loads(first), path[1:]) if len(path) > 1 and first is not None else first


if __name__ == "__main__":
    main()
