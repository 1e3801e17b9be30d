//! The answer as an Arrow IPC stream. Large buffers are sent without copying them.

use std::io::{self, Write};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::ipc::writer::StreamEncoder;

use super::body_buffer::BodyBuffer;
use crate::failure::output_error;
use crate::output::binary::sent_schema;
use crate::output::plain::plain_rows;
use crate::output::{Done, Sink};

/// Writes the stream.
pub(super) struct ArrowStream {
    to: BodyBuffer,
    schema: SchemaRef,
    /// `None` after the end of the stream.
    encoder: Option<StreamEncoder>,
}

impl ArrowStream {
    /// Writes the schema with the first batch, or at the end.
    pub(super) fn new(to: BodyBuffer, schema: &SchemaRef) -> io::Result<Self> {
        let schema = sent_schema(schema);
        let encoder = StreamEncoder::try_new(&schema).map_err(output_error)?;
        Ok(Self { to, schema, encoder: Some(encoder) })
    }
}

impl Sink for ArrowStream {
    fn batch(&mut self, batch: &RecordBatch) -> io::Result<()> {
        let Some(encoder) = &mut self.encoder else { return Ok(()) };
        let rows = plain_rows(batch, &self.schema).map_err(output_error)?;
        encoder.encode(&rows).map_err(output_error)?.into_iter().try_for_each(|buffer| self.to.write_buffer(buffer))
    }

    fn finish(&mut self) -> io::Result<Done> {
        let Some(encoder) = self.encoder.take() else { return Ok(Done::default()) };
        encoder.finish().map_err(output_error)?.into_iter().try_for_each(|buffer| self.to.write_buffer(buffer))?;
        self.to.flush()?;
        Ok(Done::default())
    }
}
