//! Writes results in every output format. Nothing here knows SQL.

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

/// Receives the rows of one result.
pub(crate) trait Sink {
    /// Writes rows, or buffers them.
    fn batch(&mut self, batch: &RecordBatch) -> io::Result<()>;

    /// Writes what is buffered; called once, after the last batch.
    fn finish(&mut self) -> io::Result<Done>;
}

/// What to report about a result that was written.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Done {
    /// Number of columns left out because all their values are NULL.
    pub(crate) hidden: usize,
}

/// The destination of results, and how they are written.
pub(crate) struct Output<'a> {
    /// Opened with the first result, so that a failing statement does not change a file.
    to: Option<Box<dyn Write + Send>>,
    args: &'a OutputArgs,
    terminal: Option<usize>,
    answers: usize,
}

impl<'a> Output<'a> {
    /// Standard output, or the file of `--output-file`.
    pub(crate) fn new(args: &'a OutputArgs) -> Result<Self, Failure> {
        let on_terminal = args.output_file.is_none() && io::stdout().is_terminal();
        if on_terminal && matches!(args.format(), Format::Arrow | Format::Parquet) {
            return Err(Failure::usage(
                "binary formats cannot be written to a terminal",
                "use --output-file PATH, or redirect the output",
            ));
        }
        let width = || terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0));
        Ok(Self { to: None, args, terminal: on_terminal.then(width), answers: 0 })
    }

    /// Whether rows appear on the terminal as they are written; tables appear when all rows are known.
    pub(crate) fn streams_to_terminal(&self) -> bool {
        self.terminal.is_some() && self.args.format() != Format::Table
    }

    fn open(args: &OutputArgs) -> Result<Box<dyn Write + Send>, Failure> {
        let Some(path) = &args.output_file else {
            return Ok(Box::new(BufWriter::with_capacity(BUFFER, io::stdout())));
        };
        match File::create(path) {
            Ok(file) => Ok(Box::new(BufWriter::with_capacity(BUFFER, file))),
            Err(error) => Err(Failure::usage(
                format!("could not write \"{}\": {error}", path.display()),
                "choose another path with --output-file",
            )),
        }
    }

    /// Starts the result of the next statement. `star`: it is a `select *`, whose empty columns are left out of tables.
    pub(crate) fn answer(&mut self, schema: &SchemaRef, star: bool) -> Result<Box<dyn Sink + '_>, Failure> {
        self.answers += 1;
        let to = match &mut self.to {
            Some(to) => to,
            none => none.insert(Self::open(self.args)?),
        };
        if self.answers > 1 {
            match self.args.format() {
                Format::Arrow | Format::Parquet => {
                    return Err(Failure::usage(
                        "a binary file can hold the result of one statement only",
                        "run each statement with an output file of its own",
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
        Ok(sink(self.args.format(), to, schema, layout)?)
    }
}

/// A writer for one result. Formats other than tables use only the layout's `headers`.
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

/// Size of the write buffer in bytes.
const BUFFER: usize = 64 * 1024;
