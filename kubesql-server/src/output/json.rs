//! JSON: one array of objects, or one object per line.

use std::collections::HashSet;
use std::io::{self, Write};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, StructArray};
use arrow::datatypes::{Field, FieldRef, Fields, Schema};

use super::value::{json_encoder, json_options};
use super::{Done, Sink};
use crate::failure::output_error;

/// Writes rows as objects.
pub(crate) struct Json<W> {
    to: W,
    /// Writes one array of all rows.
    array: bool,
    rows: usize,
    buffer: Vec<u8>,
}

/// The buffer is written to the output at this size.
const CHUNK: usize = 64 * 1024;

impl<W: Write> Json<W> {
    pub(crate) fn new(to: W, array: bool) -> Self {
        Self { to, array, rows: 0, buffer: Vec::new() }
    }
}

/// The columns with unique names: the second `name` becomes `name_2`.
pub(crate) fn unique(schema: &Schema) -> Fields {
    let mut taken: HashSet<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
    let mut seen = HashSet::new();
    let rename = |field: &FieldRef| {
        if seen.insert(field.name().clone()) {
            return field.clone();
        }
        let name = (2_usize..).map(|n| format!("{}_{n}", field.name())).find(|name| !taken.contains(name));
        let name = name.expect("some number is free");
        taken.insert(name.clone());
        Arc::new(Field::clone(field).with_name(name))
    };
    schema.fields().iter().map(rename).collect()
}

impl<W: Write> Sink for Json<W> {
    fn batch(&mut self, batch: &RecordBatch) -> io::Result<()> {
        let columns: Vec<ArrayRef> = batch.columns().to_vec();
        let rows = StructArray::try_new_with_length(unique(batch.schema_ref()), columns, None, batch.num_rows())
            .map_err(output_error)?;
        let field: FieldRef = Arc::new(Field::new("row", rows.data_type().clone(), false));
        let options = json_options();
        let mut encoder = json_encoder(&field, &rows, &options)?;
        for row in 0..batch.num_rows() {
            if self.array {
                self.buffer.extend_from_slice(if self.rows == 0 { b"[\n" } else { b",\n" });
            }
            encoder.encode(row, &mut self.buffer);
            if !self.array {
                self.buffer.push(b'\n');
            }
            self.rows += 1;
            if self.buffer.len() > CHUNK {
                self.to.write_all(&self.buffer)?;
                self.buffer.clear();
            }
        }
        self.to.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    fn finish(&mut self) -> io::Result<Done> {
        if self.array {
            self.to.write_all(if self.rows == 0 { b"[]\n" } else { b"\n]\n" })?;
        }
        self.to.flush()?;
        Ok(Done::default())
    }
}
