//! Rows of a table out of a segment's columns.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, MapArray, StructArray, UInt32Array};
use arrow::buffer::{BooleanBuffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::{cast, take};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

use super::dynamic::{self, Dynamic};
use super::printed;
use super::types::{entries_field, entry_fields};
use crate::flatten::{ColumnData, ColumnGroup, ListData, MapData};
use crate::schema::{Place, Scalar, Statuses, Table, Values};
use crate::store::Segment;

/// A column that a scan gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Output {
    /// One of the table's own, by number.
    Fixed(usize),
    /// One that the data has.
    Dynamic(Dynamic),
}

/// The column of a field, through nested objects.
fn data_at<'a>(group: &'a ColumnGroup, fields: &[u16]) -> Option<&'a ColumnData> {
    let (first, rest) = fields.split_first()?;
    let data = group.columns.get(usize::from(*first))?.as_ref()?;
    match (data, rest) {
        (data, []) => Some(data),
        (ColumnData::Object(inner), rest) => data_at(inner, rest),
        _ => None,
    }
}

pub(super) fn leaf_at<'a>(group: &'a ColumnGroup, fields: &[u16]) -> Option<&'a ArrayRef> {
    match data_at(group, fields)? {
        ColumnData::Leaf(array) => Some(array),
        _ => None,
    }
}

pub(super) fn list_at<'a>(group: &'a ColumnGroup, fields: &[u16]) -> Option<&'a ListData> {
    match data_at(group, fields)? {
        ColumnData::List(list) => Some(list),
        _ => None,
    }
}

pub(super) fn map_at<'a>(group: &'a ColumnGroup, fields: &[u16]) -> Option<&'a MapData> {
    match data_at(group, fields)? {
        ColumnData::Map(map) => Some(map),
        _ => None,
    }
}

/// Which object and items each row of a table comes from, in one segment.
#[derive(Debug)]
pub(super) struct RowMap {
    rows: usize,
    /// The object of each row; `None` where row and object are the same.
    objects: Option<UInt32Array>,
    /// For each list on the way, the item of each row, and its position in its list.
    items: Vec<(UInt32Array, Int32Array)>,
    /// The status that belongs to the row's item.
    statuses: Option<UInt32Array>,
}

/// Row numbers fit into 32 bits: a segment holds less than 2 GiB of objects.
fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

impl RowMap {
    pub(super) fn new(table: &Table, segment: &Segment) -> Self {
        let alive = |row: usize| segment.alive.as_ref().is_none_or(|alive: &BooleanBuffer| alive.value(row));
        let objects: Option<Vec<u32>> = (segment.alive.is_some() || !table.lists.is_empty())
            .then(|| (0..segment.columns.rows).filter(|&row| alive(row)).map(number).collect());
        let Some(mut objects) = objects else {
            return Self { rows: segment.columns.rows, objects: None, items: Vec::new(), statuses: None };
        };
        let mut items: Vec<(Vec<u32>, Vec<i32>)> = Vec::new();
        let mut group = Some(&*segment.columns);
        // Where the rows' own list lies, the statuses lie too.
        let mut home = None;
        for (depth, at) in table.lists.iter().enumerate() {
            if depth + 1 == table.lists.len() {
                home = group.map(|group| (group, items.last().map_or_else(|| objects.clone(), |last| last.0.clone())));
            }
            let list = group.and_then(|group| list_at(group, &at.fields));
            let parents = items.last().map_or_else(|| objects.clone(), |(last, _)| last.clone());
            let (mut from, mut own, mut positions) = (Vec::new(), Vec::new(), Vec::new());
            if let Some(list) = list {
                for (row, &parent) in (0u32..).zip(&parents) {
                    let bounds = bounds(list, parent);
                    for (position, item) in (0i32..).zip(bounds) {
                        from.push(row);
                        own.push(number(item));
                        positions.push(position);
                    }
                }
            }
            let carry = |of: &[u32]| -> Vec<u32> { from.iter().map(|&row| of[row as usize]).collect() };
            objects = carry(&objects);
            for (of, positions) in &mut items {
                *of = carry(of);
                *positions = from.iter().map(|&row| positions[row as usize]).collect();
            }
            if let Some((_, parents)) = &mut home {
                *parents = carry(parents);
            }
            items.push((own, positions));
            group = list.map(|list| &list.items);
        }
        let statuses =
            table.statuses.as_ref().zip(home).zip(group).and_then(|((statuses, (home, parents)), items_of)| {
                match_statuses(statuses, home, &parents, items_of, &items.last()?.0)
            });
        Self {
            rows: objects.len(),
            objects: Some(objects.into()),
            items: items.into_iter().map(|(of, positions)| (of.into(), positions.into())).collect(),
            statuses,
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// The numbers of the rows in the group that a place starts from; `None` where they are the same.
    pub(super) fn numbers(&self, place: &Place) -> Option<&UInt32Array> {
        match place {
            Place::Item { depth, .. } => self.items.get(*depth).map(|(items, _)| items),
            Place::Status(_) => self.statuses.as_ref(),
            _ => self.objects.as_ref(),
        }
    }
}

fn bounds(list: &ListData, row: u32) -> Range<usize> {
    let at = |row: usize| list.offsets.get(row).and_then(|&offset| usize::try_from(offset).ok()).unwrap_or(0);
    at(row as usize)..at(row as usize + 1)
}

/// For each row, the status of the same name in the same list of statuses.
fn match_statuses(
    statuses: &Statuses,
    home: &ColumnGroup,
    parents: &[u32],
    items: &ColumnGroup,
    rows: &[u32],
) -> Option<UInt32Array> {
    let list = list_at(home, &statuses.fields)?;
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
        bounds(list, parent).find(|&at| status_names.is_valid(at) && status_names.value(at) == name).map(number)
    });
    Some(matched.collect())
}

