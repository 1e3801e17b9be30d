//! A client of the REST API that reads Arrow IPC, over one connection.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use arrow::buffer::Buffer;
use arrow::ipc::reader::StreamDecoder;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;

pub(super) struct Client {
    address: String,
    socket: BufStream<TcpStream>,
}

impl Client {
    pub(super) async fn connect(address: &str) -> Result<Self> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        Ok(Self { address: address.to_owned(), socket: BufStream::with_capacity(1 << 16, 1 << 12, socket) })
    }

    pub(super) async fn rows(&mut self, sql: &str, rest: Option<Duration>) -> Result<usize> {
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
        ensure!(status.contains(" 200 ") && chunked, "the answer begins with {status}");
        let (mut decoder, mut rows) = (StreamDecoder::new(), 0);
        loop {
            let line = self.line().await?;
            let size = usize::from_str_radix(&line, 16).with_context(|| format!("{line} is no chunk"))?;
            if size == 0 {
                // Trailers, and the empty line behind them.
                while !self.line().await?.is_empty() {}
                return Ok(rows);
            }
            let mut chunk = vec![0; size + 2];
            self.socket.read_exact(&mut chunk).await?;
            chunk.truncate(size);
            let mut buffer = Buffer::from_vec(chunk);
            while !buffer.is_empty() {
                let Some(batch) = decoder.decode(&mut buffer)? else { continue };
                rows += batch.num_rows();
                if let Some(rest) = rest {
                    tokio::time::sleep(rest).await;
                }
            }
        }
    }

    async fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.socket.read_line(&mut line).await? == 0 {
            bail!("the answer broke off");
        }
        Ok(line.trim_end().to_owned())
    }
}
