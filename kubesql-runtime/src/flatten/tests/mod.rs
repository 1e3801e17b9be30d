//! Tests of the whole way from text to columns, on a type that has every shape.

mod columns;
mod generated;
mod interpret;
mod objects;
pub(crate) mod oracle;
pub(crate) mod random;
mod sample;

use super::Interpreter;
use super::group::{Data, Group};
use super::rows::{Flattened, Rows, Typed};
use super::want::Want;

/// The same objects through generated code and through the interpreter.
fn both(objects: &[&str]) -> [Flattened; 2] {
    let mut typed = Typed::<sample::Sample>::default();
    let mut interpreter = Interpreter::new(&sample::SAMPLE, &Want::All);
    let rows: [&mut dyn Rows; 2] = [&mut typed, &mut interpreter];
    rows.map(|rows| {
        for object in objects {
            // Malformed ones become dead rows.
            let _ = rows.push(object);
        }
        rows.finish()
    })
}

/// Fails unless two groups hold the very same arrays.
fn assert_same(left: &Group, right: &Group, place: &str) {
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

fn assert_same_data(left: &Data, right: &Data, place: &str) {
    match (left, right) {
        (Data::Leaf(left), Data::Leaf(right)) => assert_eq!(left, right, "{place}"),
        (Data::Group(left), Data::Group(right)) => assert_same(left, right, place),
        (Data::List(left), Data::List(right)) => {
            assert_eq!(left.offsets, right.offsets, "offsets of {place}");
            assert_same(&left.items, &right.items, place);
        }
        (Data::Map(left), Data::Map(right)) => {
            assert_eq!(left.offsets, right.offsets, "offsets of {place}");
            assert_eq!(left.present, right.present, "presence of {place}");
            assert_eq!((&left.keys, &left.values), (&right.keys, &right.values), "{place}");
        }
        _ => panic!("{place}: columns of two kinds"),
    }
}

/// Fails unless all columns are as long as they should be.
fn assert_aligned(group: &Group) {
    for data in group.columns.iter().flatten() {
        match data {
            Data::Leaf(array) => assert_eq!(array.len(), group.rows),
            Data::Group(inner) => {
                assert_eq!(inner.rows, group.rows);
                assert_aligned(inner);
            }
            Data::List(list) => {
                assert_eq!(list.offsets.len(), group.rows + 1);
                assert_eq!(list.offsets.first(), Some(&0));
                assert!(list.offsets.is_sorted());
                assert_eq!(list.offsets.last().map(|end| usize::try_from(*end)), Some(Ok(list.items.rows)));
                assert_aligned(&list.items);
            }
            Data::Map(map) => {
                assert_eq!(map.offsets.len(), group.rows + 1);
                assert!(map.offsets.is_sorted());
                assert_eq!(map.offsets.last().map(|end| usize::try_from(*end)), Some(Ok(map.keys.len())));
                assert_eq!(map.keys.len(), map.values.len());
                assert_eq!(map.keys.null_count(), 0);
            }
        }
    }
}
