//! The body of an answer: bytes as rows come, so that nothing is held that the client does not read.

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

use super::answer::{Answering, told};
use super::format::Format;
use super::problem::Problem;
use crate::output::Sink;
use crate::prefetch::prefetch;

/// Tells of warnings, as a header for those that are known before the first row and as a trailer for the others.
const WARNINGS: &str = "x-kubesql-warnings";

/// Tells in a trailer that there are more rows than were asked for.
const TRUNCATED: &str = "x-kubesql-truncated";

/// Rows that are written at once as text: those of some tables are long.
const PIECE: usize = 1024;

/// Bytes of a JSON document that are kept back: one that fails before is a problem document instead.
const KEPT_BACK: usize = 1 << 20;

/// The most bytes of memory that are made ready for what comes next.
const PREPARED: usize = 4 << 20;

/// Bytes of warnings that fit into a header.
const HEADER: usize = 4096;

/// Bytes from which on a piece of memory is sent as it is, and not copied together with others.
const LARGE: usize = 8 << 10;

/// What a sink writes to, to be taken away by the stream.
#[derive(Clone, Default)]
pub(super) struct Buffer(Arc<Mutex<Written>>);

#[derive(Default)]
struct Written {
    pieces: Vec<Bytes>,
    /// What comes behind them.
    last: Vec<u8>,
}

/// Memory of an array, which goes when it is sent.
struct Lent(arrow::buffer::Buffer);

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        self.0.as_slice()
    }
}

impl Buffer {
    /// What was written since the last call.
    fn take(&self) -> Vec<Bytes> {
        let mut written = self.0.lock();
        written.end_piece();
        std::mem::take(&mut written.pieces)
    }

    /// Takes what is large without a copy.
    pub(super) fn give(&mut self, buffer: arrow::buffer::Buffer) -> io::Result<()> {
        if buffer.len() < LARGE {
            return self.write_all(&buffer);
        }
        let mut written = self.0.lock();
        written.end_piece();
        written.pieces.push(Bytes::from_owner(Lent(buffer)));
        Ok(())
    }
}

impl Written {
    fn end_piece(&mut self) {
        if self.last.is_empty() {
            return;
        }
        // As much is likely to come again, and growing to it would copy it several times.
        let next = Vec::with_capacity(self.last.len().min(PREPARED));
        self.pieces.push(std::mem::replace(&mut self.last, next).into());
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().last.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Why a body ends early.
#[derive(Debug)]
enum Broken {
    Sql(SqlError),
    Write(io::Error),
}

impl std::fmt::Display for Broken {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sql(error) => error.fmt(to),
            Self::Write(error) => error.fmt(to),
        }
    }
}

impl std::error::Error for Broken {}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

impl From<Broken> for Problem {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Sql(error) => error.into(),
            Broken::Write(error) => {
                Self::new(axum::http::StatusCode::INTERNAL_SERVER_ERROR, "internal", error.to_string())
            }
        }
    }
}

/// An answer that is written as it is read.
struct Writing {
    answer: Answering,
    format: Format,
    sink: Box<dyn Sink + Send>,
    buffer: Buffer,
    trailers: Arc<Mutex<HeaderMap>>,
}

impl Writing {
    /// The next bytes, and what goes on after them.
    async fn next(mut self) -> Result<(Vec<Bytes>, Option<Self>), Broken> {
        while let Some(batch) = self.answer.next().await.map_err(Broken::Sql)? {
            self.write(&batch)?;
            let bytes = self.buffer.take();
            if !bytes.is_empty() {
                return Ok((bytes, Some(self)));
            }
        }
        self.sink.finish()?;
        if self.format == Format::Json {
            let summary = serde_json::to_string(&self.answer.summary()).map_err(io::Error::from)?;
            // The members of another object.
            writeln!(self.buffer, ",{}", summary.strip_prefix('{').unwrap_or_default())?;
        } else {
            let mut trailers = self.trailers.lock();
            warn(&mut trailers, &self.answer.take_warnings());
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
        for from in (0..batch.num_rows()).step_by(PIECE) {
            self.sink.batch(&batch.slice(from, PIECE.min(batch.num_rows() - from)))?;
        }
        Ok(())
    }

    fn bytes(self) -> impl Stream<Item = Result<Bytes, Broken>> + Send {
        let written = stream::try_unfold(Some(self), |writing| async {
            match writing {
                Some(writing) => writing.next().await.map(Some),
                None => Ok(None),
            }
        });
        let pieces = |written: Vec<Bytes>| stream::iter(written.into_iter().map(Ok));
        prefetch(Box::pin(written)).map_ok(pieces).try_flatten()
    }
}

/// The response that gives an answer.
pub(super) async fn response(mut answer: Answering, format: Format) -> Result<Response, Problem> {
    let (buffer, trailers) = (Buffer::default(), Arc::<Mutex<HeaderMap>>::default());
    let sink = format.sink(buffer.clone(), &answer.schema).map_err(Broken::Write)?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    if format != Format::Json {
        warn(&mut headers, &answer.take_warnings());
        headers.insert(header::TRAILER, HeaderValue::from_static("x-kubesql-warnings, x-kubesql-truncated"));
    }
    let writing = Writing { answer, format, sink, buffer, trailers: Arc::clone(&trailers) };
    let mut bytes = Box::pin(writing.bytes());
    if format != Format::Json {
        let told = async move { Some(Ok(std::mem::take(&mut *trailers.lock()))) };
        let body = Body::from_stream(bytes).with_trailers(told);
        return Ok((headers, Body::new(body)).into_response());
    }
    let (mut kept, mut length) = (VecDeque::new(), 0);
    while length < KEPT_BACK {
        match bytes.next().await.transpose()? {
            Some(more) => {
                length += more.len();
                kept.push_back(more);
            }
            None => {
                let whole: Vec<u8> = kept.into_iter().flatten().collect();
                return Ok((headers, whole).into_response());
            }
        }
    }
    Ok((headers, Body::from_stream(stream::iter(kept.into_iter().map(Ok)).chain(bytes))).into_response())
}

/// Tells warnings in a header, as many as fit.
fn warn(headers: &mut HeaderMap, warnings: &[Warning]) {
    let mut fitting = warnings.len();
    while fitting > 0 {
        let mut told = told(&warnings[..fitting]);
        if fitting < warnings.len() {
            let message = format!("and {} more", warnings.len() - fitting);
            told.push((&Warning { place: String::new(), message, count: 1 }).into());
        }
        let text = ascii(&serde_json::to_string(&told).unwrap_or_default());
        if text.len() <= HEADER
            && let Ok(value) = HeaderValue::from_str(&text)
        {
            headers.insert(WARNINGS, value);
            return;
        }
        fitting /= 2;
    }
}

/// JSON in characters that headers may have.
fn ascii(json: &str) -> String {
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
        warn(&mut headers, &[]);
        assert!(headers.is_empty());
        warn(&mut headers, &[warning("é 🎉\n\"")]);
        let value = headers[WARNINGS].to_str().expect("visible ASCII");
        let told: serde_json::Value = serde_json::from_str(value).expect("JSON");
        assert_eq!(told, serde_json::json!([{"place": "a", "message": "é 🎉\n\"", "count": 1}]));
        warn(&mut headers, &vec![warning(&"x".repeat(100)); 1000]);
        let value = headers[WARNINGS].to_str().expect("visible ASCII");
        assert!(value.len() <= HEADER && value.contains("more"), "{value}");
    }
}
