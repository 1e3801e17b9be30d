//! Dynamic columns: the keys of maps, and conditions by type.
//!
//! A dynamic column is computed for a whole segment. The segment caches it.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, StringViewArray, UInt32Array};
use arrow::compute::take;

use super::groups::{group_of, leaf_at, list_at, map_at, parse_quantities, pick_key};
use crate::flatten::ListData;
use crate::schema::{Conditions, MapValue, Place, Scalar, Shape, Table, TypeDef, Values};
use crate::sql::scan::row_map::RowMap;
use crate::sql::types::key_values;
use crate::store::Segment;

/// A column of a scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OutputColumn {
    /// A column of the table, by number.
    Fixed(usize),
    /// A key of a map or a field of a condition.
    Dynamic(DynamicColumn),
}

/// A dynamic column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DynamicColumn {
    /// `labels.app`, `ready.status`.
    pub(crate) name: String,
    /// The type of its values.
    pub(crate) values: Values,
    /// The place of the map or the list of conditions.
    pub(crate) place: Place,
    /// The value that is read from it.
    pub(crate) value: DynamicValue,
}

/// The value of a dynamic column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DynamicValue {
    /// The value under a key.
    Key(MapValue, String),
    /// A field of the condition of a type.
    Condition {
        /// The type in lower case: `ready`.
        condition_type: String,
        /// The field number of `type`.
        type_field: u16,
        /// The field number of the value.
        field: u16,
    },
    /// The file that the object was read from.
    SourceFile,
    /// The line at which the object starts.
    SourceLine,
}

/// Finds the dynamic column of a name, whether or not an object has a value for it.
pub(crate) fn find(table: &Table, name: &str) -> Option<DynamicColumn> {
    let source = |value: DynamicValue, scalar: Scalar| DynamicColumn {
        name: name.to_owned(),
        values: Values::Scalar(scalar),
        place: Place::Object(Vec::new()),
        value,
    };
    match name {
        "source_file" => return Some(source(DynamicValue::SourceFile, Scalar::Text)),
        "source_line" => return Some(source(DynamicValue::SourceLine, Scalar::Int64)),
        _ => {}
    }
    if let Some((number, key)) = table.split_key(name)
        && let Values::Map(value) = table.columns[number].values
    {
        let column = &table.columns[number];
        return Some(DynamicColumn {
            name: format!("{}.{key}", column.name),
            values: key_values(value, key),
            place: column.place.clone(),
            value: DynamicValue::Key(value, key.to_owned()),
        });
    }
    let conditions = table.conditions.as_ref()?;
    let (condition_type, field) = name.rsplit_once('.')?;
    find_condition(conditions, condition_type, field)
}

fn find_condition(conditions: &Conditions, condition_type: &str, field: &str) -> Option<DynamicColumn> {
    let (type_field, _) = conditions.item.field("type")?;
    let (number, scalar) = condition_fields(conditions.item)
        .find_map(|(number, json, scalar)| (json == field).then_some((number, scalar)))?;
    let is_type = !condition_type.is_empty() && condition_type == condition_type.to_lowercase();
    is_type.then(|| DynamicColumn {
        name: format!("{condition_type}.{field}"),
        values: Values::Scalar(scalar),
        place: conditions.place.clone(),
        value: DynamicValue::Condition { condition_type: condition_type.to_owned(), type_field, field: number },
    })
}

/// The number, the name in lower case and the type of each scalar field of a condition except `type`.
fn condition_fields(item: &'static TypeDef) -> impl Iterator<Item = (u16, String, Scalar)> {
    (0u16..).zip(item.fields).filter_map(|(number, field)| match field.shape {
        Shape::Scalar(scalar) if field.json != "type" => Some((number, field.json.to_lowercase(), scalar)),
        _ => None,
    })
}

/// Adds the number of live rows of a segment that have a value, for each dynamic column.
pub(crate) fn count_columns(table: &Table, segment: &Segment, counts: &mut HashMap<String, u64>) {
    let root = &segment.columns;
    let alive = segment.alive.as_ref().map(|_| RowMap::new(table, segment));
    let rows = |place| alive.as_ref().and_then(|alive| alive.row_numbers(place));
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
    for (condition_type, count) in tally(types, &list.offsets, rows(&conditions.place)) {
        for (_, field, _) in condition_fields(conditions.item) {
            *counts.entry(format!("{}.{field}", condition_type.to_lowercase())).or_default() += count;
        }
    }
}

/// Counts the occurrences of each text of a dictionary array, in all rows or in the given ones.
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

/// Computes a dynamic column over all rows of the group that contains its map or list. `None` if no row has a value.
pub(crate) fn compute(table: &Table, segment: &Segment, dynamic: &DynamicColumn) -> Option<ArrayRef> {
    let objects = 0..segment.columns.rows;
    match &dynamic.value {
        DynamicValue::SourceFile => {
            let sources = segment.sources.as_ref()?;
            return Some(Arc::new(objects.map(|row| sources.file(row)).collect::<StringViewArray>()));
        }
        DynamicValue::SourceLine => {
            let sources = segment.sources.as_ref()?;
            let line = |row| sources.line(row).and_then(|line| i64::try_from(line).ok());
            return Some(Arc::new(objects.map(line).collect::<Int64Array>()));
        }
        _ => {}
    }
    let (group, fields) = group_of(table, &segment.columns, &dynamic.place)?;
    match &dynamic.value {
        DynamicValue::SourceFile | DynamicValue::SourceLine => None,
        DynamicValue::Key(value, key) => {
            let map = map_at(group, fields)?;
            let picked = pick_key(map, key, group.rows)?;
            Some(match value {
                MapValue::Text | MapValue::Json => picked,
                MapValue::Quantity => parse_quantities(&picked, dynamic.values),
            })
        }
        DynamicValue::Condition { condition_type, type_field, field } => {
            let list = list_at(group, fields)?;
            pick_condition(list, condition_type, *type_field, *field, dynamic.values)
        }
    }
}

/// Reads a field of each row's first condition of a type.
fn pick_condition(
    list: &ListData,
    condition_type: &str,
    type_field: u16,
    field: u16,
    values: Values,
) -> Option<ArrayRef> {
    let types = leaf_at(&list.items, &[type_field])?;
    let fields = leaf_at(&list.items, &[field])?;
    let dictionary = types.as_any_dictionary_opt()?;
    let names = dictionary.values().as_string::<i32>();
    let is_type: Vec<bool> =
        names.iter().map(|name| name.is_some_and(|name| name.to_lowercase() == condition_type)).collect();
    let codes = dictionary.normalized_keys();
    let items = list.offsets.windows(2).map(|bounds| {
        let (from, to) = (usize::try_from(bounds[0]).ok()?, usize::try_from(bounds[1]).ok()?);
        let at = (from..to).find(|&item| !types.is_null(item) && is_type.get(codes[item]) == Some(&true))?;
        u32::try_from(at).ok()
    });
    let taken = take(fields, &items.collect::<UInt32Array>(), None).ok()?;
    (taken.null_count() < taken.len() || values == Values::Scalar(Scalar::Text)).then_some(taken)
}
