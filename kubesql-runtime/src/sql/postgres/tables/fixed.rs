//! Rows that are the same in every server, and the columns of PostgreSQL's tables: both from datafusion-pg-catalog.

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, AsArray, BooleanArray};
use arrow::compute::{concat_batches, filter_record_batch};
use arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::error::{DataFusionError, Result};
use datafusion_pg_catalog::pg_catalog::{ArrowTable, PgCatalogStaticTables};

/// Read once, when first used.
static STATIC: LazyLock<Option<PgCatalogStaticTables>> = LazyLock::new(|| PgCatalogStaticTables::try_new().ok());

/// Every table by its name.
macro_rules! tables {
    ($($name:ident)*) => {
        const NAMES: &[&str] = &[$(stringify!($name)),*];

        fn table(name: &str) -> Option<&'static Arc<ArrowTable>> {
            let tables = STATIC.as_ref()?;
            match name {
                $(stringify!($name) => Some(&tables.$name),)*
                _ => None,
            }
        }
    };
}

tables! {
    pg_aggregate pg_am pg_amop pg_amproc pg_attrdef pg_auth_members pg_authid pg_cast pg_collation pg_constraint
    pg_conversion pg_db_role_setting pg_default_acl pg_depend pg_description pg_enum pg_event_trigger pg_extension
    pg_foreign_data_wrapper pg_foreign_server pg_foreign_table pg_index pg_inherits pg_init_privs pg_language
    pg_largeobject pg_largeobject_metadata pg_opclass pg_operator pg_opfamily pg_partitioned_table pg_policy pg_proc
    pg_publication pg_publication_namespace pg_publication_rel pg_range pg_replication_origin pg_rewrite pg_seclabel
    pg_sequence pg_shdepend pg_shdescription pg_shseclabel pg_statistic pg_statistic_ext pg_statistic_ext_data
    pg_subscription pg_subscription_rel pg_tablespace pg_trigger pg_ts_config pg_ts_dict pg_ts_parser pg_ts_template
    pg_type pg_user_mapping
}

/// Tables whose columns datafusion-pg-catalog does not export.
const OTHERS: [(&str, &str); 4] = [
    (
        "pg_attribute",
        "attrelid:oid attname atttypid:oid attstattarget:int4 attlen:int2 attnum:int2 attndims:int4 attcacheoff:int4 \
         atttypmod:int4 attbyval:bool attstorage attalign attcompression attnotnull:bool atthasdef:bool \
         atthasmissing:bool attidentity attgenerated attisdropped:bool attislocal:bool attinhcount:int4 \
         attcollation:oid attacl:text[] attoptions:text[] attfdwoptions:text[] attmissingval",
    ),
    (
        "pg_class",
        "oid:oid relname relnamespace:oid reltype:oid reloftype:oid relowner:oid relam:oid relfilenode:oid \
         reltablespace:oid relpages:int4 reltuples:float4 relallvisible:int4 reltoastrelid:oid relhasindex:bool \
         relisshared:bool relpersistence relkind relnatts:int2 relchecks:int2 relhasrules:bool relhastriggers:bool \
         relhassubclass:bool relrowsecurity:bool relforcerowsecurity:bool relispopulated:bool relreplident \
         relispartition:bool relrewrite:oid relfrozenxid:int8 relminmxid:int8 relacl:text[] reloptions:text[] \
         relpartbound",
    ),
    (
        "pg_database",
        "oid:oid datname datdba:oid encoding:int4 datlocprovider datistemplate:bool datallowconn:bool \
         datconnlimit:int4 datfrozenxid:int8 datminmxid:int8 dattablespace:oid datcollate datctype daticulocale \
         datcollversion datacl:text[]",
    ),
    ("pg_namespace", "oid:oid nspname nspowner:oid nspacl:text[]"),
];

/// The tables and their columns.
pub(super) fn schemas() -> impl Iterator<Item = (&'static str, SchemaRef)> {
    let own = NAMES.iter().filter_map(|name| Some((*name, adapted(name, &table(name)?.schema()))));
    own.chain(OTHERS.into_iter().map(|(name, columns)| (name, Arc::new(super::parse(columns)))))
}

/// Tables that clients ask the system column `tableoid` of, which are without rows.
const WITH_TABLE_OID: [&str; 5] = ["pg_constraint", "pg_opclass", "pg_opfamily", "pg_rewrite", "pg_trigger"];

