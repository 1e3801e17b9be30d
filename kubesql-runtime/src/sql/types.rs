//! Arrow types of columns, and their names in SQL.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Fields, IntervalUnit, TimeUnit};

use crate::schema::{MapValue, Scalar, Values};

/// The metadata key for the content of a text field: `json`, or `json-text` for PostgreSQL's type `json`.
pub(crate) const CONTENT: &str = "kubesql.content";

/// PostgreSQL's types of JSON. Both are JSON text in columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JsonType {
    /// Text that is kept as it is.
    Json,
    /// A value: its text has the keys in order, and no duplicates. The columns of tables are `jsonb`.
    Jsonb,
}

/// Whether a type is text.
pub(crate) fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// The field of a column of JSON.
pub(crate) fn json_field(name: &str, json: JsonType) -> Field {
    let content = match json {
        JsonType::Json => "json-text",
        JsonType::Jsonb => "json",
    };
    Field::new(name, DataType::Utf8View, true).with_metadata([(CONTENT.to_owned(), content.to_owned())].into())
}

/// The type of JSON of a field of text; `None` if it is not JSON.
pub(crate) fn json_type(field: &Field) -> Option<JsonType> {
    match field.metadata().get(CONTENT)?.as_str() {
        "json" => Some(JsonType::Jsonb),
        "json-text" => Some(JsonType::Json),
        _ => None,
    }
}

/// Whether a field holds JSON.
pub(crate) fn is_json(field: &Field) -> bool {
    json_type(field).is_some()
}

/// The metadata key for the values of a map: `text`, `quantity` or `json`.
const VALUES: &str = "kubesql.values";

/// The metadata key for the name of a map's key or a condition. An alias of the column does not change it.
const KEY: &str = "kubesql.key";

/// The field of a column with a map's key, a condition or `object`, under another name.
pub(crate) fn key_field(name: &str, key: &str, values: Values) -> Field {
    let field = field(name, values);
    let mut metadata = field.metadata().clone();
    metadata.insert(KEY.to_owned(), key.to_owned());
    field.with_metadata(metadata)
}

/// Whether a field holds this key. A field of the same name may hold something else.
pub(crate) fn is_key(field: &Field, key: &str) -> bool {
    field.metadata().get(KEY).is_some_and(|name| name == key)
}

/// A field for clients: without the metadata for planning.
pub(crate) fn client_field(field: &Field) -> Field {
    let mut metadata = field.metadata().clone();
    metadata.retain(|name, _| name != KEY && name != VALUES);
    field.clone().with_metadata(metadata)
}

/// The type of a map's values; `None` for a map that is not from a table.
pub(crate) fn map_value(field: &Field) -> Option<MapValue> {
    match field.metadata().get(VALUES)?.as_str() {
        "text" => Some(MapValue::Text),
        "quantity" => Some(MapValue::Quantity),
        "json" => Some(MapValue::Json),
        _ => None,
    }
}

/// The type of a column.
pub(crate) fn data_type(values: Values) -> DataType {
    match values {
        Values::Scalar(scalar) => scalar_type(scalar),
        Values::Scalars(scalar) => DataType::List(item_field(scalar)),
        Values::Map(_) => DataType::Map(entries_field(), false),
        Values::Interval => DataType::Interval(IntervalUnit::MonthDayNano),
    }
}

/// The type of a single value.
pub(crate) fn scalar_type(scalar: Scalar) -> DataType {
    match scalar {
        Scalar::Text | Scalar::IntOrString | Scalar::Json => DataType::Utf8View,
        Scalar::Bool => DataType::Boolean,
        Scalar::Int32 => DataType::Int32,
        Scalar::Int64 => DataType::Int64,
        Scalar::Float | Scalar::Quantity => DataType::Float64,
        Scalar::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
    }
}

fn item_field(scalar: Scalar) -> FieldRef {
    Arc::new(Field::new("item", scalar_type(scalar), true))
}

/// The field of the entries of a map: pairs of texts.
pub(crate) fn entries_field() -> FieldRef {
    Arc::new(Field::new("entries", DataType::Struct(entry_fields()), false))
}

