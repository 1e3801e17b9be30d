//! Problems in the data. Equal problems are reported once, with a count and the first location.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::Array;
use arrow::util::display::array_value_to_string;

use crate::flatten::{ColumnData, ColumnGroup, Flattened, Mismatch};
use crate::schema::{KindDef, Shape};
use crate::store::Warning;

/// The maximal number of different problems. Further ones are reported as a total.
const MAX_PROBLEMS: usize = 1000;

/// A location in a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ingest) struct Location {
    /// The file's name.
    pub(in crate::ingest) file: Arc<str>,
    /// The number of the document in the file, from 1; 0 for the whole file.
    pub(in crate::ingest) document: u64,
    /// The number of the item in the document's list, from 1; 0 for the whole document.
    pub(in crate::ingest) item: u64,
}

impl Location {
    /// The whole file.
    pub(in crate::ingest) fn file(file: &Arc<str>) -> Self {
        Self { file: file.clone(), document: 0, item: 0 }
    }

    fn describe(&self) -> String {
        let Self { file, document, item } = self;
        match (*document, *item) {
            (0, _) => file.to_string(),
            (1, 0) => file.to_string(),
            (1, item) => format!("{file}: item {item}"),
            (document, 0) => format!("{file}: document {document}"),
            (document, item) => format!("{file}: document {document}, item {item}"),
        }
    }
}

/// A problem. Equal problems are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::ingest) enum Problem {
    /// Objects of a kind without a table: the kind with its group, and a hint.
    NoTable(String, String),
    /// A value that does not fit: the table, the path without positions, and the expected type.
    Mismatch(String, String, String),
    /// Any other problem: the message.
    Other(String),
    /// All problems beyond [`MAX_PROBLEMS`].
    More,
}

#[derive(Debug)]
struct Diagnostic {
    problem: Problem,
    /// Where it was first found.
    location: Location,
    /// The object's name and the path in it, if known.
    detail: String,
    /// The value that was found, for a mismatch.
    found: String,
    count: u64,
}

/// Problems in the order in which they were first found.
#[derive(Debug, Default)]
pub(in crate::ingest) struct Diagnostics {
    entries: Vec<Diagnostic>,
    indexes: HashMap<Problem, usize>,
}

impl Diagnostics {
    /// Adds a message about a location.
    pub(in crate::ingest) fn add(&mut self, location: &Location, message: impl Into<String>) {
        self.add_problem(Problem::Other(message.into()), location, String::new(), String::new(), 1);
    }

    /// Adds a problem that was found `count` times, first at this location.
    pub(in crate::ingest) fn add_problem(
        &mut self,
        problem: Problem,
        location: &Location,
        detail: String,
        found: String,
        count: u64,
    ) {
        let is_new = !self.indexes.contains_key(&problem);
        let problem = if is_new && self.entries.len() >= MAX_PROBLEMS { Problem::More } else { problem };
        let next = self.entries.len();
        let index = *self.indexes.entry(problem.clone()).or_insert(next);
        match self.entries.get_mut(index) {
            Some(entry) => entry.count += count,
            None => self.entries.push(Diagnostic { problem, location: location.clone(), detail, found, count }),
        }
    }

    /// Adds the mismatches of finished rows; `location` returns the location of a row.
    pub(in crate::ingest) fn add_mismatches(
        &mut self,
        kind: &'static KindDef,
        flattened: &Flattened,
        location: impl Fn(usize) -> Location,
    ) {
        for Mismatch { row, path, expected, found } in &flattened.mismatches {
            let name = object_name(kind, &flattened.columns, *row);
            let general = without_positions(path);
            let detail = if name.is_empty() { path.clone() } else { format!("{name} {path}") };
            let problem = Problem::Mismatch(kind.plural.to_owned(), general, expected.to_string());
            self.add_problem(problem, &location(*row), detail, found.clone(), 1);
        }
        let described = u64::try_from(flattened.mismatches.len()).unwrap_or(u64::MAX);
        if flattened.mismatch_count > described {
            let more = format!("{}: further values did not fit their columns (became NULL)", kind.plural);
            let count = flattened.mismatch_count - described;
            self.add_problem(Problem::Other(more), &location(0), String::new(), String::new(), count);
        }
    }

