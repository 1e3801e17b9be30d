//! Compiled kinds as schemas and names, to which discovered definitions are added.

use std::collections::BTreeMap;

use kubesql_codegen::names::{Lock, dotted, split};
use kubesql_codegen::spec::{OBJECT_META, PrinterColumn, QUANTITY, Schema};

use crate::generated::KINDS;
use crate::schema::{KindDef, MapValue, Scalar, Shape, Table, TypeDef};

/// The type of object metadata.
pub(super) fn object_meta() -> Option<&'static TypeDef> {
    KINDS.iter().find_map(|kind| match kind.root.field("metadata")?.1.shape {
        Shape::Object(meta) if meta.name == OBJECT_META => Some(meta),
        _ => None,
    })
}

/// A type as a schema. Converting the schema back gives the same type.
pub(super) fn schema(of: &'static TypeDef) -> Schema {
    let field = |shape: Shape| match shape {
        Shape::Scalar(scalar) => single(scalar),
        Shape::Object(inner) if inner.name == OBJECT_META => Schema::Ref(OBJECT_META.to_owned()),
        Shape::Object(inner) => schema(inner),
        Shape::List(item) => Schema::Array(Box::new(schema(item))),
        Shape::Scalars(scalar) => Schema::Array(Box::new(single(scalar))),
        Shape::Map(value) => {
            let values = match value {
                MapValue::Text => single(Scalar::Text),
                MapValue::Quantity => single(Scalar::Quantity),
                MapValue::Json => Schema::Any,
            };
            Schema::Object { properties: BTreeMap::new(), additional: Some(Box::new(values)), preserve_unknown: false }
        }
    };
    // Fields for values of other shapes follow from the fields that have them.
    let is_other = |number: u16| of.fields.iter().any(|def| def.other == Some(number));
    let properties = of.fields.iter().zip(0..).filter(|(_, number)| !is_other(*number)).map(|(def, _)| {
        let schema = field(def.shape);
        (def.json.to_owned(), if def.other.is_some() { Schema::Either(Box::new(schema)) } else { schema })
    });
    let properties = properties.collect();
    Schema::Object { properties, additional: None, preserve_unknown: false }
}

fn single(scalar: Scalar) -> Schema {
    match scalar {
        Scalar::Text => Schema::String(None),
        Scalar::Bool => Schema::Boolean,
        Scalar::Int32 => Schema::Integer(Some("int32".to_owned())),
        Scalar::Int64 => Schema::Integer(None),
        Scalar::Float => Schema::Number,
        Scalar::Time => Schema::String(Some("date-time".to_owned())),
        Scalar::IntOrString => Schema::IntOrString,
        Scalar::Quantity => Schema::String(Some(QUANTITY.to_owned())),
        Scalar::Json => Schema::Any,
    }
}

/// Locks the names of a compiled kind's tables and columns, so that other fields do not get them.
pub(super) fn lock_names(kind: &'static KindDef, lock: &mut Lock) {
    let id = format!("{}/{}", kind.group, kind.kind);
    for def in kind.tables {
        let path = dotted(&split(def.path).collect::<Vec<_>>());
        let table = Table::new(kind, def);
        let columns = table.columns.iter().filter(|column| !column.path.is_empty());
        lock.add(&id, &path, def.name, columns.map(|column| (column.path.as_str(), column.name.as_str())));
    }
}

/// The printer columns of a compiled kind.
pub(super) fn printer_columns(kind: &KindDef) -> impl Iterator<Item = PrinterColumn> {
    kind.custom.unwrap_or_default().iter().map(|printed| PrinterColumn {
        name: printed.name.to_owned(),
        kind: match printed.scalar {
            Scalar::Time => "date",
            Scalar::Int32 | Scalar::Int64 => "integer",
            Scalar::Float | Scalar::Quantity => "number",
            Scalar::Bool => "boolean",
            Scalar::Text | Scalar::IntOrString | Scalar::Json => "string",
        }
        .to_owned(),
        path: printed.path.to_owned(),
    })
}
