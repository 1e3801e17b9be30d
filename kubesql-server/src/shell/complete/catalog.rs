//! Names for completion, loaded in the background so that typing is not delayed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{Array, AsArray, BooleanArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use futures::StreamExt;
use kubesql_runtime::sql::SqlError;
use parking_lot::{Condvar, Mutex};
use tokio::runtime::Handle;

use crate::shell::backend::{Backend, Column};

/// Maximum time that a key press waits for names.
const PATIENCE: Duration = Duration::from_millis(400);

/// Columns are loaded again after this time, since objects may have new keys.
const FRESH: Duration = Duration::from_secs(30);

/// A table.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) listed: bool,
}

/// A function.
#[derive(Debug, Clone)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) syntax: String,
}

/// Names that do not change.
#[derive(Debug, Default)]
pub(super) struct FixedNames {
    pub(super) tables: Vec<Table>,
    pub(super) schemas: Vec<String>,
    pub(super) functions: Vec<Function>,
    pub(super) settings: Vec<String>,
}

/// The names of one backend.
pub(in crate::shell) struct Catalog {
    backend: Arc<dyn Backend>,
    runtime: Handle,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    known: Mutex<LoadedNames>,
    changed: Condvar,
}

#[derive(Default)]
struct LoadedNames {
    names: Option<Arc<FixedNames>>,
    tables: HashMap<String, Columns>,
    /// Number of pending requests.
    asked: usize,
    /// Whether names arrived since the last check.
    arrived: bool,
}

#[derive(Default)]
struct Columns {
    columns: Arc<Vec<Column>>,
    /// Whether the keys of objects are included.
    complete: bool,
    loading: bool,
    since: Option<Instant>,
}

/// The state of loading.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LoadState {
    Idle,
    Busy,
    /// New names have arrived.
    NewNames,
}

impl Catalog {
    /// Starts loading the names of a backend.
    pub(in crate::shell) fn new(backend: Arc<dyn Backend>, runtime: Handle) -> Arc<Self> {
        let catalog = Self { backend, runtime, state: Arc::default() };
        catalog.state.known.lock().asked += 1;
        let (backend, state) = (Arc::clone(&catalog.backend), Arc::clone(&catalog.state));
        catalog.runtime.spawn(async move {
            // Without names there is no completion; statements report the error.
            let names = names(&*backend).await.unwrap_or_default();
            state.update(|known| known.names = Some(Arc::new(names)));
        });
        Arc::new(catalog)
    }

    pub(super) fn names(&self) -> Arc<FixedNames> {
        let mut known = self.state.known.lock();
        let until = Instant::now() + PATIENCE;
        while known.names.is_none() && !self.state.changed.wait_until(&mut known, until).timed_out() {}
        known.names.clone().unwrap_or_default()
    }

    /// The columns of a table; without the keys of its objects if those take too long.
    pub(super) fn columns(&self, table: &str) -> Arc<Vec<Column>> {
        self.load(table);
        let mut known = self.state.known.lock();
        let until = Instant::now() + PATIENCE;
        loop {
            let Some(columns) = known.tables.get(table) else { return Arc::default() };
            if columns.complete || !columns.loading || self.state.changed.wait_until(&mut known, until).timed_out() {
                return known.tables.get(table).map(|columns| Arc::clone(&columns.columns)).unwrap_or_default();
            }
        }
    }

    /// Loads the columns of a table, unless they are known or loading.
    pub(in crate::shell) fn load(&self, table: &str) {
        let mut known = self.state.known.lock();
        let columns = known.tables.entry(table.to_owned()).or_default();
        if columns.loading || columns.since.is_some_and(|since| since.elapsed() < FRESH) {
            return;
        }
        columns.loading = true;
        known.asked += 1;
        drop(known);
        let (backend, state, table) = (Arc::clone(&self.backend), Arc::clone(&self.state), table.to_owned());
        self.runtime.spawn(async move {
            if let Ok(fixed) = backend.columns(&table, false).await {
                state.change(|known| {
                    let columns = known.tables.entry(table.clone()).or_default();
                    if columns.columns.is_empty() {
                        columns.columns = Arc::new(fixed);
                    }
                });
            }
            let all = backend.columns(&table, true).await;
            state.update(|known| {
                let columns = known.tables.entry(table).or_default();
                columns.loading = false;
                columns.since = Some(Instant::now());
                if let Ok(all) = all {
                    columns.complete = true;
                    columns.columns = Arc::new(all);
                }
            });
        });
    }

    /// Whether requests are pending.
    pub(super) fn is_asking(&self) -> bool {
        self.state.known.lock().asked > 0
    }

    /// The state of loading; new names are reported once.
    pub(super) fn load_state(&self) -> LoadState {
        let mut known = self.state.known.lock();
        match (std::mem::take(&mut known.arrived), known.asked) {
            (true, _) => LoadState::NewNames,
            (false, 0) => LoadState::Idle,
            (false, _) => LoadState::Busy,
        }
    }
}

impl State {
    fn change(&self, change: impl FnOnce(&mut LoadedNames)) {
        change(&mut self.known.lock());
        self.changed.notify_all();
    }

    /// Stores the result of a request.
    fn update(&self, change: impl FnOnce(&mut LoadedNames)) {
        self.change(|known| {
            change(known);
            known.asked -= 1;
            known.arrived = true;
        });
    }
}

async fn names(backend: &dyn Backend) -> Result<FixedNames, SqlError> {
    const TABLES: &str = "select schema, name, kind, listed from system.tables union all \
        select table_schema, table_name, '', true from information_schema.tables where table_type = 'VIEW'";
    let mut names = FixedNames::default();
    for row in texts(backend, TABLES).await? {
        if let [schema, name, kind, listed, ..] = row.as_slice() {
            let (schema, name, kind) = (schema.clone(), name.clone(), kind.clone());
            names.tables.push(Table { schema, name, kind, listed: listed == "true" });
        }
    }
    let first = |row: Vec<String>| row.into_iter().next();
    names.schemas = texts(backend, "show schemas").await?.into_iter().filter_map(first).collect();
    names.settings = texts(backend, "show all").await?.into_iter().filter_map(first).collect();
    for row in texts(backend, "select name, syntax from system.functions order by name").await? {
        if let [name, syntax, ..] = row.as_slice() {
            names.functions.push(Function { name: name.clone(), syntax: syntax.clone() });
        }
    }
    names.functions.dedup_by(|a, b| a.name == b.name);
    Ok(names)
}

/// The rows of a statement as strings; NULL is empty.
pub(in crate::shell) async fn texts(backend: &dyn Backend, sql: &str) -> Result<Vec<Vec<String>>, SqlError> {
    let mut answer = backend.ask(sql).await?;
    let mut rows = Vec::new();
    while let Some(batch) = answer.rows.next().await.transpose()? {
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|column| match column.as_any().downcast_ref::<BooleanArray>() {
                Some(flags) => flags.iter().map(|flag| flag.map(|flag| flag.to_string()).unwrap_or_default()).collect(),
                None => match cast(column, &DataType::Utf8) {
                    Ok(texts) => {
                        texts.as_string::<i32>().iter().map(|text| text.unwrap_or_default().to_owned()).collect()
                    }
                    Err(_) => vec![String::new(); column.len()],
                },
            })
            .collect::<Vec<Vec<String>>>();
        rows.extend((0..batch.num_rows()).map(|row| columns.iter().map(|column| column[row].clone()).collect()));
    }
    Ok(rows)
}
