//! Types of printer columns, by the values at their paths.

use std::collections::BTreeMap;

use super::{MapValue, Printed, Scalar, Shape, Type};
use crate::names::{Step, steps};
use crate::spec::PrinterColumn;

/// The printer columns whose paths refer to scalars. Names are unique.
pub(super) fn printed(types: &BTreeMap<String, Type>, root: &str, columns: &[PrinterColumn]) -> Vec<Printed> {
    let mut found: Vec<Printed> = Vec::new();
    for column in columns {
        let name = column.name.to_lowercase();
        // Some definitions write a field's path without a leading dot.
        let path =
            if column.path.starts_with(['.', '{', '[']) { column.path.clone() } else { format!(".{}", column.path) };
        if found.iter().any(|other| other.name == name || other.path == path) {
            continue;
        }
        let scalar = steps(&path).and_then(|steps| scalar(types, root, &steps, &column.kind));
        if let Some(scalar) = scalar {
            found.push(Printed { name, path, scalar });
        }
    }
    found
}

/// The type of the scalar at a path; `None` if there is no scalar.
fn scalar(types: &BTreeMap<String, Type>, root: &str, steps: &[Step], kind: &str) -> Option<Scalar> {
    let mut of = root;
    let mut rest = steps;
    loop {
        let [Step::Field(word), after @ ..] = rest else { return None };
        rest = after;
        match (types.get(of)?.get(word)?, rest) {
            (Shape::Object(inner), _) => of = inner,
            (Shape::List(item), [Step::Where(field, ..), after @ ..]) => {
                let [field] = field.as_slice() else { return None };
                if *types.get(item)?.get(field)? != Shape::Scalar(Scalar::Text) {
                    return None;
                }
                (of, rest) = (item, after);
            }
            (Shape::List(item), [Step::Index(_) | Step::Each, after @ ..]) => (of, rest) = (item, after),
            (Shape::Scalars(scalar), [Step::Index(_) | Step::Each]) if *scalar != Scalar::Json => return Some(*scalar),
            (Shape::Map(value), [Step::Field(key)]) => {
                return Some(match value {
                    MapValue::Text => declared(Scalar::Text, kind),
                    MapValue::Quantity if key == "cpu" => Scalar::Float,
                    MapValue::Quantity => Scalar::Int64,
                    MapValue::Json => declared(Scalar::Json, kind),
                });
            }
            (Shape::Scalar(scalar), []) => return Some(declared(*scalar, kind)),
            (Shape::Scalar(Scalar::Json), _) => return Some(declared(Scalar::Json, kind)),
            _ => return None,
        }
    }
}

/// The type of a value by its schema; where the schema is not specific, by the type that the column declares.
fn declared(scalar: Scalar, kind: &str) -> Scalar {
    match (scalar, kind) {
        (Scalar::Json | Scalar::Text, "date") => Scalar::Time,
        (Scalar::Json, "integer") => Scalar::Int64,
        (Scalar::Json, "number") => Scalar::Float,
        (Scalar::Json, "boolean") => Scalar::Bool,
        (Scalar::Json, _) => Scalar::Text,
        (scalar, _) => scalar,
    }
}
