//! The schemas of system tables, and the rows of tables that are the same on every server. Names, identifiers and
//! columns are those of PostgreSQL 17.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int16Array};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::catalog::{MemTable, TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::error::Result;

use super::{batch, booleans, numbers, parse_columns, texts};
use crate::postgres::builtin_types::{self, Type};
use crate::postgres::oids::{OWNER, PG_CATALOG};

/// Tables and their columns.
const TABLES: [(&str, &str); 61] = [
    (
        "pg_aggregate",
        "aggfnoid aggkind aggnumdirectargs:int2 aggtransfn aggfinalfn aggcombinefn aggserialfn aggdeserialfn \
         aggmtransfn aggminvtransfn aggmfinalfn aggfinalextra:bool aggmfinalextra:bool aggfinalmodify aggmfinalmodify \
         aggsortop:oid aggtranstype:oid aggtransspace:int4 aggmtranstype:oid aggmtransspace:int4 agginitval \
         aggminitval",
    ),
    ("pg_am", "oid:oid amname amhandler amtype"),
    (
        "pg_amop",
        "oid:oid amopfamily:oid amoplefttype:oid amoprighttype:oid amopstrategy:int2 amoppurpose amopopr:oid \
         amopmethod:oid amopsortfamily:oid",
    ),
    ("pg_amproc", "oid:oid amprocfamily:oid amproclefttype:oid amprocrighttype:oid amprocnum:int2 amproc"),
    ("pg_attrdef", "oid:oid adrelid:oid adnum:int2 adbin"),
    (
        "pg_attribute",
        "attrelid:oid attname atttypid:oid attstattarget:int4 attlen:int2 attnum:int2 attndims:int4 attcacheoff:int4 \
         atttypmod:int4 attbyval:bool attstorage attalign attcompression attnotnull:bool atthasdef:bool \
         atthasmissing:bool attidentity attgenerated attisdropped:bool attislocal:bool attinhcount:int4 \
         attcollation:oid attacl:text[] attoptions:text[] attfdwoptions:text[] attmissingval",
    ),
    (
        "pg_auth_members",
        "oid:oid roleid:oid member:oid grantor:oid admin_option:bool inherit_option:bool set_option:bool",
    ),
    (
        "pg_authid",
        "oid:oid rolname rolsuper:bool rolinherit:bool rolcreaterole:bool rolcreatedb:bool rolcanlogin:bool \
         rolreplication:bool rolbypassrls:bool rolconnlimit:int4 rolpassword rolvaliduntil:timestamptz",
    ),
    ("pg_cast", "oid:oid castsource:oid casttarget:oid castfunc:oid castcontext castmethod"),
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
        "pg_collation",
        "oid:oid collname collnamespace:oid collowner:oid collprovider collisdeterministic:bool collencoding:int4 \
         collcollate collctype colllocale collicurules collversion",
    ),
    (
        "pg_constraint",
        "oid:oid conname connamespace:oid contype condeferrable:bool condeferred:bool convalidated:bool conrelid:oid \
         contypid:oid conindid:oid conparentid:oid confrelid:oid confupdtype confdeltype confmatchtype \
         conislocal:bool coninhcount:int2 connoinherit:bool conkey:int2[] confkey:int2[] conpfeqop conppeqop \
         conffeqop confdelsetcols conexclop conbin",
    ),
    (
        "pg_conversion",
        "oid:oid conname connamespace:oid conowner:oid conforencoding:int4 contoencoding:int4 conproc condefault:bool",
    ),
    (
        "pg_database",
        "oid:oid datname datdba:oid encoding:int4 datlocprovider datistemplate:bool datallowconn:bool \
         datconnlimit:int4 datfrozenxid:int8 datminmxid:int8 dattablespace:oid datcollate datctype daticulocale \
         datcollversion datacl:text[]",
    ),
    ("pg_db_role_setting", "setdatabase:oid setrole:oid setconfig:text[]"),
    ("pg_default_acl", "oid:oid defaclrole:oid defaclnamespace:oid defaclobjtype defaclacl:text[]"),
    ("pg_depend", "classid:oid objid:oid objsubid:int4 refclassid:oid refobjid:oid refobjsubid:int4 deptype"),
    ("pg_description", "objoid:oid classoid:oid objsubid:int4 description"),
    ("pg_enum", "oid:oid enumtypid:oid enumsortorder:float4 enumlabel"),
    ("pg_event_trigger", "oid:oid evtname evtevent evtowner:oid evtfoid:oid evtenabled evttags:text[]"),
    (
        "pg_extension",
        "oid:oid extname extowner:oid extnamespace:oid extrelocatable:bool extversion extconfig:text[] extcondition",
    ),
    (
        "pg_foreign_data_wrapper",
        "oid:oid fdwname fdwowner:oid fdwhandler:oid fdwvalidator:oid fdwacl:text[] fdwoptions:text[]",
    ),
    ("pg_foreign_server", "oid:oid srvname srvowner:oid srvfdw:oid srvtype srvversion srvacl:text[] srvoptions:text[]"),
    ("pg_foreign_table", "ftrelid:oid ftserver:oid ftoptions:text[]"),
    (
        "pg_index",
        "indexrelid:oid indrelid:oid indnatts:int2 indnkeyatts:int2 indisunique:bool indnullsnotdistinct:bool \
         indisprimary:bool indisexclusion:bool indimmediate:bool indisclustered:bool indisvalid:bool \
         indcheckxmin:bool indisready:bool indislive:bool indisreplident:bool indkey:int2[] indcollation:int2[] \
         indclass:int2[] indoption:int2[] indexprs indpred",
    ),
    ("pg_inherits", "inhrelid:oid inhparent:oid inhseqno:int4 inhdetachpending:bool"),
    ("pg_init_privs", "objoid:oid classoid:oid objsubid:int4 privtype initprivs"),
    (
        "pg_language",
        "oid:oid lanname lanowner:oid lanispl:bool lanpltrusted:bool lanplcallfoid:oid laninline:oid lanvalidator:oid \
         lanacl:text[]",
    ),
    ("pg_largeobject", "loid:oid pageno:int4 data:bytea"),
    ("pg_largeobject_metadata", "oid:oid lomowner:oid lomacl:text[]"),
    ("pg_namespace", "oid:oid nspname nspowner:oid nspacl:text[]"),
    (
        "pg_opclass",
        "oid:oid opcmethod:oid opcname opcnamespace:oid opcowner:oid opcfamily:oid opcintype:oid opcdefault:bool \
         opckeytype:oid",
    ),
    (
        "pg_operator",
        "oid:oid oprname oprnamespace:oid oprowner:oid oprkind oprcanmerge:bool oprcanhash:bool oprleft:oid \
         oprright:oid oprresult:oid oprcom:oid oprnegate:oid oprcode oprrest oprjoin",
    ),
    ("pg_opfamily", "oid:oid opfmethod:oid opfname opfnamespace:oid opfowner:oid"),
    (
        "pg_partitioned_table",
        "partrelid:oid partstrat partnatts:int2 partdefid:oid partattrs partclass partcollation partexprs",
    ),
    ("pg_policy", "oid:oid polname polrelid:oid polcmd polpermissive:bool polroles:int4[] polqual polwithcheck"),
    (
        "pg_proc",
        "oid:oid proname pronamespace:oid proowner:oid prolang:oid procost:float4 prorows:float4 provariadic:oid \
         prosupport prokind prosecdef:bool proleakproof:bool proisstrict:bool proretset:bool provolatile proparallel \
         pronargs:int2 pronargdefaults:int2 prorettype:oid proargtypes proallargtypes:int4[] proargmodes:text[] \
         proargnames:text[] proargdefaults protrftypes prosrc probin prosqlbody proconfig:text[] proacl:text[]",
    ),
    (
        "pg_publication",
        "oid:oid pubname pubowner:oid puballtables:bool pubinsert:bool pubupdate:bool pubdelete:bool pubtruncate:bool \
         pubviaroot:bool",
    ),
    ("pg_publication_namespace", "oid:oid pnpubid:oid pnnspid:oid"),
    ("pg_publication_rel", "oid:oid prpubid:oid prrelid:oid prqual prattrs:int2[]"),
    (
        "pg_range",
        "rngtypid:oid rngsubtype:oid rngmultitypid:oid rngcollation:oid rngsubopc:oid rngcanonical rngsubdiff",
    ),
    ("pg_replication_origin", "roident:oid roname"),
    ("pg_rewrite", "oid:oid rulename ev_class:oid ev_type ev_enabled is_instead:bool ev_qual ev_action"),
    ("pg_seclabel", "objoid:oid classoid:oid objsubid:int4 provider label"),
    (
        "pg_sequence",
        "seqrelid:oid seqtypid:oid seqstart:int8 seqincrement:int8 seqmax:int8 seqmin:int8 seqcache:int8 \
         seqcycle:bool",
    ),
    ("pg_shdepend", "dbid:oid classid:oid objid:oid objsubid:int4 refclassid:oid refobjid:oid deptype"),
    ("pg_shdescription", "objoid:oid classoid:oid description"),
    ("pg_shseclabel", "objoid:oid classoid:oid provider label"),
    (
        "pg_statistic",
        "starelid:oid staattnum:int2 stainherit:bool stanullfrac:float4 stawidth:int4 stadistinct:float4 \
         stakind1:int2 stakind2:int2 stakind3:int2 stakind4:int2 stakind5:int2 staop1:oid staop2:oid staop3:oid \
         staop4:oid staop5:oid stacoll1:oid stacoll2:oid stacoll3:oid stacoll4:oid stacoll5:oid stanumbers1 \
         stanumbers2 stanumbers3 stanumbers4 stanumbers5 stavalues1 stavalues2 stavalues3 stavalues4 stavalues5",
    ),
    (
        "pg_statistic_ext",
        "oid:oid stxrelid:oid stxname stxnamespace:oid stxowner:oid stxkeys:int2[] stxstattarget:int2 stxkind:text[] \
         stxexprs",
    ),
    ("pg_statistic_ext_data", "stxoid:oid stxdinherit:bool stxdndistinct stxddependencies stxdmcv stxdexpr"),
    (
        "pg_subscription",
        "oid:oid subdbid:oid subskiplsn subname subowner:oid subenabled:bool subbinary:bool substream \
         subtwophasestate subdisableonerr:bool subpasswordrequired:bool subrunasowner:bool subfailover:bool \
         subconninfo subslotname subsynccommit subpublications suborigin",
    ),
    ("pg_subscription_rel", "srsubid:oid srrelid:oid srsubstate srsublsn"),
    ("pg_tablespace", "oid:oid spcname spcowner:oid spcacl:text[] spcoptions:text[]"),
    (
        "pg_trigger",
        "oid:oid tgrelid:oid tgparentid:oid tgname tgfoid:oid tgtype:int2 tgenabled tgisinternal:bool \
         tgconstrrelid:oid tgconstrindid:oid tgconstraint:oid tgdeferrable:bool tginitdeferred:bool tgnargs:int2 \
         tgattr tgargs:bytea tgqual tgoldtable tgnewtable",
    ),
    ("pg_ts_config", "oid:oid cfgname cfgnamespace:oid cfgowner:oid cfgparser:oid"),
    ("pg_ts_dict", "oid:oid dictname dictnamespace:oid dictowner:oid dicttemplate:oid dictinitoption"),
    ("pg_ts_parser", "oid:oid prsname prsnamespace:oid prsstart prstoken prsend prsheadline prslextype"),
    ("pg_ts_template", "oid:oid tmplname tmplnamespace:oid tmplinit tmpllexize"),
    (
        "pg_type",
        "oid:oid typname typnamespace:oid typowner:oid typlen:int2 typbyval:bool typtype typcategory \
         typispreferred:bool typisdefined:bool typdelim typrelid:oid typsubscript typelem:oid typarray:oid typinput \
         typoutput typreceive typsend typmodin typmodout typanalyze typalign typstorage typnotnull:bool \
         typbasetype:oid typtypmod:int4 typndims:int4 typcollation:oid typdefaultbin typdefault typacl:text[]",
    ),
    ("pg_user_mapping", "oid:oid umuser:oid umserver:oid umoptions:text[]"),
];

