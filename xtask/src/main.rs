//! The project's chores, one file each: `cargo xtask <chore>`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod bench;
mod import;
mod regen;

/// The project's chores.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    Bench(bench::Args),
    Import(import::Args),
    Regen(regen::Args),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().chore {
        Chore::Bench(args) => bench::run(&args),
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
