//! Types of columns by PostgreSQL's identifiers, and how they are spelt.

use arrow::datatypes::{DataType, Field};

use crate::schema::{Scalar, Values};
use crate::sql::system::Kind;

/// A type of PostgreSQL's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PgType {
    pub(super) oid: i32,
    /// `int8`, as `pg_type` has it.
    pub(super) name: &'static str,
    /// `bigint`, as psql shows it.
    pub(super) sql: &'static str,
    /// Bytes of a value; -1 where they differ.
    pub(super) length: i16,
}

const fn of(oid: i32, name: &'static str, sql: &'static str, length: i16) -> PgType {
    PgType { oid, name, sql, length }
}

pub(super) const BOOL: PgType = of(16, "bool", "boolean", 1);
pub(super) const BYTEA: PgType = of(17, "bytea", "bytea", -1);
pub(super) const CHAR: PgType = of(18, "char", "\"char\"", 1);
pub(super) const NAME: PgType = of(19, "name", "name", 64);
pub(super) const INT8: PgType = of(20, "int8", "bigint", 8);
pub(super) const INT2: PgType = of(21, "int2", "smallint", 2);
pub(super) const INT4: PgType = of(23, "int4", "integer", 4);
pub(super) const REGPROC: PgType = of(24, "regproc", "regproc", 4);
pub(super) const TEXT: PgType = of(25, "text", "text", -1);
pub(super) const OID: PgType = of(26, "oid", "oid", 4);
pub(super) const FLOAT4: PgType = of(700, "float4", "real", 4);
pub(super) const FLOAT8: PgType = of(701, "float8", "double precision", 8);
pub(super) const DATE: PgType = of(1082, "date", "date", 4);
pub(super) const TIME: PgType = of(1083, "time", "time without time zone", 8);
pub(super) const TIMESTAMP: PgType = of(1114, "timestamp", "timestamp without time zone", 8);
pub(super) const TIMESTAMPTZ: PgType = of(1184, "timestamptz", "timestamp with time zone", 8);
pub(super) const INTERVAL: PgType = of(1186, "interval", "interval", 16);
pub(super) const NUMERIC: PgType = of(1700, "numeric", "numeric", -1);
pub(super) const JSONB: PgType = of(3802, "jsonb", "jsonb", -1);
const JSON: PgType = of(114, "json", "json", -1);
const UUID: PgType = of(2950, "uuid", "uuid", 16);
const VARCHAR: PgType = of(1043, "varchar", "character varying", -1);
const BPCHAR: PgType = of(1042, "bpchar", "character", -1);
const TIMETZ: PgType = of(1266, "timetz", "time with time zone", 12);
const BIT: PgType = of(1560, "bit", "bit", -1);
const VARBIT: PgType = of(1562, "varbit", "bit varying", -1);
const UNKNOWN: PgType = of(705, "unknown", "unknown", -2);

/// Those whose name in SQL is another than in `pg_type`, and those that columns have.
const KNOWN: [PgType; 27] = [
    BOOL,
    BYTEA,
    CHAR,
    NAME,
    INT8,
    INT2,
    INT4,
    REGPROC,
    TEXT,
    OID,
    FLOAT4,
    FLOAT8,
    DATE,
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    INTERVAL,
    NUMERIC,
    JSONB,
    JSON,
    UUID,
    VARCHAR,
    BPCHAR,
    TIMETZ,
    BIT,
    VARBIT,
    UNKNOWN,
];

/// The arrays of types.
const ARRAYS: [(PgType, PgType); 20] = [
    (BOOL, of(1000, "_bool", "boolean[]", -1)),
    (BYTEA, of(1001, "_bytea", "bytea[]", -1)),
    (CHAR, of(1002, "_char", "\"char\"[]", -1)),
    (NAME, of(1003, "_name", "name[]", -1)),
    (INT2, of(1005, "_int2", "smallint[]", -1)),
    (INT4, of(1007, "_int4", "integer[]", -1)),
    (REGPROC, of(1008, "_regproc", "regproc[]", -1)),
    (TEXT, of(1009, "_text", "text[]", -1)),
    (INT8, of(1016, "_int8", "bigint[]", -1)),
    (FLOAT4, of(1021, "_float4", "real[]", -1)),
    (FLOAT8, of(1022, "_float8", "double precision[]", -1)),
    (OID, of(1028, "_oid", "oid[]", -1)),
    (TIMESTAMP, of(1115, "_timestamp", "timestamp without time zone[]", -1)),
    (DATE, of(1182, "_date", "date[]", -1)),
    (TIME, of(1183, "_time", "time without time zone[]", -1)),
    (TIMESTAMPTZ, of(1185, "_timestamptz", "timestamp with time zone[]", -1)),
    (INTERVAL, of(1187, "_interval", "interval[]", -1)),
    (NUMERIC, of(1231, "_numeric", "numeric[]", -1)),
    (JSONB, of(3807, "_jsonb", "jsonb[]", -1)),
    (VARCHAR, of(1015, "_varchar", "character varying[]", -1)),
];

