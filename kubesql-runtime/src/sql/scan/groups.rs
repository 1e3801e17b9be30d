//! Finds the columns of fields in the groups of a segment, and makes arrays from them.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, StringArray, UInt32Array, new_null_array};
use arrow::compute::{cast, take};
use arrow::datatypes::DataType;

use crate::flatten::{ColumnData, ColumnGroup, ListData, MapData};
use crate::schema::{Place, Scalar, Table, Values};
use crate::sql::types::{data_type, scalar_type};
use crate::value::quantity::parse;

/// The column of a field, which may be in nested objects.
fn data_at<'a>(group: &'a ColumnGroup, fields: &[u16]) -> Option<&'a ColumnData> {
    let (first, rest) = fields.split_first()?;
    let data = group.columns.get(usize::from(*first))?.as_ref()?;
    match (data, rest) {
        (data, []) => Some(data),
        (ColumnData::Object(inner), rest) => data_at(inner, rest),
        _ => None,
    }
}

/// The array of a scalar field.
pub(crate) fn leaf_at<'a>(group: &'a ColumnGroup, fields: &[u16]) -> Option<&'a ArrayRef> {
    match data_at(group, fields)? {
        ColumnData::Leaf(array) => Some(array),
        _ => None,
    }
}

/// The data of a list field.
pub(crate) fn list_at<'a>(group: &'a ColumnGroup, fields: &[u16]) -> Option<&'a ListData> {
    match data_at(group, fields)? {
        ColumnData::List(list) => Some(list),
        _ => None,
    }
}

/// The data of a map field.
pub(crate) fn map_at<'a>(group: &'a ColumnGroup, fields: &[u16]) -> Option<&'a MapData> {
    match data_at(group, fields)? {
        ColumnData::Map(map) => Some(map),
        _ => None,
    }
}

/// The group that a place's fields start from, over all its rows in the segment.
pub(crate) fn group_of<'a, 'p>(
    table: &Table,
    root: &'a ColumnGroup,
    place: &'p Place,
) -> Option<(&'a ColumnGroup, &'p [u16])> {
    match place {
        Place::Object(fields) => Some((root, fields)),
        Place::Item { depth, fields } => {
            let mut group = root;
            for list in table.lists.get(..=*depth)? {
                group = &list_at(group, &list.fields)?.items;
            }
            Some((group, fields))
        }
        Place::Status(fields) => {
            let statuses = table.statuses.as_ref()?;
            let mut group = root;
            for list in table.lists.get(..table.lists.len().checked_sub(1)?)? {
                group = &list_at(group, &list.fields)?.items;
            }
            Some((&list_at(group, &statuses.fields)?.items, fields))
        }
        Place::Cluster | Place::Index { .. } | Place::Printed(_) | Place::Kubectl(_) | Place::Json => None,
    }
}

/// Reads the value of a key in each row's map, as a dictionary array.
pub(crate) fn pick_key(map: &MapData, key: &str, rows: usize) -> Option<ArrayRef> {
    let dictionary = map.keys.as_any_dictionary_opt()?;
    let code = dictionary.values().as_string::<i32>().iter().position(|value| value == Some(key))?;
    let codes = dictionary.normalized_keys();
    let entries = (0..rows).map(|row| {
        let (from, to) = (usize::try_from(map.offsets[row]).ok()?, usize::try_from(map.offsets[row + 1]).ok()?);
        let at = codes[from..to].iter().position(|&found| found == code)?;
        u32::try_from(from + at).ok()
    });
    take(&map.values, &entries.collect::<UInt32Array>(), None).ok()
}

/// Parses texts as Kubernetes quantities. Each distinct text is parsed once.
pub(crate) fn parse_quantities(texts: &ArrayRef, values: Values) -> ArrayRef {
    let cores = values == Values::Scalar(Scalar::Float);
    let Some(dictionary) = texts.as_any_dictionary_opt() else {
        return new_null_array(&data_type(values), texts.len());
    };
    let parsed = dictionary.values().as_string::<i32>();
    let numbers: ArrayRef = if cores {
        Arc::new(parsed.iter().map(|text| parse(text?).map(|quantity| quantity.cores())).collect::<Float64Array>())
    } else {
        Arc::new(parsed.iter().map(|text| parse(text?).map(|quantity| quantity.base_units())).collect::<Int64Array>())
    };
    let codes: UInt32Array = dictionary
        .normalized_keys()
        .into_iter()
        .enumerate()
        .map(|(row, code)| if texts.is_null(row) { None } else { u32::try_from(code).ok() })
        .collect();
    take(&numbers, &codes, None).unwrap_or_else(|_| new_null_array(&data_type(values), texts.len()))
}

/// Converts a dictionary array to the column's type. Other arrays of that type are returned unchanged.
pub(crate) fn decode_dictionary(array: &ArrayRef, values: Values) -> ArrayRef {
    let to = data_type(values);
    if *array.data_type() == to {
        return array.clone();
    }
    let decoded = match array.as_any_dictionary_opt() {
        // Where values repeat, each distinct value is converted once.
        Some(dictionary) if dictionary.values().len() < array.len() => {
            cast(dictionary.values(), &to).and_then(|values| take(&values, dictionary.keys(), None))
        }
        _ => cast(array, &to),
    };
    decoded.unwrap_or_else(|_| new_null_array(&to, array.len()))
}

/// An array of NULLs of a column's type.
pub(crate) fn null_array(values: Values, rows: usize) -> ArrayRef {
    match values {
        Values::Scalar(scalar) => new_null_array(&scalar_type(scalar), rows),
        Values::Scalars(_) | Values::Map(_) | Values::Interval => new_null_array(&data_type(values), rows),
    }
}

/// An array that repeats one text.
pub(crate) fn constant_array(text: &str, rows: usize) -> ArrayRef {
    let one: ArrayRef = Arc::new(StringArray::from(vec![text]));
    let one = cast(&one, &DataType::Utf8View).unwrap_or(one);
    take(&one, &UInt32Array::from(vec![0; rows]), None).unwrap_or_else(|_| new_null_array(&DataType::Utf8View, rows))
}
