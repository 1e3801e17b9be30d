//! Tests of flattening on a type with every shape.

mod columns;
mod fuzz_decode;
mod fuzz_inputs;
mod generated;
mod interpret;
pub(crate) mod oracle;
pub(crate) mod random;
mod raw_objects;
mod sample;

use super::Interpreter;
use super::field_mask::FieldMask;
use super::group::{ColumnData, ColumnGroup};
use super::rows::{CompiledFlattener, Flattened, Flattener};

/// Flattens the objects by generated code and by the interpreter.
fn both(objects: &[&str]) -> [Flattened; 2] {
    let mut typed = CompiledFlattener::<sample::Sample>::default();
    let mut interpreter = Interpreter::new(&sample::SAMPLE, &FieldMask::All);
    let rows: [&mut dyn Flattener; 2] = [&mut typed, &mut interpreter];
    rows.map(|rows| {
        for object in objects {
            // Malformed objects become dead rows.
            let _ = rows.push(object);
        }
        rows.finish()
    })
}

/// Panics unless two groups have equal arrays.
fn assert_same(left: &ColumnGroup, right: &ColumnGroup, place: &str) {
    assert_eq!(left.rows, right.rows, "rows of {place}");
    assert_eq!(left.columns.len(), right.columns.len(), "columns of {place}");
    for (number, columns) in left.columns.iter().zip(&right.columns).enumerate() {
        let place = format!("{place}.{number}");
        match columns {
            (None, None) => {}
            (Some(left), Some(right)) => assert_same_data(left, right, &place),
            (left, right) => panic!("{place}: {} and {}", left.is_some(), right.is_some()),
        }
    }
}

fn assert_same_data(left: &ColumnData, right: &ColumnData, place: &str) {
    match (left, right) {
        (ColumnData::Leaf(left), ColumnData::Leaf(right)) => assert_eq!(left, right, "{place}"),
        (ColumnData::Object(left), ColumnData::Object(right)) => assert_same(left, right, place),
        (ColumnData::List(left), ColumnData::List(right)) => {
            assert_eq!(left.offsets, right.offsets, "offsets of {place}");
            assert_same(&left.items, &right.items, place);
        }
        (ColumnData::Map(left), ColumnData::Map(right)) => {
            assert_eq!(left.offsets, right.offsets, "offsets of {place}");
            assert_eq!(left.present, right.present, "presence of {place}");
            assert_eq!((&left.keys, &left.values), (&right.keys, &right.values), "{place}");
        }
        _ => panic!("{place}: columns of different kinds"),
    }
}

/// Panics unless all columns have the right length.
fn assert_aligned(group: &ColumnGroup) {
    for data in group.columns.iter().flatten() {
        match data {
            ColumnData::Leaf(array) => assert_eq!(array.len(), group.rows),
            ColumnData::Object(inner) => {
                assert_eq!(inner.rows, group.rows);
                assert_aligned(inner);
            }
            ColumnData::List(list) => {
                assert_eq!(list.offsets.len(), group.rows + 1);
                assert_eq!(list.offsets.first(), Some(&0));
                assert!(list.offsets.is_sorted());
                assert_eq!(list.offsets.last().map(|end| usize::try_from(*end)), Some(Ok(list.items.rows)));
                assert_aligned(&list.items);
            }
            ColumnData::Map(map) => {
                assert_eq!(map.offsets.len(), group.rows + 1);
                assert!(map.offsets.is_sorted());
                assert_eq!(map.offsets.last().map(|end| usize::try_from(*end)), Some(Ok(map.keys.len())));
                assert_eq!(map.keys.len(), map.values.len());
                assert_eq!(map.keys.null_count(), 0);
            }
        }
    }
}
