//! `cargo xtask bench`: builds and runs the benchmarks.

use std::env;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// Run a benchmark
///
/// A benchmark measures kubesql and alternatives in one run on one machine, and checks ratios.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The benchmark and its options: `decode`, `protocols` or `live`; for details, add `--help`
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    bench: Vec<String>,
}

/// Builds and runs the benchmark binary.
pub(crate) fn run(args: &Args) -> Result<()> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // Build the whole workspace. A single package would have other features of dependencies, and build them again.
    let mut build = Command::new(cargo);
    // Remove cargo's variables for this package. Build scripts would otherwise see a change, and half of the dependencies
    // would be built again.
    for (name, _) in env::vars_os() {
        let of_package = |name: &str| ["CARGO_MANIFEST_", "CARGO_PKG_"].iter().any(|front| name.starts_with(front));
        if name.to_str().is_some_and(of_package) {
            build.env_remove(&name);
        }
    }
    let built = build
        .args(["build", "--release", "--workspace", "--bins"])
        .current_dir(crate::root::root())
        .status()
        .context("could not run cargo")?;
    if !built.success() {
        bail!("the build ended with {built}");
    }
    // The binary is in the same target directory, in the release profile.
    let here = env::current_exe().context("the path of this program")?;
    let binary = here.parent().and_then(Path::parent).context("the target directory")?.join("release/kubesql-bench");
    let status = Command::new(&binary)
        .args(&args.bench)
        .current_dir(crate::root::root())
        .status()
        .with_context(|| format!("could not run {}", binary.display()))?;
    if !status.success() {
        bail!("the benchmark ended with {status}");
    }
    Ok(())
}
