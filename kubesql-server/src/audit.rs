//! The audit log: a line of JSON for each statement and each refused attempt to come in.

use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use parking_lot::Mutex;
use serde::Serialize;

use crate::private;

/// Where lines go.
pub(crate) struct Audit {
    to: Mutex<Box<dyn Write + Send>>,
    /// Whether it was said that lines cannot be written.
    failed: AtomicBool,
}

/// A line.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub(crate) enum Line<'a> {
    /// A statement that has ended.
    Statement {
        user: Option<&'a str>,
        door: &'a str,
        from: Option<&'a str>,
        application: &'a str,
        sql: &'a str,
        duration_ms: f64,
        rows: u64,
        /// `finished`, `failed`, or `cancelled` where its rows were not all taken.
        outcome: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<&'a str>,
    },
    /// Somebody who was not let in.
    Refused { user: Option<&'a str>, door: &'a str, from: &'a str, reason: &'a str },
}

#[derive(Serialize)]
struct Timed<'a> {
    time: String,
    #[serde(flatten)]
    line: &'a Line<'a>,
}

impl Audit {
    /// To the end of this file, which is made where it is not there; `-` is standard error.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        if path == Path::new("-") {
            return Ok(Self::to(Box::new(io::stderr())));
        }
        // What people ask is nobody else's business.
        Ok(Self::to(Box::new(private::options().create(true).append(true).open(path)?)))
    }

    fn to(to: Box<dyn Write + Send>) -> Self {
        Self { to: Mutex::new(to), failed: AtomicBool::new(false) }
    }

    /// Writes a line; where that fails, it is said once.
    pub(crate) fn write(&self, line: &Line<'_>) {
        let written = serde_json::to_vec(&Timed { time: Timestamp::now().to_string(), line });
        let written = written.map_err(io::Error::from).and_then(|mut line| {
            line.push(b'\n');
            let mut to = self.to.lock();
            to.write_all(&line)?;
            to.flush()
        });
        match written {
            Ok(()) => self.failed.store(false, Ordering::Relaxed),
            Err(error) if !self.failed.swap(true, Ordering::Relaxed) => {
                _ = writeln!(io::stderr().lock(), "warning: the audit log cannot be written: {error}");
            }
            Err(_) => {}
        }
    }
}

impl std::fmt::Debug for Audit {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str("Audit")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("audit.log");
        for from in ["127.0.0.1:1", "127.0.0.1:2"] {
            let line = Line::Statement {
                user: Some("ada"),
                door: "postgresql",
                from: Some(from),
                application: "psql",
                sql: "select\n'\u{1b}[31m'",
                duration_ms: 1.5,
                rows: 1,
                outcome: "finished",
                error: None,
            };
            Audit::open(&path).expect("a log").write(&line);
        }
        let text = std::fs::read_to_string(&path).expect("lines");
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
        assert_eq!(lines[1]["from"], "127.0.0.1:2");
        assert_eq!(
            (lines[0]["event"].as_str(), lines[0]["sql"].as_str()),
            (Some("statement"), Some("select\n'\u{1b}[31m'"))
        );
        assert!(lines[0]["time"].as_str().expect("a time").ends_with('Z'));
    }
}
