//! The HTTP that the scripted server needs, written byte by byte, so that a connection can end anywhere.

use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Result};
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A request; all are GET and have no body.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) query: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
}

impl Request {
    /// The next request of a connection; `None` at its end.
    pub(crate) async fn read(stream: &mut TcpStream, rest: &mut Vec<u8>) -> Result<Option<Self>> {
        let end = loop {
            if let Some(end) = rest.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            if stream.read_buf(rest).await? == 0 {
                return Ok(None);
            }
        };
        let head = String::from_utf8_lossy(&rest[..end]).into_owned();
        rest.drain(..end + 4);
        let mut lines = head.split("\r\n");
        let target = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let headers = lines.filter_map(|line| line.split_once(": "));
        Ok(Some(Self {
            path: path.to_owned(),
            query: pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            headers: headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect(),
        }))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.query.get(name)?.parse().ok()
    }
}

/// Writes an answer, and breaks off after a given number of bytes.
pub(crate) struct Pipe<'a> {
    pub(crate) stream: &'a mut TcpStream,
    /// Bytes after which the connection ends.
    pub(crate) cut: Option<usize>,
    /// The number of pieces that are sent a few bytes at a time.
    pub(crate) slow: usize,
}

impl Pipe<'_> {
    /// Writes an answer with a Content-Length.
    pub(crate) async fn answer(&mut self, code: u16, headers: &str, body: &str) -> Result<()> {
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {code} {}\r\nContent-Type: application/json\r\n{headers}Content-Length: {length}\r\n\r\n",
            if code == 200 { "OK" } else { "No" }
        );
        self.send(format!("{head}{body}").as_bytes()).await
    }

    /// Writes the head of a chunked answer.
    pub(crate) async fn begin(&mut self) -> Result<()> {
        self.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n").await
    }

    /// Writes a chunk.
    pub(crate) async fn piece(&mut self, piece: &[u8]) -> Result<()> {
        let mut bytes = format!("{:x}\r\n", piece.len()).into_bytes();
        bytes.extend_from_slice(piece);
        bytes.extend_from_slice(b"\r\n");
        self.send(&bytes).await
    }

    /// Writes the end of a chunked answer.
    pub(crate) async fn end(&mut self) -> Result<()> {
        self.send(b"0\r\n\r\n").await
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        let (bytes, ends) = match &mut self.cut {
            Some(left) if *left < bytes.len() => (&bytes[..*left], true),
            Some(left) => {
                *left -= bytes.len();
                (bytes, false)
            }
            None => (bytes, false),
        };
        if self.slow > 0 {
            self.slow -= 1;
            // In about twenty pieces.
            for some in bytes.chunks(bytes.len() / 20 + 1) {
                self.stream.write_all(some).await?;
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        } else {
            self.stream.write_all(bytes).await?;
        }
        self.stream.flush().await?;
        if ends { Err(Error::from(ErrorKind::ConnectionAborted)) } else { Ok(()) }
    }
}

/// The body of an answer that is not a success.
pub(super) fn status(code: u16, reason: &str, message: &str) -> String {
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
        "reason": reason, "code": code})
    .to_string()
}
