//! What each subcommand does, by the library's doors; none of them knows DataFusion.

pub(crate) mod demo;
pub(crate) mod describe;
pub(crate) mod explain;
mod progress;
pub(crate) mod query;
pub(crate) mod serve;
mod star;
pub(crate) mod tables;

use std::io;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use tokio::runtime::{Builder, Runtime};

use crate::args::OutputArgs;
use crate::failure::Failure;
use crate::output::Output;

/// Threads for statements.
fn runtime() -> Result<Runtime, Failure> {
    Builder::new_multi_thread().enable_all().build().map_err(|error| {
        Failure::usage(format!("threads cannot be started: {error}"), "raise the limit of processes (ulimit -u)")
    })
}

/// Waits until the process is told to end.
#[cfg(unix)]
async fn ended() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result,
        _ = terminate.recv() => Ok(()),
    }
}

/// Waits until the process is told to end.
#[cfg(not(unix))]
async fn ended() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}

/// Writes a list of ours in the format that is asked for.
fn write_list<const N: usize>(args: &OutputArgs, names: [&str; N], rows: &[[String; N]]) -> Result<(), Failure> {
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
