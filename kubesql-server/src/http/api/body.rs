//! The body of a response, which is written as rows arrive. Rows that the client has not read yet are not buffered.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::Arc;

use arrow::array::RecordBatch;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt, TryStreamExt};
use http_body_util::BodyExt;
use kubesql_runtime::sql::SqlError;
use kubesql_runtime::store::Warning;
use parking_lot::Mutex;

use super::answer::{AnswerReader, warning_documents};
use super::body_buffer::BodyBuffer;
use super::format::Format;
use super::problem::Problem;
use crate::output::Sink;

/// The header of the warnings that are known before the first row, and the trailer of later ones.
const WARNINGS: &str = "x-kubesql-warnings";

/// The trailer of answers with rows left out because of the limit.
const TRUNCATED: &str = "x-kubesql-truncated";

/// The header of answers whose select list has a `*`.
const SELECT_STAR: &str = "x-kubesql-select-star";

/// How many rows are written at a time in text formats. Rows of some tables are long.
const TEXT_ROWS: usize = 1024;

/// How many bytes of a JSON document are buffered before the response begins. If the statement fails before, the
/// response is a problem document.
const HELD_BACK: usize = 1 << 20;

/// The maximum size in bytes of the header of warnings.
const MAX_HEADER: usize = 4096;

/// The reason for which a body ends early.
#[derive(Debug)]
enum BodyError {
    Sql(SqlError),
    Write(io::Error),
}

impl std::fmt::Display for BodyError {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sql(error) => error.fmt(to),
            Self::Write(error) => error.fmt(to),
        }
    }
}

impl std::error::Error for BodyError {}

impl From<io::Error> for BodyError {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::Sql(error) => error.into(),
            BodyError::Write(error) => {
                Self::new(axum::http::StatusCode::INTERNAL_SERVER_ERROR, "internal", error.to_string())
            }
        }
    }
}

/// An answer that is written as its rows arrive.
struct BodyWriter {
    answer: AnswerReader,
    format: Format,
    sink: Box<dyn Sink + Send>,
    buffer: BodyBuffer,
    trailers: Arc<Mutex<HeaderMap>>,
}

impl BodyWriter {
    /// The next chunks, and the writer of those that follow; `None` at the end.
    async fn next(mut self) -> Result<(Vec<Bytes>, Option<Self>), BodyError> {
        while let Some(batch) = self.answer.next().await.map_err(BodyError::Sql)? {
            self.write(&batch)?;
            let bytes = self.buffer.take();
            if !bytes.is_empty() {
                return Ok((bytes, Some(self)));
            }
        }
        self.sink.finish()?;
        if self.format == Format::Json {
            let summary = serde_json::to_string(&self.answer.summary()).map_err(io::Error::from)?;
            // Continues the object that the sink has begun: the brace is left out.
            writeln!(self.buffer, ",{}", summary.strip_prefix('{').unwrap_or_default())?;
        } else {
            let mut trailers = self.trailers.lock();
            insert_warnings(&mut trailers, &self.answer.take_warnings());
            if self.answer.truncated {
                trailers.insert(TRUNCATED, HeaderValue::from_static("true"));
            }
        }
        Ok((self.buffer.take(), None))
    }

    fn write(&mut self, batch: &RecordBatch) -> io::Result<()> {
        if matches!(self.format, Format::Arrow | Format::Parquet) {
            return self.sink.batch(batch);
        }
        for from in (0..batch.num_rows()).step_by(TEXT_ROWS) {
            self.sink.batch(&batch.slice(from, TEXT_ROWS.min(batch.num_rows() - from)))?;
        }
        Ok(())
    }

    fn into_stream(self) -> impl Stream<Item = Result<Bytes, BodyError>> + Send {
        let chunks = stream::try_unfold(Some(self), |writer| async {
            match writer {
                Some(writer) => writer.next().await.map(Some),
                None => Ok(None),
            }
        });
        let flattened = |chunks: Vec<Bytes>| stream::iter(chunks.into_iter().map(Ok));
        chunks.map_ok(flattened).try_flatten()
    }
}

/// The response with an answer.
pub(super) async fn response(mut answer: AnswerReader, format: Format) -> Result<Response, Problem> {
    let (buffer, trailers) = (BodyBuffer::default(), Arc::<Mutex<HeaderMap>>::default());
    let sink = format.sink(buffer.clone(), &answer.schema).map_err(BodyError::Write)?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    if answer.has_star {
        headers.insert(SELECT_STAR, HeaderValue::from_static("true"));
    }
    if format != Format::Json {
        insert_warnings(&mut headers, &answer.take_warnings());
        headers.insert(header::TRAILER, HeaderValue::from_static("x-kubesql-warnings, x-kubesql-truncated"));
    }
    let writer = BodyWriter { answer, format, sink, buffer, trailers: Arc::clone(&trailers) };
    let mut bytes = Box::pin(writer.into_stream());
    if format != Format::Json {
        let trailers = async move { Some(Ok(std::mem::take(&mut *trailers.lock()))) };
        let body = Body::from_stream(bytes).with_trailers(trailers);
        return Ok((headers, Body::new(body)).into_response());
    }
    let (mut held_back, mut length) = (VecDeque::new(), 0);
    while length < HELD_BACK {
        match bytes.next().await.transpose()? {
            Some(more) => {
                length += more.len();
                held_back.push_back(more);
            }
            None => {
                let document: Vec<u8> = held_back.into_iter().flatten().collect();
                return Ok((headers, document).into_response());
            }
        }
    }
    Ok((headers, Body::from_stream(stream::iter(held_back.into_iter().map(Ok)).chain(bytes))).into_response())
}

/// Inserts a header with as many warnings as fit.
fn insert_warnings(headers: &mut HeaderMap, warnings: &[Warning]) {
    let mut fitting = warnings.len();
    while fitting > 0 {
        let mut documents = warning_documents(&warnings[..fitting]);
        if fitting < warnings.len() {
            let message = format!("and {} more", warnings.len() - fitting);
            documents.push((&Warning { place: String::new(), message, count: 1 }).into());
        }
        let text = escape_non_ascii(&serde_json::to_string(&documents).unwrap_or_default());
        if text.len() <= MAX_HEADER
            && let Ok(value) = HeaderValue::from_str(&text)
        {
            headers.insert(WARNINGS, value);
            return;
        }
        fitting /= 2;
    }
}

/// Escapes the characters of a JSON text that are not allowed in headers.
fn escape_non_ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() && !c.is_ascii_control() {
            text.push(c);
        } else {
            let mut units = [0; 2];
            // Writing to a String cannot fail.
            c.encode_utf16(&mut units).iter().for_each(|unit| _ = write!(text, "\\u{unit:04x}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_fit_into_headers() {
        let warning = |message: &str| Warning { place: "a".into(), message: message.into(), count: 1 };
        let mut headers = HeaderMap::new();
        insert_warnings(&mut headers, &[]);
        assert!(headers.is_empty());
        insert_warnings(&mut headers, &[warning("é 🎉\n\"")]);
        let value = headers[WARNINGS].to_str().expect("visible ASCII");
        let parsed: serde_json::Value = serde_json::from_str(value).expect("JSON");
        assert_eq!(parsed, serde_json::json!([{"place": "a", "message": "é 🎉\n\"", "count": 1}]));
        insert_warnings(&mut headers, &vec![warning(&"x".repeat(100)); 1000]);
        let value = headers[WARNINGS].to_str().expect("visible ASCII");
        assert!(value.len() <= MAX_HEADER && value.contains("more"), "{value}");
    }
}
