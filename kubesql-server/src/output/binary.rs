//! Arrow IPC streams and Parquet files.

use std::io::{self, Write};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::json::unique;
use super::plain::{plain, plain_rows};
use super::{Done, Sink};
use crate::failure::output_error;

/// Writes an Arrow IPC stream.
pub(crate) struct Ipc<W: Write> {
    writer: StreamWriter<W>,
    schema: SchemaRef,
}

impl<W: Write> Ipc<W> {
    /// Writes the schema immediately.
    pub(crate) fn new(to: W, schema: &SchemaRef) -> io::Result<Self> {
        let schema = sent_schema(schema);
        Ok(Self { writer: StreamWriter::try_new(to, &schema).map_err(output_error)?, schema })
    }
}

impl<W: Write> Sink for Ipc<W> {
    fn batch(&mut self, batch: &RecordBatch) -> io::Result<()> {
        self.writer.write(&plain_rows(batch, &self.schema).map_err(output_error)?).map_err(output_error)
    }

    fn finish(&mut self) -> io::Result<Done> {
        self.writer.finish().map_err(output_error)?;
        self.writer.flush().map_err(output_error)?;
        Ok(Done::default())
    }
}

/// Writes a Parquet file.
pub(crate) struct Parquet<W: Write + Send> {
    writer: Option<ArrowWriter<W>>,
    schema: SchemaRef,
}

impl<W: Write + Send> Parquet<W> {
    pub(crate) fn new(to: W, schema: &SchemaRef) -> io::Result<Self> {
        let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
        let schema = sent_schema(schema);
        let writer = ArrowWriter::try_new(to, schema.clone(), Some(properties)).map_err(parquet_error)?;
        Ok(Self { writer: Some(writer), schema })
    }
}

impl<W: Write + Send> Sink for Parquet<W> {
    fn batch(&mut self, batch: &RecordBatch) -> io::Result<()> {
        match &mut self.writer {
            Some(writer) => {
                writer.write(&plain_rows(batch, &self.schema).map_err(output_error)?).map_err(parquet_error)
            }
            None => Ok(()),
        }
    }

    fn finish(&mut self) -> io::Result<Done> {
        if let Some(mut writer) = self.writer.take() {
            writer.finish().map_err(parquet_error)?;
            writer.inner_mut().flush()?;
        }
        Ok(Done::default())
    }
}

/// The schema with unique names, by which readers find columns, and with types that all readers know.
pub(crate) fn sent_schema(schema: &SchemaRef) -> SchemaRef {
    let fields = unique(schema);
    let fields = fields.iter().map(|field| field.as_ref().clone().with_data_type(plain(field.data_type())));
    Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), schema.metadata().clone()))
}

/// The I/O error inside of a Parquet error, or the Parquet error itself.
fn parquet_error(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(other) => match other.downcast::<ArrowError>() {
                Ok(error) => output_error(*error),
                Err(other) => io::Error::other(other),
            },
        },
        other => io::Error::other(other),
    }
}
