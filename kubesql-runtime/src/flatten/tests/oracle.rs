//! A slow and simple reference implementation: from JSON to expected values, and from columns back to values.
#![allow(unreachable_pub, reason = "also used by the fuzz targets")]

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use serde_json::{Map, Value, json};

use crate::flatten::group::{ColumnData, ColumnGroup};
use crate::schema::{MapValue, Scalar, Shape, TypeDef};
use crate::value::{quantity, time};

/// The values that the columns should have for a value of this type. Counts values that do not fit.
pub fn expect(def: &TypeDef, value: &Value, misfits: &mut u64) -> Value {
    let Value::Object(object) = value else {
        *misfits += u64::from(!value.is_null());
        return json!({});
    };
    let mut expected = Map::new();
    for (field, number) in def.fields.iter().zip(0..) {
        let Some(value) = object.get(field.json) else { continue };
        if def.fields.iter().any(|main| main.other == Some(number)) {
            // It holds values of another field.
            continue;
        }
        if let Some(other) = field.other
            && !has_shape(field.shape, value)
        {
            let other = def.fields[usize::from(other)].json;
            expected.insert(other.to_owned(), value.to_string().into());
            if !(value.is_object() && matches!(field.shape, Shape::Object(_))) {
                continue;
            }
        }
        let value = expect_shape(field.shape, value, misfits);
        // Columns do not distinguish an object without values, or a list without items, from an absent one.
        let nothing = match field.shape {
            Shape::Object(_) => value == json!({}),
            Shape::List(_) => value == json!([]),
            _ => false,
        };
        if !value.is_null() && !nothing {
            expected.insert(field.json.to_owned(), value);
        }
    }
    Value::Object(expected)
}

/// Whether all of a value fits a shape. Objects with undeclared fields do not.
fn has_shape(shape: Shape, value: &Value) -> bool {
    match (shape, value) {
        (_, Value::Null) | (Shape::Scalar(Scalar::Json), _) => true,
        (Shape::Scalar(Scalar::Text | Scalar::Time | Scalar::IntOrString | Scalar::Quantity), Value::String(_))
        | (Shape::Scalar(Scalar::Bool), Value::Bool(_))
        | (
            Shape::Scalar(Scalar::Int32 | Scalar::Int64 | Scalar::Float | Scalar::IntOrString | Scalar::Quantity),
            Value::Number(_),
        )
        | (Shape::Map(MapValue::Json), Value::Object(_)) => true,
        (Shape::Object(def), Value::Object(fields)) => fields.keys().all(|name| def.field(name).is_some()),
        (Shape::Map(_), Value::Object(map)) => map.values().all(|value| !value.is_object() && !value.is_array()),
        (Shape::List(_), Value::Array(items)) => items.iter().all(|item| item.is_object() || item.is_null()),
        (Shape::Scalars(scalar), Value::Array(items)) => {
            items.iter().all(|item| has_shape(Shape::Scalar(scalar), item))
        }
        _ => false,
    }
}

fn expect_shape(shape: Shape, value: &Value, misfits: &mut u64) -> Value {
    let mut misfit = || {
        *misfits += u64::from(!value.is_null());
        Value::Null
    };
    match (shape, value) {
        (Shape::Scalar(scalar), _) => expect_scalar(scalar, value, misfits),
        (Shape::Object(def), Value::Object(_)) => expect(def, value, misfits),
        (Shape::List(def), Value::Array(items)) => items.iter().map(|item| expect(def, item, misfits)).collect(),
        (Shape::Scalars(scalar), Value::Array(items)) => {
            items.iter().map(|item| expect_scalar(scalar, item, misfits)).collect()
        }
        (Shape::Map(values), Value::Object(map)) => {
            let entry = |(key, value): (&String, &Value)| (key.clone(), expect_entry(values, value, misfits));
            Value::Object(map.iter().map(entry).collect())
        }
        _ => misfit(),
    }
}

fn expect_entry(values: MapValue, value: &Value, misfits: &mut u64) -> Value {
    match (values, value) {
        (MapValue::Json, Value::Null) | (_, Value::Null) => Value::Null,
        (MapValue::Json, _) => value.to_string().into(),
        (MapValue::Text, Value::String(_)) => value.clone(),
        (MapValue::Text, Value::Number(_) | Value::Bool(_)) => value.to_string().into(),
        (MapValue::Quantity, Value::String(_) | Value::Number(_)) => {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            *misfits += u64::from(quantity::parse(&text).is_none());
            text.into()
        }
        _ => {
            *misfits += 1;
            Value::Null
        }
    }
}

