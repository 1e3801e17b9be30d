//! A running `kubesql serve` with HTTP, and an HTTP client that sees every byte.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::support::{binary, root};

/// A running `kubesql serve` with HTTP.
pub(crate) struct HttpServer {
    pub(crate) process: Child,
    /// `127.0.0.1:40123`
    pub(crate) address: String,
}

impl HttpServer {
    /// Starts one over the demo cluster.
    pub(crate) fn demo(args: &[&str]) -> Self {
        Self::start(&[&["--demo"], args].concat())
    }

    pub(crate) fn start(args: &[&str]) -> Self {
        let mut process = Command::new(binary())
            .current_dir(root())
            .args(["serve", "--pg", "off", "--http", "127.0.0.1:0"])
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the command starts");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("standard output")).read_line(&mut line).expect("a line");
        let address = line.split_once(" clients on ").and_then(|(_, rest)| rest.split_once(';'));
        let address = address.unwrap_or_else(|| panic!("{line}")).0.to_owned();
        Self { process, address }
    }

    /// Sends a request and reads its answer.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let mut socket = self.send(method, path, headers, body);
        let mut bytes = Vec::new();
        // An answer may be cut off.
        _ = socket.read_to_end(&mut bytes);
        Reply::of(&bytes)
    }

    /// Sends a request without reading the answer.
    pub(crate) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> TcpStream {
        let mut request = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        if !headers.iter().any(|(name, _)| *name == "Host") {
            request.push_str(&format!("Host: {}\r\n", self.address));
        }
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        let mut socket = TcpStream::connect(&self.address).expect("a connection");
        socket.set_read_timeout(Some(Duration::from_secs(120))).expect("a timeout");
        // A body that is too long is answered before it is read completely.
        _ = socket.write_all(request.as_bytes());
        socket
    }

    /// Runs a statement with the REST API.
    pub(crate) fn query(&self, request: &Value, headers: &[(&str, &str)]) -> Reply {
        let headers = [&[("Content-Type", "application/json")], headers].concat();
        self.ask("POST", "/api/v1/query", &headers, &request.to_string())
    }

    /// The rows of a statement with the REST API.
    pub(crate) fn rows(&self, sql: &str) -> Value {
        let reply = self.query(&serde_json::json!({"sql": sql}), &[]);
        assert_eq!(reply.status, 200, "{sql}: {}", reply.text());
        reply.json()["rows"].clone()
    }

    /// The memory of the process in kilobytes.
    pub(crate) fn memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
        line.split_whitespace().nth(1)?.parse().ok()
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        // It may have ended already.
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Names in lower case; trailers follow the others.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Whether the body is complete.
    pub(crate) is_whole: bool,
}

impl Reply {
    fn of(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(bytes.len());
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut rest = bytes.get(end + 4..).unwrap_or_default();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no answer: {head:?}"));
        let mut headers = fields(&head);
        let has = |name: &str, value: &str| headers.iter().any(|(n, v)| n == name && v == value);
        if !has("transfer-encoding", "chunked") {
            let length = headers.iter().find(|(name, _)| name == "content-length").map(|(_, value)| value.parse());
            let is_whole = length.is_none_or(|length| length == Ok(rest.len()));
            return Self { status, headers, body: rest.to_vec(), is_whole };
        }
        let mut body = Vec::new();
        while let Some(line) = rest.windows(2).position(|two| two == b"\r\n") {
            let length = usize::from_str_radix(&String::from_utf8_lossy(&rest[..line]), 16).expect("a length");
            rest = &rest[line + 2..];
            if length == 0 {
                let trailers = String::from_utf8_lossy(rest).into_owned();
                headers.extend(fields(&format!("\r\n{trailers}")));
                return Self { status, headers, body, is_whole: rest.ends_with(b"\r\n") };
            }
            if rest.len() < length + 2 {
                break;
            }
            body.extend_from_slice(&rest[..length]);
            rest = &rest[length + 2..];
        }
        Self { status, headers, body, is_whole: false }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

/// The header fields after the first line.
fn fields(head: &str) -> Vec<(String, String)> {
    let lines = head.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
    lines.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())).collect()
}
