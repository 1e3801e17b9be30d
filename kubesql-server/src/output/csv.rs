//! CSV, quoted as in RFC 4180; lines end with a line feed. arrow-csv quotes neither empty strings nor white space.

use std::io::{self, Write};

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;

use super::value::{TextWriter, json_options};
use super::{Done, Sink};

/// Writes rows as comma-separated values.
pub(crate) struct Csv<W> {
    to: W,
    line: Vec<u8>,
}

impl<W: Write> Csv<W> {
    /// Writes the header immediately, so that a result without rows has one.
    pub(crate) fn new(mut to: W, schema: &Schema, headers: bool) -> io::Result<Self> {
        let mut line = Vec::new();
        if headers {
            for field in schema.fields() {
                push(&mut line, Some(field.name()));
            }
            end_line(&mut line);
            to.write_all(&line)?;
        }
        Ok(Self { to, line })
    }
}

/// Appends a value and a comma. An empty string is quoted, to distinguish it from NULL.
fn push(line: &mut Vec<u8>, value: Option<&str>) {
    match value {
        Some(text) if text.is_empty() || needs_quotes(text) => {
            line.push(b'"');
            line.extend_from_slice(text.replace('"', "\"\"").as_bytes());
            line.push(b'"');
        }
        Some(text) => line.extend_from_slice(text.as_bytes()),
        None => {}
    }
    line.push(b',');
}

/// Some readers trim white space at the ends of unquoted values.
fn needs_quotes(text: &str) -> bool {
    text.contains([',', '"', '\n', '\r']) || text.trim().len() != text.len()
}

fn end_line(line: &mut Vec<u8>) {
    line.pop();
    line.push(b'\n');
}

impl<W: Write> Sink for Csv<W> {
    fn batch(&mut self, batch: &RecordBatch) -> io::Result<()> {
        let options = json_options();
        let schema = batch.schema_ref();
        let columns = schema.fields().iter().zip(batch.columns());
        let mut columns =
            columns.map(|(field, array)| TextWriter::new(field, array, &options)).collect::<io::Result<Vec<_>>>()?;
        let mut text = String::new();
        for row in 0..batch.num_rows() {
            self.line.clear();
            for column in &mut columns {
                push(&mut self.line, column.write(row, &mut text));
            }
            end_line(&mut self.line);
            self.to.write_all(&self.line)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<Done> {
        self.to.flush()?;
        Ok(Done::default())
    }
}
