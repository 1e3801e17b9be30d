//! The audit log: one line of JSON for each statement and each failed authentication.

use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use parking_lot::Mutex;
use serde::Serialize;

use crate::secure_file;

/// The file, or standard error, that events are written to.
pub(crate) struct AuditLog {
    output: Mutex<Box<dyn Write + Send>>,
    /// Whether the last write failed and a warning was printed.
    failed: AtomicBool,
}

/// An entry of the log.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub(crate) enum Event<'a> {
    /// A statement has ended.
    Statement {
        user: Option<&'a str>,
        protocol: &'a str,
        from: Option<&'a str>,
        application: &'a str,
        sql: &'a str,
        duration_ms: f64,
        rows: u64,
        /// `finished`, `failed`, or `cancelled`, which includes clients that did not read all rows.
        outcome: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<&'a str>,
    },
    /// An authentication has failed.
    Refused { user: Option<&'a str>, protocol: &'a str, from: &'a str, reason: &'a str },
}

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    #[serde(flatten)]
    event: &'a Event<'a>,
}

impl AuditLog {
    /// Appends to this file, which is created if it does not exist; `-` is standard error.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        if path == Path::new("-") {
            return Ok(Self::new(Box::new(io::stderr())));
        }
        // Statements may contain confidential values.
        Ok(Self::new(Box::new(secure_file::owner_only().create(true).append(true).open(path)?)))
    }

    fn new(output: Box<dyn Write + Send>) -> Self {
        Self { output: Mutex::new(output), failed: AtomicBool::new(false) }
    }

    /// Writes a line. If that fails, a warning is printed, once until a line is written again.
    pub(crate) fn write(&self, event: &Event<'_>) {
        let line = serde_json::to_vec(&Line { time: Timestamp::now().to_string(), event });
        let written = line.map_err(io::Error::from).and_then(|mut line| {
            line.push(b'\n');
            let mut output = self.output.lock();
            output.write_all(&line)?;
            output.flush()
        });
        match written {
            Ok(()) => self.failed.store(false, Ordering::Relaxed),
            Err(error) if !self.failed.swap(true, Ordering::Relaxed) => {
                _ = writeln!(io::stderr().lock(), "warning: could not write the audit log: {error}");
            }
            Err(_) => {}
        }
    }
}

impl std::fmt::Debug for AuditLog {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str("AuditLog")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_is_one_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("audit.log");
        for from in ["127.0.0.1:1", "127.0.0.1:2"] {
            let event = Event::Statement {
                user: Some("ada"),
                protocol: "postgresql",
                from: Some(from),
                application: "psql",
                sql: "select\n'\u{1b}[31m'",
                duration_ms: 1.5,
                rows: 1,
                outcome: "finished",
                error: None,
            };
            AuditLog::open(&path).expect("a log").write(&event);
        }
        let text = std::fs::read_to_string(&path).expect("lines");
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
        assert_eq!(lines[1]["from"], "127.0.0.1:2");
        assert_eq!(
            (lines[0]["event"].as_str(), lines[0]["protocol"].as_str(), lines[0]["sql"].as_str()),
            (Some("statement"), Some("postgresql"), Some("select\n'\u{1b}[31m'"))
        );
        assert!(lines[0]["time"].as_str().expect("a time").ends_with('Z'));
    }
}
