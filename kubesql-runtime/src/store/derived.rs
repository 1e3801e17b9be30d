//! A cache of columns that are derived from a segment's columns. It lives as long as the segment.

use std::collections::HashMap;

use arrow::array::{Array, ArrayRef, AsArray};
use parking_lot::Mutex;

/// Derived columns by name.
///
/// A column is cached from its second use on. One `select *` reads hundreds of columns that may never be read again.
#[derive(Debug, Default)]
pub struct DerivedColumns {
    columns: Mutex<HashMap<String, CacheEntry>>,
}

#[derive(Debug)]
enum CacheEntry {
    /// The column was read once, and is not cached.
    SeenOnce,
    /// The cached column; `None` if no row has a value.
    Cached(Option<ArrayRef>),
}

impl DerivedColumns {
    /// The column of this name, computed if it is not cached; `None` if no row has a value. A statement should call
    /// this once for each column.
    pub fn get(&self, name: &str, compute: impl FnOnce() -> Option<ArrayRef>) -> Option<ArrayRef> {
        let seen = match self.columns.lock().get(name) {
            Some(CacheEntry::Cached(column)) => return column.clone(),
            Some(CacheEntry::SeenOnce) => true,
            None => false,
        };
        // Computed without the lock: two queries may compute the same column, but none waits for another.
        let column = compute();
        let mut columns = self.columns.lock();
        let entry = columns.entry(name.to_owned()).or_insert(CacheEntry::SeenOnce);
        if seen || column.is_none() {
            *entry = CacheEntry::Cached(column.clone());
        }
        column
    }

    /// Approximate bytes of the cached columns.
    pub fn bytes(&self) -> usize {
        let columns = self.columns.lock();
        let cached = columns.values().filter_map(|entry| match entry {
            CacheEntry::Cached(column) => column.as_ref(),
            CacheEntry::SeenOnce => None,
        });
        cached.map(unshared_bytes).sum()
    }
}

/// Bytes of an array without its dictionary, which is shared with the map that the column is derived from.
fn unshared_bytes(array: &ArrayRef) -> usize {
    match array.as_any_dictionary_opt() {
        Some(dictionary) => dictionary.keys().get_array_memory_size(),
        None => array.get_array_memory_size(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int32Array};

    use super::DerivedColumns;

    #[test]
    fn columns_are_cached_on_second_use() {
        let derived = DerivedColumns::default();
        let mut computed = 0;
        let mut ask = |name: &str, column: Option<ArrayRef>| {
            let given = derived.get(name, || {
                computed += 1;
                column.clone()
            });
            assert_eq!(given.is_some(), column.is_some());
            (computed, derived.bytes() > 0)
        };
        let column: ArrayRef = Arc::new(Int32Array::from(vec![1, 2]));
        assert_eq!(ask("a", Some(Arc::clone(&column))), (1, false));
        assert_eq!(ask("a", Some(Arc::clone(&column))), (2, true));
        assert_eq!(ask("a", Some(column)), (2, true));
        assert_eq!(ask("none", None), (3, true));
        assert_eq!(ask("none", None), (3, true));
    }
}
