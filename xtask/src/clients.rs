//! `cargo xtask clients`: installs the SQL clients that tests run, in a folder of their own.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::report;

/// Maven's plugin that copies archives, named whole, so that it does not depend on what Maven takes for newest.
const COPIES: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1";

/// Install the SQL clients that tests run: Python packages and Java archives
///
/// They go to a folder of their own, `~/.cache/kubesql/clients` unless `KUBESQL_CLIENTS` names another, and are those
/// of tests/clients/requirements.txt, tests/clients/jars.txt and tests/clients/trino.xml. What is there already stays.
/// Needs Python 3.10 or newer with its venv module for the first, Maven and Java 17 or newer for the others; where one
/// of them is missing, its clients are left out, which is said in capitals.
#[derive(clap::Args)]
pub(crate) struct Args {}

/// Installs what is not there yet.
pub(crate) fn run(_: &Args) -> Result<()> {
    let lists = crate::regen::root().join("tests/clients");
    let folder = folder()?;
    fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    python(&lists.join("requirements.txt"), &folder.join("python"))?;
    jars(&lists.join("jars.txt"), &folder.join("jars"))?;
    trino(&lists.join("trino.xml"), &folder.join("trino"))?;
    crate::apiserver::record_tool("clients")?;
    crate::print(&[folder.display().to_string()])
}

/// Where the clients are kept.
fn folder() -> Result<PathBuf> {
    if let Some(folder) = env::var_os("KUBESQL_CLIENTS") {
        return Ok(folder.into());
    }
    let home = env::home_dir().context("there is no home directory: KUBESQL_CLIENTS names a folder instead")?;
    Ok(home.join(".cache/kubesql/clients"))
}

/// A virtual environment with these packages.
fn python(requirements: &Path, venv: &Path) -> Result<()> {
    let wanted = fs::read_to_string(requirements).with_context(|| format!("reading {}", requirements.display()))?;
    let installed = venv.join("installed.txt");
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    if !runs("python3", &["-c", "import venv, ensurepip"]) {
        report("NO PYTHON 3 WITH VENV: THE TESTS OF PYTHON'S SQL CLIENTS ARE SKIPPED");
        return Ok(());
    }
    report("installing SQL clients in Python");
    succeed(Command::new("python3").args(["-m", "venv"]).arg(venv))?;
    let pip = venv.join(if cfg!(windows) { "Scripts/pip" } else { "bin/pip" });
    succeed(Command::new(pip).args(["install", "--quiet", "--disable-pip-version-check", "-r"]).arg(requirements))?;
    fs::write(&installed, wanted).with_context(|| format!("writing {}", installed.display()))
}

/// A folder with these archives, each called as in its repository.
fn jars(list: &Path, folder: &Path) -> Result<()> {
    let wanted = fs::read_to_string(list).with_context(|| format!("reading {}", list.display()))?;
    let has_maven = runs("mvn", &["--version"]);
    for line in wanted.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
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
        copy.args(["--batch-mode", "--quiet", &format!("{COPIES}:copy"), &format!("-Dartifact={line}")]);
        copy.arg("-Dmdep.useBaseVersion=true");
        succeed(copy.arg(format!("-DoutputDirectory={}", folder.display())))?;
    }
    Ok(())
}

/// A folder with all that the server of this project of Maven's consists of.
fn trino(project: &Path, folder: &Path) -> Result<()> {
    let wanted = fs::read_to_string(project).with_context(|| format!("reading {}", project.display()))?;
    let installed = folder.join("installed.xml");
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    if !runs("mvn", &["--version"]) {
        report("NO MAVEN ON THE PATH: THE TEST THAT NEEDS A TRINO SERVER IS SKIPPED");
        return Ok(());
    }
    report("downloading a Trino server");
    if folder.exists() {
        // All that lies there is on the class path: another version must not be.
        fs::remove_dir_all(folder).with_context(|| format!("emptying {}", folder.display()))?;
    }
    let mut copy = Command::new("mvn");
    copy.args(["--batch-mode", "--quiet", "--file"]).arg(project);
    copy.args(["-DincludeScope=runtime", &format!("{COPIES}:copy-dependencies")]);
    succeed(copy.arg(format!("-DoutputDirectory={}", folder.display())))?;
    fs::write(&installed, wanted).with_context(|| format!("writing {}", installed.display()))
}

/// Whether a program is there and does this.
fn runs(program: &str, args: &[&str]) -> bool {
    Command::new(program).args(args).output().is_ok_and(|ran| ran.status.success())
}

fn succeed(command: &mut Command) -> Result<()> {
    let shown = command.get_program().display().to_string();
    let status = command.status().with_context(|| format!("{shown} could not be run"))?;
    if !status.success() {
        bail!("{shown} ended with {status}: {:?}", command.get_args().collect::<Vec<_>>());
    }
    Ok(())
}
