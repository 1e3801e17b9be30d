//! Notices about an empty answer: names that no object has. They are computed only then, since they read all objects, and
//! not if that lists a cluster again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type, UInt64Type};
use arrow::record_batch::RecordBatch;

use crate::schema::Table;
use crate::sql::DEFAULT_SCHEMA;
use crate::sql::catalog::registry::Registry;
use crate::sql::scan::snapshot::StatementSnapshot;
use crate::sql::suggest::nearest;

/// Maximum number of keys that are compared with a name.
const MAX_KEYS: usize = 10_000;

/// Whether an answer says nothing: no row so far, or one row of zeros and NULLs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Emptiness {
    rows: usize,
    is_zero: bool,
}

impl Default for Emptiness {
    fn default() -> Self {
        Self { rows: 0, is_zero: true }
    }
}

impl Emptiness {
    pub(super) fn add(&mut self, batch: &RecordBatch) {
        self.rows += batch.num_rows();
        self.is_zero = self.is_zero && self.rows <= 1 && batch.columns().iter().all(is_zero);
    }

    fn is_empty(self) -> bool {
        self.rows == 0 || self.is_zero
    }
}

fn is_zero(array: &ArrayRef) -> bool {
    if array.null_count() == array.len() {
        return true;
    }
    match array.data_type() {
        DataType::Int64 => array.as_primitive::<Int64Type>().iter().flatten().all(|value| value == 0),
        DataType::UInt64 => array.as_primitive::<UInt64Type>().iter().flatten().all(|value| value == 0),
        DataType::Float64 => array.as_primitive::<Float64Type>().iter().flatten().all(|value| value == 0.0),
        _ => false,
    }
}

/// Adds the notices about an answer to the warnings of its statement. Failures are ignored: the answer is right.
pub(super) async fn add(snapshot: &StatementSnapshot, registry: &Registry, answer: Emptiness) {
    if !answer.is_empty() || !snapshot.source().is_local() {
        return;
    }
    for asked in snapshot.scans() {
        let table = &asked.table;
        if asked.rows.load(Ordering::Relaxed) == 0 && asked.namespaces.is_empty() && asked.keys.is_empty() {
            add_namesakes(snapshot, registry, table).await;
        }
        add_namespaces(snapshot, registry, table, &asked.namespaces).await;
        if !asked.keys.is_empty()
            && let Ok(known) = snapshot.commonest_keys(table, MAX_KEYS).await
            && known.len() < MAX_KEYS
        {
            for key in asked.keys.iter().filter(|key| !known.contains(key)) {
                snapshot.warn(table, format!("no object has \"{key}\"{}", hint(&nearest_keys(key, &known))));
            }
        }
    }
}

/// The names nearest to a key: of the keys of its map, else of all.
fn nearest_keys<'a>(key: &str, known: &'a [String]) -> Vec<&'a str> {
    let map = key.find('.').map_or(0, |dot| dot + 1);
    let of_map: Vec<&'a str> =
        known.iter().map(String::as_str).filter(|known| known.starts_with(&key[..map])).collect();
    if of_map.is_empty() {
        return nearest(key, known.iter().map(String::as_str));
    }
    let near = nearest(&key[map..], of_map.iter().map(|known| &known[map..]));
    near.into_iter().filter_map(|near| of_map.iter().copied().find(|of| of[map..] == *near)).collect()
}

fn hint(near: &[&str]) -> String {
    if near.is_empty() {
        return String::new();
    }
    let quoted: Vec<String> = near.iter().map(|name| format!("\"{name}\"")).collect();
    format!("; did you mean {}?", quoted.join(", "))
}

/// A table of another group that has rows, such as the events of the other group.
async fn add_namesakes(snapshot: &StatementSnapshot, registry: &Registry, table: &Table) {
    for (schema, other) in registry.namesakes(table) {
        if let Ok((_, rows @ 1..)) = snapshot.values(&other, None).await {
            let name = &table.def.name;
            snapshot.warn(table, format!("it is empty, but \"{schema}\".{name} has {rows} rows"));
        }
    }
}

/// A namespace that neither a Namespace nor an object of the table has.
async fn add_namespaces(
    snapshot: &StatementSnapshot,
    registry: &Registry,
    table: &Arc<Table>,
    asked: &BTreeSet<String>,
) {
    if asked.is_empty() {
        return;
    }
    let Ok((mut known, _)) = snapshot.values(table, Some("namespace")).await else { return };
    if let Ok(Some(namespaces)) = registry.find(DEFAULT_SCHEMA, "namespaces")
        && let Ok((names, _)) = snapshot.values(&namespaces, Some("name")).await
    {
        known.extend(names);
    }
    for name in asked.difference(&known) {
        let near = nearest(name, known.iter().map(String::as_str));
        snapshot.warn(table, format!("namespace \"{name}\" does not exist{}", hint(&near)));
    }
}
