//! The benchmarks of kubesql. Each is a subcommand. The figures in the documentation are from these benchmarks.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod decode;
mod json;
mod live;
mod pods;
mod protocols;

/// The allocator of the server, so that the figures are comparable.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Benchmarks of kubesql
#[derive(Parser)]
#[command(name = "kubesql-bench", max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Subcommand)]
enum Bench {
    Decode(decode::Args),
    Live(live::Args),
    Protocols(protocols::Args),
    #[command(hide = true)]
    LiveWorker(live::process::Args),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().bench {
        Bench::Decode(args) => decode::run(&args),
        Bench::Live(args) => live::run(&args),
        Bench::Protocols(args) => protocols::run(&args),
        Bench::LiveWorker(args) => live::process::run(&args),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            report(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Prints a line of results.
#[expect(clippy::print_stdout, reason = "the output of a benchmark")]
fn report(line: &str) {
    println!("{line}");
}
