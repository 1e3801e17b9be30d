"""The ADBC driver for Flight SQL; prints one `what: value` on each line."""

import sys
import threading
import time

import adbc_driver_flightsql
import adbc_driver_flightsql.dbapi as dbapi
import pyarrow


def tell(what, value):
    print(f"{what}: {value}", flush=True)


def connect(**options):
    return dbapi.connect(sys.argv[1], autocommit=True, db_kwargs=options)


def failure(work):
    try:
        return f"none: {work()}"
    except dbapi.Error as error:
        return f"{error.status_code.name}: {error}".replace("\n", " ")


with connect() as connection, connection.cursor() as cursor:

    def ask(sql, parameters=None):
        cursor.execute(sql, parameters)
        return cursor.fetchall()

    tell("one", ask("select 1 as one"))
    rows = ask("select name, creationtimestamp, labels from pods where labels['team'] is not null limit 3")
    tell("rows", [(type(name).__name__, time.tzinfo.key, type(labels).__name__) for name, time, labels in rows])
    tell("parameters", len(ask("select name from pods where generation >= $1 and name > $2 limit $3", (1, "b", 3))))
    tell("question marks", ask("select ? || '?'", ("a",)))
    tell("null", ask("select $1::bigint", (None,)))
    tell("rows of parameters", failure(lambda: cursor.executemany("select $1", [("a",), ("b",)])))
    cursor.execute("select namespace, count(*) as pods from pods group by namespace order by 1")
    frame = cursor.fetch_df()
    tell("pandas", [str(frame.pods.dtype), bool(frame.pods.sum() > 1000), bool(frame.namespace.is_monotonic_increasing)])
    cursor.execute("select p.name, p.labels, i.value from pods p, generate_series(1, 20) i(value)")
    tell("many", cursor.fetch_arrow_table().num_rows > 30000)
    cursor.execute("select object from pods limit 1500")
    tell("large", cursor.fetch_arrow_table().nbytes > 4_500_000)
    cursor.execute("select name from pods where false")
    tell("empty", cursor.fetch_arrow_table().schema.names)

    # Types: views and dictionaries arrive as plain values.
    cursor.execute(
        "select 'ü' as text, arrow_cast('x', 'Dictionary(Int32, Utf8)') as word, array['a', null] as texts, "
        "(select labels from nodes order by name limit 1) as labels, named_struct('a', 1) as parts, null as untyped, "
        "interval '1 day' as span, date '2026-01-02' as day, cast(1.5 as decimal(10, 2)) as money, decode('ff', 'hex') as bytes"
    )
    table = cursor.fetch_arrow_table()
    tell("types", [str(of) for of in table.schema.types])
    tell("day", table["day"][0])

    # A second session, and settings.
    ask("set kubesql.partial = on")
    tell("setting", ask("show kubesql.partial"))
    native = connection.adbc_connection
    option = "adbc.flight.sql.session.option.kubesql.partial"
    tell("option", native.get_option(option))
    native.set_options(**{option: "off"})
    tell("reset", ask("show kubesql.partial"))
    tell("unknown option", failure(lambda: native.set_options(**{"adbc.flight.sql.session.option.nope": "1"})))
    native.set_options(**{"adbc.connection.db_schema": "apps"})
    tell("schema option", [native.get_option("adbc.connection.db_schema"), ask("show search_path")])
    with connect() as other, other.cursor() as apart:
        apart.execute("show search_path")
        tell("another session", apart.fetchall())
    ask("reset search_path")

    # Catalogs, schemas, tables and columns.
    tell("table types", connection.adbc_get_table_types())
    tell("vendor", connection.adbc_get_info()["vendor_name"])
    schema = connection.adbc_get_table_schema("pods", db_schema_filter="core")
    wanted = ["name", "creationtimestamp", "labels", "generation", "hostnetwork"]
    tell("table schema", {name: str(schema.field(name).type) for name in wanted})
    tell("unlisted", len(connection.adbc_get_table_schema("pod_volumes").names) > 20)
    tell("no table", failure(lambda: connection.adbc_get_table_schema("podz")))
    objects = connection.adbc_get_objects(depth="tables").read_all().to_pylist()
    tables = [table for schema in objects[0]["catalog_db_schemas"] for table in schema["db_schema_tables"]]
    tell("tables", [objects[0]["catalog_name"], len(tables) > 1000])
    since = time.time()
    objects = connection.adbc_get_objects(depth="all", db_schema_filter="apps").read_all().to_pylist()
    tables = [table for schema in objects[0]["catalog_db_schemas"] for table in schema["db_schema_tables"] or []]
    tell("columns", all(len(table["table_columns"]) > 3 for table in tables) and len(tables) > 10)
    print(f"all columns in {time.time() - since:.2f} s", file=sys.stderr)
    tell("planned only", cursor.adbc_execute_schema("select name, labels from pods where name = $1").names)

    # Errors have hints, and the connection can still be used.
    for sql in ["selec 1", "select * from podz", "select nam from pods", "delete from pods", "select 1 / (select 0)"]:
        tell("error", failure(lambda: ask(sql)))
    table = pyarrow.table({"a": [1]})
    tell("ingest", failure(lambda: cursor.adbc_ingest("pods", table)))
    tell("after errors", ask("select 7 as seven"))

    # Cancelling a running statement.
    endless = "select count(*) from generate_series(1, 1000000) a(value), generate_series(1, 1000000) b(value), "
    endless += "generate_series(1, 1000000) c(value) where a.value + b.value < c.value"
    running = "select count(*) from system.queries where state = 'running' and sql like '%1000000%' and sql not like '%system%'"

    def gone():
        deadline = time.time() + 60
        while ask(running) != [(0,)] and time.time() < deadline:
            time.sleep(0.05)
        return ask(running) == [(0,)]

    with connection.cursor() as long:

        def cancel():
            with connect() as apart, apart.cursor() as watching:
                while True:
                    watching.execute(running)
                    if watching.fetchall() != [(0,)]:
                        break
                    time.sleep(0.05)
            long.adbc_cancel()

        thread = threading.Thread(target=cancel)
        thread.start()
        tell("cancelled", failure(lambda: (long.execute(endless), long.fetchall())).split(":")[0])
        thread.join()
    tell("gone", gone())

# Without users, names and passwords are ignored.
with connect(username="someone", password="anything") as connection, connection.cursor() as cursor:
    cursor.execute("set kubesql.partial = on")
    cursor.fetchall()
    cursor.execute("show kubesql.partial")
    tell("handshake", cursor.fetchall())