/// The identifier of the access method of tables.
pub(super) const HEAP: i32 = 2;

/// The identifier of the language of built-in functions.
pub(super) const INTERNAL: i32 = 12;

/// Returns all tables with their schemas.
pub(super) fn schemas() -> impl Iterator<Item = (&'static str, SchemaRef)> {
    TABLES.into_iter().map(|(name, columns)| (name, Arc::new(parse_columns(columns))))
}

/// Returns the rows of a table.
pub(super) fn rows(name: &str, schema: &SchemaRef) -> Result<RecordBatch> {
    match name {
        "pg_type" => built_in_types(schema),
        "pg_range" => ranges(schema),
        "pg_language" => batch(schema, 1, |column| match column {
            "oid" => numbers([INTERNAL]),
            "lanname" => texts(["internal"]),
            "lanowner" => numbers([OWNER]),
            "lanispl" | "lanpltrusted" => booleans([false]),
            "lanplcallfoid" | "laninline" => numbers([0]),
            "lanvalidator" => numbers([2246]),
            _ => None,
        }),
        "pg_am" => batch(schema, 1, |column| match column {
            "oid" => numbers([HEAP]),
            "amname" => texts(["heap"]),
            "amhandler" => texts(["heap_tableam_handler"]),
            "amtype" => texts(["t"]),
            _ => None,
        }),
        "pg_tablespace" => batch(schema, 2, |column| match column {
            "oid" => numbers([1663, 1664]),
            "spcname" => texts(["pg_default", "pg_global"]),
            "spcowner" => numbers([OWNER; 2]),
            _ => None,
        }),
        _ => Ok(RecordBatch::new_empty(schema.clone())),
    }
}

