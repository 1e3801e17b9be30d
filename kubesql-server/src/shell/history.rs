//! The input history: unique entries in a private file that all shells share. reedline's history keeps duplicates and
//! creates files that others can read.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use reedline::{
    CommandLineSearch, History, HistoryItem, HistoryItemId, HistorySessionId, ReedlineError, ReedlineErrorVariants,
    SearchDirection, SearchQuery,
};

use crate::secure_file;

/// Maximum number of entries.
const MAX_ENTRIES: usize = 10_000;

/// Maximum length of an entry in bytes; longer ones were pasted.
const MAX_LENGTH: usize = 100_000;

/// Entries, the newest last.
#[derive(Debug, Default)]
pub(super) struct InputHistory {
    entries: Vec<String>,
    file: Option<PathBuf>,
}

impl InputHistory {
    /// Reads a file; new entries are appended to it.
    pub(super) fn from_file(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut bytes = Vec::new();
        open(path)?.read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        let lines = text.lines().count();
        let mut typed = Self { entries: Vec::new(), file: Some(path.to_owned()) };
        for line in text.lines() {
            typed.remember(&decoded(line));
        }
        if lines > 2 * MAX_ENTRIES {
            typed.rewrite(path)?;
        }
        Ok(typed)
    }

    /// All entries, the oldest first.
    pub(super) fn entries(&self) -> &[String] {
        &self.entries
    }

    /// Adds or moves an entry to the end; false if it is not kept.
    fn remember(&mut self, entry: &str) -> bool {
        let entry = entry.trim_end();
        if entry.is_empty() || entry.len() > MAX_LENGTH {
            return false;
        }
        if let Some(at) = self.entries.iter().rposition(|known| known == entry) {
            self.entries.remove(at);
        } else if self.entries.len() == MAX_ENTRIES {
            self.entries.remove(0);
        }
        self.entries.push(entry.to_owned());
        true
    }

    /// Rewrites the file without duplicates. Entries that another shell adds at this moment may be lost.
    fn rewrite(&self, path: &Path) -> io::Result<()> {
        let beside = path.with_extension(format!("{}.new", std::process::id()));
        let mut file = open(&beside)?;
        let text: String = self.entries.iter().map(|entry| encoded(entry)).collect();
        file.write_all(text.as_bytes())?;
        fs::rename(beside, path)
    }
}

/// Opens a private file for reading and appending.
fn open(path: &Path) -> io::Result<File> {
    secure_file::owner_only().read(true).append(true).create(true).open(path)
}

/// An entry as one line.
fn encoded(entry: &str) -> String {
    let line = entry.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "");
    line + "\n"
}

fn decoded(line: &str) -> String {
    let mut entry = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => entry.push('\n'),
                Some(c) => entry.push(c),
                None => {}
            },
            c => entry.push(c),
        }
    }
    entry
}

fn unsupported<T>(what: &'static str) -> reedline::Result<T> {
    let history = "kubesql's history";
    Err(ReedlineError(ReedlineErrorVariants::HistoryFeatureUnsupported { history, feature: what }))
}

impl History for InputHistory {
    fn save(&mut self, item: HistoryItem) -> reedline::Result<HistoryItem> {
        if !self.remember(&item.command_line) {
            return Ok(item);
        }
        if let Some(path) = &self.file {
            // One write per entry, so that entries of several shells do not mix.
            let line = encoded(item.command_line.trim_end());
            open(path)?.write_all(line.as_bytes())?;
        }
        let last = i64::try_from(self.entries.len()).unwrap_or(i64::MAX) - 1;
        Ok(HistoryItem { id: Some(HistoryItemId::new(last)), ..item })
    }

    fn load(&self, id: HistoryItemId) -> reedline::Result<HistoryItem> {
        let entry = usize::try_from(id.0).ok().and_then(|at| self.entries.get(at));
        let missing = ReedlineError(ReedlineErrorVariants::OtherHistoryError("no such history entry"));
        entry.map(|entry| item(id.0, entry)).ok_or(missing)
    }

