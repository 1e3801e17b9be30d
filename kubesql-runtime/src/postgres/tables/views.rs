//! The views of the catalog, with their columns and rows.

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::error::Result;

use super::{CatalogRequest, MakeRows, batch, booleans, nullable_texts, numbers, server, texts};
use crate::postgres::objects::Relation;
use crate::sql::CATALOG;

/// The name of each view and its columns.
pub(super) const VIEWS: [(&str, &str); 34] = [
    (
        "pg_roles",
        "rolname rolsuper:bool rolinherit:bool rolcreaterole:bool rolcreatedb:bool rolcanlogin:bool \
         rolreplication:bool rolconnlimit:int4 rolpassword rolvaliduntil:timestamptz rolbypassrls:bool \
         rolconfig:text[] oid:oid",
    ),
    (
        "pg_user",
        "usename usesysid:oid usecreatedb:bool usesuper:bool userepl:bool usebypassrls:bool passwd \
         valuntil:timestamptz useconfig:text[]",
    ),
    ("pg_shadow", "usename usesysid:oid usecreatedb:bool usesuper:bool passwd valuntil:timestamptz"),
    ("pg_group", "groname grosysid:oid"),
    (
        "pg_settings",
        "name setting unit category short_desc extra_desc database vartype source min_val max_val enumvals:text[] \
         boot_val reset_val sourcefile sourceline:int4 pending_restart:bool",
    ),
    (
        "pg_tables",
        "schemaname tablename tableowner tablespace hasindexes:bool hasrules:bool hastriggers:bool rowsecurity:bool",
    ),
    ("pg_views", "schemaname viewname viewowner definition"),
    ("pg_matviews", "schemaname matviewname matviewowner tablespace hasindexes:bool ispopulated:bool definition"),
    ("pg_indexes", "schemaname tablename indexname tablespace indexdef"),
    (
        "pg_sequences",
        "schemaname sequencename sequenceowner data_type start_value:int8 min_value:int8 max_value:int8 \
         increment_by:int8 cycle:bool cache_size:int8 last_value:int8",
    ),
    ("pg_rules", "schemaname tablename rulename definition"),
    ("pg_policies", "schemaname tablename policyname permissive roles:text[] cmd qual with_check"),
    (
        "pg_stat_activity",
        "datid:oid datname pid:int4 leader_pid:int4 usesysid:oid usename application_name client_addr \
         client_hostname client_port:int4 backend_start:timestamptz xact_start:timestamptz query_start:timestamptz \
         state_change:timestamptz wait_event_type wait_event state backend_xid backend_xmin query_id:int8 query \
         backend_type",
    ),
    (
        "pg_stat_database",
        "datid:oid datname numbackends:int4 xact_commit:int8 xact_rollback:int8 blks_read:int8 blks_hit:int8 \
         tup_returned:int8 tup_fetched:int8 conflicts:int8 deadlocks:int8 stats_reset:timestamptz",
    ),
    (
        "pg_stat_user_tables",
        "relid:oid schemaname relname seq_scan:int8 seq_tup_read:int8 idx_scan:int8 idx_tup_fetch:int8 \
         n_tup_ins:int8 n_tup_upd:int8 n_tup_del:int8 n_live_tup:int8 n_dead_tup:int8 last_vacuum:timestamptz \
         last_analyze:timestamptz",
    ),
    ("pg_stat_all_tables", "relid:oid schemaname relname seq_scan:int8 n_live_tup:int8 n_dead_tup:int8"),
    ("pg_statio_user_tables", "relid:oid schemaname relname heap_blks_read:int8 heap_blks_hit:int8"),
    ("pg_stat_user_indexes", "relid:oid indexrelid:oid schemaname relname indexrelname idx_scan:int8"),
    ("pg_stat_replication", "pid:int4 usesysid:oid usename application_name client_addr state sync_state"),
    ("pg_stat_ssl", "pid:int4 ssl:bool version cipher bits:int4 client_dn issuer_dn"),
    ("pg_stat_gssapi", "pid:int4 gss_authenticated:bool principal encrypted:bool"),
    ("pg_stats", "schemaname tablename attname inherited:bool null_frac:float4 avg_width:int4 n_distinct:float4"),
    ("pg_locks", "locktype database:oid relation:oid pid:int4 mode granted:bool"),
    ("pg_cursors", "name statement is_holdable:bool is_binary:bool is_scrollable:bool creation_time:timestamptz"),
    ("pg_prepared_statements", "name statement prepare_time:timestamptz from_sql:bool"),
    ("pg_prepared_xacts", "transaction gid prepared:timestamptz owner database"),
    ("pg_available_extensions", "name default_version installed_version comment"),
    ("pg_replication_slots", "slot_name plugin slot_type datoid:oid database active:bool"),
    ("pg_publication_tables", "pubname schemaname tablename"),
    ("pg_timezone_names", "name abbrev utc_offset is_dst:bool"),
    ("pg_user_mappings", "umid:oid srvid:oid srvname umuser:oid usename umoptions:text[]"),
    ("pg_seclabels", "objoid:oid classoid:oid objsubid:int4 objtype provider label"),
    ("pg_file_settings", "sourcefile sourceline:int4 name setting applied:bool error"),
    ("pg_hba_file_rules", "line_number:int4 type address netmask auth_method error"),
];

