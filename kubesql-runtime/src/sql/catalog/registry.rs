//! The tables of an engine, by schema and name.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use crate::schema::{DiscoveredKinds, KindDef, Table, TableDef, short_names};
use crate::sql::DEFAULT_SCHEMA;
use crate::sql::error::{ErrorKind, SqlError};

/// All tables of all kinds.
#[derive(Debug)]
pub(crate) struct Registry {
    entries: Vec<Arc<Entry>>,
    /// Schema -> table -> entries; includes the default schema.
    schemas: BTreeMap<String, BTreeMap<&'static str, Vec<usize>>>,
    /// Schema -> singular or short name of a kind -> entries. A table's own name takes precedence.
    aliases: BTreeMap<String, BTreeMap<String, Vec<usize>>>,
    /// The discovered kinds, in addition to those that are compiled in.
    pub(crate) discovered: Arc<DiscoveredKinds>,
}

#[derive(Debug)]
struct Entry {
    kind: &'static KindDef,
    def: &'static TableDef,
    /// The table with its columns, built on first use.
    table: OnceLock<Arc<Table>>,
}

impl Entry {
    fn table(&self) -> Arc<Table> {
        self.table.get_or_init(|| Arc::new(Table::new(self.kind, self.def))).clone()
    }
}

/// The singular and the short names of a kind.
fn names_of(kind: &KindDef, discovered: &DiscoveredKinds) -> BTreeSet<String> {
    let defined = discovered.find(kind.group, kind.plural).into_iter().flat_map(|found| found.short_names.clone());
    let known = short_names(kind).iter().map(|&name| name.to_owned());
    known.chain(defined).chain([kind.singular.to_owned()]).collect()
}

/// The schema of an API group.
pub(crate) fn schema_of(kind: &KindDef) -> &'static str {
    if kind.group.is_empty() { "core" } else { kind.group }
}

/// The precedence of a group for a name that several groups have: core, other built-in groups, custom resources.
fn precedence(group: &str) -> u8 {
    match group {
        "" => 0,
        _ if !group.contains('.') || group.ends_with(".k8s.io") => 1,
        _ => 2,
    }
}

impl Registry {
    /// Creates the registry of the compiled-in kinds and of the discovered ones. Reuses the tables of `before`.
    pub(crate) fn new(kinds: &[&'static KindDef], discovered: Arc<DiscoveredKinds>, before: Option<&Self>) -> Self {
        let reusable: HashMap<usize, &Arc<Entry>> = before
            .iter()
            .flat_map(|before| &before.entries)
            .map(|entry| (std::ptr::from_ref(entry.def).addr(), entry))
            .collect();
        let mut entries = Vec::new();
        let mut schemas: BTreeMap<String, BTreeMap<&'static str, Vec<usize>>> = BTreeMap::new();
        let mut aliases: BTreeMap<String, BTreeMap<String, Vec<usize>>> = BTreeMap::new();
        let fixed = kinds.iter().copied().filter(|kind| discovered.find(kind.group, kind.plural).is_none());
        for kind in fixed.chain(discovered.kinds.iter().map(|discovered| discovered.kind)) {
            for def in kind.tables {
                let at = entries.len();
                let new = || Arc::new(Entry { kind, def, table: OnceLock::new() });
                entries.push(reusable.get(&std::ptr::from_ref(def).addr()).map_or_else(new, |entry| Arc::clone(entry)));
                for schema in [schema_of(kind), DEFAULT_SCHEMA] {
                    schemas.entry(schema.to_owned()).or_default().entry(def.name).or_default().push(at);
                    if def.path.is_empty() {
                        let aliases = aliases.entry(schema.to_owned()).or_default();
                        names_of(kind, &discovered)
                            .into_iter()
                            .for_each(|name| aliases.entry(name).or_default().push(at));
                    }
                }
            }
        }
        // If several groups have a name in the default schema, the group with the highest precedence gets it.
        let tables = schemas.get_mut(DEFAULT_SCHEMA).into_iter().flat_map(BTreeMap::values_mut);
        for claims in tables.chain(aliases.get_mut(DEFAULT_SCHEMA).into_iter().flat_map(BTreeMap::values_mut)) {
            let first = claims.iter().map(|&at| precedence(entries[at].kind.group)).min();
            claims.retain(|&at| Some(precedence(entries[at].kind.group)) == first);
            // Among built-in groups, the first one gets the name (`events` is core's).
            if first == Some(1) {
                claims.truncate(1);
            }
        }
        Self { entries, schemas, aliases, discovered }
    }

    /// All schemas, sorted.
    pub(crate) fn schemas(&self) -> impl Iterator<Item = &str> {
        self.schemas.keys().map(String::as_str)
    }

    pub(crate) fn has_schema(&self, schema: &str) -> bool {
        self.schemas.contains_key(schema)
    }

    /// The tables of a schema; for the default schema, only the listed ones.
    pub(crate) fn tables(&self, schema: &str) -> Vec<&'static str> {
        let listed = |at: &usize| schema != DEFAULT_SCHEMA || self.entries[*at].def.listed;
        let tables = self.schemas.get(schema).into_iter().flatten();
        tables.filter(|(_, claims)| claims.iter().any(listed)).map(|(name, _)| *name).collect()
    }

    /// All tables of a schema, listed or not.
    pub(crate) fn table_names(&self, schema: &str) -> impl Iterator<Item = &'static str> {
        self.schemas.get(schema).into_iter().flat_map(BTreeMap::keys).copied()
    }

    /// All tables, each once, with its kind.
    pub(crate) fn tables_with_kinds(&self) -> impl Iterator<Item = (&'static KindDef, &'static TableDef)> {
        self.entries.iter().map(|entry| (entry.kind, entry.def))
    }

    /// The tables of other groups with the name of a table, with their schemas.
    pub(crate) fn namesakes(&self, table: &Table) -> Vec<(&'static str, Arc<Table>)> {
        let same = |entry: &&Arc<Entry>| entry.def.name == table.def.name && !std::ptr::eq(entry.def, table.def);
        let same = self.entries.iter().filter(same);
        same.map(|entry| (schema_of(entry.kind), entry.table())).collect()
    }

    /// Finds a table by its name, or by the singular or a short name of its kind.
    pub(crate) fn find(&self, schema: &str, name: &str) -> Result<Option<Arc<Table>>, SqlError> {
        let alias = || self.aliases.get(schema)?.get(name);
        let claims = self.schemas.get(schema).and_then(|tables| tables.get(name)).or_else(alias);
        let Some(claims) = claims else { return Ok(None) };
        match claims.as_slice() {
            [at] => Ok(Some(self.entries[*at].table())),
            several => {
                let candidates: Vec<_> =
                    several.iter().map(|&at| format!("\"{}\".{name}", schema_of(self.entries[at].kind))).collect();
                Err(SqlError::new(ErrorKind::UnknownTable, format!("several groups have a table {name}"))
                    .hint(format!("qualify the name: {}", candidates.join(", "))))
            }
        }
    }

    /// Whether a table exists and cannot change by discovery.
    pub(crate) fn is_fixed(&self, schema: &str, name: &str) -> bool {
        let claims = self.schemas.get(schema).and_then(|tables| tables.get(name));
        claims.is_some_and(|claims| claims.iter().all(|&at| self.entries[at].kind.custom.is_none()))
    }
}
