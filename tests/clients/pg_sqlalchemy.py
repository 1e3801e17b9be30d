"""SQLAlchemy and pandas: reflection, and data frames."""

import sys

import pandas
from sqlalchemy import MetaData, Table, create_engine, inspect, select, text

engine = create_engine(f"postgresql+psycopg://someone@127.0.0.1:{sys.argv[1]}/kubesql")
inspector = inspect(engine)
assert inspector.default_schema_name == "kubesql"
assert {"apps", "core", "kubesql", "system"} <= set(inspector.get_schema_names())
assert {"pods", "nodes", "deployments"} <= set(inspector.get_table_names())
assert "clusters" in inspector.get_view_names(schema="system")
types = {column["name"]: str(column["type"]) for column in inspector.get_columns("pods")}
assert (types["name"], types["labels"], types["generation"]) == ("TEXT", "JSONB", "BIGINT"), types
assert types["creationtimestamp"] == "TIMESTAMP" and types["hostnetwork"] == "BOOLEAN", types

for schema in None, "core":
    assert inspector.get_pk_constraint("pods", schema=schema)["constrained_columns"] == []
    assert inspector.get_foreign_keys("pods", schema=schema) == []
    assert inspector.get_indexes("pods", schema=schema) == []
    assert inspector.get_unique_constraints("pods", schema=schema) == []
    assert inspector.get_check_constraints("pods", schema=schema) == []
assert inspector.get_table_comment("pods", schema="core")["text"] == "Pod"
assert inspector.has_table("pods") and not inspector.has_table("nope")
assert inspector.get_enums() == [] and inspector.get_sequence_names() == []
with engine.connect() as connection:
    pods = Table("pods", MetaData(), autoload_with=connection)
    rows = connection.execute(select(pods.c.name, pods.c.labels).where(pods.c.phase == "Running").limit(3)).all()
    assert len(rows) == 3 and isinstance(rows[0].labels, dict)
    frame = pandas.read_sql(text("select namespace, count(*) as pods from pods group by namespace"), connection)
    assert frame["pods"].sum() > 100
    frame = pandas.read_sql_table("nodes", connection, columns=["name", "creationtimestamp"])
    assert len(frame) > 0 and str(frame["creationtimestamp"].dtype).startswith("datetime64"), frame.dtypes
print("as expected")
