//! Fetches the Swagger file of a Kubernetes release, which is in the Go module of that release.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, Result, bail};
use kubesql_codegen::spec::Input;

use super::Fetched;
use crate::report;

/// The Go module of Kubernetes.
const MODULE: &str = "k8s.io/kubernetes";

/// The Swagger file in the module.
const SWAGGER: &str = "api/openapi-spec/swagger.json";

/// A release as a user writes it: `1.37`, `v1.37` or `1.37.2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Version {
    minor: u32,
    /// The newest one if not specified.
    patch: Option<u32>,
}

impl Version {
    /// Parses a release; `None` if the text is something else, such as the name of a file.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.strip_prefix('v').unwrap_or(text).split('.');
        let number = |text: &str| text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
        if numbers.next()? != "1" {
            return None;
        }
        let minor = number(numbers.next()?)?;
        let patch = match numbers.next() {
            Some(patch) => Some(number(patch)?),
            None => None,
        };
        numbers.next().is_none().then_some(Self { minor, patch })
    }

    fn release(self) -> String {
        format!("v1.{}", self.minor)
    }
}

/// Downloads the module of a release with Go, unless Go has it in its cache, and reads its Swagger file.
pub(super) fn fetch(version: Version) -> Result<Fetched> {
    let full = match version.patch {
        Some(patch) => format!("v1.{}.{patch}", version.minor),
        None => newest(version, &go(&["list", "-m", "-versions", MODULE])?)?,
    };
    report(&format!("downloading {MODULE}@{full} (22 MB), unless it is in Go's module cache"));
    let folder = folder(&go(&["mod", "download", "-json", &format!("{MODULE}@{full}")])?)?;
    let path = folder.join(SWAGGER);
    let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    report(&format!("read {SWAGGER} of {MODULE}@{full}"));
    // The file itself does not have a version ("unversioned").
    Ok(Fetched { documents: vec![Input { name: format!("{MODULE}@{full}"), text }], release: Some(version.release()) })
}

/// The newest patch of a release, in the list of all versions.
fn newest(version: Version, versions: &str) -> Result<String> {
    let prefix = format!("v1.{}.", version.minor);
    let patches = versions.split_whitespace().filter_map(|of| of.strip_prefix(&prefix)?.parse::<u32>().ok());
    match patches.max() {
        Some(patch) => Ok(format!("{prefix}{patch}")),
        None => bail!("{MODULE} has no release {} yet", version.release()),
    }
}

/// The folder of a module in the answer of `go mod download -json`.
fn folder(answer: &str) -> Result<PathBuf> {
    let answer: serde_json::Value = serde_json::from_str(answer).context("the answer of `go mod download`")?;
    match (answer["Error"].as_str(), answer["Dir"].as_str()) {
        (None, Some(folder)) => Ok(folder.into()),
        (error, _) => bail!("{}", error.unwrap_or("`go mod download` did not say where the module is")),
    }
}

/// Runs `go`, and returns what it prints.
fn go(args: &[&str]) -> Result<String> {
    run("go", args)
}

fn run(program: &str, args: &[&str]) -> Result<String> {
    // Outside of any module, so that its `go.mod` has no influence.
    let folder: &Path = &std::env::temp_dir();
    let command = format!("{program} {}", args.join(" "));
    let ran = Command::new(program).args(args).current_dir(folder).stdin(Stdio::null()).output();
    let Output { status, stdout, stderr } = ran.map_err(|error| match error.kind() {
        ErrorKind::NotFound => anyhow::anyhow!(
            "`{program}` is not on the PATH; install Go (https://go.dev/dl), or import a Swagger file that you downloaded"
        ),
        _ => anyhow::Error::from(error).context(format!("could not run `{command}`")),
    })?;
    // `go mod download -json` explains a failure on standard output.
    let (out, err) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    if !status.success() {
        let reason = if err.trim().is_empty() { folder_error(&out) } else { err.trim().to_owned() };
        bail!(
            "`{command}` failed: {reason}\nit needs Go's module cache, or the module proxy that `go env GOPROXY` prints"
        );
    }
    Ok(out.into_owned())
}

fn folder_error(answer: &str) -> String {
    folder(answer).err().map(|error| error.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Version, folder, newest, run};

    #[test]
    fn releases_are_told_from_files() {
        let of = |minor, patch| Some(Version { minor, patch });
        for (text, expected) in [
            ("1.37", of(37, None)),
            ("v1.37", of(37, None)),
            ("1.37.2", of(37, Some(2))),
            ("v1.9.0", of(9, Some(0))),
            ("2.0", None),
            ("1", None),
            ("1.37.2.1", None),
            ("1.+7", None),
            ("1.37.swagger.json", None),
            ("v1.37.json", None),
            ("crds", None),
        ] {
            assert_eq!(Version::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn the_newest_patch_is_taken() {
        let versions = "k8s.io/kubernetes v1.37.0-rc.1 v1.37.0 v1.37.9 v1.37.10 v1.37.11-beta.0 v1.38.0-alpha.1\n";
        let version = |text| Version::parse(text).expect("a release");
        assert_eq!(newest(version("1.37"), versions).ok().as_deref(), Some("v1.37.10"));
        let error = newest(version("1.38"), versions).expect_err("not released");
        assert_eq!(error.to_string(), "k8s.io/kubernetes has no release v1.38 yet");
    }

    #[test]
    fn failures_are_explained() {
        let error = run("no-such-go", &["version"]).expect_err("missing");
        assert!(error.to_string().starts_with("`no-such-go` is not on the PATH; install Go"), "{error}");
        let error = folder(r#"{"Path": "k8s.io/kubernetes", "Error": "no network"}"#).expect_err("an error");
        assert_eq!(error.to_string(), "no network");
        assert_eq!(folder(r#"{"Dir": "/cache/kubernetes"}"#).ok(), Some("/cache/kubernetes".into()));
    }
}
