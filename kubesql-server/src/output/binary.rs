//! Arrow IPC streams and Parquet files.

use std::io::{self, Write};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::{Done, Sink};
use crate::failure::output_error;

/// Writes an Arrow IPC stream.
pub(crate) struct Ipc<W: Write>(StreamWriter<W>);

impl<W: Write> Ipc<W> {
    /// Writes the schema at once.
    pub(crate) fn new(to: W, schema: &SchemaRef) -> io::Result<Self> {
        Ok(Self(StreamWriter::try_new(to, schema).map_err(output_error)?))
    }
}

impl<W: Write> Sink for Ipc<W> {
    fn batch(&mut self, batch: &RecordBatch) -> io::Result<()> {
        self.0.write(batch).map_err(output_error)
    }

    fn finish(&mut self) -> io::Result<Done> {
        self.0.finish().map_err(output_error)?;
        self.0.flush().map_err(output_error)?;
        Ok(Done::default())
    }
}

/// Writes a Parquet file.
pub(crate) struct Parquet<W: Write + Send>(Option<ArrowWriter<W>>);

impl<W: Write + Send> Parquet<W> {
    pub(crate) fn new(to: W, schema: &SchemaRef) -> io::Result<Self> {
        let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
        Ok(Self(Some(ArrowWriter::try_new(to, schema.clone(), Some(properties)).map_err(parquet_error)?)))
    }
}

impl<W: Write + Send> Sink for Parquet<W> {
    fn batch(&mut self, batch: &RecordBatch) -> io::Result<()> {
        match &mut self.0 {
            Some(writer) => writer.write(batch).map_err(parquet_error),
            None => Ok(()),
        }
    }

    fn finish(&mut self) -> io::Result<Done> {
        if let Some(mut writer) = self.0.take() {
            writer.finish().map_err(parquet_error)?;
            writer.inner_mut().flush()?;
        }
        Ok(Done::default())
    }
}

/// The error of writing that Parquet has wrapped, or its own.
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
