//! The subcommands. They use the runtime's API and do not know DataFusion.

mod access;
pub(crate) mod demo;
pub(crate) mod describe;
pub(crate) mod explain;
pub(crate) mod progress;
pub(crate) mod query;
pub(crate) mod serve;
pub(crate) mod shell;
pub(crate) mod tables;
pub(crate) mod user;

use std::io;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use tokio::runtime::{Builder, Runtime};

use crate::args::{Expanded, OutputArgs};
use crate::failure::Failure;
use crate::output::Output;

/// The stack of a thread, in bytes. DataFusion plans a statement by recursion, with large frames in debug builds: those
/// of drivers that read metadata need almost the 2 MiB that tokio gives.
const STACK: usize = 8 << 20;

/// The tokio runtime for statements.
fn runtime() -> Result<Runtime, Failure> {
    Builder::new_multi_thread().enable_all().thread_stack_size(STACK).build().map_err(|error| {
        Failure::usage(format!("could not start threads: {error}"), "raise the process limit (ulimit -u)")
    })
}

/// Waits for a signal to stop.
async fn stop_signal() -> io::Result<()> {
    Signals::new()?.next().await;
    Ok(())
}

/// Signals that tell the process to stop.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Signals that tell the process to stop.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    #[allow(clippy::unnecessary_wraps, reason = "as on Unix")]
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}

/// Writes a list in the output format. As a table, it has a line for each row, however wide.
fn write_list<const N: usize>(args: &OutputArgs, names: [&str; N], rows: &[[String; N]]) -> Result<(), Failure> {
    let expanded = if args.expanded == Expanded::Auto { Expanded::Off } else { args.expanded };
    let args = &OutputArgs { expanded, ..args.clone() };
    let fields: Vec<_> = names.iter().map(|name| Field::new(*name, DataType::Utf8, false)).collect();
    let schema = Arc::new(Schema::new(fields));
    let column = |at: usize| Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row[at]))) as ArrayRef;
    let batch = RecordBatch::try_new(schema.clone(), (0..N).map(column).collect()).map_err(io::Error::other)?;
    let mut output = Output::new(args)?;
    let mut sink = output.answer(&schema, false)?;
    sink.batch(&batch)?;
    sink.finish()?;
    Ok(())
}
