//! The size of the values of a batch, without what else the buffers hold that they share with other batches.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::DataType;

/// The bytes of all values of a batch.
pub(super) fn of_batch(batch: &RecordBatch) -> u64 {
    batch.columns().iter().map(of_array).sum()
}

fn of_array(array: &ArrayRef) -> u64 {
    let rows = to_u64(array.len());
    match array.data_type() {
        DataType::Null => 0,
        DataType::Boolean => rows.div_ceil(8),
        DataType::Utf8 => sum_lengths(array.as_string::<i32>().iter().map(|value| value.map(str::len))),
        DataType::LargeUtf8 => sum_lengths(array.as_string::<i64>().iter().map(|value| value.map(str::len))),
        DataType::Utf8View => sum_lengths(array.as_string_view().iter().map(|value| value.map(str::len))),
        DataType::Binary => sum_lengths(array.as_binary::<i32>().iter().map(|value| value.map(<[u8]>::len))),
        DataType::LargeBinary => sum_lengths(array.as_binary::<i64>().iter().map(|value| value.map(<[u8]>::len))),
        DataType::BinaryView => sum_lengths(array.as_binary_view().iter().map(|value| value.map(<[u8]>::len))),
        DataType::Struct(_) => array.as_struct().columns().iter().map(of_array).sum(),
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            list.iter().flatten().map(|items| of_array(&items)).sum()
        }
        DataType::Map(..) => {
            let map = array.as_map();
            map.iter().flatten().map(|entries| entries.columns().iter().map(of_array).sum::<u64>()).sum()
        }
        DataType::Dictionary(..) => of_dictionary(array),
        other => match other.primitive_width() {
            Some(width) => rows.saturating_mul(to_u64(width)),
            None => to_u64(array.to_data().get_slice_memory_size().unwrap_or(usize::MAX)),
        },
    }
}

/// Each row counts as much as its value, although rows share values.
fn of_dictionary(array: &ArrayRef) -> u64 {
    let dictionary = array.as_any_dictionary();
    if dictionary.values().is_empty() {
        return 0;
    }
    let values = dictionary.values();
    let sizes: Vec<u64> = (0..values.len()).map(|at| of_array(&values.slice(at, 1))).collect();
    let (keys, numbers) = (dictionary.keys(), dictionary.normalized_keys());
    numbers.into_iter().enumerate().filter(|(row, _)| keys.is_valid(*row)).filter_map(|(_, at)| sizes.get(at)).sum()
}

fn sum_lengths(lengths: impl Iterator<Item = Option<usize>>) -> u64 {
    lengths.flatten().map(to_u64).sum()
}

fn to_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{DictionaryArray, Int64Array, ListArray, StringArray, StringViewArray};
    use arrow::datatypes::{Int8Type, Int64Type};

    use super::*;

    #[test]
    fn counts_values_and_not_shared_buffers() {
        let long = "x".repeat(1000);
        let arrays: [(ArrayRef, u64); 6] = [
            (Arc::new(Int64Array::from(vec![Some(1), None, Some(3)])), 24),
            (Arc::new(StringArray::from(vec!["ab", "", "c"])), 3),
            (Arc::new(StringArray::from(vec![long.as_str(), "c", "d"]).slice(1, 2)), 2),
            (Arc::new(StringViewArray::from(vec![long.as_str(), "c"]).slice(1, 1)), 1),
            (Arc::new(vec!["ab", "ab", "c"].into_iter().collect::<DictionaryArray<Int8Type>>()), 5),
            (Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(vec![Some(vec![Some(1), Some(2)]), None])), 16),
        ];
        for (array, expect) in arrays {
            assert_eq!(of_array(&array), expect, "{array:?}");
        }
    }
}
