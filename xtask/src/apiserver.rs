//! `cargo xtask apiserver`: builds and runs a Kubernetes API server for tests.

use std::env;
use std::io::{BufRead as _, BufReader, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::report;

/// The Go package with the version of a Kubernetes binary. The linker sets it, as in Kubernetes' own builds.
const VERSION: &str = "k8s.io/component-base/version";

/// Advice if Go modules are unavailable.
const MODULES_HINT: &str = "its dependencies must be in Go's cache, or available from the module proxy that \
                            `go env GOPROXY` prints";

/// The interval of progress reports.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(5);

/// Run a Kubernetes API server with its etcd in one process on the loopback interface, for tests
///
/// Requires Go. The first build downloads 220 MB and takes 5 to 15 minutes. Later builds take seconds.
///
/// --controllers also starts the controller manager and the scheduler of the same release, and kwok, which simulates three
/// nodes. Deployments then create pods that run. The first build takes another 10 to 20 minutes.
///
/// When the server is ready, it prints a line with its URL and the path of its kubeconfig.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Build only, and print the path of the binary
    #[arg(long)]
    build: bool,
    /// Also build and run the controller manager, the scheduler, and nodes
    #[arg(long)]
    controllers: bool,
    /// Options of the server; list them with `-- -help`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    options: Vec<String>,
}

/// Builds and runs the server.
pub(crate) fn run(args: &Args) -> Result<()> {
    let mut binaries = vec![build(SERVER)?];
    if args.controllers {
        binaries.push(build(CONTROLLERS)?);
    }
    if args.build {
        return crate::print(&binaries.iter().map(|binary| binary.display().to_string()).collect::<Vec<_>>());
    }
    let mut command = Command::new(&binaries[0]);
    command.args(args.controllers.then_some("--controllers")).args(&args.options);
    exec(&mut command).with_context(|| format!("running {}", binaries[0].display()))
}

/// A program of the Go module.
#[derive(Clone, Copy)]
struct Program {
    /// For reports.
    title: &'static str,
    /// The name of the binary, after `kubesql-`.
    name: &'static str,
    /// Its package.
    package: &'static str,
}

const SERVER: Program = Program { title: "the API server", name: "apiserver", package: "." };
const CONTROLLERS: Program = Program { title: "the controllers", name: "controllers", package: "./controllers" };

/// Replaces this process by the server, which then receives signals and determines the exit code.
#[cfg(unix)]
fn exec(command: &mut Command) -> Result<()> {
    use std::os::unix::process::CommandExt as _;
    Err(command.exec().into())
}

/// Runs the server and waits for it.
#[cfg(not(unix))]
fn exec(command: &mut Command) -> Result<()> {
    let status = command.status()?;
    std::process::exit(status.code().unwrap_or(1))
}

/// Builds a binary. `go build` takes seconds if it is up to date.
fn build(program: Program) -> Result<PathBuf> {
    let module = crate::root::root().join("tests/apiserver");
    let binary = target()?.join("apiserver").join(format!("kubesql-{}{}", program.name, env::consts::EXE_SUFFIX));
    let release = go(&module)
        .args(["list", "-m", "-f", "{{.Version}}", "k8s.io/kubernetes"])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| match error.kind() {
            ErrorKind::NotFound => {
                anyhow::anyhow!("`go` is not on the PATH; install Go 1.26 or newer (https://go.dev/dl)")
            }
            _ => anyhow::Error::from(error).context("could not run `go`"),
        })?;
    if !release.status.success() {
        bail!("`go` could not read the module {}; {MODULES_HINT}", module.display());
    }
    let release = String::from_utf8(release.stdout).context("the release of k8s.io/kubernetes")?;
    let mut numbers = release.trim().trim_start_matches('v').split('.');
    let (Some(major), Some(minor)) = (numbers.next(), numbers.next()) else {
        bail!("the version of k8s.io/kubernetes is not a release: {release:?}");
    };
    let flags = format!(
        "-s -w -X {VERSION}.gitVersion={} -X {VERSION}.gitMajor={major} -X {VERSION}.gitMinor={minor}",
        release.trim()
    );
    let mut building = go(&module);
    building.args(["build", "-v", "-p", "2", "-buildvcs=false", "-ldflags", &flags, "-o"]).arg(&binary);
    building.arg(program.package);
    run_with_progress(&mut building, program.title)?;
    record_tool(program.name)?;
    Ok(binary)
}

/// Leaves a file for the build script of the tests, which then looks for the tools that tests need again. A file that is
/// there already stays as it is, so that nothing is built again.
pub(crate) fn record_tool(name: &str) -> Result<()> {
    let folder = target()?.join("test-tools");
    std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    let file = folder.join(name);
    if !file.exists() {
        std::fs::write(&file, "").with_context(|| format!("writing {}", file.display()))?;
    }
    Ok(())
}

fn go(module: &Path) -> Command {
    let mut go = Command::new("go");
    go.current_dir(module);
    go
}

/// Cargo's target directory. This program is in `<target>/<profile>`.
fn target() -> Result<PathBuf> {
    let program = env::current_exe().context("the path of this program")?;
    let target = program.parent().and_then(Path::parent).context("the target directory")?;
    Ok(target.to_owned())
}

/// Runs `go build -v`, which prints each package on standard error, and reports progress.
fn run_with_progress(build: &mut Command, title: &str) -> Result<()> {
    let mut child = build.stderr(Stdio::piped()).spawn().context("could not run `go build`")?;
    let Some(stderr) = child.stderr.take() else { bail!("`go build` has no standard error") };
    let mut packages = 0_u32;
    let mut reported = Instant::now();
    for line in BufReader::new(stderr).lines() {
        let line = line.context("reading the output of `go build`")?;
        if line.contains(|mark: char| mark.is_whitespace() || mark == ':') {
            report(&line); // A download or an error.
            continue;
        }
        packages += 1;
        if reported.elapsed() >= PROGRESS_INTERVAL {
            report(&format!("building {title}: {packages} packages so far, at {line}"));
            reported = Instant::now();
        }
    }
    let status = child.wait().context("`go build`")?;
    if !status.success() {
        bail!("could not build {title} (`go build` ended with {status}); {MODULES_HINT}");
    }
    Ok(())
}
