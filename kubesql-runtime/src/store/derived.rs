//! What is derived from a segment's columns: computed when first asked for, kept as long as the segment.

use std::collections::HashMap;

use arrow::array::ArrayRef;
use parking_lot::Mutex;

/// Derived columns by name.
#[derive(Debug, Default)]
pub struct Derived {
    columns: Mutex<HashMap<String, Option<ArrayRef>>>,
}

impl Derived {
    /// The column of this name, computed where it is not there yet; `None` where no row has a value.
    pub fn get(&self, name: &str, compute: impl FnOnce() -> Option<ArrayRef>) -> Option<ArrayRef> {
        if let Some(known) = self.columns.lock().get(name) {
            return known.clone();
        }
        // Not under the lock: two queries may compute the same column once each, and none waits.
        let computed = compute();
        self.columns.lock().entry(name.to_owned()).or_insert(computed).clone()
    }
}
