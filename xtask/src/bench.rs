//! `cargo xtask bench`: builds the benchmarks optimised and runs one.

use std::env;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// Run a benchmark, in one run on one machine: the figures are ratios to what else could be used
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Which one, with its options: `decode`, `doors`, `live`; `--help` behind it says more
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    bench: Vec<String>,
}

/// Hands over to the benchmark binary.
pub(crate) fn run(args: &Args) -> Result<()> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // The whole workspace, as everything else is built: a part of it has other features, and so other dependencies.
    let mut build = Command::new(cargo);
    // What cargo told this program of its own package would be news to build scripts that look at it, and half of the
    // dependencies would be built anew.
    for (name, _) in env::vars_os() {
        let of_package = |name: &str| ["CARGO_MANIFEST_", "CARGO_PKG_"].iter().any(|front| name.starts_with(front));
        if name.to_str().is_some_and(of_package) {
            build.env_remove(&name);
        }
    }
    let built = build
        .args(["build", "--release", "--workspace", "--bins"])
        .current_dir(crate::regen::root())
        .status()
        .context("cargo could not be run")?;
    if !built.success() {
        bail!("the build ended with {built}");
    }
    // This runs from the same target directory, of the other profile.
    let here = env::current_exe().context("the place of this program")?;
    let binary = here.parent().and_then(Path::parent).context("the target directory")?.join("release/kubesql-bench");
    let status = Command::new(&binary)
        .args(&args.bench)
        .current_dir(crate::regen::root())
        .status()
        .with_context(|| format!("{} could not be run", binary.display()))?;
    if !status.success() {
        bail!("the benchmark ended with {status}");
    }
    Ok(())
}
