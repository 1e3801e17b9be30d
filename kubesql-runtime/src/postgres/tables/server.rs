//! The rows of `pg_namespace`, `pg_database`, `pg_authid` and `pg_proc`.

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::error::Result;

use super::{CatalogRequest, MakeRows, batch, booleans, fixed, is_zero_by_default, numbers, texts};
use crate::postgres::oids::{OWNER, PG_CATALOG};
use crate::postgres::types;
use crate::sql::{CATALOG, DEFAULT_SCHEMA};

pub(super) fn rows(table: &str) -> Option<MakeRows> {
    Some(match table {
        "pg_namespace" => namespaces,
        "pg_database" => databases,
        "pg_authid" => roles,
        "pg_proc" => functions,
        _ => return None,
    })
}

fn namespaces(request: &CatalogRequest, schema: &SchemaRef) -> Result<RecordBatch> {
    let found = request.database.objects.namespaces(&request.database.context);
    batch(schema, found.len(), |column| match column {
        "oid" => numbers(found.iter().map(|namespace| namespace.oid)),
        "nspname" => texts(found.iter().map(|namespace| &namespace.name)),
        "nspowner" => numbers(found.iter().map(|_| OWNER)),
        _ => None,
    })
}

/// The identifier of the only database.
pub(super) const DATABASE: i32 = 5;

fn databases(_: &CatalogRequest, schema: &SchemaRef) -> Result<RecordBatch> {
    batch(schema, 1, |column| match column {
        "oid" => numbers([DATABASE]),
        "datname" => texts([CATALOG]),
        "datdba" => numbers([OWNER]),
        // UTF-8.
        "encoding" => numbers([6]),
        "datlocprovider" => texts(["c"]),
        "datistemplate" => booleans([false]),
        "datallowconn" => booleans([true]),
        "datconnlimit" => numbers([-1]),
        "dattablespace" => numbers([1663]),
        "datcollate" | "datctype" => texts(["C.UTF-8"]),
        _ => None,
    })
}

/// Returns the user of the session, the only role.
pub(super) fn roles(request: &CatalogRequest, schema: &SchemaRef) -> Result<RecordBatch> {
    batch(schema, 1, |column| match column {
        "oid" | "usesysid" => numbers([OWNER]),
        "rolname" | "usename" => texts([&request.session.user]),
        "rolinherit" | "rolcanlogin" => booleans([true]),
        "rolsuper" | "rolcreaterole" | "rolcreatedb" | "rolreplication" | "rolbypassrls" | "usecreatedb"
        | "usesuper" | "userepl" | "usebypassrls" => booleans([false]),
        "rolconnlimit" => numbers([-1]),
        _ => None,
    })
}

/// Returns all functions. Functions that PostgreSQL does not have are in the default schema, like user-defined
/// functions.
fn functions(request: &CatalogRequest, schema: &SchemaRef) -> Result<RecordBatch> {
    let database = request.database;
    let found = &database.context.functions;
    let own = database.objects.namespace(DEFAULT_SCHEMA);
    let is_own = |name: &str| database.context.own_functions.contains(name);
    let same = |number: i32| numbers(found.iter().map(|_| number));
    let text = |text: &'static str| texts(found.iter().map(|_| text));
    batch(schema, found.len(), |column| match column {
        "oid" => numbers(found.iter().map(|of| database.objects.oids.get_or_assign(of.kind, &of.name))),
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
        _ if schema.field_with_name(column).is_ok_and(|field| is_zero_by_default(field.data_type())) => same(0),
        _ => None,
    })
}
