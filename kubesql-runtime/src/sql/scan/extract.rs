//! Extracts rows of a table from the columns of a segment.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, MapArray, StructArray, UInt32Array};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::{cast, take};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

use super::dynamic_column::{self, DynamicColumn, OutputColumn};
use super::groups::{self, leaf_at, map_at};
use super::row_map::RowMap;
use super::{kubectl, printed};
use crate::flatten::MapData;
use crate::schema::{Place, Scalar, Table, Values};
use crate::sql::types::{entries_field, entry_fields};
use crate::store::Segment;

/// Computes the derived columns of a segment: one array for each output, over all rows of the group that its place
/// starts from. `None` for an output that is not derived, and for a column without values.
pub(crate) fn derive_columns(
    table: &Table,
    segment: &Segment,
    outputs: &[OutputColumn],
    now: i64,
) -> Vec<Option<ArrayRef>> {
    let derived = |output: &OutputColumn| match output {
        OutputColumn::Fixed(number) => {
            let column = &table.columns[*number];
            match &column.place {
                Place::Printed(steps) => {
                    let compute = || printed::compute(table.kind.root, &segment.columns, steps, column.values);
                    segment.derived.get(&column.path, compute)
                }
                Place::Kubectl(name) => {
                    let compute = || kubectl::compute(table.kind, name, &segment.columns, now);
                    // Lengths of time depend on the time of the statement.
                    if column.values == Values::Interval {
                        return compute();
                    }
                    segment.derived.get(&format!("{}\u{0}get", column.name), compute)
                }
                _ => None,
            }
        }
        OutputColumn::Dynamic(dynamic) => {
            let compute = || dynamic_column::compute(table, segment, dynamic);
            segment.derived.get(&derived_key(table, dynamic), compute)
        }
    };
    outputs.iter().map(derived).collect()
}

/// Extracts a range of a table's rows from a segment.
pub(crate) fn extract_columns(
    table: &Table,
    segment: &Segment,
    map: &RowMap,
    outputs: &[OutputColumn],
    derived: &[Option<ArrayRef>],
    range: Range<usize>,
) -> Result<Vec<ArrayRef>, ArrowError> {
    let extract = Extract { table, segment, map, range };
    outputs.iter().zip(derived).map(|(output, derived)| extract.extract_column(output, derived.as_ref())).collect()
}

struct Extract<'a> {
    table: &'a Table,
    segment: &'a Segment,
    map: &'a RowMap,
    range: Range<usize>,
}

impl Extract<'_> {
    fn extract_column(&self, output: &OutputColumn, derived: Option<&ArrayRef>) -> Result<ArrayRef, ArrowError> {
        let rows = self.range.len();
        let (place, values) = match output {
            OutputColumn::Dynamic(dynamic) => (&dynamic.place, dynamic.values),
            OutputColumn::Fixed(number) => {
                let column = &self.table.columns[*number];
                match &column.place {
                    Place::Cluster => return Ok(groups::constant_array(&self.segment.cluster, rows)),
                    Place::Json => return self.read_objects(),
                    Place::Index { depth } => {
                        return Ok(match self.map.items.get(*depth) {
                            Some((_, positions)) => Arc::new(positions.slice(self.range.start, rows)),
                            None => groups::null_array(column.values, rows),
                        });
                    }
                    place @ (Place::Printed(_) | Place::Kubectl(_)) => (place, column.values),
                    place => return self.extract_field(place, column.values),
                }
            }
        };
        match derived {
            Some(array) => self.take_rows(array, place, values),
            None => Ok(groups::null_array(values, rows)),
        }
    }

    /// Extracts a field of the object, an item or a status.
    fn extract_field(&self, place: &Place, values: Values) -> Result<ArrayRef, ArrowError> {
        let none = || Ok(groups::null_array(values, self.range.len()));
        let Some((group, fields)) = groups::group_of(self.table, &self.segment.columns, place) else {
            return none();
        };
        if let Values::Map(_) = values {
            return match map_at(group, fields) {
                Some(map) => self.extract_maps(map, place),
                None => none(),
            };
        }
        match leaf_at(group, fields) {
            Some(array) => self.take_rows(array, place, values),
            None => none(),
        }
    }

    /// The numbers of this range's rows in the group that a place starts from. `None` if they equal the rows' own.
    fn row_numbers(&self, place: &Place) -> Option<UInt32Array> {
        match (self.map.row_numbers(place), place) {
            (Some(numbers), _) => Some(numbers.slice(self.range.start, self.range.len())),
            (None, Place::Status(_)) => Some(UInt32Array::new_null(self.range.len())),
            (None, _) => None,
        }
    }

    /// Takes this range's rows from an array over the group that a place starts from.
    fn take_rows(&self, array: &ArrayRef, place: &Place, values: Values) -> Result<ArrayRef, ArrowError> {
        let rows = match self.row_numbers(place) {
            Some(numbers) => take(array, &numbers, None)?,
            None => array.slice(self.range.start, self.range.len()),
        };
        Ok(groups::decode_dictionary(&rows, values))
    }

    /// Builds the maps of this range. A slice of one large map would be slow to search.
    fn extract_maps(&self, map: &MapData, place: &Place) -> Result<ArrayRef, ArrowError> {
        let numbers = self.row_numbers(place);
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
            offsets.push(i32::try_from(entries.len()).map_err(|_| ArrowError::ComputeError("map too large".into()))?);
            present.push(row.is_some());
        }
        let entries = UInt32Array::from(entries);
        let text = |array: &ArrayRef| cast(&take(array, &entries, None)?, &DataType::Utf8);
        let pairs = StructArray::try_new(entry_fields(), vec![text(&map.keys)?, text(&map.values)?], None)?;
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        let nulls = NullBuffer::from(present);
        Ok(Arc::new(MapArray::try_new(entries_field(), offsets, pairs, Some(nulls), false)?))
    }

    fn read_objects(&self) -> Result<ArrayRef, ArrowError> {
        let Some(objects) = &self.segment.objects else {
            return Ok(groups::null_array(Values::Scalar(Scalar::Json), self.range.len()));
        };
        match &self.map.objects {
            None => Ok(objects.read(self.range.clone())),
            Some(numbers) => {
                // The live rows of a range are close together: one read decompresses each block once.
                let numbers = numbers.slice(self.range.start, self.range.len());
                let (Some(first), Some(last)) = (numbers.values().first(), numbers.values().last()) else {
                    return Ok(groups::null_array(Values::Scalar(Scalar::Json), 0));
                };
                let (first, last) = (*first, *last);
                let texts = objects.read(first as usize..last as usize + 1);
                let within: UInt32Array = numbers.values().iter().map(|at| at - first).collect();
                take(&texts, &within, None)
            }
        }
    }
}

/// The key of a dynamic column in the segment's cache of derived columns.
fn derived_key(table: &Table, dynamic: &DynamicColumn) -> String {
    format!("{}\u{0}{}", table.def.path, dynamic.name)
}
