//! Reads fields of objects by their paths, and records which fields are read.

use std::cell::RefCell;
use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, StringViewArray};
use arrow::array::{ListArray, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit};

use crate::flatten::{ColumnData, ColumnGroup, FieldMask, ListData, MapData};
use crate::schema::{Shape, TypeDef};

/// The fields of the values of one type. Without a group, no value is read, but the fields are recorded.
pub(super) struct Fields<'a> {
    def: &'static TypeDef,
    group: Option<&'a ColumnGroup>,
    /// Field numbers from the object.
    path: Vec<u16>,
    used: &'a RefCell<FieldMask>,
}

/// The values of a field by row.
pub(super) struct Values<A>(Option<A>);

impl<'a> Fields<'a> {
    pub(super) fn new(def: &'static TypeDef, group: Option<&'a ColumnGroup>, used: &'a RefCell<FieldMask>) -> Self {
        Self { def, group, path: Vec::new(), used }
    }

    /// The number of values.
    pub(super) fn rows(&self) -> usize {
        self.group.map_or(0, |group| group.rows)
    }

    /// The data of the field at a path through objects. `None` if the type does not have it or no object has a value.
    fn find(&self, path: &str) -> Option<(Vec<u16>, Shape, Option<&'a ColumnData>)> {
        let mut numbers = self.path.clone();
        let (mut def, mut group) = (self.def, self.group);
        let mut words = path.split('.').peekable();
        loop {
            let (number, field) = def.field(words.next()?)?;
            numbers.push(number);
            let data = group.and_then(|group| group.columns.get(usize::from(number))?.as_ref());
            if words.peek().is_none() {
                return Some((numbers, field.shape, data));
            }
            let Shape::Object(inner) = field.shape else { return None };
            def = inner;
            group = match data {
                Some(ColumnData::Object(inner)) => Some(inner),
                _ => None,
            };
        }
    }

    /// Whether the type has a field.
    pub(super) fn has(&self, path: &str) -> bool {
        self.find(path).is_some()
    }

    fn leaf(&self, path: &str, data_type: &DataType) -> Option<ArrayRef> {
        let (numbers, _, data) = self.find(path)?;
        self.used.borrow_mut().add(&numbers);
        match data? {
            ColumnData::Leaf(array) => cast(array, data_type).ok(),
            _ => None,
        }
    }

    pub(super) fn text(&self, path: &str) -> Values<StringViewArray> {
        Values(self.leaf(path, &DataType::Utf8View).map(|array| array.as_string_view().clone()))
    }

    pub(super) fn integer(&self, path: &str) -> Values<Int64Array> {
        Values(self.leaf(path, &DataType::Int64).map(|array| array.as_primitive().clone()))
    }

    pub(super) fn number(&self, path: &str) -> Values<Float64Array> {
        Values(self.leaf(path, &DataType::Float64).map(|array| array.as_primitive().clone()))
    }

    pub(super) fn boolean(&self, path: &str) -> Values<BooleanArray> {
        Values(self.leaf(path, &DataType::Boolean).map(|array| array.as_boolean().clone()))
    }

    /// Times in microseconds since 1970.
    pub(super) fn time(&self, path: &str) -> Values<TimestampMicrosecondArray> {
        let data_type = DataType::Timestamp(TimeUnit::Microsecond, None);
        Values(self.leaf(path, &data_type).map(|array| array.as_primitive().clone()))
    }

    /// Lists of texts.
    pub(super) fn texts(&self, path: &str) -> Values<ListArray> {
        let Some((numbers, _, data)) = self.find(path) else { return Values(None) };
        self.used.borrow_mut().add(&numbers);
        let Some(ColumnData::Leaf(array)) = data else { return Values(None) };
        Values(array.as_list_opt().cloned())
    }