/// What a segment has of columns that are derived from others: for each output that is one, over all rows of the group
/// that its place starts from; `None` for the others, and where no row has a value.
pub(super) fn derive(table: &Table, segment: &Segment, outputs: &[Output]) -> Vec<Option<ArrayRef>> {
    let derived = |output: &Output| match output {
        Output::Fixed(number) => {
            let column = &table.columns[*number];
            let Place::Printed(steps) = &column.place else { return None };
            let compute = || printed::compute(table.kind.root, &segment.columns, steps, column.values);
            segment.derived.get(&column.path, compute)
        }
        Output::Dynamic(dynamic) => {
            let compute = || dynamic::compute(table, &segment.columns, dynamic);
            segment.derived.get(&key(table, dynamic), compute)
        }
    };
    outputs.iter().map(derived).collect()
}

/// Some rows of a table in a segment.
pub(super) fn columns(
    table: &Table,
    segment: &Segment,
    map: &RowMap,
    outputs: &[Output],
    derived: &[Option<ArrayRef>],
    range: Range<usize>,
) -> Result<Vec<ArrayRef>, ArrowError> {
    let extract = Extract { table, segment, map, range };
    outputs.iter().zip(derived).map(|(output, derived)| extract.column(output, derived.as_ref())).collect()
}

struct Extract<'a> {
    table: &'a Table,
    segment: &'a Segment,
    map: &'a RowMap,
    range: Range<usize>,
}

