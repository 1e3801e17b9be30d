//! Tables of PostgreSQL's that tell of the server: schemas, databases, roles, functions.

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::error::Result;

use super::super::objects::{OWNER, PG_CATALOG};
use super::super::types;
use super::{Asked, batch, fixed, numbers, texts, truths};
use crate::sql::registry::{CATALOG, DEFAULT_SCHEMA};

type Rows = fn(&Asked, &SchemaRef) -> Result<RecordBatch>;

pub(super) fn rows(table: &str) -> Option<Rows> {
    Some(match table {
        "pg_namespace" => namespaces,
        "pg_database" => databases,
        "pg_authid" => roles,
        "pg_proc" => functions,
        _ => return None,
    })
}

fn namespaces(asked: &Asked, schema: &SchemaRef) -> Result<RecordBatch> {
    let found = asked.house.objects.namespaces(asked.house);
    batch(schema, found.len(), |column| match column {
        "oid" => numbers(found.iter().map(|namespace| namespace.oid)),
        "nspname" => texts(found.iter().map(|namespace| &namespace.name)),
        "nspowner" => numbers(found.iter().map(|_| OWNER)),
        _ => None,
    })
}

/// The number of the only database.
pub(super) const DATABASE: i32 = 5;

fn databases(_: &Asked, schema: &SchemaRef) -> Result<RecordBatch> {
    batch(schema, 1, |column| match column {
        "oid" => numbers([DATABASE]),
        "datname" => texts([CATALOG]),
        "datdba" => numbers([OWNER]),
        // UTF-8.
        "encoding" => numbers([6]),
        "datlocprovider" => texts(["c"]),
        "datistemplate" => truths([false]),
        "datallowconn" => truths([true]),
        "datconnlimit" => numbers([-1]),
        "dattablespace" => numbers([1663]),
        "datcollate" | "datctype" => texts(["C.UTF-8"]),
        _ => None,
    })
}

/// Who asks: there is nobody else to be known of.
pub(super) fn roles(asked: &Asked, schema: &SchemaRef) -> Result<RecordBatch> {
    batch(schema, 1, |column| match column {
        "oid" | "usesysid" => numbers([OWNER]),
        "rolname" | "usename" => texts([&asked.facts.user]),
        "rolinherit" | "rolcanlogin" => truths([true]),
        "rolsuper" | "rolcreaterole" | "rolcreatedb" | "rolreplication" | "rolbypassrls" | "usecreatedb"
        | "usesuper" | "userepl" | "usebypassrls" => truths([false]),
        "rolconnlimit" => numbers([-1]),
        _ => None,
    })
}

/// Every function. Those that PostgreSQL does not have are in the default schema, as if somebody had written them.
fn functions(asked: &Asked, schema: &SchemaRef) -> Result<RecordBatch> {
    let house = asked.house;
    let found = &house.functions;
    let own = house.objects.namespace(DEFAULT_SCHEMA);
    let is_own = |name: &str| house.own_functions.contains(name);
    let same = |number: i32| numbers(found.iter().map(|_| number));
    let text = |text: &'static str| texts(found.iter().map(|_| text));
    batch(schema, found.len(), |column| match column {
        "oid" => numbers(found.iter().map(|of| house.objects.oids.of(of.kind, &of.name))),
        "proname" => texts(found.iter().map(|of| &of.name)),
        "pronamespace" => numbers(found.iter().map(|of| if is_own(&of.name) { own } else { PG_CATALOG })),
        "proowner" => same(OWNER),
        "prolang" => same(fixed::INTERNAL),
        "procost" => same(1),
        "prokind" => texts(found.iter().map(|of| match of.kind {
            "aggregate" => "a",
            "window" => "w",
            _ => "f",
        })),
        "provolatile" => text("i"),
        "proparallel" => text("s"),
        "prosrc" => texts(found.iter().map(|of| &of.name)),
        "prorettype" => same(types::TEXT.oid),
        "proargtypes" => text(""),
        _ if schema.field_with_name(column).is_ok_and(|field| super::classes::is_plain(field.data_type())) => same(0),
        _ => None,
    })
}