/// Returns the rows of `pg_type`.
fn built_in_types(schema: &SchemaRef) -> Result<RecordBatch> {
    let types = builtin_types::all();
    let text = |of: fn(&Type) -> &str| texts(types.iter().map(of));
    let names = |of: &dyn Fn(&Type) -> String| texts(types.iter().map(of));
    let number = |of: fn(&Type) -> i32| numbers(types.iter().map(of));
    let truth = |of: fn(&Type) -> bool| booleans(types.iter().map(of));
    batch(schema, types.len(), |column| match column {
        "oid" => number(|of| of.oid),
        "typname" => text(|of| &of.name),
        "typnamespace" => number(|_| PG_CATALOG),
        "typowner" => number(|_| OWNER),
        "typlen" => Some(Arc::new(Int16Array::from_iter_values(types.iter().map(|of| of.length))) as ArrayRef),
        "typbyval" => truth(|of| matches!(of.length, 1 | 2 | 4 | 8) && of.name != "macaddr8"),
        "typtype" => text(|of| of.kind),
        "typcategory" => text(|of| of.category),
        "typispreferred" => truth(|of| of.is_preferred),
        "typisdefined" => truth(|_| true),
        "typdelim" => text(|of| if of.name.trim_start_matches('_') == "box" { ";" } else { "," }),
        "typrelid" | "typbasetype" | "typndims" => number(|_| 0),
        "typsubscript" => text(|of| of.subscript),
        "typelem" => number(|of| of.element),
        "typarray" => number(|of| of.array),
        "typinput" => text(|of| of.input),
        "typoutput" => names(&|of| of.function("out")),
        "typreceive" => names(&|of| of.binary_function("recv")),
        "typsend" => names(&|of| of.binary_function("send")),
        "typmodin" => names(&|of| of.modifier_function("in")),
        "typmodout" => names(&|of| of.modifier_function("out")),
        "typanalyze" => text(Type::analyze_function),
        "typalign" => text(|of| of.alignment),
        "typstorage" => text(|of| of.storage),
        "typnotnull" => truth(|_| false),
        "typtypmod" => number(|_| -1),
        "typcollation" => number(|of| of.collation),
        _ => None,
    })
}

