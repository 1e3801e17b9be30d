"""pgcli: the queries that it sends at its start to complete names."""

import sys

from pgcli.pgexecute import PGExecute
from pgspecial.main import PGSpecial

executor = PGExecute("kubesql", "someone", None, "127.0.0.1", sys.argv[1], None)
assert executor.search_path() == ["pg_catalog", "kubesql"], executor.search_path()
assert {"kubesql", "core", "pg_catalog"} <= set(executor.schemata())
assert ("kubesql", "pods") in set(executor.tables())
assert ("system", "clusters") in set(executor.views())
columns = {(column[0], column[1], column[2]) for column in executor.table_columns()}
assert ("kubesql", "pods", "nodename") in columns and ("apps", "deployments", "replicas") in columns
assert list(executor.view_columns())
assert executor.databases() == ["kubesql"], executor.databases()
assert list(executor.foreignkeys()) == []
assert any(function.func_name == "quantity" for function in executor.functions())
list(executor.datatypes())
for title, rows, headers, status, *_ in executor.run("\\dt pods", PGSpecial()):
    assert [row[1] for row in rows] == ["pods"], rows
for title, rows, headers, status, *_ in executor.run("select count(*) from nodes"):
    assert list(rows)[0][0] > 0
print("as expected")
