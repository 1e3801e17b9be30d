//! Finished columns: a tree of the same shape as the type they are of.

use arrow::array::{Array, ArrayRef};
use arrow::buffer::{NullBuffer, ScalarBuffer};

/// The columns of `rows` values of one type.
#[derive(Debug, Clone, Default)]
pub struct ColumnGroup {
    /// The number of values.
    pub rows: usize,
    /// By field number; `None` for a field without values. May be empty if no field has values.
    pub columns: Vec<Option<ColumnData>>,
}

impl ColumnGroup {
    /// Approximate memory in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let columns = self.columns.iter().flatten().map(ColumnData::bytes).sum::<usize>();
        columns + self.columns.capacity() * size_of::<Option<ColumnData>>()
    }
}

impl ColumnData {
    fn bytes(&self) -> usize {
        match self {
            Self::Leaf(array) => array.get_array_memory_size(),
            Self::Object(group) => size_of::<ColumnGroup>() + group.bytes(),
            Self::List(list) => size_of::<ListData>() + list.offsets.inner().capacity() + list.items.bytes(),
            Self::Map(map) => {
                let entries = map.keys.get_array_memory_size() + map.values.get_array_memory_size();
                size_of::<MapData>() + map.offsets.inner().capacity() + entries
            }
        }
    }
}

/// A finished column.
#[derive(Debug, Clone)]
pub enum ColumnData {
    /// Text (and JSON) as `Dictionary<UInt8|UInt16|UInt32, Utf8>`; Boolean, Int32, Int64, Float64,
    /// Timestamp(µs, "UTC") arrays; lists of scalars as `List` arrays of the plain types (text as Utf8View).
    /// Their length is the group's `rows`.
    Leaf(ArrayRef),
    /// A nested object. Its `rows` are the parent's; an absent object has no values.
    Object(Box<ColumnGroup>),
    /// A list of objects.
    List(Box<ListData>),
    /// A map.
    Map(Box<MapData>),
}

/// Lists of objects: the items of all rows, concatenated.
#[derive(Debug, Clone)]
pub struct ListData {
    /// `rows + 1` offsets; row `i` has the items `offsets[i]..offsets[i + 1]`.
    pub offsets: ScalarBuffer<i32>,
    /// The items' columns.
    pub items: ColumnGroup,
}

/// Maps: the entries of all rows, concatenated.
#[derive(Debug, Clone)]
pub struct MapData {
    /// `rows + 1` offsets into `keys` and `values`.
    pub offsets: ScalarBuffer<i32>,
    /// The rows that have a map; `None` if all have.
    pub present: Option<NullBuffer>,
    /// `Dictionary<_, Utf8>` without NULLs.
    pub keys: ArrayRef,
    /// `Dictionary<_, Utf8>`: text, quantities as written, or JSON.
    pub values: ArrayRef,
}
