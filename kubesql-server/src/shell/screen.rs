//! Destinations of results: the terminal, a pager, a file or a program.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::interrupt::Interrupt;
use super::settings::{Pager, format_of_file};
use crate::args::Format;

/// Size of the write buffer in bytes.
const BUFFER: usize = 64 * 1024;

/// A file or program that receives results.
pub(super) struct Target {
    to: Option<BufWriter<Box<dyn Write + Send>>>,
    program: Option<Child>,
    /// The format given by the file's extension.
    pub(super) format: Option<Format>,
    /// Number of results written.
    pub(super) answers: usize,
}

impl Target {
    /// Opens a file, or `|command`.
    pub(super) fn open(to: &str) -> io::Result<Self> {
        let (writer, program): (Box<dyn Write + Send>, _) = match to.strip_prefix('|') {
            Some(command) => {
                let mut child = shell(command).stdin(Stdio::piped()).spawn()?;
                let stdin = child.stdin.take().ok_or_else(|| io::Error::other("the program has no standard input"))?;
                (Box::new(stdin), Some(child))
            }
            None => (Box::new(File::create(home(to))?), None),
        };
        let format = program.is_none().then(|| format_of_file(to)).flatten();
        Ok(Self { to: Some(BufWriter::with_capacity(BUFFER, writer)), program, format, answers: 0 })
    }

    /// Flushes, and waits for the program.
    pub(super) fn close(mut self) -> io::Result<()> {
        let flushed = self.to.take().map_or(Ok(()), |mut to| to.flush());
        if let Some(program) = &mut self.program {
            program.wait()?;
        }
        // The program may stop reading early.
        flushed.or_else(|error| if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.to.as_mut().map_or(Ok(bytes.len()), |to| to.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.as_mut().map_or(Ok(()), Write::flush)
    }
}

/// A command for the system's shell.
pub(super) fn shell(command: &str) -> Command {
    let mut shell = Command::new(if cfg!(windows) { "cmd" } else { "sh" });
    shell.arg(if cfg!(windows) { "/C" } else { "-c" }).arg(command);
    shell
}

/// Replaces a leading `~` by the home directory.
pub(super) fn home(path: &str) -> std::path::PathBuf {
    match (path.strip_prefix('~'), std::env::home_dir()) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => home.join(rest.trim_start_matches('/')),
        _ => path.into(),
    }
}

/// Standard output for one result. Output is buffered until it is known whether it fits the terminal.
pub(super) struct Screen {
    held: Vec<u8>,
    lines: usize,
    /// Number of lines that fit, if a pager may be used.
    fits: Option<usize>,
    /// Whether this is a table, whose lines must not be wrapped.
    is_table: bool,
    pager: Option<Child>,
    interrupt: Interrupt,
}

impl Screen {
    pub(super) fn new(pager: Pager, is_table: bool, interrupt: Interrupt) -> Self {
        let rows = terminal_size::terminal_size().map(|(_, height)| usize::from(height.0));
        let is_terminal = io::stdout().is_terminal() && io::stdin().is_terminal();
        let fits = match pager {
            _ if !is_terminal => None,
            Pager::Off => None,
            Pager::Always => Some(0),
            // One line is for the prompt.
            Pager::On => rows.map(|rows| rows.saturating_sub(2)),
        };
        Self { held: Vec::new(), lines: 0, fits, is_table, pager: None, interrupt }
    }

    /// Writes the buffer, and waits until the user quits the pager.
    pub(super) fn finish(mut self) -> io::Result<()> {
        if self.pager.is_none() && self.fits == Some(0) && !self.held.is_empty() {
            self.page()?;
        }
        if let Some(mut pager) = self.pager.take() {
            // Closing its input ends the pager.
            drop(pager.stdin.take());
            let status = pager.wait()?;
            if !matches!(status.code(), Some(126 | 127)) {
                return Ok(());
            }
            // The pager could not be started.
        }
        let mut out = io::stdout().lock();
        for chunk in self.held.chunks(BUFFER) {
            self.stopped()?;
            out.write_all(chunk)?;
        }
        out.flush()
    }

    fn stopped(&self) -> io::Result<()> {
        if self.interrupt.is_pressed() { Err(io::Error::other("stopped")) } else { Ok(()) }
    }

    /// Starts the pager and writes the buffer to it. If that fails, output is not buffered any more.
    fn page(&mut self) -> io::Result<()> {
        self.fits = None;
        let chosen = std::env::var("PAGER").ok().filter(|pager| !pager.trim().is_empty());
        let default = if self.is_table { "less -SRFX" } else { "less -RFX" };
        if chosen.is_none() && !has_program("less") {
            return Ok(());
        }
        let mut command = shell(chosen.as_deref().unwrap_or(default));
        if std::env::var_os("LESS").is_none() {
            // The default options for less, as git sets them.
            command.env("LESS", if self.is_table { "SRFX" } else { "RFX" });
        }
        if let Ok(mut pager) = command.stdin(Stdio::piped()).spawn() {
            let held = self.held.clone();
            let written = pager.stdin.as_mut().map_or(Ok(()), |stdin| stdin.write_all(&held));
            self.pager = Some(pager);
            // Whether the pager could be started is known when it has ended.
            written.or_else(broken_is_fine)?;
        }
        Ok(())
    }
}

fn broken_is_fine(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) }
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stopped()?;
        if let Some(stdin) = self.pager.as_mut().and_then(|pager| pager.stdin.as_mut()) {
            return stdin.write(bytes);
        }
        let Some(fits) = self.fits else {
            if !self.held.is_empty() {
                io::stdout().write_all(&std::mem::take(&mut self.held))?;
            }
            return io::stdout().write(bytes);
        };
        self.held.extend_from_slice(bytes);
        self.lines += bytes.iter().filter(|byte| **byte == b'\n').count();
        if fits > 0 && self.lines > fits {
            self.page()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.fits.is_none() && self.pager.is_none() { io::stdout().flush() } else { Ok(()) }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // After an error, the pager still shows the rows so far.
        if let Some(mut pager) = self.pager.take() {
            drop(pager.stdin.take());
            _ = pager.wait();
        }
    }
}

fn has_program(name: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| Path::new(&folder).join(name).is_file())
}
