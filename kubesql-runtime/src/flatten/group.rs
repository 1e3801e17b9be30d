//! Finished columns: a tree of the same form as the type it came from.

use arrow::array::{Array, ArrayRef};
use arrow::buffer::{NullBuffer, ScalarBuffer};

/// The columns of one type over `rows` values of it.
#[derive(Debug, Clone, Default)]
pub struct Group {
    /// How many values.
    pub rows: usize,
    /// By field number; `None` where no value was ever seen. May be empty where nothing was.
    pub columns: Vec<Option<Data>>,
}

impl Group {
    /// Bytes of memory that the columns take, nearly.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let columns = self.columns.iter().flatten().map(Data::bytes).sum::<usize>();
        columns + self.columns.capacity() * size_of::<Option<Data>>()
    }
}

impl Data {
    fn bytes(&self) -> usize {
        match self {
            Self::Leaf(array) => array.get_array_memory_size(),
            Self::Group(group) => size_of::<Group>() + group.bytes(),
            Self::List(list) => size_of::<List>() + list.offsets.inner().capacity() + list.items.bytes(),
            Self::Map(map) => {
                let entries = map.keys.get_array_memory_size() + map.values.get_array_memory_size();
                size_of::<Map>() + map.offsets.inner().capacity() + entries
            }
        }
    }
}

/// A finished column.
#[derive(Debug, Clone)]
pub enum Data {
    /// Text (and JSON) as `Dictionary<UInt8|UInt16|UInt32, Utf8>`; Boolean, Int32, Int64, Float64,
    /// Timestamp(µs, "UTC") arrays; lists of scalars as `List` arrays of the plain types (text as Utf8View).
    /// The length is the group's `rows`.
    Leaf(ArrayRef),
    /// A nested object; its `rows` are the parent's, absent objects have no values.
    Group(Box<Group>),
    /// A list of objects.
    List(Box<List>),
    /// A map.
    Map(Box<Map>),
}

/// A list of objects: the items of all rows one after another.
#[derive(Debug, Clone)]
pub struct List {
    /// `rows + 1` of them; row `i` has items `offsets[i]..offsets[i + 1]`.
    pub offsets: ScalarBuffer<i32>,
    /// The items' columns.
    pub items: Group,
}

/// Maps: the entries of all rows one after another.
#[derive(Debug, Clone)]
pub struct Map {
    /// `rows + 1` of them.
    pub offsets: ScalarBuffer<i32>,
    /// Which rows have a map at all; `None` when all have.
    pub present: Option<NullBuffer>,
    /// `Dictionary<_, Utf8>`, no NULLs.
    pub keys: ArrayRef,
    /// `Dictionary<_, Utf8>`: text, quantities as written, or JSON.
    pub values: ArrayRef,
}
