//! The types of columns in Presto and Trino.

use arrow::datatypes::DataType;
use serde_json::{Value, json};

use super::dialect::Dialect;

/// A type of the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Type {
    Boolean,
    TinyInt,
    SmallInt,
    Integer,
    BigInt,
    Real,
    Double,
    Decimal(u8, i8),
    Varchar,
    Varbinary,
    Date,
    Time,
    Timestamp,
    TimestampTz,
    /// `interval day to second`
    Interval,
    /// The type of NULL.
    Unknown,
    Array(Box<Type>),
    Map(Box<Type>, Box<Type>),
    Row(Vec<(String, Type)>),
}

impl Type {
    /// The type of an Arrow type; `varchar` if there is no closer one.
    pub(super) fn from_arrow(arrow: &DataType) -> Self {
        match arrow {
            DataType::Boolean => Self::Boolean,
            DataType::Int8 => Self::TinyInt,
            DataType::Int16 | DataType::UInt8 => Self::SmallInt,
            DataType::Int32 | DataType::UInt16 => Self::Integer,
            // No column has values of more than 63 bits.
            DataType::Int64 | DataType::UInt32 | DataType::UInt64 => Self::BigInt,
            DataType::Float16 | DataType::Float32 => Self::Real,
            DataType::Float64 => Self::Double,
            DataType::Decimal32(digits, scale)
            | DataType::Decimal64(digits, scale)
            | DataType::Decimal128(digits, scale) => Self::Decimal(*digits, *scale),
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
                Self::Varbinary
            }
            DataType::Date32 | DataType::Date64 => Self::Date,
            DataType::Time32(_) | DataType::Time64(_) => Self::Time,
            DataType::Timestamp(_, None) => Self::Timestamp,
            DataType::Timestamp(_, Some(_)) => Self::TimestampTz,
            DataType::Duration(_) => Self::Interval,
            DataType::Null => Self::Unknown,
            DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
                Self::Array(Box::new(Self::from_arrow(item.data_type())))
            }
            DataType::Map(entries, _) => match entries.data_type() {
                DataType::Struct(fields) if fields.len() == 2 => {
                    let of = |at: usize| Box::new(Self::from_arrow(fields[at].data_type()));
                    Self::Map(of(0), of(1))
                }
                _ => Self::Varchar,
            },
            DataType::Struct(fields) => Self::Row(
                fields.iter().map(|field| (field.name().clone(), Self::from_arrow(field.data_type()))).collect(),
            ),
            DataType::Dictionary(_, values) => Self::from_arrow(values),
            _ => Self::Varchar,
        }
    }

    /// The type for the name of a SQL type in psql.
    pub(super) fn from_sql_name(name: &str) -> Self {
        if let Some(item) = name.strip_suffix("[]") {
            return Self::Array(Box::new(Self::from_sql_name(item)));
        }
        match name {
            "boolean" => Self::Boolean,
            "smallint" => Self::SmallInt,
            "integer" => Self::Integer,
            "bigint" => Self::BigInt,
            "real" => Self::Real,
            "double precision" => Self::Double,
            "date" => Self::Date,
            "timestamp with time zone" => Self::TimestampTz,
            "timestamp without time zone" => Self::Timestamp,
            "map" => Self::Map(Box::new(Self::Varchar), Box::new(Self::Varchar)),
            _ => Self::Varchar,
        }
    }

    /// The number of fractional digits of seconds, up to the six that times have.
    pub(super) fn time_precision(dialect: Dialect) -> usize {
        if dialect == (Dialect::Trino { precise_times: true }) { 6 } else { 3 }
    }

    /// The name with arguments: `timestamp(6) with time zone`, `array(varchar)`.
    pub(super) fn name(&self, dialect: Dialect) -> String {
        let digits = match dialect {
            Dialect::Trino { precise_times: true } => format!("({})", Self::time_precision(dialect)),
            _ => String::new(),
        };
        match self {
            Self::Decimal(digits, scale) => format!("decimal({digits},{scale})"),
            Self::Time | Self::Timestamp => format!("{}{digits}", self.raw()),
            Self::TimestampTz => format!("timestamp{digits} with time zone"),
            Self::Array(item) => format!("array({})", item.name(dialect)),
            Self::Map(key, value) => {
                let comma = if dialect == Dialect::Presto { "," } else { ", " };
                format!("map({}{comma}{})", key.name(dialect), value.name(dialect))
            }
            Self::Row(fields) => {
                let field =
                    |(name, of): &(String, Self)| format!("\"{}\" {}", name.replace('"', "\"\""), of.name(dialect));
                let comma = if dialect == Dialect::Presto { "," } else { ", " };
                format!("row({})", fields.iter().map(field).collect::<Vec<_>>().join(comma))
            }
            plain => plain.raw().to_owned(),
        }
    }

    /// The name without arguments.
    fn raw(&self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::TinyInt => "tinyint",
            Self::SmallInt => "smallint",
            Self::Integer => "integer",
            Self::BigInt => "bigint",
            Self::Real => "real",
            Self::Double => "double",
            Self::Decimal(..) => "decimal",
            Self::Varchar => "varchar",
            Self::Varbinary => "varbinary",
            Self::Date => "date",
            Self::Time => "time",
            Self::Timestamp => "timestamp",
            Self::TimestampTz => "timestamp with time zone",
            Self::Interval => "interval day to second",
            Self::Unknown => "unknown",
            Self::Array(_) => "array",
            Self::Map(..) => "map",
            Self::Row(_) => "row",
        }
    }

    /// The type as JSON.
    pub(super) fn signature(&self, dialect: Dialect) -> Value {
        let presto = dialect == Dialect::Presto;
        let long = |value: i64| json!({"kind": if presto { "LONG_LITERAL" } else { "LONG" }, "value": value});
        let of = |inner: &Self| {
            let kind = if presto { "TYPE_SIGNATURE" } else { "TYPE" };
            json!({"kind": kind, "value": inner.signature(dialect)})
        };
        let digits = i64::try_from(Self::time_precision(dialect)).unwrap_or_default();
        let arguments = match self {
            Self::Decimal(digits, scale) => vec![long((*digits).into()), long((*scale).into())],
            // Without a maximum length.
            Self::Varchar => vec![long(i32::MAX.into())],
            Self::Time | Self::Timestamp | Self::TimestampTz if dialect == (Dialect::Trino { precise_times: true }) => {
                vec![long(digits)]
            }
            Self::Array(item) => vec![of(item)],
            Self::Map(key, value) => vec![of(key), of(value)],
            Self::Row(fields) => {
                let kind = if presto { "NAMED_TYPE_SIGNATURE" } else { "NAMED_TYPE" };
                let field = |(name, of): &(String, Self)| {
                    let name = if presto { json!({"name": name, "delimited": true}) } else { json!({"name": name}) };
                    json!({"kind": kind, "value": {"fieldName": name, "typeSignature": of.signature(dialect)}})
                };
                fields.iter().map(field).collect()
            }
            _ => Vec::new(),
        };
        if presto {
            // The other fields are for old clients.
            return json!({"rawType": self.raw(), "typeArguments": [], "literalArguments": [], "arguments": arguments});
        }
        json!({"rawType": self.raw(), "arguments": arguments})
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::datatypes::{Field, Fields, TimeUnit};

    use super::*;

    #[test]
    fn types_have_names_and_signatures() {
        let precise = Dialect::Trino { precise_times: true };
        let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let list = DataType::List(Arc::new(Field::new("item", DataType::Utf8View, true)));
        let entry = Fields::from(vec![Field::new("k", DataType::Utf8, false), Field::new("v", DataType::Int64, true)]);
        let map = DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entry.clone()), false)), false);
        for (of, presto, trino) in [
            (DataType::Utf8View, "varchar", "varchar"),
            (DataType::Float64, "double", "double"),
            (time.clone(), "timestamp with time zone", "timestamp(6) with time zone"),
            (DataType::Timestamp(TimeUnit::Second, None), "timestamp", "timestamp(6)"),
            (list, "array(varchar)", "array(varchar)"),
            (map, "map(varchar,bigint)", "map(varchar, bigint)"),
            (DataType::Struct(entry), "row(\"k\" varchar,\"v\" bigint)", "row(\"k\" varchar, \"v\" bigint)"),
            (DataType::Null, "unknown", "unknown"),
        ] {
            let of = Type::from_arrow(&of);
            assert_eq!((of.name(Dialect::Presto).as_str(), of.name(precise).as_str()), (presto, trino));
        }
        let of = Type::from_arrow(&time);
        assert_eq!(of.name(Dialect::Trino { precise_times: false }), "timestamp with time zone");
        let arguments = json!([{"kind": "LONG", "value": 6}]);
        assert_eq!(of.signature(precise), json!({"rawType": "timestamp with time zone", "arguments": arguments}));
        assert_eq!(Type::from_sql_name("text[]").name(precise), "array(varchar)");
    }
}
