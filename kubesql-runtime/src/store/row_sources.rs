//! Where rows were read: a file and a line.

use std::sync::Arc;

/// The files and lines of the rows of a segment.
#[derive(Debug, Clone, Default)]
pub struct RowSources {
    /// The first row of each run of rows from the same file.
    files: Vec<(usize, Arc<str>)>,
    /// By row, from 1.
    lines: Vec<u64>,
}

impl RowSources {
    /// Adds a row.
    pub fn push(&mut self, file: &Arc<str>, line: u64) {
        if self.files.last().is_none_or(|(_, last)| last != file) {
            self.files.push((self.lines.len(), Arc::clone(file)));
        }
        self.lines.push(line);
    }

    /// The file of a row.
    #[must_use]
    pub fn file(&self, row: usize) -> Option<&Arc<str>> {
        let run = self.files.partition_point(|(first, _)| *first <= row);
        run.checked_sub(1).map(|run| &self.files[run].1)
    }

    /// The line of a row, from 1.
    #[must_use]
    pub fn line(&self, row: usize) -> Option<u64> {
        self.lines.get(row).copied()
    }

    /// Adds to all lines.
    pub fn shift_lines(&mut self, by: u64) {
        self.lines.iter_mut().for_each(|line| *line += by);
    }
}
