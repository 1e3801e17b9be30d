//! Rows as they come from a server: an Arrow stream, and warnings before and behind it.

use std::collections::VecDeque;
use std::sync::Arc;

use ::http::HeaderMap;
use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::ipc::reader::StreamDecoder;
use futures::stream::{self, StreamExt};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use kubesql_runtime::sql::{Answer, ErrorKind, SqlError};
use kubesql_runtime::store::Warning;
use parking_lot::Mutex;
use serde::Deserialize;

use super::http::not_understood;

/// The header and the trailer that hold warnings.
const WARNINGS: &str = "x-kubesql-warnings";

/// Where warnings are kept.
type Kept = Option<Arc<Mutex<Vec<Warning>>>>;

/// Reads the begin of an answer, up to its columns.
pub(super) async fn answer(
    response: hyper::Response<Incoming>,
    command: &'static str,
    warnings: Kept,
) -> Result<Answer, SqlError> {
    keep(response.headers(), &warnings);
    let mut reader = Reader {
        body: response.into_body(),
        decoder: StreamDecoder::new(),
        bytes: Buffer::from(Vec::<u8>::new()),
        ready: VecDeque::new(),
        ended: false,
        warnings,
    };
    while reader.decoder.schema().is_none() && !reader.ended {
        reader.read().await?;
    }
    let schema: SchemaRef = reader.decoder.schema().unwrap_or_else(|| Arc::new(Schema::empty()));
    let rows = stream::unfold(Some(reader), |reader| async {
        let mut reader = reader?;
        match reader.next().await {
            Ok(None) => None,
            Ok(Some(batch)) => Some((Ok(batch), Some(reader))),
            Err(error) => Some((Err(error), None)),
        }
    });
    Ok(Answer { command, schema, rows: rows.fuse().boxed() })
}

/// Reads an answer to its end.
pub(super) async fn drain(mut answer: Answer) -> Result<(), SqlError> {
    while answer.rows.next().await.transpose()?.is_some() {}
    Ok(())
}

struct Reader {
    body: Incoming,
    decoder: StreamDecoder,
    /// What is read and not decoded.
    bytes: Buffer,
    ready: VecDeque<RecordBatch>,
    ended: bool,
    warnings: Kept,
}

impl Reader {
    async fn next(&mut self) -> Result<Option<RecordBatch>, SqlError> {
        loop {
            if let Some(batch) = self.ready.pop_front() {
                return Ok(Some(batch));
            }
            if self.ended {
                return Ok(None);
            }
            self.read().await?;
        }
    }

    /// Reads the next piece of the body and decodes it.
    async fn read(&mut self) -> Result<(), SqlError> {
        let broken = |error: &dyn std::error::Error| {
            let message = format!("the server broke off its answer: {error}");
            SqlError::new(ErrorKind::Source, message).hint("system.queries tells there what went wrong")
        };
        match self.body.frame().await {
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => {
                    self.bytes = Buffer::from(data);
                    while !self.bytes.is_empty() {
                        self.ready.extend(self.decoder.decode(&mut self.bytes).map_err(not_understood)?);
                    }
                }
                Err(frame) => {
                    if let Ok(trailers) = frame.into_trailers() {
                        keep(&trailers, &self.warnings);
                    }
                }
            },
            Some(Err(error)) => return Err(broken(&error)),
            None => {
                self.ended = true;
                self.decoder.finish().map_err(|error| broken(&error))?;
            }
        }
        Ok(())
    }
}

/// Keeps the warnings that a header or trailer tells.
fn keep(headers: &HeaderMap, warnings: &Kept) {
    #[derive(Deserialize)]
    struct Told {
        #[serde(default)]
        place: String,
        message: String,
        count: Option<u64>,
    }
    let Some(warnings) = warnings else { return };
    for value in headers.get_all(WARNINGS) {
        let told: Vec<Told> = serde_json::from_slice(value.as_bytes()).unwrap_or_default();
        let warning = |told: Told| Warning { place: told.place, message: told.message, count: told.count.unwrap_or(1) };
        warnings.lock().extend(told.into_iter().map(warning));
    }
}
