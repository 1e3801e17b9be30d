//! A client of the HTTP API that reads Arrow IPC over one connection, and counts rows.

use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use arrow::ipc::root_as_message;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;

pub(super) struct Client {
    address: String,
    socket: BufStream<TcpStream>,
    pub(super) bytes: u64,
}

impl Client {
    pub(super) async fn connect(address: &str) -> Result<Self> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        let socket = BufStream::with_capacity(1 << 16, 1 << 12, socket);
        Ok(Self { address: address.to_owned(), socket, bytes: 0 })
    }

    pub(super) async fn rows(&mut self, sql: &str, pause: Option<Duration>) -> Result<usize> {
        let body = serde_json::json!({ "sql": sql }).to_string();
        let request = format!(
            "POST /api/v1/query HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
             Accept: application/vnd.apache.arrow.stream\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        self.socket.write_all(request.as_bytes()).await?;
        self.socket.flush().await?;
        let status = self.line().await?;
        let mut chunked = false;
        loop {
            let line = self.line().await?.to_ascii_lowercase();
            chunked |= line == "transfer-encoding: chunked";
            if line.is_empty() {
                break;
            }
        }
        ensure!(status.contains(" 200 ") && chunked, "the response starts with {status}");
        let (mut messages, mut rows) = (Messages::default(), 0);
        let mut chunk = vec![0; 1 << 20];
        loop {
            let line = self.line().await?;
            let mut left =
                usize::from_str_radix(&line, 16).with_context(|| format!("{line} is not the size of a chunk"))?;
            if left == 0 {
                // Trailers, and the empty line after them.
                while !self.line().await?.is_empty() {}
                return Ok(rows);
            }
            let mut batches = 0;
            while left > 0 {
                let piece = left.min(chunk.len());
                self.socket.read_exact(&mut chunk[..piece]).await?;
                left -= piece;
                self.bytes += u64::try_from(piece)?;
                for counted in messages.parse(&chunk[..piece])? {
                    rows += counted;
                    batches += 1;
                }
            }
            ensure!(self.line().await?.is_empty(), "a chunk is longer than its size");
            if let Some(pause) = pause {
                tokio::time::sleep(pause * batches).await;
            }
        }
    }

    async fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.socket.read_line(&mut line).await? == 0 {
            bail!("the response ended early");
        }
        Ok(line.trim_end().to_owned())
    }
}

/// Parses a stream of Arrow IPC messages.
#[derive(Default)]
struct Messages {
    /// The head of a message, as far as it was read: a marker, a length, and the metadata.
    head: Vec<u8>,
    /// The remaining bytes of the message's body.
    body: usize,
}

impl Messages {
    /// Returns the numbers of rows of the batches whose head ends in these bytes.
    fn parse(&mut self, mut bytes: &[u8]) -> Result<Vec<usize>> {
        /// The marker and the length.
        const FIXED: usize = 8;
        let mut rows = Vec::new();
        while !bytes.is_empty() {
            if self.body > 0 {
                let skipped = self.body.min(bytes.len());
                self.body -= skipped;
                bytes = &bytes[skipped..];
                continue;
            }
            let length = |head: &[u8]| head[4..FIXED].try_into().map(u32::from_le_bytes);
            let needed = match self.head.len() {
                0..FIXED => FIXED,
                _ => FIXED + usize::try_from(length(&self.head)?)?,
            };
            let copied = (needed - self.head.len()).min(bytes.len());
            self.head.extend_from_slice(&bytes[..copied]);
            bytes = &bytes[copied..];
            if self.head.len() < FIXED || self.head.len() < FIXED + usize::try_from(length(&self.head)?)? {
                continue;
            }
            if self.head.len() > FIXED {
                let message =
                    root_as_message(&self.head[FIXED..]).map_err(|error| anyhow!("invalid message: {error}"))?;
                if let Some(batch) = message.header_as_record_batch() {
                    rows.push(usize::try_from(batch.length())?);
                }
                self.body = usize::try_from(message.bodyLength())?;
            }
            self.head.clear();
        }
        Ok(rows)
    }
}
