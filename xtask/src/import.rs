//! `cargo xtask import`: reduces upstream documents to `schemas/kubernetes/v1.NN.json` and `schemas/crds/`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use kubesql_codegen::spec::{Imported, Input, Release, find_release, import};

pub(crate) use crds::committed;

use crate::{print, report};

mod changes;
mod crds;
mod module;
mod server;
#[cfg(test)]
mod tests;

/// Import the schemas of a Kubernetes release, or of custom resources, into schemas/
///
/// SOURCE is files or folders with CustomResourceDefinitions in YAML or JSON. Each definition is written to a file in
/// schemas/crds/. To import a release into schemas/kubernetes/, SOURCE is one of:
///   - a release, such as 1.37 or 1.37.2: its Swagger file is fetched with Go from the module k8s.io/kubernetes;
///   - a Swagger 2.0 file (which a server returns for /openapi/v2);
///   - a folder of OpenAPI 3.0 files (which a server returns for /openapi/v3), including subfolders;
///   - the URL of a server that requires no credentials, such as that of `kubectl proxy`.
///
/// Without SOURCE, use --kubeconfig or --context to import from a server with credentials.
///
/// Of a release, only built-in kinds are imported: those defined under io.k8s.api, io.k8s.apiextensions-apiserver and
/// io.k8s.kube-aggregator. Custom resources and the kinds of aggregated APIs are skipped and listed.
///
/// A server only has the versions that it serves, which usually excludes alpha versions. The Swagger 2.0 file in the
/// Kubernetes sources has all versions, and is the source of the committed files: import the release.
///
/// The changes are printed. Afterwards, run `cargo xtask regen` to update the generated code.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// A release, definitions of custom resources, a Swagger 2.0 file, a folder of OpenAPI 3.0 files, or the URL of a server
    #[arg(required_unless_present_any = ["kubeconfig", "context"], conflicts_with_all = ["kubeconfig", "context"])]
    source: Vec<String>,
    /// Import from the server of a kubeconfig file [without PATH: $KUBECONFIG or ~/.kube/config]
    #[arg(long, value_name = "PATH", num_args = 0..=1)]
    kubeconfig: Option<Option<PathBuf>>,
    /// The context of the kubeconfig, instead of the current one
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// The release, if it is not specified by the documents, the server, or the name of the file or folder
    #[arg(long, value_name = "v1.NN")]
    release: Option<String>,
    /// The output folder, instead of those in schemas/
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
}

fn default_output() -> PathBuf {
    crate::root::root().join("schemas/kubernetes")
}

/// Imports documents, and prints the changes.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let fetched = match args.source.as_slice() {
        [url] if url.starts_with("http://") || url.starts_with("https://") => server::fetch_url(url)?,
        [release] if let Some(version) = module::Version::parse(release).filter(|_| !Path::new(release).exists()) => {
            module::fetch(version)?
        }
        paths @ [path, ..] => {
            if let Some(definitions) = crds::read(paths)? {
                return crds::write(&definitions, &args.output.clone().unwrap_or_else(crds::default_output));
            }
            ensure!(paths.len() == 1, "a release can only be imported from one file or folder");
            read_path(Path::new(path))?
        }
        [] => server::fetch_kubeconfig(args.kubeconfig.as_ref().and_then(Option::as_deref), args.context.as_deref())?,
    };
    let imported = convert(&fetched, args.release.as_deref())?;
    write(&imported, &args.output.clone().unwrap_or_else(default_output))
}

/// Documents, and the release that their source indicates.
struct Fetched {
    documents: Vec<Input>,
    /// Used if the documents do not specify a release.
    release: Option<String>,
}

/// Reduces the documents. A release in the documents takes precedence over the name of a file.
fn convert(fetched: &Fetched, release: Option<&str>) -> anyhow::Result<Imported> {
    use kubesql_codegen::spec::SpecError::NoRelease;
    Ok(match import(&fetched.documents, release) {
        Err(NoRelease { .. }) if fetched.release.is_some() => import(&fetched.documents, fetched.release.as_deref())?,
        outcome => outcome?,
    })
}

/// Reads a file, or every `.json` file of a folder.
fn read_path(path: &Path) -> anyhow::Result<Fetched> {
    let mut files = vec![path.to_owned()];
    let mut documents = Vec::new();
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
            documents.push(Input { name: file.display().to_string(), text });
        }
    }
    ensure!(!documents.is_empty(), "{} contains no .json file", path.display());
    documents.sort_by(|a, b| a.name.cmp(&b.name));
    report(&format!("read {} from {}", count(documents.len(), "document"), path.display()));
    let release = path.file_name().and_then(|name| find_release(name.to_str()?));
    Ok(Fetched { documents, release })
}

/// Writes the structural document, and prints how it differs from the previous one.
fn write(imported: &Imported, output: &Path) -> anyhow::Result<()> {
    for (group_version, kinds) in &imported.skipped {
        let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
        report(&format!("skipped, not built in: {} of {group_version}", kinds.join(", ")));
    }
    let release = Release::parse(&imported.document).context("parsing the structural document")?;
    let before = previous(output, &imported.release)?;
    let file = output.join(format!("{}.json", imported.release));
    fs::create_dir_all(output)
        .and_then(|()| fs::write(&file, &imported.document))
        .with_context(|| format!("writing {}", file.display()))?;
    let mut lines = vec![format!(
        "{}: {}, {}",
        file.display(),
        count(release.resources.len(), "kind"),
        count(release.schemas.len(), "schema")
    )];
    if let Some(before) = before {
        lines.extend(changes::between(&before.name, &before.text, &imported.document)?);
    }
    print(&lines)
}

/// The file that is replaced, or the file of the previous release.
fn previous(output: &Path, release: &str) -> anyhow::Result<Option<Input>> {
    let minor = |release: &str| release.strip_prefix("v1.").and_then(|minor| minor.parse::<u32>().ok());
    let Some(newest) = minor(release) else { bail!("{release} is not a release (v1.NN)") };
    let entries = match fs::read_dir(output) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        entries => entries.with_context(|| format!("reading {}", output.display()))?,
    };
    let mut found = None;
    for entry in entries {
        let name = entry.with_context(|| format!("reading {}", output.display()))?.file_name();
        let older = name.to_str().and_then(|name| minor(name.strip_suffix(".json")?)).filter(|minor| *minor <= newest);
        found = found.max(older);
    }
    let Some(minor) = found else { return Ok(None) };
    let name = format!("v1.{minor}.json");
    let file = output.join(&name);
    let text = fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
    Ok(Some(Input { name, text }))
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
