//! Benchmarks of the project, each a subcommand: what the numbers in the documents come from.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod decode;
mod doors;
mod json;
mod live;
mod pods;

/// As the server has it, so that the figures are the server's.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Benchmarks of kubesql.
#[derive(Parser)]
#[command(name = "kubesql-bench", max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Subcommand)]
enum Bench {
    Decode(decode::Args),
    Doors(doors::Args),
    Live(live::Args),
    #[command(hide = true)]
    LiveWay(live::process::Args),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().bench {
        Bench::Decode(args) => decode::run(&args),
        Bench::Doors(args) => doors::run(&args),
        Bench::Live(args) => live::run(&args),
        Bench::LiveWay(args) => live::process::run(&args),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Tells the person at the terminal.
#[expect(clippy::print_stdout, reason = "a benchmark's figures are its output")]
fn say(line: &str) {
    println!("{line}");
}