/// Range types: the identifiers of the type, its subtype, its multirange type and the operator class of its subtype,
/// and the names of its functions.
const RANGES: [(i32, i32, i32, i32, &str, &str); 6] = [
    (3904, 23, 4451, 1978, "int4range_canonical", "int4range_subdiff"),
    (3906, 1700, 4532, 3125, "-", "numrange_subdiff"),
    (3908, 1114, 4533, 3128, "-", "tsrange_subdiff"),
    (3910, 1184, 4534, 3127, "-", "tstzrange_subdiff"),
    (3912, 1082, 4535, 3122, "daterange_canonical", "daterange_subdiff"),
    (3926, 20, 4536, 3124, "int8range_canonical", "int8range_subdiff"),
];

fn ranges(schema: &SchemaRef) -> Result<RecordBatch> {
    batch(schema, RANGES.len(), |column| match column {
        "rngtypid" => numbers(RANGES.map(|range| range.0)),
        "rngsubtype" => numbers(RANGES.map(|range| range.1)),
        "rngmultitypid" => numbers(RANGES.map(|range| range.2)),
        "rngcollation" => numbers([0; RANGES.len()]),
        "rngsubopc" => numbers(RANGES.map(|range| range.3)),
        "rngcanonical" => texts(RANGES.map(|range| range.4)),
        "rngsubdiff" => texts(RANGES.map(|range| range.5)),
        _ => None,
    })
}

/// `pg_get_keywords()`.
#[derive(Debug)]
pub(crate) struct Keywords;

impl TableFunctionImpl for Keywords {
    fn call_with_args(&self, _: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let schema: SchemaRef = Arc::new(parse_columns("word catcode barelabel:bool catdesc baredesc"));
        let lines = include_str!("keywords.txt").lines().filter_map(|line| line.split_once(' '));
        let lines = lines.filter(|(category, _)| *category != "#");
        let words = lines.flat_map(|(category, words)| words.split(' ').map(move |word| (category, word)));
        let words: Vec<(&str, &str, bool)> =
            words.map(|(category, word)| (category, word.trim_end_matches('!'), !word.ends_with('!'))).collect();
        let batch = batch(&schema, words.len(), |column| match column {
            "word" => texts(words.iter().map(|word| word.1)),
            "catcode" => texts(words.iter().map(|word| word.0)),
            "barelabel" => booleans(words.iter().map(|word| word.2)),
            "catdesc" => texts(words.iter().map(|word| match word.0 {
                "C" => "unreserved (cannot be function or type name)",
                "T" => "reserved (can be function or type name)",
                "R" => "reserved",
                _ => "unreserved",
            })),
            _ => texts(words.iter().map(|word| if word.2 { "can be bare label" } else { "requires AS" })),
        })?;
        Ok(Arc::new(MemTable::try_new(schema, vec![vec![batch]])?))
    }
}