    /// Adds the problems of a later part of the same data. Its documents or items were counted from 1, and come after
    /// `documents` documents and `items` items.
    pub(in crate::ingest) fn merge(&mut self, later: Self, documents: u64, items: u64) {
        for mut entry in later.entries {
            if entry.location.document > 0 {
                entry.location.document += documents;
            }
            if entry.location.item > 0 {
                entry.location.item += items;
            }
            self.add_problem(entry.problem, &entry.location, entry.detail, entry.found, entry.count);
        }
    }

    /// Removes and returns the problems about kinds without a table, which are reported once for all files.
    pub(in crate::ingest) fn take_unsupported_kinds(&mut self) -> Self {
        let is_kind = |entry: &Diagnostic| matches!(entry.problem, Problem::NoTable(..));
        let (kinds, others) = std::mem::take(&mut self.entries).into_iter().partition(is_kind);
        let with_entries = |entries: Vec<Diagnostic>| {
            let indexes = entries.iter().enumerate().map(|(at, entry)| (entry.problem.clone(), at)).collect();
            Self { entries, indexes }
        };
        *self = with_entries(others);
        with_entries(kinds)
    }

    /// The problems as warnings of a snapshot.
    pub(in crate::ingest) fn into_warnings(self) -> Vec<Warning> {
        self.entries.into_iter().map(Diagnostic::into_warning).collect()
    }
}

/// Interleaves two lists, so that the first few warnings are of both.
pub(in crate::ingest) fn interleave(first: Vec<Warning>, second: Vec<Warning>) -> Vec<Warning> {
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut all = Vec::new();
    loop {
        let before = all.len();
        all.extend(first.next());
        all.extend(second.next());
        if all.len() == before {
            return all;
        }
    }
}

impl Diagnostic {
    fn into_warning(self) -> Warning {
        let mut place = self.location.describe();
        if !self.detail.is_empty() {
            place = format!("{place} {}", self.detail);
        }
        let count = self.count;
        let message = match self.problem {
            Problem::NoTable(kind, hint) => {
                let objects = if count == 1 { "object" } else { "objects" };
                format!("no table for {kind}: skipped {count} {objects}{hint}")
            }
            Problem::Mismatch(table, path, expected) => {
                format!("{table} {path}: expected {expected}, found {} (became NULL)", self.found)
            }
            Problem::Other(message) => message,
            Problem::More => "further problems".to_owned(),
        };
        Warning { place, message, count }
    }
}

/// The namespace and name of a row's object, if their columns were requested.
fn object_name(kind: &'static KindDef, columns: &ColumnGroup, row: usize) -> String {
    let text = |field: &str| -> Option<String> {
        let (number, definition) = kind.root.field("metadata")?;
        let ColumnData::Object(metadata) = columns.columns.get(usize::from(number))?.as_ref()? else { return None };
        let Shape::Object(definition) = definition.shape else { return None };
        let (number, _) = definition.field(field)?;
        let ColumnData::Leaf(values) = metadata.columns.get(usize::from(number))?.as_ref()? else { return None };
        if values.is_null(row) { None } else { array_value_to_string(values, row).ok() }
    };
    match (text("namespace"), text("name")) {
        (Some(namespace), Some(name)) => format!("{namespace}/{name}"),
        (None, name) => name.unwrap_or_default(),
        (Some(namespace), None) => format!("{namespace}/"),
    }
}

/// `spec.containers[3].image` as `spec.containers[].image`.
fn without_positions(path: &str) -> String {
    let mut general = String::with_capacity(path.len());
    let mut inside = false;
    for letter in path.chars() {
        inside &= letter.is_ascii_digit();
        if !inside {
            general.push(letter);
        }
        inside |= letter == '[';
    }
    general
}
