//! Aligned tables in the style of psql.

use std::io::{self, Write};

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use unicode_width::UnicodeWidthStr;

use super::value::{TextWriter, is_number, json_options};
use super::{Done, Sink};
use crate::args::Expanded;

/// Layout of a table.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// Whether there are a header and a footer.
    pub(crate) headers: bool,
    /// Whether each column is on a line of its own.
    pub(crate) expanded: Expanded,
    /// Width of the terminal in columns, if the output is one.
    pub(crate) terminal: Option<usize>,
    /// Whether columns without values are left out.
    pub(crate) hide_empty: bool,
    /// The text for NULL.
    pub(crate) null: String,
}

/// Buffers all rows, since each may change the column widths, and writes them at the end.
pub(crate) struct Table<W> {
    to: W,
    layout: Layout,
    columns: Vec<TableColumn>,
    rows: usize,
}

struct TableColumn {
    name: String,
    /// Whether values are right-aligned: numbers are.
    right: bool,
    cells: Vec<Option<String>>,
    width: usize,
}

impl TableColumn {
    fn is_empty(&self) -> bool {
        self.cells.iter().all(Option::is_none)
    }

    fn cell<'t>(&'t self, row: usize, null: &'t str) -> &'t str {
        self.cells[row].as_deref().unwrap_or(null)
    }
}

/// Alignment of a cell.
#[derive(Clone, Copy)]
enum Align {
    Left,
    /// Left, without padding.
    Last,
    Right,
    Centre,
    /// Centred, without padding on the right.
    CentreLast,
}

impl<W: Write> Table<W> {
    pub(crate) fn new(to: W, schema: &Schema, layout: Layout) -> Self {
        let column = |field: &arrow::datatypes::FieldRef| {
            let name = escape(field.name());
            TableColumn { width: name.width(), name, right: is_number(field.data_type()), cells: Vec::new() }
        };
        Self { to, layout, columns: schema.fields().iter().map(column).collect(), rows: 0 }
    }

    /// Whether rows are wider than the terminal.
    fn is_expanded(&self) -> bool {
        match self.layout.expanded {
            Expanded::On => true,
            Expanded::Off => false,
            Expanded::Auto => {
                let wide: usize = self.columns.iter().map(|column| column.width + 3).sum();
                self.layout.terminal.is_some_and(|terminal| wide.saturating_sub(1) > terminal)
            }
        }
    }

    fn line<'t>(
        &mut self,
        cell: impl Fn(&'t TableColumn, bool) -> (&'t str, Align),
        columns: &'t [TableColumn],
    ) -> io::Result<()> {
        for (at, column) in columns.iter().enumerate() {
            let last = at + 1 == columns.len();
            let (text, align) = cell(column, last);
            let padding = column.width.saturating_sub(text.width());
            let (before, after) = match align {
                Align::Left => (0, padding),
                Align::Last => (0, 0),
                Align::Right => (padding, 0),
                Align::Centre => (padding / 2, padding - padding / 2),
                Align::CentreLast => (padding / 2, 0),
            };
            write!(self.to, " {:before$}{text}{:after$}", "", "")?;
            if !last {
                self.to.write_all(b" |")?;
            }
        }
        self.to.write_all(b"\n")
    }

    fn write_lines(&mut self, columns: &[TableColumn]) -> io::Result<()> {
        if self.layout.headers {
            let align = |last| if last { Align::CentreLast } else { Align::Centre };
            self.line(|column, last| (&column.name, align(last)), columns)?;
            let rules: Vec<_> = columns.iter().map(|column| "-".repeat(column.width + 2)).collect();
            writeln!(self.to, "{}", rules.join("+"))?;
        }
        let null = escape(&self.layout.null);
        for row in 0..self.rows {
            let align = |column: &TableColumn, last| match (column.right, last) {
                (true, _) => Align::Right,
                (false, true) => Align::Last,
                (false, false) => Align::Left,
            };
            self.line(|column, last| (column.cell(row, &null), align(column, last)), columns)?;
        }
        Ok(())
    }

    fn write_records(&mut self, columns: &[TableColumn]) -> io::Result<()> {
        let names = columns.iter().map(|column| column.name.width()).max().unwrap_or(0);
        let cells = columns.iter().map(|column| column.width).max().unwrap_or(0);
        let null = escape(&self.layout.null);
        let wide = (names + 3 + cells).min(self.layout.terminal.unwrap_or(80));
        for row in 0..self.rows {
            if self.layout.headers {
                let mut rule = format!("-[ RECORD {} ]", row + 1);
                while rule.len() < wide {
                    rule.push(if rule.len() == names + 1 { '+' } else { '-' });
                }
                writeln!(self.to, "{rule}")?;
            } else if row > 0 {
                writeln!(self.to)?;
            }
            for column in columns {
                let padding = names - column.name.width();
                writeln!(self.to, "{}{:padding$} | {}", column.name, "", column.cell(row, &null))?;
            }
        }
        Ok(())
    }
}

impl<W: Write> Sink for Table<W> {
    fn batch(&mut self, batch: &RecordBatch) -> io::Result<()> {
        let options = json_options();
        let mut text = String::new();
        let null = escape(&self.layout.null).width();
        for ((field, array), column) in batch.schema_ref().fields().iter().zip(batch.columns()).zip(&mut self.columns) {
            let mut writer = TextWriter::new(field, array, &options)?;
            for row in 0..batch.num_rows() {
                let cell = writer.write(row, &mut text).map(escape);
                column.width = column.width.max(cell.as_ref().map_or(null, |cell| cell.width()));
                column.cells.push(cell);
            }
        }
        self.rows += batch.num_rows();
        Ok(())
    }

    fn finish(&mut self) -> io::Result<Done> {
        let before = self.columns.len();
        let mut columns = std::mem::take(&mut self.columns);
        if self.layout.hide_empty && self.rows > 0 {
            columns.retain(|column| !column.is_empty());
        }
        let hidden = before - columns.len();
        self.columns = columns;
        // Without rows, hundreds of column names would be useless.
        let only_footer = self.layout.hide_empty && self.rows == 0;
        let expanded = self.is_expanded();
        let columns = std::mem::take(&mut self.columns);
        if !only_footer {
            match expanded {
                true => self.write_records(&columns)?,
                false => self.write_lines(&columns)?,
            }
        }
        if self.layout.headers && (!expanded || self.rows == 0) {
            writeln!(self.to, "({} {})", self.rows, if self.rows == 1 { "row" } else { "rows" })?;
        }
        self.to.flush()?;
        Ok(Done { hidden })
    }
}

/// The text on one line, without control characters.
fn escape(text: &str) -> String {
    if !text.chars().any(must_escape) {
        return text.to_owned();
    }
    let mut to = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            c if must_escape(c) => to.extend(c.escape_default()),
            c => to.push(c),
        }
    }
    to
}

/// Control characters, Unicode line ends, and marks that change the text direction.
fn must_escape(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}