impl Extract<'_> {
    fn column(&self, output: &Output, derived: Option<&ArrayRef>) -> Result<ArrayRef, ArrowError> {
        let rows = self.range.len();
        let (place, values) = match output {
            Output::Dynamic(dynamic) => (&dynamic.place, dynamic.values),
            Output::Fixed(number) => {
                let column = &self.table.columns[*number];
                match &column.place {
                    Place::Cluster => return Ok(dynamic::constant(&self.segment.cluster, rows)),
                    Place::Json => return self.objects(),
                    Place::Index { depth } => {
                        return Ok(match self.map.items.get(*depth) {
                            Some((_, positions)) => Arc::new(positions.slice(self.range.start, rows)),
                            None => dynamic::nulls(column.values, rows),
                        });
                    }
                    place @ Place::Printed(_) => (place, column.values),
                    place => return self.field(place, column.values),
                }
            }
        };
        match derived {
            Some(array) => self.rows_of(array, place, values),
            None => Ok(dynamic::nulls(values, rows)),
        }
    }

    /// A field, found from the object, an item or a status.
    fn field(&self, place: &Place, values: Values) -> Result<ArrayRef, ArrowError> {
        let none = || Ok(dynamic::nulls(values, self.range.len()));
        let Some((group, fields)) = dynamic::group_of(self.table, &self.segment.columns, place) else { return none() };
        if let Values::Map(_) = values {
            return match map_at(group, fields) {
                Some(map) => self.maps(map, place),
                None => none(),
            };
        }
        match leaf_at(group, fields) {
            Some(array) => self.rows_of(array, place, values),
            None => none(),
        }
    }

    /// The numbers of this range's rows in the group that a place starts from; `None` where they are the same.
    fn numbers(&self, place: &Place) -> Option<UInt32Array> {
        match (self.map.numbers(place), place) {
            (Some(numbers), _) => Some(numbers.slice(self.range.start, self.range.len())),
            (None, Place::Status(_)) => Some(UInt32Array::new_null(self.range.len())),
            (None, _) => None,
        }
    }

    /// This range's rows of an array over the group that a place starts from.
    fn rows_of(&self, array: &ArrayRef, place: &Place, values: Values) -> Result<ArrayRef, ArrowError> {
        let rows = match self.numbers(place) {
            Some(numbers) => take(array, &numbers, None)?,
            None => array.slice(self.range.start, self.range.len()),
        };
        Ok(dynamic::plain(&rows, values))
    }

    /// Maps are built anew for each batch: slices of one large map are slow to look into.
    fn maps(&self, map: &MapData, place: &Place) -> Result<ArrayRef, ArrowError> {
        let numbers = self.numbers(place);
        let (mut entries, mut offsets, mut present) = (Vec::new(), vec![0i32], Vec::new());
        for at in 0..self.range.len() {
            let row = match &numbers {
                Some(numbers) => numbers.is_valid(at).then(|| numbers.value(at) as usize),
                None => Some(self.range.start + at),
            };
            let row = row.filter(|&row| map.present.as_ref().is_none_or(|present: &NullBuffer| present.is_valid(row)));
            if let Some(row) = row {
                let bound = |at: usize| u32::try_from(map.offsets[at]).unwrap_or(0);
                entries.extend(bound(row)..bound(row + 1));
            }
            offsets.push(i32::try_from(entries.len()).map_err(|_| ArrowError::ComputeError("a map too large".into()))?);
            present.push(row.is_some());
        }
        let entries = UInt32Array::from(entries);
        let text = |array: &ArrayRef| cast(&take(array, &entries, None)?, &DataType::Utf8);
        let pairs = StructArray::try_new(entry_fields(), vec![text(&map.keys)?, text(&map.values)?], None)?;
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        let nulls = NullBuffer::from(present);
        Ok(Arc::new(MapArray::try_new(entries_field(), offsets, pairs, Some(nulls), false)?))
    }

    fn objects(&self) -> Result<ArrayRef, ArrowError> {
        let Some(objects) = &self.segment.objects else {
            return Ok(dynamic::nulls(Values::Scalar(Scalar::Json), self.range.len()));
        };
        match &self.map.objects {
            None => Ok(objects.read(self.range.clone())),
            Some(numbers) => {
                // Alive rows of a range lie close together: their blocks are read once.
                let numbers = numbers.slice(self.range.start, self.range.len());
                let (Some(first), Some(last)) = (numbers.values().first(), numbers.values().last()) else {
                    return Ok(dynamic::nulls(Values::Scalar(Scalar::Json), 0));
                };
                let (first, last) = (*first, *last);
                let texts = objects.read(first as usize..last as usize + 1);
                let within: UInt32Array = numbers.values().iter().map(|at| at - first).collect();
                take(&texts, &within, None)
            }
        }
    }
}

/// What tells a dynamic column apart from the others of its segment.
fn key(table: &Table, dynamic: &Dynamic) -> String {
    format!("{}\u{0}{}", table.def.path, dynamic.name)
}
