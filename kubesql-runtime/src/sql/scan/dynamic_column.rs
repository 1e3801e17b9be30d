//! Columns that are there because the data has them: a map's keys and conditions by type.
//!
//! Each is computed for a whole segment, and kept with it once it is asked for again.

use std::collections::HashMap;

use arrow::array::{Array, ArrayRef, AsArray, UInt32Array};
use arrow::compute::take;

use super::groups::{group_of, leaf_at, list_at, map_at, numbers, pick_key};
use crate::flatten::{ColumnGroup, ListData};
use crate::schema::{Conditions, MapValue, Place, Scalar, Shape, Table, TypeDef, Values};
use crate::sql::scan::row_map::RowMap;
use crate::sql::types::key_values;
use crate::store::Segment;

/// A column that a scan gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OutputColumn {
    /// One of the table's own, by number.
    Fixed(usize),
    /// One that the data has.
    Dynamic(DynamicColumn),
}

/// A dynamic column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DynamicColumn {
    /// `labels.app`, `ready.status`.
    pub(crate) name: String,
    /// What it holds.
    pub(crate) values: Values,
    /// Where the map or the list of conditions lies.
    pub(crate) place: Place,
    /// What of it.
    pub(crate) pick: DynamicValue,
}

/// What a dynamic column shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DynamicValue {
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
pub(crate) fn find(table: &Table, name: &str) -> Option<DynamicColumn> {
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
        return Some(DynamicColumn {
            name: name.to_owned(),
            values: key_values(value, key),
            place: column.place.clone(),
            pick: DynamicValue::Key(value, key.to_owned()),
        });
    }
    let conditions = table.conditions.as_ref()?;
    let (of, field) = name.rsplit_once('.')?;
    condition(conditions, of, field)
}

fn condition(conditions: &Conditions, of: &str, field: &str) -> Option<DynamicColumn> {
    let (type_field, _) = conditions.item.field("type")?;
    let (number, scalar) =
        shown(conditions.item).find_map(|(number, json, scalar)| (json == field).then_some((number, scalar)))?;
    let of_is_type = !of.is_empty() && of == of.to_lowercase();
    of_is_type.then(|| DynamicColumn {
        name: format!("{of}.{field}"),
        values: Values::Scalar(scalar),
        place: conditions.place.clone(),
        pick: DynamicValue::Condition { of: of.to_owned(), type_field, field: number },
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
pub(crate) fn present(table: &Table, segment: &Segment, counts: &mut HashMap<String, u64>) {
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

/// The column over all rows of the group that its map or list lies in; `None` where none has a value.
pub(crate) fn compute(table: &Table, root: &ColumnGroup, dynamic: &DynamicColumn) -> Option<ArrayRef> {
    let (group, fields) = group_of(table, root, &dynamic.place)?;
    match &dynamic.pick {
        DynamicValue::Key(value, key) => {
            let map = map_at(group, fields)?;
            let picked = pick_key(map, key, group.rows)?;
            Some(match value {
                MapValue::Text | MapValue::Json => picked,
                MapValue::Quantity => numbers(&picked, dynamic.values),
            })
        }
        DynamicValue::Condition { of, type_field, field } => {
            let list = list_at(group, fields)?;
            pick_condition(list, of, *type_field, *field, dynamic.values)
        }
    }
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
