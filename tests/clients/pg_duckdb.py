"""DuckDB: kubesql attached as a database, its tables joined with DuckDB's own."""

import glob
import os
import sys

import duckdb
import duckdb_extension_postgres_scanner as scanner

connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
[extension] = glob.glob(os.path.dirname(scanner.__file__) + "/**/*.duckdb_extension", recursive=True)
connection.execute(f"load '{extension}'")
connection.execute(f"attach 'host=127.0.0.1 port={sys.argv[1]} user=someone dbname=kubesql' as k (type postgres, read_only)")
schemas = {name for (name,) in connection.execute("select schema_name from duckdb_schemas() where database_name = 'k'").fetchall()}
assert {"kubesql", "core", "apps"} <= schemas, schemas
connection.execute("create table wanted as select namespace from k.kubesql.pods group by 1 order by 1 limit 2")
rows = connection.execute(
    """select p.namespace, count(*), min(p.creationtimestamp) from k.kubesql.pods p join wanted w using (namespace)
       group by 1 order by 1"""
).fetchall()
assert rows and all(count > 0 for _, count, _ in rows), rows
assert connection.execute("select count(*) from k.kubesql.nodes").fetchone()[0] > 0
row = connection.execute("select labels, generation, name from k.kubesql.pods where labels is not null limit 1").fetchone()
assert row[0].startswith("{") and isinstance(row[1], int), row
verbs = connection.execute("select verbs from k.kubesql.clusterrole_rules where verbs is not null limit 1").fetchone()[0]
assert isinstance(verbs, list) and verbs, verbs
print("as expected")