pub(super) fn rows(view: &str) -> Option<MakeRows> {
    Some(match view {
        "pg_roles" | "pg_user" => server::roles,
        "pg_settings" => settings,
        "pg_tables" => |request, schema| relations(request, schema, true),
        "pg_views" => |request, schema| relations(request, schema, false),
        "pg_stat_activity" => activity,
        "pg_timezone_names" => timezones,
        _ => return None,
    })
}

fn settings(request: &CatalogRequest, schema: &SchemaRef) -> Result<RecordBatch> {
    let found = &request.session.settings;
    let text = |text: &'static str| texts(found.iter().map(|_| text));
    batch(schema, found.len(), |column| match column {
        "name" => texts(found.iter().map(|(name, _)| name)),
        "setting" | "reset_val" => texts(found.iter().map(|(_, value)| value)),
        "category" => text("kubesql"),
        "database" => text("user"),
        "vartype" => text("string"),
        "source" => text("default"),
        "pending_restart" => booleans(found.iter().map(|_| false)),
        _ => None,
    })
}

fn relations(request: &CatalogRequest, schema: &SchemaRef, are_tables: bool) -> Result<RecordBatch> {
    let all = request.database.objects.relations(&request.database.context);
    let found: Vec<&Relation> = all.iter().filter(|relation| relation.is_table == are_tables).collect();
    batch(schema, found.len(), |column| match column {
        "schemaname" => texts(found.iter().map(|relation| &relation.schema)),
        "tablename" | "viewname" => texts(found.iter().map(|relation| &relation.name)),
        "tableowner" | "viewowner" => texts(found.iter().map(|_| &request.session.user)),
        "hasindexes" | "hasrules" | "hastriggers" | "rowsecurity" => booleans(found.iter().map(|_| false)),
        _ => None,
    })
}

fn activity(request: &CatalogRequest, schema: &SchemaRef) -> Result<RecordBatch> {
    let queries = request.database.context.queries.all();
    let running: Vec<_> = queries.iter().filter(|query| query.state == "running").collect();
    batch(schema, running.len(), |column| match column {
        "datid" => numbers(running.iter().map(|_| server::DATABASE)),
        "datname" => texts(running.iter().map(|_| CATALOG)),
        "application_name" => texts(running.iter().map(|query| query.session.as_deref().unwrap_or_default())),
        "state" => texts(running.iter().map(|_| "active")),
        "query" => texts(running.iter().map(|query| &query.sql)),
        "backend_type" => texts(running.iter().map(|_| "client backend")),
        "usename" => nullable_texts(running.iter().map(|query| query.principal.user.as_deref())),
        _ => None,
    })
}

/// All times are in UTC.
fn timezones(_: &CatalogRequest, schema: &SchemaRef) -> Result<RecordBatch> {
    batch(schema, 1, |column| match column {
        "name" | "abbrev" => texts(["UTC"]),
        "utc_offset" => texts(["00:00:00"]),
        "is_dst" => booleans([false]),
        _ => None,
    })
}
