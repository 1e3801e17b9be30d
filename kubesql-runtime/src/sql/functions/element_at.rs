//! `element_at(collection, key)` of Presto. It returns a value, DataFusion's function of the same name a list of
//! values.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, UInt32Array, new_null_array};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::error::Result;
use datafusion::logical_expr::{ScalarUDF, Signature, TypeSignature, Volatility};

use super::{Doc, Function};

const EXPECTED: &str = "a map and a key, or a list and a position";

pub(crate) fn function() -> ScalarUDF {
    Function {
        name: "element_at",
        signature: Signature::one_of(vec![TypeSignature::Any(2)], Volatility::Immutable),
        returns: |arguments| match &arguments[0] {
            DataType::Map(entries, _) => match entries.data_type() {
                DataType::Struct(fields) if fields.len() == 2 => Ok(fields[1].data_type().clone()),
                _ => Err(EXPECTED),
            },
            DataType::List(item) => Ok(item.data_type().clone()),
            DataType::Null => Ok(DataType::Null),
            _ => Err(EXPECTED),
        },
        run: |arguments| match arguments[0].data_type() {
            DataType::Map(..) => lookup_in_maps(&arguments[0], &arguments[1]),
            DataType::List(_) => lookup_in_lists(&arguments[0], &arguments[1]),
            _ => Ok(new_null_array(&DataType::Null, arguments[0].len())),
        },
        documentation: Doc {
            section: "Map Functions",
            description: "Returns the value of a key of a map, or the item at a position of a list. Positions start at 1; negative ones count from the end. NULL if there is no such value.",
            syntax: "element_at(collection, key)",
            example: "select element_at(labels, 'app'), element_at(args, 1) from pods, containers where pods.uid = containers.uid",
            arguments: &[("collection", "a map or a list"), ("key", "a key, or a position")],
        }
        .build(),
    }
    .udf()
}

fn lookup_in_maps(maps: &ArrayRef, keys: &ArrayRef) -> Result<ArrayRef> {
    let maps = maps.as_map();
    let map_keys = cast(maps.keys(), &DataType::Utf8View)?;
    let (map_keys, keys) = (map_keys.as_string_view(), cast(keys, &DataType::Utf8View)?);
    let keys = keys.as_string_view();
    let found = (0..maps.len()).map(|row| {
        if maps.is_null(row) || keys.is_null(row) {
            return None;
        }
        let (from, to) = (maps.value_offsets()[row], maps.value_offsets()[row + 1]);
        let at = (usize::try_from(from).ok()?..usize::try_from(to).ok()?)
            .find(|&at| map_keys.value(at) == keys.value(row))?;
        u32::try_from(at).ok()
    });
    Ok(take(maps.values(), &found.collect::<UInt32Array>(), None)?)
}

fn lookup_in_lists(lists: &ArrayRef, positions: &ArrayRef) -> Result<ArrayRef> {
    let lists = lists.as_list::<i32>();
    let positions = cast(positions, &DataType::Int64)?;
    let positions = positions.as_primitive::<Int64Type>();
    let found = (0..lists.len()).map(|row| {
        if lists.is_null(row) || positions.is_null(row) {
            return None;
        }
        let (from, to) = (i64::from(lists.value_offsets()[row]), i64::from(lists.value_offsets()[row + 1]));
        let at = match positions.value(row) {
            0 => return None,
            front @ 1.. => from.checked_add(front - 1)?,
            back => to.checked_add(back)?,
        };
        (from..to).contains(&at).then(|| u32::try_from(at).ok())?
    });
    Ok(take(&Arc::clone(lists.values()), &found.collect::<UInt32Array>(), None)?)
}
