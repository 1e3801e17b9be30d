//! Answers in every format. Knows rows and formats, nothing of SQL.

pub(crate) mod binary;
pub(crate) mod csv;
pub(crate) mod json;
pub(crate) mod plain;
mod table;
#[cfg(test)]
mod tests;
pub(crate) mod value;
mod yaml;

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

pub(crate) use self::table::Layout;
use crate::args::{Format, OutputArgs};
use crate::failure::Failure;

/// Takes the rows of one answer.
pub(crate) trait Sink {
    /// Writes rows, or keeps them until all are known.
    fn batch(&mut self, batch: &RecordBatch) -> io::Result<()>;

    /// Writes what is left; called once, after the last row.
    fn finish(&mut self) -> io::Result<Done>;
}

/// What is worth telling of an answer that was written.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Done {
    /// Columns that were left out, since all their values are NULL.
    pub(crate) hidden: usize,
}

/// Where answers go, and how they are written.
pub(crate) struct Output<'a> {
    /// Opened with the first answer, so that a failing statement leaves a file as it was.
    to: Option<Box<dyn Write + Send>>,
    args: &'a OutputArgs,
    terminal: Option<usize>,
    answers: usize,
}

impl<'a> Output<'a> {
    /// Standard output, or the file that is asked for.
    pub(crate) fn new(args: &'a OutputArgs) -> Result<Self, Failure> {
        let on_terminal = args.output_file.is_none() && io::stdout().is_terminal();
        if on_terminal && matches!(args.format, Format::Arrow | Format::Parquet) {
            return Err(Failure::usage(
                "this format is not for a terminal",
                "write to a file by --output-file PATH, or to a pipe",
            ));
        }
        let width = || terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0));
        Ok(Self { to: None, args, terminal: on_terminal.then(width), answers: 0 })
    }

    /// Whether rows appear on the terminal as they are given; tables are laid out when all are there.
    pub(crate) fn shows_rows_at_once(&self) -> bool {
        self.terminal.is_some() && self.args.format != Format::Table
    }

    fn open(args: &OutputArgs) -> Result<Box<dyn Write + Send>, Failure> {
        let Some(path) = &args.output_file else {
            return Ok(Box::new(BufWriter::with_capacity(BUFFER, io::stdout())));
        };
        match File::create(path) {
            Ok(file) => Ok(Box::new(BufWriter::with_capacity(BUFFER, file))),
            Err(error) => Err(Failure::usage(
                format!("{} cannot be written: {error}", path.display()),
                "give --output-file a path in a folder that you can write to",
            )),
        }
    }

    /// Begins the answer to the next statement. `star` says that it is a `select *`, whose empty
    /// columns tables leave out.
    pub(crate) fn answer(&mut self, schema: &SchemaRef, star: bool) -> Result<Box<dyn Sink + '_>, Failure> {
        self.answers += 1;
        let to = match &mut self.to {
            Some(to) => to,
            none => none.insert(Self::open(self.args)?),
        };
        if self.answers > 1 {
            match self.args.format {
                Format::Arrow | Format::Parquet => {
                    return Err(Failure::usage(
                        "this format holds the answer to one statement",
                        "run the statements one by one",
                    ));
                }
                Format::Table | Format::Csv => to.write_all(b"\n")?,
                Format::Yaml => to.write_all(b"---\n")?,
                Format::Json | Format::Ndjson => {}
            }
        }
        let layout = Layout {
            headers: !self.args.no_headers,
            expanded: self.args.expanded,
            terminal: self.terminal,
            hide_empty: star && !self.args.all_columns,
            null: String::new(),
        };
        Ok(sink(self.args.format, to, schema, layout)?)
    }
}

/// What writes one answer in a format; of the layout, all but tables take the headers alone.
pub(crate) fn sink<'w>(
    format: Format,
    to: impl Write + Send + 'w,
    schema: &SchemaRef,
    layout: Layout,
) -> io::Result<Box<dyn Sink + 'w>> {
    Ok(match format {
        Format::Table => Box::new(table::Table::new(to, schema, layout)),
        Format::Json => Box::new(json::Json::new(to, true)),
        Format::Ndjson => Box::new(json::Json::new(to, false)),
        Format::Csv => Box::new(csv::Csv::new(to, schema, layout.headers)?),
        Format::Yaml => Box::new(yaml::Yaml::new(to)),
        Format::Arrow => Box::new(binary::Ipc::new(to, schema)?),
        Format::Parquet => Box::new(binary::Parquet::new(to, schema)?),
    })
}

/// Bytes gathered before they are written.
const BUFFER: usize = 64 * 1024;
