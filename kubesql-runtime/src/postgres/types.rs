//! PostgreSQL's types, and their mapping from Arrow types.

use arrow::datatypes::{DataType, Field};

use super::builtin_types;
use crate::schema::{Scalar, Values};
use crate::sql::types::{JsonType, json_type};

/// Metadata of fields of object identifiers.
pub(super) const OID_ALIAS: &str = "pg.oid_alias";

/// A PostgreSQL type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PgType {
    pub(super) oid: i32,
    /// The name in `pg_type`: `int8`.
    pub(super) name: &'static str,
    /// The SQL name: `bigint`.
    pub(super) sql: &'static str,
    /// Bytes of a value; -1 for variable length.
    pub(super) length: i16,
}

/// Defines types by identifier, name, SQL name, length, and the identifier of the array type, or zero.
macro_rules! types {
    ($($constant:ident = $oid:literal, $name:literal, $sql:literal, $length:literal, $array:literal;)*) => {
        $(pub(super) const $constant: PgType = PgType { oid: $oid, name: $name, sql: $sql, length: $length };)*

        /// Types of columns, and types whose SQL name differs from that in `pg_type`, each with its array type.
        const KNOWN: &[(PgType, PgType)] = &[$((
            $constant,
            PgType { oid: $array, name: concat!("_", $name), sql: concat!($sql, "[]"), length: -1 },
        ),)*];
    };
}

types! {
    BOOL = 16, "bool", "boolean", 1, 1000;
    BYTEA = 17, "bytea", "bytea", -1, 1001;
    CHAR = 18, "char", "\"char\"", 1, 1002;
    NAME = 19, "name", "name", 64, 1003;
    INT8 = 20, "int8", "bigint", 8, 1016;
    INT2 = 21, "int2", "smallint", 2, 1005;
    INT4 = 23, "int4", "integer", 4, 1007;
    REGPROC = 24, "regproc", "regproc", 4, 1008;
    TEXT = 25, "text", "text", -1, 1009;
    OID = 26, "oid", "oid", 4, 1028;
    FLOAT4 = 700, "float4", "real", 4, 1021;
    FLOAT8 = 701, "float8", "double precision", 8, 1022;
    DATE = 1082, "date", "date", 4, 1182;
    TIME = 1083, "time", "time without time zone", 8, 1183;
    TIMESTAMP = 1114, "timestamp", "timestamp without time zone", 8, 1115;
    TIMESTAMPTZ = 1184, "timestamptz", "timestamp with time zone", 8, 1185;
    INTERVAL = 1186, "interval", "interval", 16, 1187;
    NUMERIC = 1700, "numeric", "numeric", -1, 1231;
    JSONB = 3802, "jsonb", "jsonb", -1, 3807;
    JSON = 114, "json", "json", -1, 0;
    UUID = 2950, "uuid", "uuid", 16, 0;
    VARCHAR = 1043, "varchar", "character varying", -1, 1015;
    BPCHAR = 1042, "bpchar", "character", -1, 0;
    TIMETZ = 1266, "timetz", "time with time zone", 12, 0;
    BIT = 1560, "bit", "bit", -1, 0;
    VARBIT = 1562, "varbit", "bit varying", -1, 0;
    UNKNOWN = 705, "unknown", "unknown", -2, 0;
}

/// Returns the array type of a type, or the type itself if there is none.
fn array_type(item_type: PgType) -> PgType {
    KNOWN.iter().find(|(item, array)| *item == item_type && array.oid != 0).map_or(item_type, |(_, array)| *array)
}

/// Returns the type of a column of a table of objects.
pub(super) fn from_values(values: Values) -> PgType {
    let scalar = |scalar| match scalar {
        Scalar::Text | Scalar::IntOrString => TEXT,
        Scalar::Json => JSONB,
        Scalar::Bool => BOOL,
        Scalar::Int32 => INT4,
        Scalar::Int64 => INT8,
        Scalar::Float | Scalar::Quantity => FLOAT8,
        Scalar::Time => TIMESTAMPTZ,
    };
    match values {
        Values::Scalar(of) => scalar(of),
        Values::Scalars(of) => array_type(scalar(of)),
        Values::Map(_) => JSONB,
        Values::Interval => INTERVAL,
    }
}

/// Returns the type of a field.
pub(super) fn from_field(field: &Field) -> PgType {
    if field.metadata().get(OID_ALIAS).is_some_and(|alias| alias == "oid") {
        return OID;
    }
    match json_type(field) {
        Some(JsonType::Json) => return JSON,
        Some(JsonType::Jsonb) => return JSONB,
        None => {}
    }
    from_arrow(field.data_type())
}

/// Returns the type for an Arrow type.
pub(super) fn from_arrow(data_type: &DataType) -> PgType {
    match data_type {
        DataType::Boolean => BOOL,
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => INT2,
        DataType::Int32 | DataType::UInt16 => INT4,
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => INT8,
        DataType::Decimal128(..) | DataType::Decimal256(..) => NUMERIC,
        DataType::Float16 | DataType::Float32 => FLOAT4,
        DataType::Float64 => FLOAT8,
        DataType::Date32 | DataType::Date64 => DATE,
        DataType::Time32(_) | DataType::Time64(_) => TIME,
        DataType::Timestamp(_, None) => TIMESTAMP,
        DataType::Timestamp(_, Some(_)) => TIMESTAMPTZ,
        DataType::Interval(_) | DataType::Duration(_) => INTERVAL,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => BYTEA,
        DataType::Dictionary(_, values) => from_arrow(values),
        DataType::List(item) | DataType::LargeList(item) if !item.data_type().is_nested() => {
            array_type(from_arrow(item.data_type()))
        }
        nested if nested.is_nested() => JSONB,
        _ => TEXT,
    }
}

/// Returns the SQL name of a type with its modifier.
pub(super) fn format(oid: i32, modifier: Option<i32>) -> Option<String> {
    if oid == 0 {
        return Some("-".to_owned());
    }
    let known = KNOWN.iter().flat_map(|(item, array)| [item, array]).find(|of| of.oid == oid);
    if let Some(PgType { sql, .. }) = known {
        return Some(match modifier {
            Some(modifier) if modifier >= 4 && (oid == VARCHAR.oid || oid == BPCHAR.oid) => {
                format!("{sql}({})", modifier - 4)
            }
            _ => (*sql).to_owned(),
        });
    }
    let name = builtin_types::name(oid)?;
    Some(name.strip_prefix('_').map_or_else(|| name.clone(), |item| format!("{item}[]")))
}

/// Returns the identifier of a type by its name in SQL or `pg_type`.
pub(super) fn find(name: &str) -> Option<i32> {
    let name = name.trim().trim_start_matches("pg_catalog.").to_lowercase();
    let (name, is_array) = match name.strip_suffix("[]") {
        Some(item) => (item.trim().to_owned(), true),
        None => (name, false),
    };
    let name = match name.as_str() {
        "int" => "int4",
        "string" => "text",
        "decimal" => "numeric",
        "float" => "float8",
        "timestamp" => "timestamp",
        other => other,
    };
    let bare = name.trim_matches('"');
    let known = KNOWN.iter().map(|(of, _)| *of).find(|of| of.sql == name || of.name == bare);
    match (known, is_array) {
        (Some(of), true) => Some(array_type(of).oid),
        (Some(of), false) => Some(of.oid),
        (None, true) => builtin_types::oid(&format!("_{bare}")),
        (None, false) => builtin_types::oid(bare),
    }
}
