//! Lists made by the shell's own commands: tables, columns, functions and schemas.

use kubesql_runtime::sql::{ErrorKind, SqlError};

use super::Shell;
use super::complete::catalog::texts;
use super::execute::{Outcome, RunOptions};
use crate::commands::query::say;
use crate::glob::glob;
use crate::table_order;

impl Shell<'_> {
    /// Lists the tables that match a pattern, or the common ones.
    pub(super) fn list_tables(&mut self, pattern: Option<&str>, all: bool) -> Result<(), SqlError> {
        const SQL: &str = "select schema, name, kind, path from system.tables";
        let rows = self.ask(SQL)?;
        let wanted: Option<String> = pattern.map(|pattern| pattern.to_lowercase().replace('"', ""));
        let fits = |row: &Vec<String>| match &wanted {
            Some(pattern) => glob(pattern, &row[1]) || glob(pattern, &format!("{}.{}", row[0], row[1])),
            None => all || row[3].is_empty(),
        };
        let mut found: Vec<Vec<String>> = rows.into_iter().filter(fits).collect();
        found.sort_by(|a, b| table_order::key(&a[0], &a[1], &a[3]).cmp(&table_order::key(&b[0], &b[1], &b[3])));
        if found.is_empty() {
            let pattern = pattern.unwrap_or_default();
            let error = SqlError::new(ErrorKind::UnknownTable, format!("no table matches \"{pattern}\""));
            return Err(error.hint(format!("try a part of the name: \\dt *{}*", pattern.trim_matches('*'))));
        }
        // The path is wide, and empty for tables of kinds.
        let count = if found.iter().any(|row| !row[3].is_empty()) { 4 } else { 3 };
        let row = |row: Vec<String>| [1, 2, 0, 3].iter().take(count).map(|&at| row[at].clone()).collect();
        let rows: Vec<Vec<String>> = found.into_iter().map(row).collect();
        self.show_list(&["table", "kind", "schema", "path"][..count], &rows)
    }

    /// Lists the columns of a table, or the tables that match a pattern.
    pub(super) fn describe(&mut self, name: &str) -> Result<(), SqlError> {
        if name.contains(['*', '?']) {
            return self.list_tables(Some(name), false);
        }
        let interrupt = self.interrupt.fresh();
        let runtime = self.runtime;
        let with_data = runtime.block_on(async {
            let _progress = self.progress();
            let mut pressed = interrupt.clone();
            tokio::select! {
                biased;
                () = pressed.pressed() => Err(SqlError::new(ErrorKind::Cancelled, "stopped")),
                columns = self.backend.columns(name, true) => columns,
            }
        });
        let columns = match with_data {
            Ok(columns) => columns,
            // Without the data, only its keys are missing.
            Err(error) if matches!(error.kind, ErrorKind::Source | ErrorKind::Cancelled) => {
                let columns = runtime.block_on(self.backend.columns(name, false))?;
                say(&self.coloured(&format!("warning: the keys of objects are missing: {error}")));
                columns
            }
            Err(error) => return Err(error),
        };
        let rows: Vec<Vec<String>> =
            columns.into_iter().map(|column| vec![column.name, column.sql_type, column.path]).collect();
        self.show_list(&["column", "type", "path"], &rows)
    }

    /// Lists the functions that match a pattern, or all.
    pub(super) fn list_functions(&mut self, pattern: Option<&str>) -> Result<(), SqlError> {
        let rows = self.ask("select name, kind, syntax, description from system.functions order by name")?;
        let fits = |row: &Vec<String>| pattern.is_none_or(|pattern| glob(&pattern.to_lowercase(), &row[0]));
        // A list shows the first sentence only.
        let short = |row: Vec<String>| {
            let text = row[3].split(['\n', '.']).next().unwrap_or_default().trim().to_owned();
            vec![row[0].clone(), row[1].clone(), row[2].clone(), text]
        };
        let found: Vec<Vec<String>> = rows.into_iter().filter(fits).map(short).collect();
        if found.is_empty() {
            let pattern = pattern.unwrap_or_default();
            let error = SqlError::new(ErrorKind::Invalid, format!("no function matches \"{pattern}\""));
            return Err(error.hint(format!("try a part of the name: \\df *{}*", pattern.trim_matches('*'))));
        }
        self.show_list(&["function", "kind", "syntax", "description"], &found)
    }

    /// Lists the schemas that match a pattern, or all.
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

    /// Shows rows like the result of a statement.
    fn show_list(&mut self, names: &[&str], rows: &[Vec<String>]) -> Result<(), SqlError> {
        match self.list(names, rows, &RunOptions::default()) {
            Ok(()) => Ok(()),
            Err(failure) if failure.is_broken_pipe() => Ok(()),
            Err(failure) => Err(failure.to_sql_error()),
        }
    }

    /// Runs one of the shell's own statements and shows its result.
    pub(super) fn show(&mut self, sql: &str) -> Outcome {
        let last = std::mem::take(&mut self.last);
        let outcome = self.statement(sql, &RunOptions::default());
        self.last = last;
        outcome
    }
}
