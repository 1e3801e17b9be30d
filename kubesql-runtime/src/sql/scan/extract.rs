//! Rows of a table out of a segment's columns.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, MapArray, StructArray, UInt32Array};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::{cast, take};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

use super::dynamic_column::{self, DynamicColumn, OutputColumn};
use super::groups::{self, leaf_at, map_at};
use super::printed;
use super::row_map::RowMap;
use crate::flatten::MapData;
use crate::schema::{Place, Scalar, Table, Values};
use crate::sql::types::{entries_field, entry_fields};
use crate::store::Segment;

/// What a segment has of columns that are derived from others: for each output that is one, over all rows of the group
/// that its place starts from; `None` for the others, and where no row has a value.
pub(crate) fn derive(table: &Table, segment: &Segment, outputs: &[OutputColumn]) -> Vec<Option<ArrayRef>> {
    let derived = |output: &OutputColumn| match output {
        OutputColumn::Fixed(number) => {
            let column = &table.columns[*number];
            let Place::Printed(steps) = &column.place else { return None };
            let compute = || printed::compute(table.kind.root, &segment.columns, steps, column.values);
            segment.derived.get(&column.path, compute)
        }
        OutputColumn::Dynamic(dynamic) => {
            let compute = || dynamic_column::compute(table, &segment.columns, dynamic);
            segment.derived.get(&key(table, dynamic), compute)
        }
    };
    outputs.iter().map(derived).collect()
}

/// Some rows of a table in a segment.
pub(crate) fn columns(
    table: &Table,
    segment: &Segment,
    map: &RowMap,
    outputs: &[OutputColumn],
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
    fn column(&self, output: &OutputColumn, derived: Option<&ArrayRef>) -> Result<ArrayRef, ArrowError> {
        let rows = self.range.len();
        let (place, values) = match output {
            OutputColumn::Dynamic(dynamic) => (&dynamic.place, dynamic.values),
            OutputColumn::Fixed(number) => {
                let column = &self.table.columns[*number];
                match &column.place {
                    Place::Cluster => return Ok(groups::constant(&self.segment.cluster, rows)),
                    Place::Json => return self.objects(),
                    Place::Index { depth } => {
                        return Ok(match self.map.items.get(*depth) {
                            Some((_, positions)) => Arc::new(positions.slice(self.range.start, rows)),
                            None => groups::nulls(column.values, rows),
                        });
                    }
                    place @ Place::Printed(_) => (place, column.values),
                    place => return self.field(place, column.values),
                }
            }
        };
        match derived {
            Some(array) => self.rows_of(array, place, values),
            None => Ok(groups::nulls(values, rows)),
        }
    }

    /// A field, found from the object, an item or a status.
    fn field(&self, place: &Place, values: Values) -> Result<ArrayRef, ArrowError> {
        let none = || Ok(groups::nulls(values, self.range.len()));
        let Some((group, fields)) = groups::group_of(self.table, &self.segment.columns, place) else {
            return none();
        };
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
        Ok(groups::plain(&rows, values))
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
            return Ok(groups::nulls(Values::Scalar(Scalar::Json), self.range.len()));
        };
        match &self.map.objects {
            None => Ok(objects.read(self.range.clone())),
            Some(numbers) => {
                // Alive rows of a range lie close together: their blocks are read once.
                let numbers = numbers.slice(self.range.start, self.range.len());
                let (Some(first), Some(last)) = (numbers.values().first(), numbers.values().last()) else {
                    return Ok(groups::nulls(Values::Scalar(Scalar::Json), 0));
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
fn key(table: &Table, dynamic: &DynamicColumn) -> String {
    format!("{}\u{0}{}", table.def.path, dynamic.name)
}