/// The fields of an entry: key and value.
pub(crate) fn entry_fields() -> Fields {
    Fields::from(vec![Field::new("key", DataType::Utf8, false), Field::new("value", DataType::Utf8, true)])
}

/// The field of a column, with metadata for JSON text and for the values of maps.
pub(crate) fn field(name: &str, values: Values) -> Field {
    let field = Field::new(name, data_type(values), true);
    let (key, content) = match values {
        Values::Scalar(Scalar::Json) => (CONTENT, "json"),
        Values::Map(MapValue::Text) => (VALUES, "text"),
        Values::Map(MapValue::Quantity) => (VALUES, "quantity"),
        Values::Map(MapValue::Json) => (VALUES, "json"),
        Values::Scalar(_) | Values::Scalars(_) | Values::Interval => return field,
    };
    field.with_metadata([(key.to_owned(), content.to_owned())].into())
}

/// The type of a key's values: `cpu` is in cores, other resources are in base units.
pub(crate) fn key_values(map: MapValue, key: &str) -> Values {
    Values::Scalar(match map {
        MapValue::Text => Scalar::Text,
        MapValue::Json => Scalar::Json,
        MapValue::Quantity if matches!(key, "cpu" | "requests.cpu" | "limits.cpu") => Scalar::Float,
        MapValue::Quantity => Scalar::Int64,
    })
}

/// The name of a type, as psql displays it.
pub(crate) fn sql_name(values: Values) -> &'static str {
    match values {
        Values::Scalar(scalar) => match scalar {
            Scalar::Text | Scalar::IntOrString => "text",
            Scalar::Json => "json",
            Scalar::Bool => "boolean",
            Scalar::Int32 => "integer",
            Scalar::Int64 => "bigint",
            Scalar::Float | Scalar::Quantity => "double precision",
            Scalar::Time => "timestamp with time zone",
        },
        Values::Scalars(scalar) => match scalar {
            Scalar::Text | Scalar::IntOrString => "text[]",
            Scalar::Json => "json[]",
            Scalar::Bool => "boolean[]",
            Scalar::Int32 => "integer[]",
            Scalar::Int64 => "bigint[]",
            Scalar::Float | Scalar::Quantity => "double precision[]",
            Scalar::Time => "timestamp with time zone[]",
        },
        Values::Map(_) => "map",
        Values::Interval => "interval",
    }
}

/// The name of the type of an answer's column, as psql displays it.
#[must_use]
pub fn type_name(field: &Field) -> String {
    if is_json(field) {
        return "json".to_owned();
    }
    data_type_name(field.data_type())
}

/// The name of an Arrow type, as psql displays it.
pub(crate) fn data_type_name(data_type: &DataType) -> String {
    let name = match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "text",
        DataType::Boolean => "boolean",
        DataType::Int8 | DataType::UInt8 | DataType::Int16 => "smallint",
        DataType::UInt16 | DataType::Int32 => "integer",
        DataType::UInt32 | DataType::Int64 => "bigint",
        DataType::UInt64 => "numeric",
        DataType::Float16 | DataType::Float32 => "real",
        DataType::Float64 => "double precision",
        DataType::Decimal32(digits, scale)
        | DataType::Decimal64(digits, scale)
        | DataType::Decimal128(digits, scale)
        | DataType::Decimal256(digits, scale) => return format!("numeric({digits},{scale})"),
        DataType::Timestamp(_, Some(_)) => "timestamp with time zone",
        DataType::Timestamp(_, None) => "timestamp without time zone",
        DataType::Date32 | DataType::Date64 => "date",
        DataType::Time32(_) | DataType::Time64(_) => "time without time zone",
        DataType::Interval(_) | DataType::Duration(_) => "interval",
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => "bytea",
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            return format!("{}[]", type_name(item));
        }
        DataType::Map(..) => "map",
        DataType::Struct(_) => "record",
        DataType::Union(..) => "json",
        DataType::Dictionary(_, values) => return data_type_name(values),
        DataType::Null => "unknown",
        _ => "text",
    };
    name.to_owned()
}
