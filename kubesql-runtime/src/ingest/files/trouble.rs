//! What was wrong with the data, each kind of trouble once, with a count and its first place.

use std::collections::HashMap;
use std::sync::Arc;

use crate::store::Warning;

/// How many different troubles are told. Data that is wrong in more ways than that is told in sum.
const DIFFERENT: usize = 1000;

/// Where in a source something is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spot {
    /// The file's name.
    pub(super) file: Arc<str>,
    /// Which document of the file, from 1; 0 for the file as a whole.
    pub(super) document: u64,
    /// Which item of the document's list, from 1; 0 for the document itself.
    pub(super) item: u64,
}

impl Spot {
    /// The file as a whole.
    pub(super) fn file(file: &Arc<str>) -> Self {
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
pub(super) enum Trouble {
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
pub(super) struct Troubles {
    entries: Vec<Entry>,
    known: HashMap<Trouble, usize>,
}

impl Troubles {
    /// Adds a sentence about a place.
    pub(super) fn tell(&mut self, spot: &Spot, sentence: impl Into<String>) {
        self.add(Trouble::Other(sentence.into()), spot, String::new(), String::new(), 1);
    }

    /// Adds trouble that was seen `count` times, first at this spot.
    pub(super) fn add(&mut self, trouble: Trouble, spot: &Spot, detail: String, found: String, count: u64) {
        let trouble =
            if self.entries.len() >= DIFFERENT && !self.known.contains_key(&trouble) { Trouble::More } else { trouble };
        let next = self.entries.len();
        let index = *self.known.entry(trouble.clone()).or_insert(next);
        match self.entries.get_mut(index) {
            Some(entry) => entry.count += count,
            None => self.entries.push(Entry { trouble, spot: spot.clone(), detail, found, count }),
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

    /// As a snapshot tells them.
    pub(super) fn warnings(self) -> Vec<Warning> {
        self.entries.into_iter().map(Entry::warning).collect()
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
