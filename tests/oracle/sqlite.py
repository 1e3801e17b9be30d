"""Runs statements in SQLite over flat tables: an independent opinion on what names mean.

Reads {"tables": {name: [columns, rows]}, "statements": [sql]} from standard input. Prints one line of JSON for each
statement: {"rows": [[text or null]]} or {"error": text}.
"""

import json
import sqlite3
import sys


def shown(value):
    """A value as arrow shows it."""
    return None if value is None else repr(value) if isinstance(value, float) else str(value)


def main():
    task = json.load(sys.stdin)
    database = sqlite3.connect(":memory:")
    for name, (columns, rows) in task["tables"].items():
        database.execute("create table {} ({})".format(name, ", ".join(f'"{column}"' for column in columns)))
        places = ", ".join("?" * len(columns))
        database.executemany(f"insert into {name} values ({places})", rows)
    for statement in task["statements"]:
        try:
            rows = database.execute(statement).fetchall()
            print(json.dumps({"rows": [[shown(value) for value in row] for row in rows]}))
        except sqlite3.Error as error:
            print(json.dumps({"error": str(error)}))


main()
