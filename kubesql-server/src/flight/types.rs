//! The Arrow types of columns as they are sent, which are types that all clients support, and their SQL names.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit};

use crate::output::plain::plain;

/// The metadata of a column with the name of its SQL type, which the protocol specifies.
const TYPE_NAME: &str = "ARROW:FLIGHT:SQL:TYPE_NAME";

/// The columns of an answer as they are sent.
pub(super) fn sent_schema(schema: &Schema) -> SchemaRef {
    Arc::new(Schema::new(schema.fields().iter().map(sent_column).collect::<Fields>()))
}

fn sent_column(field: &FieldRef) -> Field {
    let mut metadata = field.metadata().clone();
    metadata.insert(TYPE_NAME.to_owned(), sql_name(field.data_type(), field.metadata()).into_owned());
    Field::new(field.name(), plain(field.data_type()), field.is_nullable()).with_metadata(metadata)
}

/// The name of the SQL type, as in psql.
fn sql_name(data_type: &DataType, metadata: &HashMap<String, String>) -> std::borrow::Cow<'static, str> {
    match data_type {
        DataType::Utf8View | DataType::Utf8 | DataType::LargeUtf8 | DataType::Null => {
            if metadata.contains_key("kubesql.content") { "json" } else { "text" }.into()
        }
        DataType::Boolean => "boolean".into(),
        DataType::Int8 | DataType::UInt8 | DataType::Int16 => "smallint".into(),
        DataType::UInt16 | DataType::Int32 => "integer".into(),
        DataType::UInt32 | DataType::Int64 => "bigint".into(),
        DataType::UInt64 | DataType::Decimal128(..) | DataType::Decimal256(..) => "numeric".into(),
        DataType::Float16 | DataType::Float32 => "real".into(),
        DataType::Float64 => "double precision".into(),
        DataType::Timestamp(_, Some(_)) => "timestamp with time zone".into(),
        DataType::Timestamp(_, None) => "timestamp without time zone".into(),
        DataType::Date32 | DataType::Date64 => "date".into(),
        DataType::Time32(_) | DataType::Time64(_) => "time without time zone".into(),
        DataType::Duration(_) | DataType::Interval(_) => "interval".into(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            "bytea".into()
        }
        DataType::Dictionary(_, values) => sql_name(values, metadata),
        DataType::List(item) | DataType::LargeList(item) => {
            format!("{}[]", sql_name(item.data_type(), item.metadata())).into()
        }
        DataType::Map(..) => "map".into(),
        _ => "record".into(),
    }
}

/// The column of a table, from the name of its SQL type.
pub(super) fn table_column(name: &str, sql_type: &str) -> Field {
    let data_type = from_sql_name(sql_type);
    Field::new(name, data_type, true).with_metadata([(TYPE_NAME.to_owned(), sql_type.to_owned())].into())
}

fn from_sql_name(name: &str) -> DataType {
    if let Some(item) = name.strip_suffix("[]") {
        return DataType::List(Arc::new(Field::new("item", from_sql_name(item), true)));
    }
    match name {
        "boolean" => DataType::Boolean,
        "integer" => DataType::Int32,
        "bigint" => DataType::Int64,
        "double precision" => DataType::Float64,
        "timestamp with time zone" => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        "date" => DataType::Date32,
        "map" => {
            let entry = [Field::new("key", DataType::Utf8, false), Field::new("value", DataType::Utf8, true)];
            DataType::Map(Arc::new(Field::new("entries", DataType::Struct(Fields::from(entry.to_vec())), false)), false)
        }
        _ => DataType::Utf8,
    }
}
