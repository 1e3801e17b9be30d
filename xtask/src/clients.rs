//! `cargo xtask clients`: installs SQL clients for tests.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::report;

/// The Maven plugin that copies archives, with a fixed version.
const COPY_PLUGIN: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1";

/// A PostgreSQL server for tests, by group and beginning of the artifact.
const POSTGRES: &str = "io.zonky.test.postgres:embedded-postgres-binaries";
const POSTGRES_VERSION: &str = "15.13.0";

/// Install the SQL clients for tests: Python packages and Java archives
///
/// Installs the clients of tests/clients/requirements.txt, tests/clients/jars.txt and tests/clients/trino.xml into
/// `~/.cache/kubesql/clients`, or the folder in `KUBESQL_CLIENTS`, and a PostgreSQL server unless Debian's package is
/// there. Installed clients are kept. Python packages require Python 3.10 or newer with the venv module, and Java archives
/// require Maven and Java 17 or newer. If one of these is missing, its clients are skipped with a message in capitals.
#[derive(clap::Args)]
pub(crate) struct Args {}

/// Installs missing clients.
pub(crate) fn run(_: &Args) -> Result<()> {
    let lists = crate::root::root().join("tests/clients");
    let folder = folder()?;
    fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    install_python(&lists.join("requirements.txt"), &folder.join("python"))?;
    install_jars(&lists.join("jars.txt"), &folder.join("jars"))?;
    install_trino(&lists.join("trino.xml"), &folder.join("trino"))?;
    install_postgres(&folder.join("postgres"))?;
    crate::apiserver::record_tool("clients")?;
    crate::print(&[folder.display().to_string()])
}

/// The folder of the clients.
fn folder() -> Result<PathBuf> {
    if let Some(folder) = env::var_os("KUBESQL_CLIENTS") {
        return Ok(folder.into());
    }
    let home = env::home_dir().context("there is no home directory; set KUBESQL_CLIENTS to a folder")?;
    Ok(home.join(".cache/kubesql/clients"))
}

/// Installs Python packages into a virtual environment.
fn install_python(requirements: &Path, venv: &Path) -> Result<()> {
    let required = fs::read_to_string(requirements).with_context(|| format!("reading {}", requirements.display()))?;
    let installed = venv.join("installed.txt");
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == required) {
        return Ok(());
    }
    if !succeeds("python3", &["-c", "import venv, ensurepip"]) {
        report("NO PYTHON 3 WITH VENV: THE TESTS OF PYTHON'S SQL CLIENTS ARE SKIPPED");
        return Ok(());
    }
    report("installing Python clients");
    run_command(Command::new("python3").args(["-m", "venv"]).arg(venv))?;
    let pip = venv.join(if cfg!(windows) { "Scripts/pip" } else { "bin/pip" });
    run_command(Command::new(pip).args(["install", "--quiet", "--disable-pip-version-check", "-r"]).arg(requirements))?;
    fs::write(&installed, required).with_context(|| format!("writing {}", installed.display()))
}

/// Downloads Java archives into a folder.
fn install_jars(list: &Path, folder: &Path) -> Result<()> {
    let required = fs::read_to_string(list).with_context(|| format!("reading {}", list.display()))?;
    let has_maven = succeeds("mvn", &["--version"]);
    for line in required.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let parts: Vec<&str> = line.split(':').collect();
        let (name, version, packaging, classifier) = match parts[..] {
            [_, name, version, packaging] => (name, version, packaging, String::new()),
            [_, name, version, packaging, classifier] => (name, version, packaging, format!("-{classifier}")),
            _ => bail!("{}: {line} is not group:artifact:version:packaging[:classifier]", list.display()),
        };
        if folder.join(format!("{name}-{version}{classifier}.{packaging}")).exists() {
            continue;
        }
        if !has_maven {
            report(&format!("NO MAVEN ON THE PATH: THE TESTS THAT NEED {name} ARE SKIPPED"));
            continue;
        }
        report(&format!("downloading {line}"));
        let mut copy = Command::new("mvn");
        copy.args(["--batch-mode", "--quiet", &format!("{COPY_PLUGIN}:copy"), &format!("-Dartifact={line}")]);
        copy.arg("-Dmdep.useBaseVersion=true");
        run_command(copy.arg(format!("-DoutputDirectory={}", folder.display())))?;
    }
    Ok(())
}