    fn count(&self, query: SearchQuery) -> reedline::Result<i64> {
        Ok(i64::try_from(self.search(query)?.len()).unwrap_or(i64::MAX))
    }

    fn search(&self, query: SearchQuery) -> reedline::Result<Vec<HistoryItem>> {
        let (after, before) = match query.direction {
            SearchDirection::Forward => (query.start_id, query.end_id),
            SearchDirection::Backward => (query.end_id, query.start_id),
        };
        let is_in = |at: i64| after.is_none_or(|id| at > id.0) && before.is_none_or(|id| at < id.0);
        let is_meant = |entry: &str| match &query.filter.command_line {
            Some(CommandLineSearch::Prefix(text)) => entry.starts_with(text.as_str()),
            Some(CommandLineSearch::Substring(text)) => contains(entry, text),
            Some(CommandLineSearch::Exact(text)) => entry == text,
            None => true,
        };
        let limit = query.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(0));
        let all = (0..).zip(&self.entries).filter(|(at, entry)| is_in(*at) && is_meant(entry));
        let found = |entries: &mut dyn Iterator<Item = (i64, &String)>| {
            entries.take(limit).map(|(at, entry)| item(at, entry)).collect()
        };
        Ok(match query.direction {
            SearchDirection::Forward => found(&mut all.into_iter()),
            SearchDirection::Backward => {
                let all: Vec<_> = all.collect();
                found(&mut all.into_iter().rev())
            }
        })
    }

    fn update(&mut self, _: HistoryItemId, _: &dyn Fn(HistoryItem) -> HistoryItem) -> reedline::Result<()> {
        unsupported("updating entries")
    }

    fn clear(&mut self) -> reedline::Result<()> {
        unsupported("clearing")
    }

    fn delete(&mut self, _: HistoryItemId) -> reedline::Result<()> {
        unsupported("deleting entries")
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn session(&self) -> Option<HistorySessionId> {
        None
    }
}

fn item(at: i64, entry: &str) -> HistoryItem {
    let mut item = HistoryItem::from_command_line(entry);
    item.id = Some(HistoryItemId::new(at));
    item
}

/// Case matters only if the search text contains capitals.
fn contains(entry: &str, text: &str) -> bool {
    if text.chars().any(char::is_uppercase) {
        return entry.contains(text);
    }
    entry.to_lowercase().contains(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backward(typed: &InputHistory, text: &str) -> Vec<String> {
        let found = typed.search(SearchQuery::all_that_contain_rev(text.to_owned())).expect("a search");
        found.into_iter().map(|item| item.command_line).collect()
    }

    #[test]
    fn keeps_unique_entries_in_order() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state/history");
        let mut typed = InputHistory::from_file(&path).expect("a history");
        for entry in ["select 1;", "select\n  '\\n';", "select 1;", "  "] {
            typed.save(HistoryItem::from_command_line(entry)).expect("saved");
        }
        assert_eq!(typed.entries(), ["select\n  '\\n';", "select 1;"]);
        let again = InputHistory::from_file(&path).expect("a history");
        assert_eq!(again.entries(), typed.entries());
        assert_eq!(backward(&again, "SELECT"), [] as [&str; 0]);
        assert_eq!(backward(&again, "'\\n"), ["select\n  '\\n';"]);
        assert_eq!(backward(&again, "select").len(), 2);
        let before =
            SearchQuery { start_id: Some(HistoryItemId::new(1)), ..SearchQuery::all_that_contain_rev("s".into()) };
        assert_eq!(again.search(before).expect("a search").len(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn creates_private_files() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("history");
        let mut typed = InputHistory::from_file(&path).expect("a history");
        typed.save(HistoryItem::from_command_line("select 1;")).expect("saved");
        let mode = fs::metadata(&path).expect("the file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