/// The columns with lists in the place of PostgreSQL's arrays, and nullable.
fn adapted(table: &str, schema: &Schema) -> SchemaRef {
    let field = |field: &Arc<Field>| {
        let name = field.name().as_str();
        let of = match name {
            "proallargtypes" | "polroles" | "setrole" => super::list(DataType::Int32),
            "conkey" | "confkey" | "indkey" | "indoption" | "indcollation" | "indclass" | "stxkeys" | "prattrs" => {
                super::list(DataType::Int16)
            }
            "proargmodes" | "proargnames" | "stxkind" | "evttags" => super::list(DataType::Utf8),
            _ if ["acl", "options", "config"].iter().any(|ending| name.ends_with(ending)) => {
                super::list(DataType::Utf8)
            }
            _ => field.data_type().clone(),
        };
        // It has had the other name since PostgreSQL 17.
        let name = if name == "colllocale" { "colliculocale" } else { name };
        Arc::new(Field::clone(field).with_name(name).with_data_type(of).with_nullable(true))
    };
    let table_oid = WITH_TABLE_OID.contains(&table).then(|| Arc::new(super::oid("tableoid")));
    Arc::new(Schema::new(schema.fields().iter().map(field).chain(table_oid).collect::<Vec<_>>()))
}

/// The rows of a table without those of objects that do not exist here.
pub(super) fn rows(name: &str, schema: &SchemaRef) -> Result<RecordBatch> {
    let missing = || DataFusionError::Internal(format!("{name} cannot be read"));
    let table = table(name).ok_or_else(missing)?;
    let all = concat_batches(&table.schema(), table.data())?;
    let is = |column: &str, wanted: fn(i32) -> bool| -> Option<BooleanArray> {
        let numbers = all.column_by_name(column)?.as_primitive_opt::<Int32Type>()?;
        Some(numbers.iter().map(|number| number.map(wanted)).collect())
    };
    let kept = match name {
        // Rows of PostgreSQL's own tables, and types of its information schema.
        "pg_type" => is("typnamespace", |namespace| namespace == super::super::objects::PG_CATALOG).map(|here| {
            let plain = is("typrelid", |relation| relation == 0).unwrap_or_else(|| here.clone());
            let element = all.column_by_name("typname").and_then(|names| names.as_string_opt::<i32>().cloned());
            let both = (0..all.num_rows()).map(|row| {
                let of_rows = element.as_ref().is_some_and(|names| names.value(row).starts_with("_pg_"));
                here.value(row) && plain.value(row) && !of_rows
            });
            BooleanArray::from(both.collect::<Vec<_>>())
        }),
        "pg_am" => is("oid", |oid| oid == HEAP),
        "pg_language" => is("oid", |oid| oid == INTERNAL),
        _ => None,
    };
    let kept = match kept {
        Some(kept) => filter_record_batch(&all, &kept)?,
        None => all,
    };
    super::batch(schema, kept.num_rows(), |column| {
        let array = kept.column_by_name(column)?;
        (array.data_type() == schema.field_with_name(column).ok()?.data_type()).then(|| Arc::clone(array))
    })
}

/// The identifier of the access method of tables.
pub(super) const HEAP: i32 = 2;

/// The identifier of the language of built-in functions.
pub(super) const INTERNAL: i32 = 12;

/// The identifiers of some of PostgreSQL's own tables.
pub(in crate::sql::postgres) fn fixed_oid(name: &str) -> Option<i32> {
    Some(match name {
        "pg_proc" => 1255,
        "pg_type" => 1247,
        "pg_attribute" => 1249,
        "pg_class" => 1259,
        "pg_authid" => 1260,
        "pg_database" => 1262,
        "pg_namespace" => 2615,
        "pg_constraint" => 2606,
        "pg_description" => 2609,
        "pg_index" => 2610,
        _ => return None,
    })
}

/// The identifiers and names of all types.
static TYPES: LazyLock<Vec<(i32, String)>> = LazyLock::new(|| {
    let Some(table) = table("pg_type") else { return Vec::new() };
    let mut types = Vec::new();
    for batch in table.data() {
        let (Some(oids), Some(names)) = (batch.column_by_name("oid"), batch.column_by_name("typname")) else {
            continue;
        };
        let oids = oids.as_primitive_opt::<Int32Type>();
        let names = names.as_string_opt::<i32>();
        if let (Some(oids), Some(names)) = (oids, names) {
            types.extend((0..batch.num_rows()).map(|row| (oids.value(row), names.value(row).to_owned())));
        }
    }
    types
});

pub(in crate::sql::postgres) fn type_name(oid: i32) -> Option<String> {
    TYPES.iter().find(|(of, _)| *of == oid).map(|(_, name)| name.clone())
}

pub(in crate::sql::postgres) fn type_oid(name: &str) -> Option<i32> {
    TYPES.iter().find(|(_, of)| of == name).map(|(oid, _)| *oid)
}

/// The reserved words of SQL, as a table function.
pub(in crate::sql::postgres) fn keywords() -> Option<Arc<ArrowTable>> {
    STATIC.as_ref().map(|tables| Arc::clone(&tables.pg_get_keywords))
}
