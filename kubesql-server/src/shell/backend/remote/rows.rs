//! Rows from a server: an Arrow IPC stream, with warnings in a header and a trailer.

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
use kubesql_runtime::sql::{Answer, ErrorKind, SelectList, SqlError};
use kubesql_runtime::store::Warning;
use parking_lot::Mutex;
use serde::Deserialize;

use super::http::cannot_decode;

/// The header and trailer with warnings.
const WARNINGS: &str = "x-kubesql-warnings";

/// The header that says that the select list has a `*`.
const SELECT_STAR: &str = "x-kubesql-select-star";

/// The list that warnings are added to.
type WarningList = Option<Arc<Mutex<Vec<Warning>>>>;

/// Reads the response up to the schema.
pub(super) async fn answer(
    response: hyper::Response<Incoming>,
    command: &'static str,
    warnings: WarningList,
) -> Result<Answer, SqlError> {
    collect_warnings(response.headers(), &warnings);
    let has_star = response.headers().contains_key(SELECT_STAR);
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
    let select_list = SelectList { has_star, ..SelectList::default() };
    Ok(Answer { command, schema, select_list, rows: rows.fuse().boxed() })
}

/// Reads a result to its end.
pub(super) async fn drain(mut answer: Answer) -> Result<(), SqlError> {
    while answer.rows.next().await.transpose()?.is_some() {}
    Ok(())
}

struct Reader {
    body: Incoming,
    decoder: StreamDecoder,
    /// Bytes that are not decoded yet.
    bytes: Buffer,
    ready: VecDeque<RecordBatch>,
    ended: bool,
    warnings: WarningList,
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

    /// Reads and decodes the next frame of the body.
    async fn read(&mut self) -> Result<(), SqlError> {
        let broken = |error: &dyn std::error::Error| {
            let message = format!("connection to the server lost: {error}");
            SqlError::new(ErrorKind::Source, message).hint("see system.queries on the server")
        };
        match self.body.frame().await {
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => {
                    self.bytes = Buffer::from(data);
                    while !self.bytes.is_empty() {
                        self.ready.extend(self.decoder.decode(&mut self.bytes).map_err(cannot_decode)?);
                    }
                }
                Err(frame) => {
                    if let Ok(trailers) = frame.into_trailers() {
                        collect_warnings(&trailers, &self.warnings);
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

/// Adds the warnings of headers or trailers.
fn collect_warnings(headers: &HeaderMap, warnings: &WarningList) {
    #[derive(Deserialize)]
    struct WarningJson {
        #[serde(default)]
        place: String,
        message: String,
        count: Option<u64>,
    }
    let Some(warnings) = warnings else { return };
    for value in headers.get_all(WARNINGS) {
        let received: Vec<WarningJson> = serde_json::from_slice(value.as_bytes()).unwrap_or_default();
        let warning =
            |json: WarningJson| Warning { place: json.place, message: json.message, count: json.count.unwrap_or(1) };
        warnings.lock().extend(received.into_iter().map(warning));
    }
}
