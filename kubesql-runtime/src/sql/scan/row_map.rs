//! Maps the rows of a table to objects and to items of their lists.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, UInt32Array};
use arrow::buffer::BooleanBuffer;
use arrow::compute::cast;
use arrow::datatypes::DataType;

use super::groups::{leaf_at, list_at};
use crate::flatten::{ColumnGroup, ListData};
use crate::schema::{Place, Statuses, Table};
use crate::store::Segment;

/// The object and the list items of each row of a table, in one segment.
#[derive(Debug)]
pub(crate) struct RowMap {
    rows: usize,
    /// The object of each row; `None` if row and object numbers are equal.
    pub(super) objects: Option<UInt32Array>,
    /// For each list of the table's path, the item of each row, and its position in its list.
    pub(super) items: Vec<(UInt32Array, Int32Array)>,
    /// The status of each row's item.
    statuses: Option<UInt32Array>,
}

/// Converts a row number. It fits into 32 bits: a segment holds less than 2 GiB of objects.
fn to_u32(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

impl RowMap {
    pub(crate) fn new(table: &Table, segment: &Segment) -> Self {
        let alive = |row: usize| segment.alive.as_ref().is_none_or(|alive: &BooleanBuffer| alive.value(row));
        let objects: Option<Vec<u32>> = (segment.alive.is_some() || !table.lists.is_empty())
            .then(|| (0..segment.columns.rows).filter(|&row| alive(row)).map(to_u32).collect());
        let Some(mut objects) = objects else {
            return Self { rows: segment.columns.rows, objects: None, items: Vec::new(), statuses: None };
        };
        let mut items: Vec<(Vec<u32>, Vec<i32>)> = Vec::new();
        let mut group = Some(&*segment.columns);
        // The group that has both the innermost list and the list of statuses.
        let mut owner = None;
        for (depth, at) in table.lists.iter().enumerate() {
            if depth + 1 == table.lists.len() {
                owner = group.map(|group| (group, items.last().map_or_else(|| objects.clone(), |last| last.0.clone())));
            }
            let list = group.and_then(|group| list_at(group, &at.fields));
            let parents = items.last().map_or_else(|| objects.clone(), |(last, _)| last.clone());
            let (mut from, mut own, mut positions) = (Vec::new(), Vec::new(), Vec::new());
            if let Some(list) = list {
                for (row, &parent) in (0u32..).zip(&parents) {
                    let bounds = bounds(list, parent);
                    for (position, item) in (0i32..).zip(bounds) {
                        from.push(row);
                        own.push(to_u32(item));
                        positions.push(position);
                    }
                }
            }
            let carry = |numbers: &[u32]| -> Vec<u32> { from.iter().map(|&row| numbers[row as usize]).collect() };
            objects = carry(&objects);
            for (numbers, positions) in &mut items {
                *numbers = carry(numbers);
                *positions = from.iter().map(|&row| positions[row as usize]).collect();
            }
            if let Some((_, parents)) = &mut owner {
                *parents = carry(parents);
            }
            items.push((own, positions));
            group = list.map(|list| &list.items);
        }
        let statuses =
            table.statuses.as_ref().zip(owner).zip(group).and_then(|((statuses, (owner, parents)), items_of)| {
                match_statuses(statuses, owner, &parents, items_of, &items.last()?.0)
            });
        Self {
            rows: objects.len(),
            objects: Some(objects.into()),
            items: items.into_iter().map(|(numbers, positions)| (numbers.into(), positions.into())).collect(),
            statuses,
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The numbers of the rows in the group that a place starts from. `None` if they equal the rows' own numbers.
    pub(crate) fn row_numbers(&self, place: &Place) -> Option<&UInt32Array> {
        match place {
            Place::Item { depth, .. } => self.items.get(*depth).map(|(items, _)| items),
            Place::Status(_) => self.statuses.as_ref(),
            _ => self.objects.as_ref(),
        }
    }
}

/// The items of a row's list.
fn bounds(list: &ListData, row: u32) -> Range<usize> {
    let at = |row: usize| list.offsets.get(row).and_then(|&offset| usize::try_from(offset).ok()).unwrap_or(0);
    at(row as usize)..at(row as usize + 1)
}

/// Finds the status with the name of each row's item.
fn match_statuses(
    statuses: &Statuses,
    owner: &ColumnGroup,
    parents: &[u32],
    items: &ColumnGroup,
    rows: &[u32],
) -> Option<UInt32Array> {
    let list = list_at(owner, &statuses.fields)?;
    let text = |array: &ArrayRef| cast(array, &DataType::Utf8View).ok();
    let names = text(leaf_at(items, &[statuses.row_key])?)?;
    let status_names = text(leaf_at(&list.items, &[statuses.key])?)?;
    let (names, status_names) = (names.as_string_view(), status_names.as_string_view());
    let matched = parents.iter().zip(rows).map(|(&parent, &row)| {
        let row = row as usize;
        if names.is_null(row) {
            return None;
        }
        let name = names.value(row);
        bounds(list, parent).find(|&at| status_names.is_valid(at) && status_names.value(at) == name).map(to_u32)
    });
    Some(matched.collect())
}
