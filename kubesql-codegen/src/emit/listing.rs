//! Emits `tables.tsv`: every table and column with type and path, for review and diffs.

use std::fmt::Write as _;

use crate::model::{MapValue, Model, Scalar, Shape};

/// The listing: a line for each column, sorted by group, kind and table.
pub fn listing(model: &Model) -> String {
    let mut out = String::from("schema\ttable\tcolumn\ttype\tpath\n");
    for kind in &model.kinds {
        let schema = if kind.group.is_empty() { "core" } else { &kind.group };
        for table in &kind.tables {
            for column in &table.columns {
                let (name, path) = (&column.name, &column.path);
                let _ = writeln!(out, "{schema}\t{}\t{name}\t{}\t{path}", table.name, type_name(&column.shape));
            }
        }
    }
    out
}

fn type_name(shape: &Shape) -> String {
    match shape {
        Shape::Scalar(scalar) => scalar_name(*scalar).to_owned(),
        Shape::Scalars(scalar) => format!("{}[]", scalar_name(*scalar)),
        Shape::Map(MapValue::Text) => "map".to_owned(),
        Shape::Map(MapValue::Quantity) => "map of quantities".to_owned(),
        Shape::Map(MapValue::Json) => "map of json".to_owned(),
        Shape::Other(_) => scalar_name(Scalar::Json).to_owned(),
        Shape::Object(name) | Shape::List(name) => name.clone(),
    }
}

fn scalar_name(scalar: Scalar) -> &'static str {
    match scalar {
        Scalar::Text | Scalar::IntOrString => "text",
        Scalar::Bool => "boolean",
        Scalar::Int32 => "integer",
        Scalar::Int64 => "bigint",
        Scalar::Float | Scalar::Quantity => "double precision",
        Scalar::Time => "timestamp with time zone",
        Scalar::Json => "json",
    }
}
