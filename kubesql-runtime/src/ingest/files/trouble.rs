//! What was wrong with the data, each kind of trouble once, with a count and its first place.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::Array;
use arrow::util::display::array_value_to_string;

use crate::flatten::{Data, Flattened, Group, Mismatch};
use crate::schema::{KindDef, Shape};
use crate::store::Warning;

/// How many different troubles are told. Data that is wrong in more ways than that is told in sum.
const DIFFERENT: usize = 1000;

/// Where in a source something is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ingest) struct Spot {
    /// The file's name.
    pub(in crate::ingest) file: Arc<str>,
    /// Which document of the file, from 1; 0 for the file as a whole.
    pub(in crate::ingest) document: u64,
    /// Which item of the document's list, from 1; 0 for the document itself.
    pub(in crate::ingest) item: u64,
}

impl Spot {
    /// The file as a whole.
    pub(in crate::ingest) fn file(file: &Arc<str>) -> Self {
        Self { file: file.clone(), document: 0, item: 0 }
    }

    fn text(&self) -> String {
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

/// Kinds of trouble: two that are equal are counted as one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::ingest) enum Trouble {
    /// Objects of a kind that has no table: its name with its group, and a hint.
    NoTable(String, String),
    /// A value that does not fit: table, path without positions, and what would fit.
    Mismatch(String, String, String),
    /// Anything else: the sentence.
    Other(String),
    /// What is beyond [`DIFFERENT`].
    More,
}

#[derive(Debug)]
struct Entry {
    trouble: Trouble,
    spot: Spot,
    /// The object's name and the path in it, where known.
    detail: String,
    /// What was found, in a mismatch.
    found: String,
    count: u64,
}

/// Troubles in the order in which they were first seen.
#[derive(Debug, Default)]
pub(in crate::ingest) struct Troubles {
    entries: Vec<Entry>,
    known: HashMap<Trouble, usize>,
}

impl Troubles {
    /// Adds a sentence about a place.
    pub(in crate::ingest) fn tell(&mut self, spot: &Spot, sentence: impl Into<String>) {
        self.add(Trouble::Other(sentence.into()), spot, String::new(), String::new(), 1);
    }

    /// Adds trouble that was seen `count` times, first at this spot.
    pub(in crate::ingest) fn add(&mut self, trouble: Trouble, spot: &Spot, detail: String, found: String, count: u64) {
        let trouble =
            if self.entries.len() >= DIFFERENT && !self.known.contains_key(&trouble) { Trouble::More } else { trouble };
        let next = self.entries.len();
        let index = *self.known.entry(trouble.clone()).or_insert(next);
        match self.entries.get_mut(index) {
            Some(entry) => entry.count += count,
            None => self.entries.push(Entry { trouble, spot: spot.clone(), detail, found, count }),
        }
    }

    /// Adds the values of finished rows of a kind that did not fit; `spot` says where a row comes from.
    pub(in crate::ingest) fn mismatches(
        &mut self,
        kind: &'static KindDef,
        flattened: &Flattened,
        spot: impl Fn(usize) -> Spot,
    ) {
        for Mismatch { row, path, expected, found } in &flattened.mismatches {
            let name = name(kind, &flattened.columns, *row);
            let general = without_positions(path);
            let detail = if name.is_empty() { path.clone() } else { format!("{name} {path}") };
            let trouble = Trouble::Mismatch(kind.plural.to_owned(), general, expected.to_string());
            self.add(trouble, &spot(*row), detail, found.clone(), 1);
        }
        let told = u64::try_from(flattened.mismatches.len()).unwrap_or(u64::MAX);
        if flattened.mismatch_count > told {
            let more = format!("{}: more values that do not fit their columns (became NULL)", kind.plural);
            let count = flattened.mismatch_count - told;
            self.add(Trouble::Other(more), &spot(0), String::new(), String::new(), count);
        }
    }

    /// Adds those of a later part of the same data. Its documents, or the items of its list, were
    /// counted from 1 and come after that many.
    pub(super) fn merge(&mut self, later: Self, documents: u64, items: u64) {
        for mut entry in later.entries {
            if entry.spot.document > 0 {
                entry.spot.document += documents;
            }
            if entry.spot.item > 0 {
                entry.spot.item += items;
            }
            self.add(entry.trouble, &entry.spot, entry.detail, entry.found, entry.count);
        }
    }

    /// Takes out what is told of kinds without a table, which is told once for all files.
    pub(super) fn take_kinds(&mut self) -> Self {
        let is_kind = |entry: &Entry| matches!(entry.trouble, Trouble::NoTable(..));
        let (kinds, others) = std::mem::take(&mut self.entries).into_iter().partition(is_kind);
        let troubles = |entries: Vec<Entry>| {
            let known = entries.iter().enumerate().map(|(at, entry)| (entry.trouble.clone(), at)).collect();
            Self { entries, known }
        };
        *self = troubles(others);
        troubles(kinds)
    }

    /// As a snapshot tells them.
    pub(in crate::ingest) fn warnings(self) -> Vec<Warning> {
        self.entries.into_iter().map(Entry::warning).collect()
    }
}

/// One of the first, one of the second, and so on: whoever tells only the first few tells of both.
pub(super) fn alternate(first: Vec<Warning>, second: Vec<Warning>) -> Vec<Warning> {
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

impl Entry {
    fn warning(self) -> Warning {
        let mut place = self.spot.text();
        if !self.detail.is_empty() {
            place = format!("{place} {}", self.detail);
        }
        let count = self.count;
        let message = match self.trouble {
            Trouble::NoTable(kind, hint) => {
                let objects = if count == 1 { "object" } else { "objects" };
                format!("no table for {kind}: {count} {objects} left out{hint}")
            }
            Trouble::Mismatch(table, path, expected) => {
                format!("{table} {path}: expected {expected}, found {} (became NULL)", self.found)
            }
            Trouble::Other(sentence) => sentence,
            Trouble::More => "more of other kinds".to_owned(),
        };
        Warning { place, message, count }
    }
}

/// Namespace and name of a row's object, as far as their columns were asked for.
fn name(kind: &'static KindDef, columns: &Group, row: usize) -> String {
    let text = |field: &str| -> Option<String> {
        let (number, definition) = kind.root.field("metadata")?;
        let Data::Group(metadata) = columns.columns.get(usize::from(number))?.as_ref()? else { return None };
        let Shape::Object(definition) = definition.shape else { return None };
        let (number, _) = definition.field(field)?;
        let Data::Leaf(values) = metadata.columns.get(usize::from(number))?.as_ref()? else { return None };
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
