//! Columns that are there because the data has them: a map's keys and conditions by type.
//!
//! Each is computed for a whole segment, and kept with it once it is asked for again.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, StringArray, UInt32Array, new_null_array};
use arrow::compute::{cast, take};
use arrow::datatypes::DataType;

use super::extract::{RowMap, leaf_at, list_at, map_at};
use super::types::{data_type, key_values, scalar_type};
use crate::flatten::{ColumnGroup, ListData, MapData};
use crate::schema::{Conditions, MapValue, Place, Scalar, Shape, Table, TypeDef, Values};
use crate::store::Segment;
use crate::value::quantity::parse;

/// A dynamic column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dynamic {
    /// `labels.app`, `ready.status`.
    pub(super) name: String,
    /// What it holds.
    pub(super) values: Values,
    /// Where the map or the list of conditions lies.
    pub(super) place: Place,
    /// What of it.
    pub(super) pick: Pick,
}

/// What a dynamic column shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pick {
    /// The value under a key.
    Key(MapValue, String),
    /// A field of the condition of a type, which is in lower case.
    Condition {
        /// `ready`.
        of: String,
        /// Field number of `type`.
        type_field: u16,
        /// Field number of what is shown.
        field: u16,
    },
}

/// The dynamic column of this name that the table would have, whether or not any object has it.
pub(super) fn find(table: &Table, name: &str) -> Option<Dynamic> {
    let maps = table.columns.iter().filter_map(|column| match column.values {
        Values::Map(value) => Some((column, value)),
        _ => None,
    });
    let key = maps
        .filter_map(|(column, value)| {
            let key = name.strip_prefix(&column.name)?.strip_prefix('.')?;
            (!key.is_empty()).then_some((column, value, key))
        })
        .max_by_key(|(column, ..)| column.name.len());
    if let Some((column, value, key)) = key {
        return Some(Dynamic {
            name: name.to_owned(),
            values: key_values(value, key),
            place: column.place.clone(),
            pick: Pick::Key(value, key.to_owned()),
        });
    }
    let conditions = table.conditions.as_ref()?;
    let (of, field) = name.rsplit_once('.')?;
    condition(conditions, of, field)
}

fn condition(conditions: &Conditions, of: &str, field: &str) -> Option<Dynamic> {
    let (type_field, _) = conditions.item.field("type")?;
    let (number, scalar) =
        shown(conditions.item).find_map(|(number, json, scalar)| (json == field).then_some((number, scalar)))?;
    let of_is_type = !of.is_empty() && of == of.to_lowercase();
    of_is_type.then(|| Dynamic {
        name: format!("{of}.{field}"),
        values: Values::Scalar(scalar),
        place: conditions.place.clone(),
        pick: Pick::Condition { of: of.to_owned(), type_field, field: number },
    })
}

/// The fields of a condition that are columns, all but its type: number, name in lower case, type.
fn shown(item: &'static TypeDef) -> impl Iterator<Item = (u16, String, Scalar)> {
    (0u16..).zip(item.fields).filter_map(|(number, field)| match field.shape {
        Shape::Scalar(scalar) if field.json != "type" => Some((number, field.json.to_lowercase(), scalar)),
        _ => None,
    })
}

/// All dynamic columns that a segment's rows have, with how many rows have each; those of dead rows are none.
pub(super) fn present(table: &Table, segment: &Segment, counts: &mut HashMap<String, u64>) {
    let root = &segment.columns;
    let alive = segment.alive.as_ref().map(|_| RowMap::new(table, segment));
    let rows = |place| alive.as_ref().and_then(|alive| alive.numbers(place));
    for column in &table.columns {
        let Values::Map(_) = column.values else { continue };
        let Some(map) = group_of(table, root, &column.place).and_then(|(group, fields)| map_at(group, fields)) else {
            continue;
        };
        for (key, count) in tally(&map.keys, &map.offsets, rows(&column.place)) {
            *counts.entry(format!("{}.{key}", column.name)).or_default() += count;
        }
    }
    let Some(conditions) = &table.conditions else { return };
    let Some(list) = group_of(table, root, &conditions.place).and_then(|(group, fields)| list_at(group, fields)) else {
        return;
    };
    let types = conditions.item.field("type").and_then(|(number, _)| leaf_at(&list.items, &[number]));
    let Some(types) = types else { return };
    for (of, count) in tally(types, &list.offsets, rows(&conditions.place)) {
        for (_, field, _) in shown(conditions.item) {
            *counts.entry(format!("{}.{field}", of.to_lowercase())).or_default() += count;
        }
    }
}

