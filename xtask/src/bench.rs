//! `cargo xtask bench`: builds the benchmarks optimised and runs one.

use std::env;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// Run a benchmark, in one run on one machine: the figures are ratios to what else could be used
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Which one, with its options: `decode`; `--help` behind it says more
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    bench: Vec<String>,
}

/// Hands over to the benchmark binary.
pub(crate) fn run(args: &Args) -> Result<()> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["run", "--quiet", "--release", "--package", "kubesql-tests", "--bin", "kubesql-bench", "--"])
        .args(&args.bench)
        .current_dir(crate::regen::root())
        .status()
        .context("cargo could not be run")?;
    if !status.success() {
        bail!("the benchmark ended with {status}");
    }
    Ok(())
}
