"""Runs the statements of `statements.sql` with every protocol of a server, and compares the answers.

Arguments: the ports of PostgreSQL, HTTP and Flight SQL. The answer of the REST API is the expected one, since its JSON
depends least on a client. The others must agree value by value, or fail with their protocol's code for the same kind
of error.
"""

import datetime
import decimal
import json
import math
import pathlib
import sys
import urllib.error
import urllib.request

import adbc_driver_flightsql.dbapi
import adbc_driver_manager
import prestodb
import psycopg
import trino

PG, HTTP, FLIGHT = sys.argv[1:4]

# Kind of error: prefixes of SQLSTATEs, and error names of Presto and Trino.
KINDS = {
    "syntax": (("42601",), ("SYNTAX_ERROR",)),
    "unknown-table": (("42P01", "3F000"), ("TABLE_NOT_FOUND", "SCHEMA_NOT_FOUND")),
    "unknown-column": (("42703", "42702"), ("COLUMN_NOT_FOUND",)),
    "read-only": (("25006",), ("READ_ONLY_VIOLATION",)),
    "unsupported": (("0A000",), ("NOT_SUPPORTED",)),
    "timeout": (("57014",), ("EXCEEDED_TIME_LIMIT",)),
    # The last one, since other codes of class 42 are above.
    "invalid": (("22", "42"), ("GENERIC_USER_ERROR", "DIVISION_BY_ZERO")),
}


class Failed(Exception):
    """A statement failed: the kind of error, as the REST API names it."""


def kind_of(place, code):
    for kind, codes in KINDS.items():
        if code.startswith(codes[place]):
            return kind
    return code


def statements():
    text = pathlib.Path(__file__).with_name("statements.sql").read_text()
    for paragraph in text.split("\n\n"):
        lines = paragraph.strip().splitlines()
        notes = [line[3:] for line in lines if line.startswith("-- ")]
        sql = "\n".join(line for line in lines if not line.startswith("-- "))
        if sql:
            yield sql, notes[-1] if notes else ""


def plain(value):
    """A value in a form that is common to all protocols."""
    if isinstance(value, datetime.datetime):
        at = value.astimezone(datetime.timezone.utc)
        return at.isoformat().replace("+00:00", "Z")
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, bool):
        # True == 1 in Python.
        return "true" if value else "false", "boolean"
    if isinstance(value, float):
        # 1 and 1.0 are equal in JSON and in SQL, and text has at least 15 digits.
        if math.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
        return "NaN" if math.isnan(value) else float(f"{value:.15g}")
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, (list, tuple)):
        return [plain(of) for of in value]
    if isinstance(value, dict):
        return {key: plain(of) for key, of in value.items()}
    # JSON arrives as text or parsed.
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return plain(json.loads(value))
        except ValueError:
            return value
    return value


def rest(sql):
    body = json.dumps({"sql": sql}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{HTTP}/api/v1/query", body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request) as reply:
            answer = json.load(reply)
    except urllib.error.HTTPError as error:
        raise Failed(json.load(error)["kind"]) from error
    # Only columns of times are parsed; text that looks like a time is compared as text.
    rows = [[moment(value, column["type"]) for value, column in zip(row, answer["columns"])] for row in answer["rows"]]
    return [column["name"] for column in answer["columns"]], rows


def moment(value, of):
    return datetime.datetime.fromisoformat(value) if value is not None and of.startswith("timestamp") else value


def postgres(binary):
    connection = psycopg.connect(f"host=127.0.0.1 port={PG} user=someone", autocommit=True)

    def ask(sql):
        try:
            with connection.cursor(binary=binary) as cursor:
                cursor.execute(sql)
                return [column.name for column in cursor.description], cursor.fetchall()
        except psycopg.Error as error:
            raise Failed(kind_of(0, error.sqlstate)) from error

    return ask


def statement_protocol(module):
    connection = module.dbapi.connect(host="127.0.0.1", port=int(HTTP), user="someone", catalog="kubesql", schema="kubesql")

    def ask(sql):
        cursor = connection.cursor()
        try:
            cursor.execute(sql.rstrip(";"))
            rows = cursor.fetchall()
        except Exception as error:
            # The two clients have no common class of errors.
            if not hasattr(error, "error_name"):
                raise
            raise Failed(kind_of(1, error.error_name)) from error
        columns = cursor.description
        rows = [[typed(value, column[1]) for value, column in zip(row, columns)] for row in rows]
        return [column[0] for column in columns], rows

    return ask


def typed(value, of):
    """A value that Presto's client leaves as text and Trino's has parsed."""
    if not isinstance(value, str):
        return value
    if of.startswith("timestamp"):
        return datetime.datetime.fromisoformat(value.replace(" UTC", "+00:00"))
    return decimal.Decimal(value) if of.startswith("decimal") else value


def flight():
    connection = adbc_driver_flightsql.dbapi.connect(f"grpc://127.0.0.1:{FLIGHT}", autocommit=True)

    def ask(sql):
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                table = cursor.fetch_arrow_table()
        except adbc_driver_manager.Error as error:
            # ADBC has few codes; the kind is in the details.
            raise Failed(dict(error.details)[b"x-kubesql-error"].decode()) from error
        columns = [column.to_pylist(maps_as_pydicts="strict") for column in table.columns]
        return table.column_names, [list(row) for row in zip(*columns)]

    return ask


def answer(ask, sql):
    try:
        names, rows = ask(sql)
        return names, [plain(row) for row in rows]
    except Failed as failed:
        return str(failed)


def thousandths(time):
    return time[:-4] + "000Z" if len(time) == len("2026-01-02T03:04:05.678901Z") else time


def difference(expected, got, protocol):
    if isinstance(expected, str) or isinstance(got, str):
        return f"{expected!r:.300} and not {got!r:.300}" if expected != got else None
    if expected[0] != got[0]:
        return f"columns {expected[0]} and not {got[0]}"
    if len(expected[1]) != len(got[1]):
        return f"{len(expected[1])} rows and not {len(got[1])}"
    for number, (row, other) in enumerate(zip(*(of[1] for of in (expected, got)))):
        for name, left, right in zip(expected[0], row, other):
            # Presto has milliseconds only.
            if left != right and not (protocol == "Presto" and str(right) == thousandths(str(left))):
                return f"row {number}, {name}: {left!r:.200} and not {right!r:.200}"
    return None


protocols = {
    "PostgreSQL, text": postgres(False),
    "PostgreSQL, binary": postgres(True),
    "Presto": statement_protocol(prestodb),
    "Trino": statement_protocol(trino),
    "Flight SQL": flight(),
}
wrong, asked = [], 0
for sql, note in statements():
    asked += 1
    expected = answer(rest, sql)
    if note.startswith("error: "):
        if expected != note.removeprefix("error: "):
            wrong.append(f"{sql}\n  the REST API: {expected!r:.300}, expected {note}")
            continue
    elif isinstance(expected, str) or bool(expected[1]) == (note == "empty"):
        wrong.append(f"{sql}\n  the REST API: {expected!r:.300}")
        continue
    for protocol, ask in protocols.items():
        found = difference(expected, answer(ask, sql), protocol)
        if found:
            wrong.append(f"{sql}\n  {protocol}: {found}")

if asked < 120:
    wrong.append(f"only {asked} statements were found")
print("\n".join(wrong) if wrong else f"as expected: {asked} statements with {len(protocols) + 1} protocols")