fn expect_scalar(scalar: Scalar, value: &Value, misfits: &mut u64) -> Value {
    let whole = || match value.as_f64() {
        Some(number) if number.fract() == 0.0 && number.abs() < 9.1e15 => {
            value.as_i64().or(format!("{number:.0}").parse().ok())
        }
        _ => value.as_i64(),
    };
    let as_quantity = || match value {
        Value::String(text) => quantity::parse(text).map(|quantity| quantity.to_f64()),
        Value::Number(number) => quantity::parse(&number.to_string()).map(|quantity| quantity.to_f64()),
        _ => None,
    };
    let fits = match scalar {
        Scalar::Json => (!value.is_null()).then(|| value.to_string().into()),
        Scalar::Text => value.as_str().map(Value::from),
        Scalar::Bool => value.as_bool().map(Value::from),
        Scalar::Int32 => whole().and_then(|number| i32::try_from(number).ok()).map(Value::from),
        Scalar::Int64 => whole().map(Value::from),
        Scalar::Float => value.as_f64().map(Value::from),
        Scalar::Quantity => as_quantity().map(Value::from),
        Scalar::Time => value.as_str().and_then(time::parse).map(Value::from),
        Scalar::IntOrString => match value {
            Value::String(_) => Some(value.clone()),
            Value::Number(number) => Some(number.to_string().into()),
            _ => None,
        },
    };
    *misfits += u64::from(fits.is_none() && !value.is_null());
    fits.unwrap_or_default()
}

/// The values of the columns in a row.
pub fn values(def: &TypeDef, group: &ColumnGroup, row: usize) -> Value {
    let mut values = Map::new();
    for (field, data) in def.fields.iter().zip(&group.columns) {
        let Some(data) = data else { continue };
        let value = match (field.shape, data) {
            (Shape::Scalar(_) | Shape::Scalars(_), ColumnData::Leaf(array)) => leaf(array, row),
            (Shape::Object(def), ColumnData::Object(group)) => match self::values(def, group, row) {
                Value::Object(values) if values.is_empty() => Value::Null,
                value => value,
            },
            (Shape::List(def), ColumnData::List(list)) => {
                let items: Value = range(&list.offsets, row).map(|item| self::values(def, &list.items, item)).collect();
                if items == json!([]) { Value::Null } else { items }
            }
            (Shape::Map(_), ColumnData::Map(map)) => {
                match map.present.as_ref().is_none_or(|present| present.is_valid(row)) {
                    false => Value::Null,
                    true => {
                        let entry =
                            |entry| Some((leaf(&map.keys, entry).as_str()?.to_owned(), leaf(&map.values, entry)));
                        Value::Object(range(&map.offsets, row).filter_map(entry).collect())
                    }
                }
            }
            _ => panic!("{}: a column of another shape", field.json),
        };
        if !value.is_null() {
            values.insert(field.json.to_owned(), value);
        }
    }
    Value::Object(values)
}

fn range(offsets: &[i32], row: usize) -> std::ops::Range<usize> {
    usize::try_from(offsets[row]).expect("an offset")..usize::try_from(offsets[row + 1]).expect("an offset")
}

/// A value of an array.
pub fn leaf(array: &ArrayRef, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Dictionary(_, _) => {
            let one = array.slice(row, 1);
            let one = one.as_any_dictionary();
            let texts: &StringArray = one.values().as_string();
            texts.value(one.normalized_keys()[0]).into()
        }
        DataType::Utf8View => array.as_string_view().value(row).into(),
        DataType::Boolean => array.as_boolean().value(row).into(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).into(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).into(),
        DataType::Float64 => array.as_primitive::<Float64Type>().value(row).into(),
        DataType::Timestamp(_, Some(zone)) if &**zone == "UTC" => {
            array.as_primitive::<TimestampMicrosecondType>().value(row).into()
        }
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(row);
            (0..items.len()).map(|item| leaf(&items, item)).collect()
        }
        other => panic!("a column of {other}"),
    }
}
