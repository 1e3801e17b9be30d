//! What the shell lists itself: tables, columns, functions; shown as answers are.

use kubesql_runtime::sql::{ErrorKind, SqlError};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::Shell;
use super::answers::{Outcome, Way};
use super::complete::catalog::texts;
use crate::commands::query::say;
use crate::failure::Failure;
use crate::glob::glob;

impl Shell<'_> {
    /// The tables of a pattern, or those that are listed.
    pub(super) fn list_tables(&mut self, pattern: Option<&str>, all: bool) -> Result<(), SqlError> {
        const SQL: &str = "select schema, name, kind, path, listed from system.tables order by name, schema";
        let rows = self.ask(SQL)?;
        let wanted: Option<String> = pattern.map(|pattern| pattern.to_lowercase().replace('"', ""));
        let fits = |row: &Vec<String>| match &wanted {
            Some(pattern) => glob(pattern, &row[1]) || glob(pattern, &format!("{}.{}", row[0], row[1])),
            None => all || row[4] == "true",
        };
        let found: Vec<Vec<String>> = rows.into_iter().filter(fits).map(|row| row[..4].to_vec()).collect();
        if found.is_empty() {
            let pattern = pattern.unwrap_or_default();
            let error = SqlError::new(ErrorKind::UnknownTable, format!("no table matches {pattern}"));
            return Err(error.hint(format!("\\dt *{}* finds parts of names", pattern.trim_matches('*'))));
        }
        self.show_list(&["schema", "table", "kind", "path"], &found)
    }

    /// A table's columns, or the tables of a pattern.
    pub(super) fn describe(&mut self, name: &str) -> Result<(), SqlError> {
        if name.contains(['*', '?']) {
            return self.list_tables(Some(name), false);
        }
        let interrupt = self.interrupt.fresh();
        let runtime = self.runtime;
        let with_data = runtime.block_on(async {
            let _progress = self.waiting();
            let mut pressed = interrupt.clone();
            tokio::select! {
                biased;
                () = pressed.pressed() => Err(SqlError::new(ErrorKind::Cancelled, "stopped")),
                columns = self.backend.columns(name, true) => columns,
            }
        });
        let columns = match with_data {
            Ok(columns) => columns,
            // The keys of data that cannot be had are missing, and the rest is worth something.
            Err(error) if matches!(error.kind, ErrorKind::Source | ErrorKind::Cancelled) => {
                let columns = runtime.block_on(self.backend.columns(name, false))?;
                say(&self.coloured(&format!("warning: without the keys that the data has: {error}")));
                columns
            }
            Err(error) => return Err(error),
        };
        let rows: Vec<Vec<String>> =
            columns.into_iter().map(|column| vec![column.name, column.sql_type, column.path]).collect();
        self.show_list(&["column", "type", "path"], &rows)
    }

    /// The functions of a pattern, or all.
    pub(super) fn list_functions(&mut self, pattern: Option<&str>) -> Result<(), SqlError> {
        let rows = self.ask("select name, kind, syntax, description from system.functions order by name")?;
        let fits = |row: &Vec<String>| pattern.is_none_or(|pattern| glob(&pattern.to_lowercase(), &row[0]));
        // The first sentence is enough for a list.
        let short = |row: Vec<String>| {
            let text = row[3].split(['\n', '.']).next().unwrap_or_default().trim().to_owned();
            vec![row[0].clone(), row[1].clone(), row[2].clone(), text]
        };
        let found: Vec<Vec<String>> = rows.into_iter().filter(fits).map(short).collect();
        if found.is_empty() {
            let pattern = pattern.unwrap_or_default();
            let error = SqlError::new(ErrorKind::Invalid, format!("no function matches {pattern}"));
            return Err(error.hint(format!("\\df *{}* finds parts of names", pattern.trim_matches('*'))));
        }
        self.show_list(&["function", "kind", "syntax", "description"], &found)
    }

    /// The schemas of a pattern, or all.
    pub(super) fn list_schemas(&mut self, pattern: Option<&str>) -> Result<(), SqlError> {
        let rows = self.ask("show schemas")?;
        let fits = |row: &Vec<String>| pattern.is_none_or(|pattern| glob(&pattern.to_lowercase(), &row[0]));
        self.show_list(&["schema"], &rows.into_iter().filter(fits).collect::<Vec<_>>())
    }

    fn ask(&self, sql: &str) -> Result<Vec<Vec<String>>, SqlError> {
        let mut pressed = self.interrupt.fresh();
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = pressed.pressed() => Err(SqlError::new(ErrorKind::Cancelled, "stopped")),
                rows = texts(&*self.backend, sql) => rows,
            }
        })
    }

    /// Shows rows of ours like an answer.
    fn show_list(&mut self, names: &[&str], rows: &[Vec<String>]) -> Result<(), SqlError> {
        match self.list(names, rows, &Way::default()) {
            Ok(()) => Ok(()),
            Err(failure) if failure.is_broken_pipe() => Ok(()),
            Err(failure) => Err(failed(&failure)),
        }
    }

    /// Runs a statement of the shell's own, whose answer is shown.
    pub(super) fn show(&mut self, sql: &str) -> Outcome {
        let last = std::mem::take(&mut self.last);
        let outcome = self.statement(sql, &Way::default());
        self.last = last;
        outcome
    }
}

/// The rows cut so that a table of them has room in the terminal: the last columns first, never the first.
pub(super) fn narrowed(names: &[&str], rows: &[Vec<String>], room: usize) -> Vec<Vec<String>> {
    /// Less of a column would say nothing.
    const LEAST: usize = 12;
    let width = |at: usize| rows.iter().map(|row| row[at].width()).max().unwrap_or(0).max(names[at].width());
    let mut widths: Vec<usize> = (0..names.len()).map(width).collect();
    let mut excess = (widths.iter().map(|width| width + 3).sum::<usize>()).saturating_sub(room + 1);
    for width in widths.iter_mut().skip(1).rev() {
        let less = excess.min(width.saturating_sub(LEAST));
        *width -= less;
        excess -= less;
    }
    let cut = |(text, width): (&String, &usize)| {
        if text.width() <= *width {
            return text.clone();
        }
        let mut used = 1;
        let kept = text.chars().take_while(|c| {
            used += c.width().unwrap_or(0);
            used <= *width
        });
        kept.chain(['…']).collect()
    };
    rows.iter().map(|row| row.iter().zip(&widths).map(cut).collect()).collect()
}

/// A failure of the shell itself, as statements fail.
pub(super) fn failed(failure: &Failure) -> SqlError {
    let text = failure.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let (message, hint) = text.split_once("\nhint: ").map_or((text, None), |(message, hint)| (message, Some(hint)));
    let error = SqlError::new(if failure.exit_code() == 3 { ErrorKind::Source } else { ErrorKind::Invalid }, message);
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_cut_to_the_terminal() {
        let rows =
            [["a-name-that-stays-whole", "text", "a path that is far too long for it"].map(str::to_owned).to_vec()];
        let shown = narrowed(&["column", "type", "path"], &rows, 50);
        assert_eq!(shown[0], ["a-name-that-stays-whole", "text", "a path that is…"]);
        assert_eq!(narrowed(&["column", "type", "path"], &rows, 100), rows);
        // What cannot be had is not cut away to nothing.
        assert_eq!(narrowed(&["column", "type", "path"], &rows, 10)[0][2], "a path that…");
    }
}