    /// Lists of objects.
    pub(super) fn list(&self, path: &str) -> List<'a> {
        let Some((numbers, Shape::List(item), data)) = self.find(path) else {
            let items = Self { def: &NO_FIELDS, group: None, path: Vec::new(), used: self.used };
            return List { data: None, items };
        };
        self.used.borrow_mut().add_presence(&numbers);
        let data = match data {
            Some(ColumnData::List(list)) => Some(&**list),
            _ => None,
        };
        List { data, items: Self { def: item, group: data.map(|list| &list.items), path: numbers, used: self.used } }
    }

    /// Maps of texts.
    pub(super) fn map(&self, path: &str) -> Map<'a> {
        let Some((numbers, _, data)) = self.find(path) else { return Map(None) };
        self.used.borrow_mut().add(&numbers);
        let Some(ColumnData::Map(map)) = data else { return Map(None) };
        let text = |array: &ArrayRef| Some(cast(array, &DataType::Utf8View).ok()?.as_string_view().clone());
        Map(text(&map.keys).zip(text(&map.values)).map(|(keys, values)| (&**map, keys, values)))
    }
}

/// A type without fields, for fields that a kind does not have.
static NO_FIELDS: TypeDef = TypeDef { name: "", fields: &[] };

impl Values<StringViewArray> {
    pub(super) fn get(&self, row: usize) -> Option<&str> {
        self.0.as_ref().filter(|array| array.is_valid(row)).map(|array| array.value(row))
    }
}

impl Values<Int64Array> {
    pub(super) fn get(&self, row: usize) -> Option<i64> {
        self.0.as_ref().filter(|array| array.is_valid(row)).map(|array| array.value(row))
    }

    pub(super) fn or_zero(&self, row: usize) -> i64 {
        self.get(row).unwrap_or_default()
    }
}

impl Values<Float64Array> {
    pub(super) fn get(&self, row: usize) -> Option<f64> {
        self.0.as_ref().filter(|array| array.is_valid(row)).map(|array| array.value(row))
    }
}

impl Values<BooleanArray> {
    pub(super) fn is_true(&self, row: usize) -> bool {
        self.0.as_ref().is_some_and(|array| array.is_valid(row) && array.value(row))
    }
}

impl Values<TimestampMicrosecondArray> {
    pub(super) fn get(&self, row: usize) -> Option<i64> {
        self.0.as_ref().filter(|array| array.is_valid(row)).map(|array| array.value(row))
    }
}

impl Values<ListArray> {
    pub(super) fn get(&self, row: usize) -> Vec<String> {
        let Some(lists) = self.0.as_ref().filter(|lists| lists.is_valid(row)) else { return Vec::new() };
        let Ok(texts) = cast(&lists.value(row), &DataType::Utf8View) else { return Vec::new() };
        texts.as_string_view().iter().flatten().map(str::to_owned).collect()
    }
}

/// The lists of objects of a field.
pub(super) struct List<'a> {
    data: Option<&'a ListData>,
    /// The fields of the items, by the numbers that [`Self::get`] returns.
    pub(super) items: Fields<'a>,
}

impl List<'_> {
    /// The numbers of the items of a row.
    pub(super) fn get(&self, row: usize) -> Range<usize> {
        self.data.map_or(0..0, |list| bounds(&list.offsets, row))
    }
}

/// The maps of a field.
pub(super) struct Map<'a>(Option<(&'a MapData, StringViewArray, StringViewArray)>);

impl Map<'_> {
    /// The entries of a row.
    pub(super) fn get(&self, row: usize) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(move |(map, keys, values)| {
            bounds(&map.offsets, row).map(move |at| (keys.value(at), values.value(at)))
        })
    }

    pub(super) fn value(&self, row: usize, key: &str) -> Option<&str> {
        self.get(row).find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// `a=1,b=2`, sorted by key; `None` if the map is empty.
    pub(super) fn pairs(&self, row: usize) -> Option<String> {
        let mut pairs: Vec<String> = self.get(row).map(|(key, value)| format!("{key}={value}")).collect();
        pairs.sort();
        (!pairs.is_empty()).then(|| pairs.join(","))
    }
}

fn bounds(offsets: &[i32], row: usize) -> Range<usize> {
    let at = |row: usize| offsets.get(row).and_then(|&offset| usize::try_from(offset).ok()).unwrap_or(0);
    at(row)..at(row + 1)
}
