//! What `kubectl get` prints of custom resources as columns: the type of what a path leads to.

use std::collections::BTreeMap;

use super::{MapValue, Printed, Scalar, Shape, Type};
use crate::names::{Step, steps};
use crate::spec::PrinterColumn;

/// The printer columns whose paths lead to single values, each name once.
pub(super) fn printed(types: &BTreeMap<String, Type>, root: &str, columns: &[PrinterColumn]) -> Vec<Printed> {
    let mut found: Vec<Printed> = Vec::new();
    for column in columns {
        let name = column.name.to_lowercase();
        // A path of a field has no dot in front.
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

/// The single value that a path leads to; `None` where it leads nowhere, or to more than that.
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

/// What a value is by its schema, and where that leaves it open by what the column declares.
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