/// How often each text of a dictionary array occurs; where rows are given, in what these rows have of it.
fn tally(array: &ArrayRef, offsets: &[i32], rows: Option<&UInt32Array>) -> Vec<(String, u64)> {
    let Some(dictionary) = array.as_any_dictionary_opt() else { return Vec::new() };
    let values = dictionary.values().as_string::<i32>();
    let codes = dictionary.normalized_keys();
    let mut counts = vec![0u64; values.len()];
    let mut count = |at: usize| {
        if array.is_valid(at)
            && let Some(count) = codes.get(at).and_then(|&code| counts.get_mut(code))
        {
            *count += 1;
        }
    };
    match rows {
        None => (0..array.len()).for_each(&mut count),
        Some(rows) => {
            for row in rows.iter().flatten() {
                let bound = |row: usize| offsets.get(row).and_then(|&at| usize::try_from(at).ok()).unwrap_or(0);
                (bound(row as usize)..bound(row as usize + 1)).for_each(&mut count);
            }
        }
    }
    let pairs = values.iter().zip(counts).filter(|(_, count)| *count > 0);
    pairs.filter_map(|(value, count)| Some((value?.to_owned(), count))).collect()
}

/// The group that a place's fields start from, over all its rows in the segment.
pub(super) fn group_of<'a, 'p>(
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
        Place::Cluster | Place::Index { .. } | Place::Printed(_) | Place::Json => None,
    }
}

/// The column over all rows of the group that its map or list lies in; `None` where none has a value.
pub(super) fn compute(table: &Table, root: &ColumnGroup, dynamic: &Dynamic) -> Option<ArrayRef> {
    let (group, fields) = group_of(table, root, &dynamic.place)?;
    match &dynamic.pick {
        Pick::Key(value, key) => {
            let map = map_at(group, fields)?;
            let picked = pick_key(map, key, group.rows)?;
            Some(match value {
                MapValue::Text | MapValue::Json => picked,
                MapValue::Quantity => numbers(&picked, dynamic.values),
            })
        }
        Pick::Condition { of, type_field, field } => {
            let list = list_at(group, fields)?;
            pick_condition(list, of, *type_field, *field, dynamic.values)
        }
    }
}

/// For each row the value under a key, as a dictionary array.
pub(super) fn pick_key(map: &MapData, key: &str, rows: usize) -> Option<ArrayRef> {
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

/// Quantities as written, as numbers: each distinct text is read once.
pub(super) fn numbers(texts: &ArrayRef, values: Values) -> ArrayRef {
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

/// For each row the field of its first condition of a type.
fn pick_condition(list: &ListData, of: &str, type_field: u16, field: u16, values: Values) -> Option<ArrayRef> {
    let types = leaf_at(&list.items, &[type_field])?;
    let shown = leaf_at(&list.items, &[field])?;
    let dictionary = types.as_any_dictionary_opt()?;
    let names = dictionary.values().as_string::<i32>();
    let is_type: Vec<bool> = names.iter().map(|name| name.is_some_and(|name| name.to_lowercase() == of)).collect();
    let codes = dictionary.normalized_keys();
    let items = list.offsets.windows(2).map(|bounds| {
        let (from, to) = (usize::try_from(bounds[0]).ok()?, usize::try_from(bounds[1]).ok()?);
        let at = (from..to).find(|&item| !types.is_null(item) && is_type.get(codes[item]) == Some(&true))?;
        u32::try_from(at).ok()
    });
    let taken = take(shown, &items.collect::<UInt32Array>(), None).ok()?;
    (taken.null_count() < taken.len() || values == Values::Scalar(Scalar::Text)).then_some(taken)
}

/// Text of a dictionary array, or the array as it is.
pub(super) fn plain(array: &ArrayRef, values: Values) -> ArrayRef {
    let to = data_type(values);
    if *array.data_type() == to {
        return array.clone();
    }
    let plain = match array.as_any_dictionary_opt() {
        // Where values repeat, each is looked at once, and not for each row.
        Some(dictionary) if dictionary.values().len() < array.len() => {
            cast(dictionary.values(), &to).and_then(|values| take(&values, dictionary.keys(), None))
        }
        _ => cast(array, &to),
    };
    plain.unwrap_or_else(|_| new_null_array(&to, array.len()))
}

/// NULLs of a column's type.
pub(super) fn nulls(values: Values, rows: usize) -> ArrayRef {
    match values {
        Values::Scalar(scalar) => new_null_array(&scalar_type(scalar), rows),
        Values::Scalars(_) | Values::Map(_) => new_null_array(&data_type(values), rows),
    }
}

/// An array of one text.
pub(super) fn constant(text: &str, rows: usize) -> ArrayRef {
    let one: ArrayRef = Arc::new(StringArray::from(vec![text]));
    let one = cast(&one, &DataType::Utf8View).unwrap_or(one);
    take(&one, &UInt32Array::from(vec![0; rows]), None).unwrap_or_else(|_| new_null_array(&DataType::Utf8View, rows))
}
