"""The Python clients of Presto and Trino. Arguments: the module, the host and the port."""

import sys

module, host, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
dbapi = __import__(module).dbapi

connection = dbapi.connect(host=host, port=port, user="somebody", catalog="kubesql", schema="kubesql")
cursor = connection.cursor()


def ask(sql, *parameters):
    cursor.execute(sql, *parameters)
    return [list(row) for row in cursor.fetchall()]


print("tables:", [row[0] for row in ask("show tables from kubesql.core like 'pod_t%'")])
rows = ask(
    'select name, creationtimestamp, "allocatable.cpu", "allocatable.memory", labels, array[1, null], 1 > 0,'
    " cast(null as varchar), 0.5 from nodes order by name limit 1"
)
print("names:", [column[0] for column in cursor.description])
print("types:", [column[1] for column in cursor.description])
row = rows[0]
print("row:", row[0], str(row[1])[:19], row[2], row[3], sorted(row[4])[0], row[5], row[6], row[7], row[8])
print("many:", sum(row[0] for row in ask("select value from generate_series(1, 200000)")))
try:
    ask("select * from podz")
except Exception as error:
    details = error.args[0]
    print("error:", details["errorName"], details["errorType"], details["message"])
ask("set session kubesql.partial = 'on'")
print("session:", ask("show session like 'kubesql.partial'")[0][:2])
if module == "trino":
    print("parameters:", ask("select count(*), ?, ?, ?, ? from nodes where name > ?", (1, "it's", True, None, "d")))
    print("version:", ask("select 1")[0])
with dbapi.connect(
    host=host, port=port, user="somebody", catalog="kubesql", schema="kubesql",
    isolation_level=__import__(module).transaction.IsolationLevel.READ_COMMITTED,
) as transaction:
    inner = transaction.cursor()
    inner.execute("select count(*) from nodes")
    print("transaction:", inner.fetchall()[0][0])
