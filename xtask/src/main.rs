//! Development tasks: `cargo xtask <task>`. Each task is a module.

use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};

mod apiserver;
mod bench;
mod clients;
mod import;
mod regen;
mod root;
mod yaml;

/// Development tasks of kubesql
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    Apiserver(apiserver::Args),
    Bench(bench::Args),
    Clients(clients::Args),
    Import(import::Args),
    Regen(regen::Args),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().task {
        Task::Apiserver(args) => apiserver::run(&args),
        Task::Bench(args) => bench::run(&args),
        Task::Clients(args) => clients::run(&args),
        Task::Import(args) => import::run(&args),
        Task::Regen(args) => regen::run(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Reports progress on standard error. Standard output is for results.
#[expect(clippy::print_stderr, reason = "progress of a command line tool")]
fn report(line: &str) {
    eprintln!("{line}");
}

/// Prints the results of a task. A closed pipe (`| head`) is not an error.
fn print(lines: &[String]) -> anyhow::Result<()> {
    let text = lines.join("\n") + "\n";
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error).context("writing to standard output"),
        _ => Ok(()),
    }
}
