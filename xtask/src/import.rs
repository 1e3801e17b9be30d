//! `cargo xtask import`: an upstream document becomes `schemas/kubernetes/v1.NN.json`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::{Context, ensure};
use kubesql_codegen::spec::{Imported, Input, Release, Resource, find_release, import};

use crate::report;

/// Write the structural document of a Kubernetes release to schemas/kubernetes/.
///
/// Only kinds that Kubernetes itself brings are taken. Custom resources and the kinds of
/// aggregated APIs are left out and listed: custom resources come from schemas/crds/.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A Swagger 2.0 file, or a folder of OpenAPI 3.0 files (searched with its subfolders).
    source: PathBuf,
    /// The release, where neither the documents nor the name of the file or folder tell it.
    #[arg(long, value_name = "v1.NN")]
    release: Option<String>,
    /// The folder to write to.
    #[arg(long, value_name = "DIR", default_value_os_t = default_output())]
    output: PathBuf,
}

fn default_output() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("schemas").join("kubernetes")
}

/// Imports, and reports what changed.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let inputs = read_path(&args.source)?;
    let imported = import(&inputs, args.release.as_deref().or(named(&args.source).as_deref()))?;
    write(&imported, &args.output)
}

/// The release in the name of a file or folder.
fn named(path: &Path) -> Option<String> {
    find_release(path.file_name()?.to_str()?)
}

/// Reads a file, or every `.json` file of a folder.
fn read_path(path: &Path) -> anyhow::Result<Vec<Input>> {
    let mut files = vec![path.to_owned()];
    let mut inputs = Vec::new();
    while let Some(file) = files.pop() {
        let context = || format!("reading {}", file.display());
        if file.is_dir() {
            for entry in fs::read_dir(&file).with_context(context)? {
                let entry = entry.with_context(context)?.path();
                if entry.is_dir() || entry.extension().is_some_and(|end| end == "json") {
                    files.push(entry);
                }
            }
        } else {
            let text = fs::read_to_string(&file).with_context(context)?;
            inputs.push(Input { name: file.display().to_string(), text });
        }
    }
    ensure!(!inputs.is_empty(), "{} holds no .json file", path.display());
    inputs.sort_by(|a, b| a.name.cmp(&b.name));
    report(&format!("read {} from {}", count(inputs.len(), "document"), path.display()));
    Ok(inputs)
}

/// Writes the structural document, and tells how it differs from the one before.
fn write(imported: &Imported, output: &Path) -> anyhow::Result<()> {
    for kind in &imported.left_out {
        report(&format!("left out {kind}: not built in"));
    }
    let release = Release::parse(&imported.document).context("reading back what was made")?;
    let file = output.join(&imported.release).with_added_extension("json");
    let before = match fs::read_to_string(&file) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error).context(format!("reading {}", file.display())),
    };
    fs::create_dir_all(output)
        .and_then(|()| fs::write(&file, &imported.document))
        .with_context(|| format!("writing {}", file.display()))?;
    report(&format!(
        "{}: {}, {}",
        file.display(),
        count(release.resources.len(), "kind"),
        count(release.schemas.len(), "schema"),
    ));
    match before.as_deref() {
        None => report("a new release"),
        Some(before) if before == imported.document => report("unchanged"),
        Some(before) => {
            // A file that cannot be read was not made by this command, and is replaced anyway.
            let before = Release::parse(before).unwrap_or_default();
            differences("kind", &kinds(&before), &kinds(&release));
            differences("schema", &schemas(&before), &schemas(&release));
        }
    }
    Ok(())
}

fn kinds(release: &Release) -> BTreeSet<String> {
    let name = |r: &Resource| format!("{} of {}/{}", r.kind, r.group, r.version);
    release.resources.iter().map(name).collect()
}

fn schemas(release: &Release) -> BTreeSet<String> {
    release.schemas.keys().cloned().collect()
}

fn differences(what: &str, before: &BTreeSet<String>, after: &BTreeSet<String>) {
    for gone in before.difference(after) {
        report(&format!("{what} gone: {gone}"));
    }
    for added in after.difference(before) {
        report(&format!("{what} added: {added}"));
    }
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