/// Downloads a Trino server: all dependencies of a Maven project.
fn install_trino(project: &Path, folder: &Path) -> Result<()> {
    let required = fs::read_to_string(project).with_context(|| format!("reading {}", project.display()))?;
    let installed = folder.join("installed.xml");
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == required) {
        return Ok(());
    }
    if !succeeds("mvn", &["--version"]) {
        report("NO MAVEN ON THE PATH: THE TEST THAT NEEDS A TRINO SERVER IS SKIPPED");
        return Ok(());
    }
    report("downloading a Trino server");
    if folder.exists() {
        // The class path includes all files in the folder, so that old versions must be removed.
        fs::remove_dir_all(folder).with_context(|| format!("removing {}", folder.display()))?;
    }
    let mut copy = Command::new("mvn");
    copy.args(["--batch-mode", "--quiet", "--file"]).arg(project);
    copy.args(["-DincludeScope=runtime", &format!("{COPY_PLUGIN}:copy-dependencies")]);
    run_command(copy.arg(format!("-DoutputDirectory={}", folder.display())))?;
    fs::write(&installed, required).with_context(|| format!("writing {}", installed.display()))
}

/// Downloads a PostgreSQL server, unless there is a package of Debian's. The archive contains another with the programs.
fn install_postgres(folder: &Path) -> Result<()> {
    let is_packaged = (15..30).any(|version| Path::new(&format!("/usr/lib/postgresql/{version}/bin/initdb")).exists());
    if is_packaged || folder.join("bin/initdb").exists() {
        return Ok(());
    }
    let architecture = match env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64v8",
        _ => "",
    };
    if env::consts::OS != "linux" || architecture.is_empty() || !succeeds("mvn", &["--version"]) {
        report("NO POSTGRESQL 15, AND NO MAVEN TO DOWNLOAD ONE FOR LINUX: THE TESTS AGAINST POSTGRESQL ARE SKIPPED");
        return Ok(());
    }
    report("downloading a PostgreSQL server");
    let artifact = format!("{POSTGRES}-linux-{architecture}:{POSTGRES_VERSION}:jar");
    let mut copy = Command::new("mvn");
    copy.args(["--batch-mode", "--quiet", &format!("{COPY_PLUGIN}:copy"), &format!("-Dartifact={artifact}")]);
    run_command(copy.arg(format!("-DoutputDirectory={}", folder.display())).arg("-Dmdep.stripVersion=true"))?;
    let script = "import sys, zipfile, tarfile, io, os
folder, archive = sys.argv[1:]
with zipfile.ZipFile(archive) as jar:
    name = next(name for name in jar.namelist() if name.endswith('.txz'))
    with tarfile.open(fileobj=io.BytesIO(jar.read(name)), mode='r:xz') as programs:
        programs.extractall(folder)
os.remove(archive)";
    let archive = folder.join(format!("embedded-postgres-binaries-linux-{architecture}.jar"));
    run_command(Command::new("python3").args(["-c", script]).arg(folder).arg(archive))
}

/// Whether a command succeeds.
fn succeeds(program: &str, args: &[&str]) -> bool {
    Command::new(program).args(args).output().is_ok_and(|ran| ran.status.success())
}

fn run_command(command: &mut Command) -> Result<()> {
    let program = command.get_program().display().to_string();
    let status = command.status().with_context(|| format!("could not run {program}"))?;
    if !status.success() {
        bail!("{program} ended with {status}: {:?}", command.get_args().collect::<Vec<_>>());
    }
    Ok(())
}