/// The array of a type, or the type where there is none.
fn array(of: PgType) -> PgType {
    ARRAYS.into_iter().find(|(item, _)| *item == of).map_or(of, |(_, array)| array)
}

/// The type that columns of objects have at a client.
pub(super) fn of_values(values: Values) -> PgType {
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
        Values::Scalars(of) => array(scalar(of)),
        Values::Map(_) => JSONB,
    }
}

/// The type that columns of a table about kubesql have at a client.
pub(super) fn of_kind(kind: Kind) -> PgType {
    match kind {
        Kind::Text => TEXT,
        Kind::Integer | Kind::Signed => INT4,
        Kind::BigInt => INT8,
        Kind::Float => FLOAT8,
        Kind::Time => TIMESTAMPTZ,
        Kind::Boolean => BOOL,
    }
}

/// The type that a column of this field has at a client.
pub(super) fn of_field(field: &Field) -> PgType {
    if field.metadata().get(super::tables::OID).is_some_and(|alias| alias == "oid") {
        return OID;
    }
    if field.metadata().contains_key(super::super::types::CONTENT) {
        return JSONB;
    }
    of_arrow(field.data_type())
}

/// The type that values of an Arrow type have at a client.
pub(super) fn of_arrow(data_type: &DataType) -> PgType {
    match data_type {
        DataType::Boolean => BOOL,
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => INT2,
        DataType::Int32 | DataType::UInt16 => INT4,
        DataType::Int64 | DataType::UInt32 => INT8,
        DataType::UInt64 | DataType::Decimal128(..) | DataType::Decimal256(..) => NUMERIC,
        DataType::Float16 | DataType::Float32 => FLOAT4,
        DataType::Float64 => FLOAT8,
        DataType::Date32 | DataType::Date64 => DATE,
        DataType::Time32(_) | DataType::Time64(_) => TIME,
        DataType::Timestamp(_, None) => TIMESTAMP,
        DataType::Timestamp(_, Some(_)) => TIMESTAMPTZ,
        DataType::Interval(_) | DataType::Duration(_) => INTERVAL,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => BYTEA,
        DataType::Dictionary(_, values) => of_arrow(values),
        DataType::List(item) | DataType::LargeList(item) if !item.data_type().is_nested() => {
            array(of_arrow(item.data_type()))
        }
        nested if nested.is_nested() => JSONB,
        _ => TEXT,
    }
}

/// How the type with an identifier is spelt, with what its modifier says.
pub(super) fn format(oid: i32, modifier: Option<i32>) -> Option<String> {
    if oid == 0 {
        return Some("-".to_owned());
    }
    let known = KNOWN.into_iter().find(|of| of.oid == oid).map(|of| of.sql);
    let known = known.or_else(|| ARRAYS.into_iter().find(|(_, array)| array.oid == oid).map(|(_, array)| array.sql));
    if let Some(sql) = known {
        return Some(match modifier {
            Some(modifier) if modifier >= 4 && (oid == VARCHAR.oid || oid == BPCHAR.oid) => {
                format!("{sql}({})", modifier - 4)
            }
            _ => sql.to_owned(),
        });
    }
    let name = super::tables::type_name(oid)?;
    Some(name.strip_prefix('_').map_or_else(|| name.clone(), |item| format!("{item}[]")))
}

/// The identifier of a type by any of its names.
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
    let known = KNOWN.into_iter().find(|of| of.sql == name || of.name == bare);
    match (known, is_array) {
        (Some(of), true) => Some(array(of).oid),
        (Some(of), false) => Some(of.oid),
        (None, true) => super::tables::type_oid(&format!("_{bare}")),
        (None, false) => super::tables::type_oid(bare),
    }
}
