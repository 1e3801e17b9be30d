//! What is derived from a segment's columns: computed when asked for, and kept as long as the segment by those who ask
//! again.

use std::collections::HashMap;

use arrow::array::{Array, ArrayRef, AsArray};
use parking_lot::Mutex;

/// Derived columns by name.
#[derive(Debug, Default)]
pub struct Derived {
    columns: Mutex<HashMap<String, Known>>,
}

#[derive(Debug)]
enum Known {
    /// Was asked for once. One `select *` asks for hundreds of columns that nobody may want again.
    Once,
    /// Is kept; `None` where no row has a value.
    Kept(Option<ArrayRef>),
}

impl Derived {
    /// The column of this name, computed where it is not kept; `None` where no row has a value. To be asked for once a
    /// statement.
    pub fn get(&self, name: &str, compute: impl FnOnce() -> Option<ArrayRef>) -> Option<ArrayRef> {
        let again = match self.columns.lock().get(name) {
            Some(Known::Kept(column)) => return column.clone(),
            Some(Known::Once) => true,
            None => false,
        };
        // Not under the lock: two queries may compute the same column once each, and none waits.
        let column = compute();
        let mut columns = self.columns.lock();
        let known = columns.entry(name.to_owned()).or_insert(Known::Once);
        if again || column.is_none() {
            *known = Known::Kept(column.clone());
        }
        column
    }

    /// Bytes of memory that the kept columns take, nearly.
    pub fn bytes(&self) -> usize {
        let columns = self.columns.lock();
        let kept = columns.values().filter_map(|known| match known {
            Known::Kept(column) => column.as_ref(),
            Known::Once => None,
        });
        kept.map(own_bytes).sum()
    }
}

/// Bytes of an array, without the texts of a dictionary: these are a map's own.
fn own_bytes(array: &ArrayRef) -> usize {
    match array.as_any_dictionary_opt() {
        Some(dictionary) => dictionary.keys().get_array_memory_size(),
        None => array.get_array_memory_size(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int32Array};

    use super::Derived;

    #[test]
    fn only_what_is_asked_for_again_is_kept() {
        let derived = Derived::default();
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
