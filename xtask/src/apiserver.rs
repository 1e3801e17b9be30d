//! `cargo xtask apiserver`: builds the Kubernetes API server of the tests and runs it.

use std::env;
use std::io::{BufRead as _, BufReader, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::report;

/// Where a Kubernetes binary keeps its release; the linker sets it, as in Kubernetes' own builds.
const VERSION: &str = "k8s.io/component-base/version";

/// What helps where modules cannot be had.
const MODULES: &str = "what it depends on must be in Go's cache or at a module proxy that can be reached: \
                       `go env GOPROXY` names it";

/// How often a long build says how far it is.
const PROGRESS: Duration = Duration::from_secs(5);

/// Run a Kubernetes API server with its etcd on loopback, in one process, for tests and for trying things out
///
/// Needs Go. The first build downloads 220 MB and takes 5 to 15 minutes; later ones take seconds.
///
/// When the server is ready, one line on standard output names its URL and its kubeconfig.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only build, and print the path of the binary
    #[arg(long)]
    build: bool,
    /// Options of the server; `-- -help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    options: Vec<String>,
}

/// Builds, and hands over to the server.
pub(crate) fn run(args: &Args) -> Result<()> {
    let binary = build()?;
    if args.build {
        return crate::print(&[binary.display().to_string()]);
    }
    hand_over(Command::new(&binary).args(&args.options)).with_context(|| format!("running {}", binary.display()))
}

/// Becomes the server, so that signals reach it and its exit code is this one's.
#[cfg(unix)]
fn hand_over(command: &mut Command) -> Result<()> {
    use std::os::unix::process::CommandExt as _;
    Err(command.exec().into())
}

/// Waits for the server.
#[cfg(not(unix))]
fn hand_over(command: &mut Command) -> Result<()> {
    let status = command.status()?;
    std::process::exit(status.code().unwrap_or(1))
}

/// Brings the binary up to date, which costs seconds where it is: `go build` knows what changed.
fn build() -> Result<PathBuf> {
    let module = crate::regen::root().join("tests/apiserver");
    let binary = target()?.join("apiserver").join(format!("kubesql-apiserver{}", env::consts::EXE_SUFFIX));
    let release = go(&module)
        .args(["list", "-m", "-f", "{{.Version}}", "k8s.io/kubernetes"])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| match error.kind() {
            ErrorKind::NotFound => anyhow::anyhow!(
                "`go` is not on the PATH: the API server is written in Go; install Go 1.25 or newer (https://go.dev/dl)"
            ),
            _ => anyhow::Error::from(error).context("`go` could not be run"),
        })?;
    if !release.status.success() {
        bail!("`go` cannot read the module {}; {MODULES}", module.display());
    }
    let release = String::from_utf8(release.stdout).context("the release of k8s.io/kubernetes")?;
    let mut numbers = release.trim().trim_start_matches('v').split('.');
    let (Some(major), Some(minor)) = (numbers.next(), numbers.next()) else {
        bail!("k8s.io/kubernetes has no release: {release:?}");
    };
    let flags = format!(
        "-s -w -X {VERSION}.gitVersion={} -X {VERSION}.gitMajor={major} -X {VERSION}.gitMinor={minor}",
        release.trim()
    );
    let mut building = go(&module);
    building.args(["build", "-v", "-p", "2", "-buildvcs=false", "-ldflags", &flags, "-o"]).arg(&binary).arg(".");
    follow(&mut building)?;
    record_tool("apiserver")?;
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

/// Cargo's target directory: this program lies in `<target>/<profile>`.
fn target() -> Result<PathBuf> {
    let program = env::current_exe().context("the path of this program")?;
    let target = program.parent().and_then(Path::parent).context("the target directory")?;
    Ok(target.to_owned())
}

/// Runs a build that names each package on standard error, and reports where it is from time to time.
fn follow(build: &mut Command) -> Result<()> {
    let mut child = build.stderr(Stdio::piped()).spawn().context("`go build` could not be run")?;
    let Some(stderr) = child.stderr.take() else { bail!("`go build` has no standard error") };
    let mut packages = 0_u32;
    let mut said = Instant::now();
    for line in BufReader::new(stderr).lines() {
        let line = line.context("reading what `go build` says")?;
        if line.contains(|mark: char| mark.is_whitespace() || mark == ':') {
            report(&line); // a download or an error
            continue;
        }
        packages += 1;
        if said.elapsed() >= PROGRESS {
            report(&format!("building the API server: {packages} packages so far, at {line}"));
            said = Instant::now();
        }
    }
    let status = child.wait().context("`go build`")?;
    if !status.success() {
        bail!("the API server does not build (`go build` ended with {status}); {MODULES}");
    }
    Ok(())
}
