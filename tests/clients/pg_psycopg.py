"""psycopg 3: values in both formats, parameters, pipelines, server-side cursors, COPY, transactions, errors."""

import datetime as dt
import decimal
import sys

import psycopg
from psycopg import pq

UTC = dt.timezone.utc
connection = psycopg.connect(host="127.0.0.1", port=sys.argv[1], user="someone", dbname="kubesql")
connection.autocommit = True

VALUES = """select 1::int2, 2::int4, 3::int8, 1.5::float8, true, 'ü'::text, array['a', null, 'b "c"'],
    array[1, 2]::int8[], date '2026-11-02', timestamp '2026-11-02 08:03:20.5', '2026-11-02T08:03:20Z'::timestamptz,
    interval '1 day 2 hours', 12.50::numeric(10, 2), '{"a": [1, null]}'::jsonb, null, '-1e300'::float8"""
EXPECT = (
    1, 2, 3, 1.5, True, "ü", ["a", None, 'b "c"'], [1, 2], dt.date(2026, 11, 2),
    dt.datetime(2026, 11, 2, 8, 3, 20, 500000), dt.datetime(2026, 11, 2, 8, 3, 20, tzinfo=UTC),
    dt.timedelta(days=1, hours=2), decimal.Decimal("12.50"), {"a": [1, None]}, None, -1e300,
)
for binary in False, True:
    with connection.cursor(binary=binary) as cursor:
        found = cursor.execute(VALUES).fetchone()
        assert found == EXPECT, (binary, found)
        names = [cursor.pgresult.ftype(column) for column in range(len(EXPECT))]
        assert names == [21, 23, 20, 701, 16, 25, 1009, 1016, 1082, 1114, 1184, 1186, 1700, 3802, 25, 701], names

# Parameters with and without types.
for binary in "t", "b":
    one = connection.execute(
        f"select %{binary}::int + 1, %{binary}::numeric(6, 3)::float8, 'x' = any(%{binary}), %{binary}::timestamptz, "
        f"%{binary}::text is null",
        [41, decimal.Decimal("-12.345"), ["x", "y", None], dt.datetime(2026, 1, 1, tzinfo=UTC), None],
    ).fetchone()
    assert one == (42, -12.345, True, dt.datetime(2026, 1, 1, tzinfo=UTC), True), one
names = [name for (name,) in connection.execute("select name from pods order by name limit 3")]
found = connection.execute("select distinct name from pods where name = any(%s) order by 1", [names]).fetchall()
assert [name for (name,) in found] == sorted(set(names)), found

# A pipeline: statements after an error are not run, and the connection can still be used.
with connection.pipeline() as pipeline:
    first = connection.execute("select 1")
    second = connection.execute("select count(*) > 0 from pods")
    assert (first.fetchone(), second.fetchone()) == ((1,), (True,))
try:
    with connection.pipeline() as pipeline:
        connection.execute("select nope")
        after = connection.execute("select 2")
        pipeline.sync()
    raise AssertionError("nothing failed")
except psycopg.errors.UndefinedColumn:
    pass
assert connection.execute("select 7").fetchone() == (7,)

# Server-side cursors, with parameters, until they are closed.
count = connection.execute("select count(*) from nodes where name > %s", ["a"]).fetchone()[0]
connection.autocommit = False
with connection.cursor("some cursor") as cursor:
    cursor.itersize = 7
    cursor.execute("select name from nodes where name > %s", ["a"])
    assert len(list(cursor)) == count
with connection.cursor("other", binary=True) as cursor:
    cursor.execute("select generation, name from pods")
    assert len(cursor.fetchmany(5)) == 5
connection.rollback()

# Transactions: state, savepoints, errors.
assert connection.info.transaction_status == pq.TransactionStatus.IDLE
with connection.transaction():
    assert connection.info.transaction_status == pq.TransactionStatus.INTRANS
    try:
        with connection.transaction():
            connection.execute("select 1 / 0")
    except psycopg.errors.DivisionByZero:
        pass
    assert connection.execute("select 1").fetchone() == (1,)
try:
    connection.execute("select * from podz")
except psycopg.errors.UndefinedTable as error:
    assert "pods" in error.diag.message_hint
assert connection.info.transaction_status == pq.TransactionStatus.INERROR
try:
    connection.execute("select 1")
    raise AssertionError("it was answered")
except psycopg.errors.InFailedSqlTransaction:
    pass
connection.rollback()
connection.autocommit = True

for sql, code in [
    ("selec 1", "42601"), ("insert into pods values (1)", "25006"), ("update pods set name = 'x'", "25006"),
    ("delete from pods", "25006"), ("create table t (a int)", "25006"), ("drop table pods", "25006"),
    ("truncate pods", "25006"), ("alter table pods add x int", "25006"), ("vacuum", "25006"),
    ("copy pods from stdin", "25006"), ("copy pods to '/tmp/x'", "42501"), ("select 'x'::regclass", "42P01"),
    ("select 'x'::regtype", "42704"), ("select x()", "42883"), ("select 'x'::int", "22P02"),
    ("set search_path = nowhere", "3F000"), ("set nothing = 1", "42704"), ("fetch c", "34000"),
    ("declare c cursor for select 1", "25P01"), ("execute nope", "26000"), ("savepoint s", "25P01"),
    ("select uid from pods, containers", "42702"), ("set datestyle = 'German'", "22023"), ("listen x", "0A000"),
]:
    try:
        connection.execute(sql)
        raise AssertionError(f"{sql}: answered")
    except psycopg.Error as error:
        assert error.sqlstate == code, (sql, error.sqlstate, str(error))
try:
    connection.execute("select name\n  from pods where where name = 'x'")
    raise AssertionError("answered")
except psycopg.errors.SyntaxError as error:
    assert error.diag.statement_position is not None, error

# COPY as text and binary.
with connection.cursor() as cursor:
    rows = connection.execute("select name, generation, labels from pods order by uid limit 20").fetchall()
    query = "COPY (select name, generation, labels from pods order by uid limit 20) TO STDOUT"
    with cursor.copy(query) as copy:
        copy.set_types(["text", "int8", "jsonb"])
        assert list(copy.rows()) == rows
    with cursor.copy(query + " (FORMAT binary)") as copy:
        copy.set_types(["text", "int8", "jsonb"])
        assert list(copy.rows()) == rows
    with cursor.copy("COPY (select name from pods limit 0) TO STDOUT (FORMAT binary)") as copy:
        assert list(copy.rows()) == []
    with cursor.copy("COPY (select 1 as \"a,b\", null::text as c, 'x,\"y' as d) TO STDOUT (FORMAT csv, HEADER)") as copy:
        assert b"".join(bytes(part) for part in copy) == b'"a,b",c,d\n1,,"x,""y"\n'
    cursor.execute("select 1")

# PREPARE and DEALLOCATE.
connection.execute("prepare p (int, text) as select $1 + 1, $2")
assert connection.execute("execute p (41, 'a, ''b''')").fetchone() == (42, "a, 'b'")
connection.execute("deallocate p")
for prepare in range(7):
    assert connection.execute("select %s::int", [prepare], prepare=True).fetchone() == (prepare,)
connection.execute("discard all")
assert connection.execute("show search_path").fetchone() == ("kubesql",)
assert connection.execute("select pg_backend_pid(), current_user").fetchone() == (connection.info.backend_pid, "someone")
print("as expected")
