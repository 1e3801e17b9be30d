//! The answer as one JSON document: columns, then rows as arrays of values.

use std::io::{self, Write};

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;

use super::answer::columns;
use crate::output::value::{json_encoder, json_options};
use crate::output::{Done, Sink};

/// Writes the document up to the end of its rows. The summary that follows is only known then.
pub(super) struct JsonDocument<W> {
    to: W,
    rows: usize,
    buffer: Vec<u8>,
}

impl<W: Write> JsonDocument<W> {
    /// Writes the columns.
    pub(super) fn new(mut to: W, schema: &Schema) -> io::Result<Self> {
        to.write_all(b"{\"columns\":")?;
        serde_json::to_writer(&mut to, &columns(schema))?;
        to.write_all(b",\"rows\":[")?;
        Ok(Self { to, rows: 0, buffer: Vec::new() })
    }
}

impl<W: Write> Sink for JsonDocument<W> {
    fn batch(&mut self, batch: &RecordBatch) -> io::Result<()> {
        let (schema, options) = (batch.schema(), json_options());
        let columns = schema.fields().iter().zip(batch.columns());
        let mut columns =
            columns.map(|(field, array)| json_encoder(field, array, &options)).collect::<io::Result<Vec<_>>>()?;
        for row in 0..batch.num_rows() {
            self.buffer.extend_from_slice(if self.rows == 0 { b"\n[" } else { b",\n[" });
            self.rows += 1;
            for (at, column) in columns.iter_mut().enumerate() {
                if at > 0 {
                    self.buffer.push(b',');
                }
                if column.is_null(row) {
                    self.buffer.extend_from_slice(b"null");
                } else {
                    column.encode(row, &mut self.buffer);
                }
            }
            self.buffer.push(b']');
        }
        self.to.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    fn finish(&mut self) -> io::Result<Done> {
        self.to.write_all(if self.rows == 0 { b"]" } else { b"\n]" })?;
        self.to.flush()?;
        Ok(Done::default())
    }
}
