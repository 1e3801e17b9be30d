//! The project's chores, one file each: `cargo xtask <chore>`.

use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};

mod apiserver;
mod bench;
mod clients;
mod import;
mod regen;
mod yaml;

/// The project's chores.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    Apiserver(apiserver::Args),
    Bench(bench::Args),
    Clients(clients::Args),
    Import(import::Args),
    Regen(regen::Args),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().chore {
        Chore::Apiserver(args) => apiserver::run(&args),
        Chore::Bench(args) => bench::run(&args),
        Chore::Clients(args) => clients::run(&args),
        Chore::Import(args) => import::run(&args),
        Chore::Regen(args) => regen::run(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Tells the person at the terminal how things go; standard output stays free for results.
#[expect(clippy::print_stderr, reason = "a command line tool speaks to its user")]
fn report(line: &str) {
    eprintln!("{line}");
}

/// Prints what a chore is run for; a reader that has seen enough (`| head`) is no error.
fn print(lines: &[String]) -> anyhow::Result<()> {
    let text = lines.join("\n") + "\n";
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error).context("writing to standard output"),
        _ => Ok(()),
    }
}
